"""Endpoints of an operator's own that speak the OpenAI images protocol, and the models that they have."""

from decimal import Decimal
from typing import Any

from django import forms
from django.contrib import admin, messages
from django.core.exceptions import ValidationError
from django.core.validators import MinValueValidator
from django.db import transaction
from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.urls import reverse
from django.utils.html import format_html_join
from django.utils.safestring import SafeString
from django.utils.translation import gettext as _now
from django.utils.translation import gettext_lazy as _
from unfold.decorators import action
from unfold.widgets import (
    UnfoldAdminDecimalFieldWidget,
    UnfoldAdminPasswordWidget,
    UnfoldAdminSelectWidget,
    UnfoldAdminTextInputWidget,
    UnfoldAdminURLInputWidget,
    UnfoldBooleanSwitchWidget,
)

from accounts.audited_admin import AuditedAdmin
from accounts.services import record_audit
from generation.catalogue.schema import file_format, schema
from generation.custom import KEY, check_address, set_key
from generation.models import AIModel, CustomProvider, Task
from generation.providers.openai_pictures import FLEXIBLE

# What the protocol has: pictures from words, and changed pictures.
TASKS = (Task.TEXT_TO_IMAGE, Task.EDIT, Task.IMAGE_TO_IMAGE, Task.INPAINT)


class CustomProviderForm(forms.ModelForm[CustomProvider]):
    """Name, address and key. The key is only ever written: what is stored is never shown."""

    base_url = forms.URLField(
        label=_("Address"),
        assume_scheme="https",
        widget=UnfoldAdminURLInputWidget,
        help_text=_("Where its API begins, such as https://gpu.example/v1."),
    )
    key = forms.CharField(
        label=_("New key"),
        required=False,
        widget=UnfoldAdminPasswordWidget(render_value=False, attrs={"autocomplete": "new-password"}),
        help_text=_("Leave empty to keep the one that is set. It is stored encrypted and never shown again."),
    )
    takes_key_away = forms.BooleanField(label=_("Take the key away"), required=False, widget=UnfoldBooleanSwitchWidget)

    class Meta:
        model = CustomProvider
        fields = ["name", "slug", "base_url", "is_active"]

    def clean_base_url(self) -> str:
        """The address without a slash at its end."""
        address = str(self.cleaned_data["base_url"]).strip().rstrip("/")
        try:
            check_address(address)
        except ValidationError as error:
            raise ValidationError(error.message_dict["base_url"]) from error
        return address

    def clean_key(self) -> str:
        """What fits into a header."""
        key = str(self.cleaned_data["key"]).strip()
        if key and not KEY.fullmatch(key):
            raise ValidationError(_("A key has no spaces and at most 500 letters, digits and signs."))
        return key


class AddModelForm(forms.Form):
    """A model that the endpoint has."""

    name = forms.CharField(label=_("Name"), max_length=120, widget=UnfoldAdminTextInputWidget)
    slug = forms.SlugField(
        label=_("Short name"),
        max_length=80,
        widget=UnfoldAdminTextInputWidget,
        help_text=_("What programs call it; letters, digits and hyphens."),
    )
    endpoint = forms.CharField(
        label=_("Model"),
        max_length=200,
        widget=UnfoldAdminTextInputWidget,
        help_text=_("What the endpoint itself calls it, such as flux-1-dev."),
    )
    task = forms.ChoiceField(
        label=_("Task"), choices=[(task.value, task.label) for task in TASKS], widget=UnfoldAdminSelectWidget
    )
    tier = forms.ChoiceField(label=_("Tier"), choices=AIModel.Tier.choices, widget=UnfoldAdminSelectWidget)
    provider_cost = forms.DecimalField(
        label=_("Cost of one output, USD"),
        initial=Decimal("0.01"),
        max_digits=10,
        decimal_places=5,
        validators=[MinValueValidator(0)],
        widget=UnfoldAdminDecimalFieldWidget,
    )

    def clean_slug(self) -> str:
        """A name that no other model has."""
        slug = str(self.cleaned_data["slug"])
        if AIModel.objects.filter(slug=slug).exists():
            raise ValidationError(_("Another model has this short name."))
        return slug


def default_parameters(task: str) -> dict[str, Any]:
    """What endpoints of this protocol take: a shape, for what is made from words, and a file format."""
    rules: dict[str, Any] = {"type": "string", "title": "Aspect ratio", "enum": list(FLEXIBLE)}
    ratio = {"aspect_ratio": rules | {"default": "1:1"}} if task == Task.TEXT_TO_IMAGE else {}
    return schema(**ratio, output_format=file_format("png", "jpeg", "webp"))


