"""Pages about a company's money: where it stands, invoices, what happened to its credits."""

import csv
from collections.abc import Iterator
from typing import Any
from urllib.parse import urlencode
from uuid import UUID

from django.contrib.auth.decorators import login_required
from django.core.paginator import Paginator
from django.http import Http404, HttpRequest, HttpResponse, StreamingHttpResponse
from django.shortcuts import redirect, render
from django.utils import timezone
from django.utils.translation import gettext as _
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_GET, require_safe

from accounts.company_refusals import NotAllowed
from accounts.viewer import NoCompany, Viewer, viewer_of
from billing.buying import Way, way_to_pay
from billing.forms import StatementForm
from billing.meters import Meter, has_few_credits, meters_of
from billing.models import LedgerEntry, Plan
from billing.offers import pack_offers
from billing.selectors import credits_of, next_expiry_of
from billing.standing import payments_for, sees_payments, standing_of
from billing.statement import entries_for_table, statement
from config.base import limits

INVOICES_SHOWN = 25
LATEST = 5


def _place(request: HttpRequest) -> UUID | None:
    """Where to go on from: `?before=`. 404 for what is no place."""
    before = request.GET.get("before", "")
    try:
        return UUID(before) if before else None
    except ValueError as error:
        raise Http404 from error


@login_required
@never_cache
@require_safe
def billing(request: HttpRequest) -> HttpResponse:
    """Plan, credits, use, packs, and the latest invoices and changes."""
    viewer = viewer_of(request)
    standing = standing_of(viewer.company)
    wallet = credits_of(viewer.company)
    way = way_to_pay()
    context: dict[str, Any] = {
        "viewer": viewer,
        "standing": standing,
        "credits": wallet,
        "expiry": next_expiry_of(viewer.company, timezone.now()),
        "is_low": has_few_credits(wallet, standing.plan),
        "meters": _meters(viewer, standing.plan),
        "packs": pack_offers(),
        "payments": payments_for(viewer)[:LATEST],
        "page": statement(viewer.company, size=LATEST),
        "may_buy": sees_payments(viewer),
        "has_way": way is not Way.NONE,
        "has_portal": way is Way.STRIPE and bool(standing.subscription.customer),
        "is_test": way is Way.TEST,
    }
    return render(request, "billing/billing.html", context)


def _meters(viewer: Viewer, plan: Plan) -> list[Meter]:
    meters = meters_of(viewer.company, plan)
    # Nobody else can be in a personal company: its one seat would always look used up.
    return meters if viewer.company.is_team else [meter for meter in meters if meter.limit_name != "seats"]


@login_required
@never_cache
@require_safe
def invoices(request: HttpRequest) -> HttpResponse:
    """All invoices and purchases, the newest first; for owners and admins."""
    viewer = _who_pays(request)
    page = Paginator(payments_for(viewer), INVOICES_SHOWN).get_page(request.GET.get("page"))
    return render(request, "billing/invoices.html", {"viewer": viewer, "page": page})


@login_required
@never_cache
@require_safe
def ledger(request: HttpRequest) -> HttpResponse:
    """What happened to the credits, in plain words, with filters; `?before=` goes on from a row."""
    viewer = viewer_of(request)
    form = StatementForm(request.GET)
    wanted, before = form.wanted, _place(request)
    filters = {name: request.GET[name] for name in form.fields if request.GET.get(name) and name in form.cleaned_data}
    context = {
        "viewer": viewer,
        "form": form,
        "page": statement(viewer.company, before=before, wanted=wanted),
        "is_newest": before is None,
        "is_all": wanted.is_all,
        "filters": urlencode(filters),
    }
    return render(request, "billing/ledger.html", context, status=422 if form.errors else 200)


@login_required
@never_cache
@require_GET
def ledger_csv(request: HttpRequest) -> StreamingHttpResponse:
    """Every change of the balance as a table, the latest first, with the filters of the page."""
    viewer = viewer_of(request)
    limits.count(request, "downloads")
    rows = _table(viewer, StatementForm(request.GET))
    answer = StreamingHttpResponse(rows, content_type="text/csv; charset=utf-8")
    answer.headers["Content-Disposition"] = f'attachment; filename="credits-{timezone.now():%Y-%m-%d}.csv"'
    return answer


class _Echo:
    """A file that hands back what is written: the rows go out as they are made."""

    def write(self, text: str) -> str:
        return text


def _table(viewer: Viewer, form: StatementForm) -> Iterator[str]:
    writer = csv.writer(_Echo())
    # A mark of byte order: without it Excel takes the words for another encoding.
    yield "\ufeff" + writer.writerow([_("Number"), _("Time (UTC)"), _("What"), _("Credits"), _("Balance"), _("For")])
    for entry in entries_for_table(viewer.company, wanted=form.wanted):
        yield writer.writerow(_cells(entry))


def _cells(entry: LedgerEntry) -> list[str | int]:
    cause = entry.cause
    if cause.startswith(("=", "+", "-", "@", "\t", "\r")):
        # A table program would take these words for a formula.
        cause = f"'{cause}"
    when = f"{entry.created_at:%Y-%m-%d %H:%M:%S}"
    return [entry.number, when, entry.get_kind_display(), entry.amount, entry.balance_after, cause]


def _who_pays(request: HttpRequest) -> Viewer:
    viewer = viewer_of(request)
    if not sees_payments(viewer):
        raise NotAllowed(_("Only owners and admins of the company see its invoices. Ask one of them."))
    return viewer


@require_GET
def credits_page(request: HttpRequest) -> HttpResponse:
    """Where the credits were explained before Billing."""
    return redirect("billing", permanent=True)


@never_cache
@require_GET
def credits_pill(request: HttpRequest) -> HttpResponse:
    """The figures inside the credits pill; nothing for visitors and for people without a company."""
    try:
        company = viewer_of(request).company
    except NoCompany:
        return HttpResponse(status=204)
    return render(request, "billing/credits_pill.html", {"credits": credits_of(company)})
