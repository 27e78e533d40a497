"""Pages about money."""

from uuid import UUID

from django.contrib.auth.decorators import login_required
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import render
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_GET

from accounts.viewer import NoCompany, viewer_of
from billing.selectors import credits_of, generations_used, plan_of, today
from billing.statement import statement


def _place(request: HttpRequest) -> UUID | None:
    """Where to go on from: `?before=`. 404 for what is no place."""
    before = request.GET.get("before", "")
    try:
        return UUID(before) if before else None
    except ValueError as error:
        raise Http404 from error


@login_required
@never_cache
@require_GET
def credits_page(request: HttpRequest) -> HttpResponse:
    """What the company owns and what happened to it, in plain words; `?before=` goes on from a row."""
    company = viewer_of(request).company
    before = _place(request)
    plan = plan_of(company)
    context = {
        "credits": credits_of(company),
        "plan": plan,
        "generations_used": generations_used(company, today()),
        "page": statement(company, before=before),
        "is_newest": before is None,
    }
    return render(request, "billing/credits.html", context)


@never_cache
@require_GET
def credits_pill(request: HttpRequest) -> HttpResponse:
    """The figures inside the credits pill; nothing for visitors and for people without a company."""
    try:
        company = viewer_of(request).company
    except NoCompany:
        return HttpResponse(status=204)
    return render(request, "billing/credits_pill.html", {"credits": credits_of(company)})
