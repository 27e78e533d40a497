"""The page that lays two assets over each other."""

from uuid import UUID

from django.contrib.auth.decorators import login_required
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import render
from django.views.decorators.http import require_GET

from accounts.viewer import Viewer, viewer_of
from gallery.comparing import facts_of, prompts_of
from gallery.delivery import delivery_for
from gallery.models import Asset
from gallery.tiles import tile_of


@login_required
@require_GET
def compare(request: HttpRequest) -> HttpResponse:
    """`?a=` and `?b=`: two of the viewer's assets in one frame, and what differs in how they were made."""
    viewer = viewer_of(request)
    first, second = _get_pair(request, viewer)
    delivery = delivery_for(viewer)
    prompts = prompts_of(first, second)
    sides = [
        {
            "asset": asset,
            "tile": tile_of(asset, delivery),
            "picture": delivery.thumbnail(asset, 1280),
            "prompt": prompt,
        }
        for asset, prompt in zip((first, second), prompts, strict=True)
    ]
    context = {"first": sides[0], "second": sides[1], "sides": sides, "facts": facts_of(first, second)}
    return render(request, "gallery/compare.html", context)


def _get_pair(request: HttpRequest, viewer: Viewer) -> tuple[Asset, Asset]:
    try:
        wanted = [UUID(request.GET.get(name, "")) for name in ("a", "b")]
    except ValueError:
        raise Http404 from None
    found = Asset.objects.visible_to(viewer).present().shown().with_files().in_bulk(wanted)
    if wanted[0] == wanted[1] or len(found) != len(wanted):
        raise Http404
    return found[wanted[0]], found[wanted[1]]