@admin.register(CustomProvider)
class CustomProviderAdmin(AuditedAdmin):
    """Endpoints that an operator added."""

    notes_itself = True
    form = CustomProviderForm
    list_display = ["name", "slug", "base_url", "key_state", "is_active", "created_at"]
    list_filter = ["is_active"]
    search_fields = ["name", "slug", "base_url"]
    prepopulated_fields = {"slug": ["name"]}
    readonly_fields = ["key_state", "models"]
    actions_detail = ["add_model"]

    def get_fieldsets(self, request: HttpRequest, obj: CustomProvider | None = None) -> Any:
        """There is no key to take away, and no model, before it is saved."""
        key = ["key_state", "key", "takes_key_away"] if obj else ["key"]
        places = [(None, {"fields": ["name", "slug", "base_url", "is_active"]}), (_("Key"), {"fields": key})]
        return [*places, (_("Models"), {"fields": ["models"]})] if obj else places

    def get_readonly_fields(self, request: HttpRequest, obj: CustomProvider | None = None) -> list[str]:
        """Rows of the catalogue name it by its short name."""
        return [*self.readonly_fields, "slug"] if obj else list(self.readonly_fields)

    def get_prepopulated_fields(self, request: HttpRequest, obj: Any = None) -> dict[str, Any]:
        """Only while the short name can be chosen."""
        return {} if obj else self.prepopulated_fields

    def has_delete_permission(self, request: HttpRequest, obj: CustomProvider | None = None) -> bool:
        """One that models name is switched off instead."""
        if obj is None or AIModel.objects.filter(provider=obj.provider_name).exists():
            return False
        return bool(super().has_delete_permission(request, obj))

    @admin.display(description=_("stored key"))
    def key_state(self, provider: CustomProvider) -> str:
        """Whether there is one; never which."""
        return _now("set") if provider.key_encrypted else _now("not set")

    @admin.display(description=_("models"))
    def models(self, provider: CustomProvider) -> SafeString | str:
        """What the catalogue has of it."""
        rows = AIModel.objects.filter(provider=provider.provider_name)
        links = format_html_join(
            ", ",
            '<a href="{}" class="text-primary-600 dark:text-primary-500">{}</a>',
            ((reverse("admin:generation_aimodel_change", args=[row.pk]), row) for row in rows),
        )
        return links or _now("None yet: add one above.")

    def save_model(self, request: HttpRequest, obj: CustomProvider, form: CustomProviderForm, change: bool) -> None:
        """Save, with the key if one was given; which fields changed is noted, never the key."""
        with transaction.atomic():
            super().save_model(request, obj, form, change)
            if form.cleaned_data.get("key"):
                set_key(obj, form.cleaned_data["key"])
            elif form.cleaned_data.get("takes_key_away"):
                set_key(obj, "")
            record_audit(
                actor=str(request.user),
                action="provider.changed" if change else "provider.added",
                target=obj.provider_name,
                detail={"changed": form.changed_data},
            )

    def has_add_model_permission(self, request: HttpRequest, object_id: str = "") -> bool:
        """Whoever may add rows to the catalogue."""
        return request.user.has_perm("generation.add_aimodel")

    @action(description=_("Add a model"), url_path="add-model", permissions=["add_model"])
    def add_model(self, request: HttpRequest, object_id: str) -> HttpResponse:
        """Write a row of the catalogue for a model that the endpoint has."""
        provider = get_object_or_404(CustomProvider, pk=object_id)
        form = AddModelForm(request.POST or None)
        if form.is_valid():
            chosen = form.cleaned_data
            row = AIModel.objects.create(
                **chosen,
                provider=provider.provider_name,
                parameters=default_parameters(chosen["task"]),
                outputs_allowed=4,
                seconds_expected=15,
                seconds_allowed=180,
                position=500,
            )
            record_audit(
                actor=str(request.user), action="model.added", target=row.slug, detail={"provider": row.provider}
            )
            messages.success(request, _now("Added. Check its parameters and price, then probe it."))
            return redirect("admin:generation_aimodel_change", row.pk)
        context = admin.site.each_context(request) | {
            "title": _now("Add a model of %s") % provider.name,
            "opts": CustomProvider._meta,
            "provider": provider,
            "form": form,
        }
        return render(request, "admin/generation/add_model.html", context, status=422 if form.errors else 200)
