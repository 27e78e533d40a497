"""Pages: Generate, a job, the jobs tray. Everything works as plain forms and links; HTMX swaps the same fragments."""

from dataclasses import replace
from uuid import UUID

from django.contrib import messages
from django.contrib.auth.decorators import login_required
from django.core.exceptions import PermissionDenied
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.shortcuts import get_object_or_404, redirect, render
from django.urls import reverse
from django.utils.http import url_has_allowed_host_and_scheme
from django.utils.translation import gettext as _
from django.views.decorators.http import require_GET, require_http_methods, require_POST
from django.views.decorators.vary import vary_on_headers

from accounts.viewer import NoCompany, Viewer, viewer_of
from config.base import limits
from config.base.refusal import Refusal
from gallery.delivery import delivery_for
from gallery.models import Asset
from gallery.services import discard_upload, upload_picture
from gallery.tiles import tile_of
from generation.cards import cards_of
from generation.composer import chosen_model, composer_context, draft_of
from generation.forms import Draft, read_draft, whole_number
from generation.models import AIModel, Job
from generation.requests import build_request
from generation.selectors import active_jobs, jobs_with_sources, offered_models
from generation.services import cancel_job, submit_job

HISTORY_LENGTH = 12
TRAY_LENGTH = 20
PICK_LENGTH = 24


def _get_viewer(request: HttpRequest) -> Viewer:
    try:
        return viewer_of(request)
    except NoCompany as error:
        raise PermissionDenied(_("You belong to no active company.")) from error


def _get_job(viewer: Viewer, job_id: UUID) -> Job:
    job: Job = get_object_or_404(jobs_with_sources(viewer), pk=job_id)
    return job


def _is_fragment(request: HttpRequest) -> bool:
    return bool(request.htmx) and not request.htmx.history_restore_request  # type: ignore[attr-defined]


@login_required
@require_http_methods(["GET", "POST"])
@vary_on_headers("HX-Request")
def generate(request: HttpRequest) -> HttpResponse:
    """The page that makes: composer above, results below. `?again=<job>` fills the form with what was asked then."""
    viewer = _get_viewer(request)
    models = list(offered_models())
    again = _job_again(viewer, request)
    model = next((row for row in models if again and row.pk == again.model_id), None)
    model = model or chosen_model(models, request.POST or request.GET)
    if model is None:
        return render(request, "generation/no_models.html", status=503)
    if request.method == "POST":
        return _submit(request, viewer, models, model)
    draft = draft_of(again) if again else read_draft(request.GET, model)
    draft.inputs = draft.inputs or [asset_id for asset_id in (_uuid(request.GET.get("input")),) if asset_id]
    context = composer_context(viewer, models, model, draft)
    if _is_fragment(request):
        return render(request, "generation/generate.html#composer", context)
    return render(request, "generation/generate.html", context | _results(viewer))


def _uuid(text: str | None) -> UUID | None:
    try:
        return UUID(text) if text else None
    except ValueError:
        return None


def _job_again(viewer: Viewer, request: HttpRequest) -> Job | None:
    job_id = _uuid(request.GET.get("again"))
    return jobs_with_sources(viewer).filter(pk=job_id).first() if job_id else None


def _results(viewer: Viewer) -> dict[str, object]:
    return {"cards": cards_of(viewer, jobs_with_sources(viewer)[:HISTORY_LENGTH])}


def _submit(request: HttpRequest, viewer: Viewer, models: list[AIModel], model: AIModel) -> HttpResponse:
    draft = read_draft(request.POST, model)
    try:
        limits.count(request, "processing")
        if "image" in request.FILES:
            limits.count(request, "uploads")
        job = _make_job(request, viewer, draft)
    except Refusal as refusal:
        context = composer_context(viewer, models, model, draft, refusal=refusal)
        context["has_lost_file"] = "image" in request.FILES
        if _is_fragment(request):
            return render(request, "generation/generate.html#composer", context, status=422)
        return render(request, "generation/generate.html", context | _results(viewer), status=refusal.status)
    if not _is_fragment(request):
        return redirect("job", job.pk)
    draft.key = Draft().key
    context = composer_context(viewer, models, model, draft)
    context["card"] = cards_of(viewer, [_get_job(viewer, job.pk)])[0]
    return render(request, "generation/generate.html#submitted", context)


