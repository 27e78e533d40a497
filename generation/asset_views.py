"""What can be made of one picture: a piece of the picture's page, and a page of its own."""

from typing import Any
from uuid import UUID

from django.contrib.auth.decorators import login_required
from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.utils.translation import gettext as _
from django.views.decorators.http import require_http_methods
from django.views.decorators.vary import vary_on_headers

from accounts.viewer import Viewer
from billing.selectors import credits_of, plan_of
from config.base import limits
from config.base.refusal import Refusal
from gallery.delivery import delivery_for
from gallery.models import Asset
from gallery.tiles import tile_of
from generation.cards import cards_of
from generation.models import Job
from generation.offers import Offer, default_params, offers_for
from generation.page_requests import get_viewer, is_fragment
from generation.requests import build_request
from generation.selectors import jobs_with_sources, offered_models
from generation.services import submit_job

KEY_LENGTH = 80


class OfferGone(Refusal):
    """The task or its price is not what the button said; nothing was done."""

    code = "offer_gone"
    status = 409


def _get_asset(viewer: Viewer, asset_id: UUID) -> Asset:
    rows = Asset.objects.editable_by(viewer).kept().exclude(kind=Asset.Kind.MASK).with_files()
    asset: Asset = get_object_or_404(rows, pk=asset_id)
    return asset


@login_required
@require_http_methods(["GET", "POST"])
@vary_on_headers("HX-Request")
def asset_tasks(request: HttpRequest, asset_id: UUID) -> HttpResponse:
    """What can be made of a picture, with prices; a POST makes one of it at once, by the model and price it was shown.

    With HTMX the answer is the piece alone, after a POST with the card of the job that runs.
    """
    viewer = get_viewer(request)
    asset = _get_asset(viewer, asset_id)
    if request.method == "GET":
        return _answer(request, viewer, asset, {}, status=200)
    try:
        limits.count(request, "processing")
        job = _make(request, viewer, asset)
    except Refusal as refusal:
        status = 422 if is_fragment(request) else refusal.status
        return _answer(request, viewer, asset, {"refusal": refusal}, status=status)
    if not is_fragment(request):
        return redirect("job", job.pk)
    card = cards_of(viewer, jobs_with_sources(viewer).filter(pk=job.pk))[0]
    return _answer(request, viewer, asset, {"card": card}, status=200)


def _offers(viewer: Viewer, asset: Asset) -> list[Offer]:
    return offers_for(asset, list(offered_models()), plan_of(viewer.company), credits_of(viewer.company))


def _make(request: HttpRequest, viewer: Viewer, asset: Asset) -> Job:
    key = request.POST.get("key", "")[:KEY_LENGTH]
    earlier = Job.objects.visible_to(viewer).filter(key=key).first() if key else None
    if earlier is not None:
        return earlier
    offers = {str(offer.task): offer for offer in _offers(viewer, asset)}
    offer = offers.get(request.POST.get("task", ""))
    if offer is None or offer.model is None:
        raise OfferGone(_("This cannot be made of it in one click. Choose from what is offered. Nothing was charged."))
    if request.POST.get("price", str(offer.price)) != str(offer.price):
        sentence = _("%(task)s costs %(price)s now. Press again if you want it; nothing was charged yet.")
        raise OfferGone(sentence % {"task": offer.label, "price": offer.price_label})
    job_request = build_request(
        viewer=viewer,
        model=offer.model.slug,
        task=offer.task,
        prompt="",
        params=default_params(offer.model),
        inputs=[asset.pk],
    )
    return submit_job(viewer=viewer, request=job_request, key=key or offer.key)


def _answer(request: HttpRequest, viewer: Viewer, asset: Asset, more: dict[str, Any], *, status: int) -> HttpResponse:
    context = {
        "asset": asset,
        "tile": tile_of(asset, delivery_for(viewer)),
        "offers": _offers(viewer, asset),
    }
    page = f"generation/asset_tasks.html{'#tasks' if is_fragment(request) else ''}"
    return render(request, page, context | more, status=status)
