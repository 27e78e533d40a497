"""Pages of the admin about money that are no list of rows."""

from collections.abc import Iterable
from dataclasses import dataclass

from django.contrib import admin
from django.contrib.admin.views.decorators import staff_member_required
from django.core.exceptions import PermissionDenied
from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.utils import timezone
from django.utils.translation import gettext as _
from django.views.decorators.http import require_GET

from accounts.models import Company
from billing.models import BillingPeriod
from billing.stripe.health import stripe_health

FAILING_SHOWN = 20
TWICE_SHOWN = 20


@dataclass(frozen=True, slots=True)
class PaidTwice:
    """A company and what it pays for now, more than once."""

    company: Company
    periods: list[BillingPeriod]


@staff_member_required
@require_GET
def stripe(request: HttpRequest) -> HttpResponse:
    """How the way to and from Stripe is doing: keys, webhook, what waits or fails, the last reconciliation."""
    if not request.user.has_perm("billing.view_stripeevent"):
        raise PermissionDenied
    health = stripe_health()
    context = admin.site.each_context(request) | {
        "title": _("Stripe"),
        "health": health,
        "twice": _paid_now(health.paying_twice[:TWICE_SHOWN]),
        "failing": health.failing[:FAILING_SHOWN],
    }
    return render(request, "admin/billing/stripe.html", context)


def _paid_now(companies: Iterable[Company]) -> list[PaidTwice]:
    now, found = timezone.now(), list(companies)
    paid = BillingPeriod.objects.filter(reference__startswith="sub_", stopped_at=None, start__lte=now, end__gt=now)
    periods = list(paid.filter(company__in=found).select_related("plan").order_by("start", "pk"))
    return [PaidTwice(one, [period for period in periods if period.company_id == one.pk]) for one in found]