def _make_job(request: HttpRequest, viewer: Viewer, draft: Draft) -> Job:
    """Check everything, then store the picture that came with the form, then submit; a refusal leaves nothing."""
    upload = request.FILES.get("image")
    job_request = build_request(
        viewer=viewer,
        model=request.POST.get("model", ""),
        task=request.POST.get("task", ""),
        prompt=draft.prompt,
        params=draft.params,
        count=whole_number(draft.count) or 0,
        seed=whole_number(draft.seed),
        inputs=draft.inputs,
        uploads=1 if upload else 0,
    )
    if upload is None:
        return submit_job(viewer=viewer, request=job_request, key=draft.key)
    earlier = Job.objects.visible_to(viewer).filter(key=draft.key).first()
    if earlier is not None:
        # The same form again: its picture was stored the first time.
        draft.inputs = draft_of(earlier).inputs
        return earlier
    asset = upload_picture(viewer=viewer, file=upload)
    try:
        job = submit_job(
            viewer=viewer, request=replace(job_request, inputs=(*job_request.inputs, asset)), key=draft.key
        )
    except Exception:
        discard_upload(asset=asset)
        raise
    draft.inputs = [asset.pk]
    return job


@login_required
@require_GET
@vary_on_headers("HX-Request")
def pick(request: HttpRequest) -> HttpResponse:
    """The newest pictures of the gallery, each a link that puts it into the composer."""
    viewer = _get_viewer(request)
    delivery = delivery_for(viewer)
    assets = Asset.objects.editable_by(viewer).kept().with_files().order_by("-id")[:PICK_LENGTH]
    context = {
        "tiles": [tile_of(asset, delivery) for asset in assets],
        "task": request.GET.get("task", ""),
        "model_slug": request.GET.get("model", ""),
    }
    return render(request, f"generation/pick.html{'#tiles' if _is_fragment(request) else ''}", context)


@login_required
@require_GET
@vary_on_headers("HX-Request")
def job_page(request: HttpRequest, job_id: UUID) -> HttpResponse:
    """One job: its progress, then its pictures. For HTMX, its card alone."""
    viewer = _get_viewer(request)
    context = {"card": cards_of(viewer, [_get_job(viewer, job_id)])[0]}
    return render(request, f"generation/job.html{'#card' if _is_fragment(request) else ''}", context)


@login_required
@require_POST
def job_cancel(request: HttpRequest, job_id: UUID) -> HttpResponse:
    """Stop a job; the credits come back when it has ended."""
    viewer = _get_viewer(request)
    job = _get_job(viewer, job_id)
    refusal: Refusal | None = None
    try:
        cancel_job(job=job)
    except Refusal as error:
        refusal = error
    if not _is_fragment(request):
        if refusal is not None:
            messages.warning(request, refusal.sentence)
        return _back(request, job_id)
    context = {"card": cards_of(viewer, [_get_job(viewer, job_id)])[0], "refusal": refusal}
    return render(request, "generation/job.html#card", context)


def _back(request: HttpRequest, job_id: UUID) -> HttpResponseRedirect:
    """To the page that the form names, when it is ours, else to the job."""
    target = request.POST.get("next", "")
    if not url_has_allowed_host_and_scheme(target, allowed_hosts=None):
        target = reverse("job", args=[job_id])
    return HttpResponseRedirect(target)


@require_GET
def tray(request: HttpRequest) -> HttpResponse:
    """The jobs under way, for the corner of every page; nothing for visitors who are not signed in."""
    if not request.user.is_authenticated:
        return HttpResponse(status=204)
    viewer = _get_viewer(request)
    return render(request, "generation/tray.html", {"cards": cards_of(viewer, active_jobs(viewer)[:TRAY_LENGTH])})
