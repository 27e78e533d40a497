"""Pages: Generate, a job, the jobs tray. Everything works as plain forms and links; HTMX swaps the same fragments."""

from dataclasses import replace
from typing import Any
from uuid import UUID

from django.contrib import messages
from django.contrib.auth.decorators import login_required
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.shortcuts import get_object_or_404, redirect, render
from django.urls import reverse
from django.utils.http import url_has_allowed_host_and_scheme
from django.views.decorators.http import require_GET, require_http_methods, require_POST

from accounts.viewer import Viewer, viewer_of
from billing.selectors import credits_of, plan_of
from config.base.problem import Refusal
from gallery.delivery import delivery_for
from gallery.models import Asset
from gallery.services import discard_upload, upload_picture
from generation.forms import Draft, fields_of, read_draft, whole_number
from generation.models import AIModel, Job, Task
from generation.parameters import COUNT_LIMIT
from generation.pricing import price_of
from generation.requests import INPUTS_NEEDED, NEEDS_PROMPT, build_request
from generation.selectors import active_jobs, jobs_of, offered_models, outputs_of, place_of
from generation.services import cancel_job, submit_job

HISTORY_LENGTH = 12
TRAY_LENGTH = 20


def _get_job(request: HttpRequest, job_id: UUID) -> Job:
    return get_object_or_404(jobs_of(viewer_of(request)), pk=job_id)


@login_required
@require_http_methods(["GET", "POST"])
def generate(request: HttpRequest) -> HttpResponse:
    """The page that makes: composer above, results below."""
    viewer = viewer_of(request)
    models = list(offered_models())
    model = _chosen(models, request.POST or request.GET)
    if model is None:
        return render(request, "generation/no_models.html", status=503)
    if request.method == "POST":
        return _submit(request, viewer, models, model)
    draft = read_draft(request.GET, model)
    draft.inputs = draft.inputs or [asset_id for asset_id in (_uuid(request.GET.get("input")),) if asset_id]
    context = _composer(viewer, models, model, draft)
    if request.htmx:  # type: ignore[attr-defined]
        return render(request, "generation/generate.html#composer", context)
    return render(request, "generation/generate.html", context | _results(viewer))


def _chosen(models: list[AIModel], data: Any) -> AIModel | None:
    """The model that is asked for by slug, else the first of the asked task, else the first."""
    by_slug = {model.slug: model for model in models}
    of_task = [model for model in models if model.task == data.get("task")]
    if data.get("input") and not data.get("task"):
        of_task = [model for model in models if model.task == Task.IMAGE_TO_IMAGE]
    named = by_slug.get(data.get("model", ""))
    if named is not None and (named in of_task or not of_task):
        return named
    return next(iter(of_task or models), None)


def _uuid(text: str | None) -> UUID | None:
    try:
        return UUID(text) if text else None
    except ValueError:
        return None


def _submit(request: HttpRequest, viewer: Viewer, models: list[AIModel], model: AIModel) -> HttpResponse:
    draft = read_draft(request.POST, model)
    try:
        job = _make_job(request, viewer, draft)
    except Refusal as refusal:
        context = _composer(viewer, models, model, draft) | {"refusal": refusal}
        if request.htmx:  # type: ignore[attr-defined]
            return render(request, "generation/generate.html#composer", context, status=422)
        return render(request, "generation/generate.html", context | _results(viewer), status=refusal.status)
    if not request.htmx:  # type: ignore[attr-defined]
        return redirect("job", job.pk)
    draft.key = Draft().key
    context = _composer(viewer, models, model, draft) | _card(viewer, _get_job(request, job.pk))
    return render(request, "generation/generate.html#submitted", context)


def _make_job(request: HttpRequest, viewer: Viewer, draft: Draft) -> Job:
    """Check everything, then store the picture that came with the form, then submit; a refusal leaves nothing."""
    upload = request.FILES.get("image")
    job_request = build_request(
        viewer=viewer,
        model=request.POST.get("model", ""),
        prompt=draft.prompt,
        params=draft.params,
        count=whole_number(draft.count) or 0,
        seed=whole_number(draft.seed),
        inputs=draft.inputs,
        upload=upload,
    )
    if upload is None:
        return submit_job(viewer=viewer, request=job_request, key=draft.key)
    earlier = Job.objects.visible_to(viewer).filter(key=draft.key).first()
    if earlier is not None:
        # The same form again: its picture was stored the first time.
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


def _composer(viewer: Viewer, models: list[AIModel], model: AIModel, draft: Draft) -> dict[str, Any]:
    """What the form shows."""
    plan = plan_of(viewer.company)
    inputs = list(Asset.objects.editable_by(viewer).kept().filter(pk__in=draft.inputs).prefetch_related("renditions"))
    fields = fields_of(model, draft.params)
    return {
        "draft": draft,
        "model": model,
        "models": [
            {"row": row, "price": price_of(row), "locked": row.tier not in plan.tiers}
            for row in models
            if row.task == model.task
        ],
        "tasks": _tasks(models),
        "aspect": next((field for field in fields if field.name == "aspect_ratio"), None),
        "fields": [field for field in fields if field.name != "aspect_ratio"],
        "price": price_of(model),
        "credits": credits_of(viewer.company),
        "counts": range(1, COUNT_LIMIT + 1),
        "inputs_needed": INPUTS_NEEDED.get(Task(model.task), 0),
        "prompt_needed": model.task in NEEDS_PROMPT,
        "inputs": inputs,
        "delivery": delivery_for(viewer),
    }


def _tasks(models: list[AIModel]) -> list[Task]:
    """The tasks that some model does, in the catalogue's order."""
    return list(dict.fromkeys(Task(model.task) for model in models))


def _results(viewer: Viewer) -> dict[str, Any]:
    jobs = list(jobs_of(viewer)[:HISTORY_LENGTH])
    return {"cards": _cards(viewer, jobs), "is_live": any(job.is_active for job in jobs)}


def _cards(viewer: Viewer, jobs: list[Job]) -> list[dict[str, Any]]:
    """What a card shows of each job."""
    assets = outputs_of(viewer, jobs)
    return [{"job": job, "place": place_of(job), "assets": assets.get(job.pk, [])} for job in jobs]


def _card(viewer: Viewer, job: Job) -> dict[str, Any]:
    return {"card": _cards(viewer, [job])[0], "delivery": delivery_for(viewer)}


@login_required
@require_GET
def job_page(request: HttpRequest, job_id: UUID) -> HttpResponse:
    """One job: its progress, then its pictures. For HTMX, its card alone."""
    viewer = viewer_of(request)
    context = _card(viewer, _get_job(request, job_id))
    template = "generation/job.html#card" if request.htmx else "generation/job.html"  # type: ignore[attr-defined]
    return render(request, template, context)


@login_required
@require_POST
def job_cancel(request: HttpRequest, job_id: UUID) -> HttpResponse:
    """Stop a job; the credits come back when it has ended."""
    job = _get_job(request, job_id)
    refusal: Refusal | None = None
    try:
        cancel_job(job=job)
    except Refusal as error:
        refusal = error
    if not request.htmx:  # type: ignore[attr-defined]
        if refusal is not None:
            messages.warning(request, refusal.sentence)
        return _back(request, job_id)
    context = _card(viewer_of(request), _get_job(request, job_id)) | {"refusal": refusal}
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
    viewer = viewer_of(request)
    jobs = list(active_jobs(viewer)[:TRAY_LENGTH])
    return render(request, "generation/tray.html", {"cards": _cards(viewer, jobs)})
