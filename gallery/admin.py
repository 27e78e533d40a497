"""Assets for operators: to look at, to bin and to restore. Rows are written by the services alone."""

from typing import Any

from django.contrib import admin, messages
from django.db.models import QuerySet
from django.http import HttpRequest
from django.utils.html import format_html
from django.utils.safestring import SafeString
from django.utils.translation import gettext_lazy as _
from django.utils.translation import ngettext
from unfold.admin import TabularInline

from accounts.audited_admin import AuditedAdmin
from accounts.models import User
from gallery.binning import moderate_assets
from gallery.delivery import operator_url
from gallery.models import Asset, AssetRendition

PREVIEW_PX = 120


class RenditionInline(TabularInline):
    """The files of an asset."""

    model = AssetRendition
    fields = readonly_fields = ["name", "mime", "bytes", "width", "height", "key"]
    extra = 0
    can_delete = False

    def has_add_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        """Rows are written by the services alone."""
        return False


@admin.register(Asset)
class AssetAdmin(AuditedAdmin):
    """Assets of all companies."""

    list_display = ["preview", "title", "company", "user", "origin", "kind", "mime", "created_at", "is_binned"]
    list_filter = ["origin", "kind", "task", ("deleted_at", admin.EmptyFieldListFilter)]
    list_select_related = ["company", "user"]
    list_per_page = 50
    show_full_result_count = False
    ordering = ["-id"]
    search_fields = ["=id", "prompt", "original_name", "company__name", "user__email"]
    readonly_fields = ["large_preview", *(field.name for field in Asset._meta.fields)]
    inlines = [RenditionInline]
    actions = ["put_into_bin", "take_out_of_bin"]

    def get_queryset(self, request: HttpRequest) -> QuerySet[Asset]:
        """With the files, which every preview needs."""
        rows: QuerySet[Asset] = super().get_queryset(request)
        return rows.prefetch_related("renditions")

    def has_add_permission(self, request: HttpRequest) -> bool:
        """Assets come from uploads and jobs."""
        return False

    def has_delete_permission(self, request: HttpRequest, obj: Asset | None = None) -> bool:
        """Deleting for good is the clock's, which takes the files along."""
        return False

    @admin.display(description=_("picture"))
    def preview(self, asset: Asset) -> SafeString | str:
        """A small picture by a signed address."""
        return _picture(operator_url(asset, _preview_of(asset, "thumb-320")), asset, PREVIEW_PX)

    @admin.display(description=_("picture"))
    def large_preview(self, asset: Asset) -> SafeString | str:
        """A larger one."""
        return _picture(operator_url(asset, _preview_of(asset, "thumb-640")), asset, 4 * PREVIEW_PX)

    @admin.display(description=_("prompt or file name"))
    def title(self, asset: Asset) -> str:
        """What it is called."""
        return str(asset)

    @admin.display(description=_("in the bin"), boolean=True, ordering="deleted_at")
    def is_binned(self, asset: Asset) -> bool:
        """Whether its owner finds it in the bin."""
        return asset.deleted_at is not None

    @admin.action(description=_("Put into the bin"))
    def put_into_bin(self, request: HttpRequest, queryset: QuerySet[Asset]) -> None:
        """Its owner can restore it; each is written into the audit."""
        moved = _moderate(request, queryset, is_binned=True)
        text = ngettext("%(count)d asset is in the bin now.", "%(count)d assets are in the bin now.", moved)
        messages.success(request, text % {"count": moved})

    @admin.action(description=_("Take out of the bin"))
    def take_out_of_bin(self, request: HttpRequest, queryset: QuerySet[Asset]) -> None:
        """Back into its owner's gallery; each is written into the audit."""
        moved = _moderate(request, queryset, is_binned=False)
        text = ngettext("%(count)d asset was restored.", "%(count)d assets were restored.", moved)
        messages.success(request, text % {"count": moved})


def _moderate(request: HttpRequest, queryset: QuerySet[Asset], *, is_binned: bool) -> int:
    operator = request.user
    if not isinstance(operator, User):
        return 0
    return moderate_assets(ids=queryset.values_list("pk", flat=True), operator=operator, is_binned=is_binned)


def _preview_of(asset: Asset, thumbnail: str) -> str:
    """A mask is its own preview: nothing else of it is kept."""
    return "original" if asset.kind == Asset.Kind.MASK else thumbnail


def _picture(address: str, asset: Asset, edge: int) -> SafeString | str:
    if not address:
        return "–"
    scale = edge / max(asset.width, asset.height, 1)
    size = round(asset.width * scale), round(asset.height * scale)
    return format_html('<img src="{}" width="{}" height="{}" alt="" loading="lazy">', address, *size)
