"""How the way to and from Stripe is doing, for operators."""

from dataclasses import dataclass
from typing import Any

from django.conf import settings
from django.db.models import QuerySet
from django.utils import timezone
from djstripe.models import WebhookEndpoint

from billing.models import CreditPack, Plan, StripeEvent
from billing.stripe.client import is_configured
from billing.stripe.reconcile import last_reconciliation


@dataclass(frozen=True, slots=True)
class StripeHealth:
    """`mode` is live, test or empty (no key). `unsold` names what is offered but has no price at Stripe."""

    mode: str
    addresses: list[str]
    newest: StripeEvent | None
    waiting: int
    failing: QuerySet[StripeEvent]
    unsold: list[str]
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
        reconciled=last_reconciliation(),
    )
