"""Pages of the gallery: landing, gallery, bin, one asset."""

import json
from collections.abc import Iterable
from datetime import datetime
from functools import cache
from pathlib import Path
from typing import Any
from uuid import UUID

from django.conf import settings
from django.contrib import messages
from django.contrib.auth.decorators import login_required
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.urls import reverse
from django.utils.dateparse import parse_datetime
from django.utils.translation import gettext as _
from django.utils.translation import ngettext
from django.views.decorators.http import require_GET, require_POST
from django.views.decorators.vary import vary_on_headers
from django_htmx.http import trigger_client_event

from accounts.viewer import Viewer, viewer_of
from billing.models import Plan
from gallery import binning, files, selectors
from gallery.delivery import delivery_for
from gallery.models import Asset
from gallery.tiles import shape_of, tile_of

# Where the session keeps what was just put into the bin, for the Undo of the next page.
UNDO_KEY = "gallery.binned"
MOST_IDS = 500


@require_GET
def landing(request: HttpRequest) -> HttpResponse:
    """The front door: pictures made by the product, and the plans as they are."""
    plans = Plan.objects.filter(is_active=True).order_by("position")
    return render(request, "landing.html", {"showcase": _showcase(), "plans": plans})


@login_required
@require_GET
@vary_on_headers("HX-Request")
def gallery(request: HttpRequest) -> HttpResponse:
    """What the company keeps, newest first, with `?kind=` of one kind alone.

    `?before=` goes on from an asset, `?after=` gives what came since.
    """
    viewer = viewer_of(request)
    before, after, kind = _key(request, "before"), _key(request, "after"), _kind(request)
    page = selectors.gallery_page(viewer, before=before, after=after, kind=kind)
    delivery = delivery_for(viewer)
    context: dict[str, Any] = {
        "tiles": [tile_of(asset, delivery) for asset in page.assets],
        "older": page.assets[-1].pk if page.has_older and not after else None,
        "newest": page.assets[0].pk if page.assets else after,
        "is_newest": before is None,
        "is_addition": after is not None,
        "kind": kind,
    }
    if _is_fragment(request):
        response = render(request, "gallery/gallery.html#tiles", context)
        if after and page.has_older:
            # More came than fit above: a gap in the list would hide them.
            response.headers["HX-Refresh"] = "true"
        return response
    context["undo"] = request.session.pop(UNDO_KEY, None)
    context["kinds"] = _kinds() if kind or selectors.has_other_kinds(viewer) else []
    return render(request, "gallery/gallery.html", context)


@login_required
@require_GET
@vary_on_headers("HX-Request")
def bin_(request: HttpRequest) -> HttpResponse:
    """What was deleted and can come back, last deleted first."""
    viewer = viewer_of(request)
    before = _bin_place(request)
    page = selectors.bin_page(viewer, before=before)
    delivery = delivery_for(viewer)
    last = page.assets[-1] if page.has_older else None
    context = {
        "tiles": [tile_of(asset, delivery) for asset in page.assets],
        "older": f"{last.deleted_at:%Y-%m-%dT%H:%M:%S.%fZ}_{last.pk}" if last else None,
        "is_newest": before is None,
        "days": settings.BIN_LIFETIME.days,
    }
    return render(request, f"gallery/bin.html{'#tiles' if _is_fragment(request) else ''}", context)


@login_required
@require_GET
def asset(request: HttpRequest, asset_id: UUID) -> HttpResponse:
    """One picture, video or mesh, large, with all that is known of it and what it came from and led to."""
    viewer, found = _get_asset(request, asset_id)
    delivery = delivery_for(viewer)
    parents = selectors.parents_of(found, viewer)
    is_picture = found.kind == Asset.Kind.IMAGE
    compared = next((row for row in parents if is_picture and row.kind == Asset.Kind.IMAGE), None)
    return render(
        request,
        "gallery/asset.html",
        {
            "asset": found,
            "tile": tile_of(found, delivery),
            "original": delivery.url(found),
            "poster": "" if is_picture else delivery.thumbnail(found, 1280),
            "model": delivery.script_url(found) if found.kind == Asset.Kind.MESH else "",
            "manifest": delivery.url(found, "manifest", download=True),
            "compared": compared and {"asset": compared, "url": delivery.thumbnail(compared, 1280)},
            "compared_to": delivery.thumbnail(found, 1280) if compared else "",
            "neighbours": selectors.neighbours_of(found, viewer),
            "parents": [tile_of(row, delivery) for row in parents],
            "children": [tile_of(row, delivery) for row in selectors.children_of(found, viewer)],
            "format": files.EXTENSIONS.get(found.mime, "").upper(),
            "seconds": f"{found.elapsed_ms / 1000:.1f}" if found.elapsed_ms else "",
            "params": {key.replace("_", " "): value for key, value in found.params.items() if value not in (None, "")},
        },
    )


@login_required
@require_GET
def download(request: HttpRequest, asset_id: UUID) -> HttpResponse:
    """Send on to an address that saves the picture: a link that never goes stale on an open page."""
    viewer, found = _get_asset(request, asset_id)
    address = delivery_for(viewer).download_url(found)
    if not address:
        raise Http404
    response = redirect(address)
    response.headers["Cache-Control"] = "private, no-store"
    return response


@login_required
@require_POST
def delete_many(request: HttpRequest) -> HttpResponse:
    """Put the chosen pictures into the bin."""
    viewer = viewer_of(request)
    return _bin(request, viewer, _ids(request))


