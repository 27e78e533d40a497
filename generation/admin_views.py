"""Pages of the admin that are no list of rows: the system, and what can be done with one job."""

from datetime import UTC, datetime, time
from typing import Any
from uuid import UUID

from django import forms
from django.contrib import admin, messages
from django.contrib.admin.views.decorators import staff_member_required
from django.core.exceptions import PermissionDenied
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy
from django.views.decorators.http import require_GET, require_http_methods, require_POST

from accounts.models import User
from config.base.refusal import Refusal
from gallery.checks import notes
from generation.health import missing_providers, provider_alerts, provider_health, queue_health
from generation.margins import ModelMargin, last_month, margins_by_model, sum_of
from generation.models import Job
from generation.operations import close_breaker, release_job, retry_job, stop_job
from generation.providers import registry

ACTS = {"cancel": stop_job, "release": release_job, "retry": retry_job}


class OperateForm(forms.Form):
    """What to do with a job, and why: the reason goes to the audit log and, when released, to the person."""

    act = forms.ChoiceField(
        label=gettext_lazy("What to do"),
        choices=[
            ("cancel", gettext_lazy("Cancel, as its maker could")),
            ("release", gettext_lazy("Release: end it now and give the credits back")),
            ("retry", gettext_lazy("Retry: make it again for its maker, at today's price")),
        ],
        widget=forms.RadioSelect,
    )
    reason = forms.CharField(label=gettext_lazy("Reason"), max_length=300)


def _operator(request: HttpRequest, permission: str) -> User:
    user = request.user
    if not isinstance(user, User) or not user.has_perm(permission):
        raise PermissionDenied
    return user


def _context(request: HttpRequest, title: str) -> dict[str, Any]:
    return admin.site.each_context(request) | {"title": title}


@staff_member_required
@require_GET
def system(request: HttpRequest) -> HttpResponse:
    """Who refuses us, queues, workers, providers with their circuit breakers, and what models earned."""
    _operator(request, "generation.view_job")
    context = _context(request, _("System")) | {"providers": provider_health(), "queues": queue_health()}
    context |= {"alerts": provider_alerts(), "missing": missing_providers(), "margins": margins_by_model(*last_month())}
    context["notes"] = notes()
    return render(request, "admin/generation/system.html", context)


class PeriodForm(forms.Form):
    """From which day to which, both included, in UTC."""

    first = forms.DateField(label=gettext_lazy("From"), widget=forms.DateInput(attrs={"type": "date"}))
    last = forms.DateField(label=gettext_lazy("To"), widget=forms.DateInput(attrs={"type": "date"}))

    def clean(self) -> dict[str, Any]:
        """The end does not come before the beginning."""
        data: dict[str, Any] = super().clean() or {}
        if data.get("first") and data.get("last") and data["last"] < data["first"]:
            self.add_error("last", _("Choose a day that is not before the first."))
        return data


@staff_member_required
@require_GET
def margins(request: HttpRequest) -> HttpResponse:
    """What models earned and cost over a time; the last 30 days unless asked for others."""
    _operator(request, "generation.view_job")
    since, until = last_month()
    asked = {"first": since.date().isoformat(), "last": until.date().isoformat()}
    form = PeriodForm({**asked, **request.GET.dict()})
    rows: list[ModelMargin] = []
    if form.is_valid():
        first = datetime.combine(form.cleaned_data["first"], time(), tzinfo=UTC)
        last = datetime.combine(form.cleaned_data["last"], time.max, tzinfo=UTC)
        rows = margins_by_model(first, last)
    context = _context(request, _("Margins by model")) | {"form": form, "margins": rows, "total": sum_of(rows)}
    return render(request, "admin/generation/margins.html", context, status=422 if form.errors else 200)


@staff_member_required
@require_POST
def breaker_close(request: HttpRequest, provider: str) -> HttpResponse:
    """Let things be sent to a provider again at once."""
    operator = _operator(request, "generation.change_aimodel")
    if provider not in registry.names():
        raise Http404
    close_breaker(provider=provider, actor=operator)
    messages.success(request, _("Calls to %(provider)s are sent again.") % {"provider": provider})
    return redirect("admin-system")


@staff_member_required
@require_http_methods(["GET", "POST"])
def operate(request: HttpRequest, job_id: UUID) -> HttpResponse:
    """Cancel, release or retry one job, with a reason."""
    operator = _operator(request, "generation.change_job")
    job = get_object_or_404(Job.objects.select_related("company", "user", "model"), pk=job_id)
    form = OperateForm(request.POST or None)
    if form.is_valid():
        try:
            ACTS[form.cleaned_data["act"]](job=job, actor=operator, reason=form.cleaned_data["reason"])
        except Refusal as refusal:
            form.add_error("act", refusal.sentence)
        else:
            messages.success(request, _("Done, and noted in the audit log."))
            return redirect("admin:generation_job_change", job.pk)
    context = _context(request, _("Operate on a job")) | {"form": form, "job": job, "opts": Job._meta}
    return render(request, "admin/generation/operate.html", context, status=422 if form.errors else 200)
