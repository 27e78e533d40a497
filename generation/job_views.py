"""Pages of jobs: one job, cancelling it, the tray of what runs."""

from uuid import UUID

from django.contrib import messages
from django.contrib.auth.decorators import login_required
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.shortcuts import get_object_or_404, render
from django.urls import reverse
from django.utils.http import url_has_allowed_host_and_scheme
from django.views.decorators.http import require_GET, require_POST
from django.views.decorators.vary import vary_on_headers

from accounts.viewer import Viewer
from config.base.refusal import Refusal
from generation.cards import cards_of
from generation.models import Job
from generation.page_requests import get_viewer, is_fragment
from generation.selectors import active_jobs, jobs_with_sources
from generation.services import cancel_job

TRAY_LENGTH = 20


def _get_job(viewer: Viewer, job_id: UUID) -> Job:
    job: Job = get_object_or_404(jobs_with_sources(viewer), pk=job_id)
    return job


@login_required
@require_GET
@vary_on_headers("HX-Request")
def job_page(request: HttpRequest, job_id: UUID) -> HttpResponse:
    """One job: its progress, then its pictures. For HTMX, its card alone."""
    viewer = get_viewer(request)
    context = {"card": cards_of(viewer, [_get_job(viewer, job_id)])[0]}
    return render(request, f"generation/job.html{'#card' if is_fragment(request) else ''}", context)


@login_required
@require_POST
def job_cancel(request: HttpRequest, job_id: UUID) -> HttpResponse:
    """Stop a job; the credits come back when it has ended."""
    viewer = get_viewer(request)
    job = _get_job(viewer, job_id)
    refusal: Refusal | None = None
    try:
        cancel_job(job=job)
    except Refusal as error:
        refusal = error
    if not is_fragment(request):
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
    viewer = get_viewer(request)
    return render(request, "generation/tray.html", {"cards": cards_of(viewer, active_jobs(viewer)[:TRAY_LENGTH])})