@login_required
@require_POST
def delete_one(request: HttpRequest, asset_id: UUID) -> HttpResponse:
    """Put one picture into the bin and go back to the gallery."""
    viewer, found = _get_asset(request, asset_id)
    return _bin(request, viewer, [found.pk])


@login_required
@require_POST
def restore_many(request: HttpRequest) -> HttpResponse:
    """Take the chosen pictures out of the bin: the Undo of a deletion, and the bin's own button."""
    viewer = viewer_of(request)
    return _restore(request, viewer, _ids(request))


@login_required
@require_POST
def restore_one(request: HttpRequest, asset_id: UUID) -> HttpResponse:
    """Take one picture out of the bin and show it."""
    viewer, found = _get_asset(request, asset_id)
    return _restore(request, viewer, [found.pk], back=reverse("asset", args=[found.pk]))


def _bin(request: HttpRequest, viewer: Viewer, ids: list[UUID]) -> HttpResponse:
    if not ids:
        return _nothing_chosen(request, "gallery")
    moved = binning.bin_assets(viewer=viewer, ids=ids)
    names = [str(key) for key in ids]
    if not request.htmx:  # type: ignore[attr-defined]
        if moved:
            request.session[UNDO_KEY] = names
        return redirect("gallery")
    text = ngettext("%(count)d picture moved to the bin.", "%(count)d pictures moved to the bin.", moved)
    action = {"label": _("Undo"), "url": reverse("gallery-restore"), "values": {"ids": names}}
    response = HttpResponse(status=204)
    trigger_client_event(response, "gallery:left", {"ids": names})
    _toast(response, level="success", text=text % {"count": moved}, action=action if moved else None)
    return response


def _restore(request: HttpRequest, viewer: Viewer, ids: list[UUID], *, back: str = "") -> HttpResponse:
    if not ids:
        return _nothing_chosen(request, "bin")
    restored = binning.restore_assets(viewer=viewer, ids=ids)
    if restored:
        level = "success"
        text = ngettext(
            "%(count)d picture is back in the gallery.", "%(count)d pictures are back in the gallery.", restored
        ) % {"count": restored}
    else:
        level, text = "info", _("Nothing was in the bin any more: the pictures were restored or deleted for good.")
    if not request.htmx:  # type: ignore[attr-defined]
        messages.add_message(request, messages.SUCCESS if restored else messages.INFO, text)
        return redirect(back or "gallery")
    response = HttpResponse(status=204)
    trigger_client_event(response, "gallery:back", {"ids": [str(key) for key in ids]})
    _toast(response, level=level, text=text)
    return response


def _nothing_chosen(request: HttpRequest, page: str) -> HttpResponse:
    text = _("No picture is chosen. Choose at least one first.")
    if not request.htmx:  # type: ignore[attr-defined]
        messages.info(request, text)
        return redirect(page)
    response = HttpResponse(status=204)
    _toast(response, level="info", text=text)
    return response


def _toast(response: HttpResponse, *, level: str, text: str, action: dict[str, Any] | None = None) -> None:
    detail = {"level": level, "text": text} | ({"action": action} if action else {})
    trigger_client_event(response, "toast", detail)


def _get_asset(request: HttpRequest, asset_id: UUID) -> tuple[Viewer, Asset]:
    viewer = viewer_of(request)
    rows = Asset.objects.visible_to(viewer).present().shown().with_files()
    return viewer, get_object_or_404(rows, pk=asset_id)


def _is_fragment(request: HttpRequest) -> bool:
    return bool(request.htmx) and not request.htmx.history_restore_request  # type: ignore[attr-defined]


def _kind(request: HttpRequest) -> str:
    """The kind that is asked for; "" for all. What nobody keeps is a page that does not exist."""
    kind = request.GET.get("kind", "")
    if kind and kind not in {value for value, _label in _kinds()}:
        raise Http404
    return kind


def _kinds() -> list[tuple[str, str]]:
    """What the gallery can be narrowed to."""
    return [("image", _("Pictures")), ("video", _("Videos")), ("mesh", _("3D"))]


def _key(request: HttpRequest, name: str) -> UUID | None:
    """A key from the address; what is none is a page that does not exist."""
    return next(iter(_uuids([request.GET[name]])), None) if request.GET.get(name) else None


def _ids(request: HttpRequest) -> list[UUID]:
    """The chosen pictures. `only` is the button on a single one and outdoes what is ticked."""
    chosen = request.POST.getlist("only") or request.POST.getlist("ids")
    return _uuids(chosen[:MOST_IDS])


def _uuids(texts: Iterable[str]) -> list[UUID]:
    try:
        return [UUID(text) for text in texts]
    except ValueError:
        raise Http404 from None


def _bin_place(request: HttpRequest) -> tuple[datetime, UUID] | None:
    """`?before=<time of deletion>_<key>` of the bin."""
    text = request.GET.get("before", "")
    if not text:
        return None
    moment, _underscore, key = text.partition("_")
    try:
        parsed = parse_datetime(moment)
    except ValueError:
        parsed = None
    if parsed is None or parsed.tzinfo is None:
        raise Http404
    return parsed, _uuids([key])[0]


@cache
def _showcase() -> Any:
    """The curated pictures of the landing page; none when they were not made."""
    path = Path(settings.BASE_DIR) / "static" / "img" / "showcase" / "showcase.json"
    try:
        pictures = json.loads(path.read_text(encoding="utf-8"))
    except FileNotFoundError:
        return []
    return [picture | {"shape": shape_of(picture["width"], picture["height"])} for picture in pictures]
