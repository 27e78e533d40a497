"""How the way to and from Stripe is doing, for operators."""

from dataclasses import dataclass
from typing import Any

from django.conf import settings
from django.db.models import Count, Q, QuerySet
from django.utils import timezone
from djstripe.models import WebhookEndpoint

from accounts.models import Company
from billing.models import CreditPack, Plan, StripeEvent
from billing.stripe.client import is_configured
from billing.stripe.reconcile import last_reconciliation


@dataclass(frozen=True, slots=True)
class StripeHealth:
    """`mode` is live, test or empty (no key). `unsold` names what is offered but has no price at Stripe.

    `paying_twice` are companies for which two subscriptions at Stripe were paid for the same time.
    """

    mode: str
    addresses: list[str]
    newest: StripeEvent | None
    waiting: int
    failing: QuerySet[StripeEvent]
    unsold: list[str]
    paying_twice: QuerySet[Company]
    reconciled: dict[str, Any] | None


def stripe_health() -> StripeHealth:
    """How it is now. A handful of queries, none to Stripe."""
    unapplied = StripeEvent.objects.filter(applied_at=None)
    plans = Plan.objects.filter(is_active=True, monthly_price_cents__gt=0, stripe_monthly_price_id="")
    packs = CreditPack.objects.filter(is_active=True, stripe_price_id="")
    mode = "live" if settings.STRIPE_LIVE_MODE else "test"
    return StripeHealth(
        mode=mode if is_configured() else "",
        addresses=list(WebhookEndpoint.objects.filter(status="enabled").values_list("url", flat=True)),
        newest=StripeEvent.objects.order_by("-received_at").first(),
        waiting=unapplied.filter(next_attempt_at__lte=timezone.now()).count(),
        failing=unapplied.exclude(error="").order_by("-received_at"),
        unsold=[str(one) for one in (*plans, *packs)],
        paying_twice=paying_twice(),
        reconciled=last_reconciliation(),
    )


def paying_twice() -> QuerySet[Company]:
    """Companies for which more than one subscription at Stripe is paid for now; by a dashboard, or by two tabs."""
    now = timezone.now()
    paid = Q(billing_periods__reference__startswith="sub_", billing_periods__stopped_at=None)
    paid &= Q(billing_periods__start__lte=now, billing_periods__end__gt=now)
    subscriptions = Count("billing_periods__reference", filter=paid, distinct=True)
    return Company.objects.annotate(subscriptions=subscriptions).filter(subscriptions__gt=1).order_by("name")
