"""The Generate page. Everything works as plain forms and links; HTMX swaps the same fragments."""

from uuid import UUID

from django.contrib.auth.decorators import login_required
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.views.decorators.http import require_GET, require_http_methods
from django.views.decorators.vary import vary_on_headers

from accounts.viewer import Viewer
from config.base import limits
from config.base.refusal import Refusal
from gallery.delivery import delivery_for
from gallery.models import Asset
from gallery.tiles import tile_of
from generation.cards import cards_of
from generation.composer import chosen_model, composer_context, draft_of, price_context
from generation.forms import Draft, add_input, read_draft
from generation.models import AIModel, Job
from generation.page_requests import get_viewer, is_fragment, read_uuid
from generation.requests import inputs_needed
from generation.selectors import jobs_with_sources, offered_models
from generation.submission import MASK, PICTURES, submit_form

HISTORY_LENGTH = 12
PICK_LENGTH = 24


@login_required
@require_http_methods(["GET", "POST"])
@vary_on_headers("HX-Request")
def generate(request: HttpRequest) -> HttpResponse:
    """The page that makes: composer above, results below. `?again=<job>` fills the form with what was asked then."""
    viewer = get_viewer(request)
    models = list(offered_models())
    again = _job_again(viewer, request)
    model = next((row for row in models if again and row.pk == again.model_id), None)
    model = model or chosen_model(models, request.POST or request.GET)
    if model is None:
        return render(request, "generation/no_models.html", status=503)
    if request.method == "POST":
        return _submit(request, viewer, models, model)
    draft = draft_of(again) if again else read_draft(request.GET, model)
    _least, most = inputs_needed(model)
    add_input(draft, request.GET, most=most)
    context = composer_context(viewer, models, model, draft)
    if is_fragment(request):
        return render(request, "generation/generate.html#composer", context)
    return render(request, "generation/generate.html", context | _results(viewer))


@login_required
@require_GET
def price(request: HttpRequest) -> HttpResponse:
    """The prices of the form as it stands, for the page to show them before anything is sent."""
    viewer = get_viewer(request)
    models = list(offered_models())
    model = chosen_model(models, request.GET)
    if model is None:
        return HttpResponse(status=204)
    context = price_context(viewer, models, model, read_draft(request.GET, model))
    return render(request, "generation/_prices.html", context)


def _job_again(viewer: Viewer, request: HttpRequest) -> Job | None:
    job_id = read_uuid(request.GET.get("again"))
    return jobs_with_sources(viewer).filter(pk=job_id).first() if job_id else None


def _results(viewer: Viewer) -> dict[str, object]:
    return {"cards": cards_of(viewer, jobs_with_sources(viewer)[:HISTORY_LENGTH])}


def _submit(request: HttpRequest, viewer: Viewer, models: list[AIModel], model: AIModel) -> HttpResponse:
    draft = read_draft(request.POST, model)
    sent = [file for name in (PICTURES, MASK) for file in request.FILES.getlist(name)]
    try:
        limits.count(request, "processing")
        for _file in sent:
            limits.count(request, "uploads")
        job = submit_form(viewer=viewer, data=request.POST, files=request.FILES, draft=draft)
    except Refusal as refusal:
        context = composer_context(viewer, models, model, draft, refusal=refusal)
        context["has_lost_file"] = bool(sent)
        if is_fragment(request):
            return render(request, "generation/generate.html#composer", context, status=422)
        return render(request, "generation/generate.html", context | _results(viewer), status=refusal.status)
    if not is_fragment(request):
        return redirect("job", job.pk)
    draft.key = Draft().key
    context = composer_context(viewer, models, model, draft)
    context["card"] = cards_of(viewer, jobs_with_sources(viewer).filter(pk=job.pk))[0]
    return render(request, "generation/generate.html#submitted", context)


@login_required
@require_GET
@vary_on_headers("HX-Request")
def pick(request: HttpRequest) -> HttpResponse:
    """The newest pictures of the gallery, each a link that puts it into the composer beside those there already."""
    viewer = get_viewer(request)
    delivery = delivery_for(viewer)
    pictures = Asset.objects.editable_by(viewer).kept().filter(kind=Asset.Kind.IMAGE).with_files()
    older_than = read_uuid(request.GET.get("before"))
    if older_than:
        pictures = pictures.filter(pk__lt=older_than)
    assets = list(pictures.order_by("-id")[: PICK_LENGTH + 1])
    taken = [asset_id for text in request.GET.getlist("inputs") if (asset_id := read_uuid(text))]
    context = {
        "tiles": [(tile_of(asset, delivery), _number(taken, asset)) for asset in assets[:PICK_LENGTH]],
        "last": assets[PICK_LENGTH - 1] if len(assets) > PICK_LENGTH else None,
        "taken": taken,
        "task": request.GET.get("task", ""),
        "model_slug": request.GET.get("model", ""),
    }
    return render(request, f"generation/pick.html{'#tiles' if is_fragment(request) else ''}", context)


def _number(taken: list[UUID], asset: Asset) -> int:
    """Its place among the pictures that are chosen already; 0 for the others."""
    return taken.index(asset.pk) + 1 if asset.pk in taken else 0
