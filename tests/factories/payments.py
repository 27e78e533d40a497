"""Facts about subscriptions and payments, as a provider of payments would tell them."""

from datetime import UTC, datetime
from typing import Any
from uuid import uuid4

from dateutil.relativedelta import relativedelta

from accounts.models import Company
from billing.facts import PaymentFact, PeriodFact, SubscriptionFact
from billing.models import CreditPack, Plan

BEGIN = datetime(2026, 1, 31, 12, tzinfo=UTC)


def plan(slug: str) -> Plan:
    return Plan.objects.get(slug=slug)


def subscription_of(company: Company, slug: str = "basic", **changes: Any) -> SubscriptionFact:
    """An active subscription by the month that began at BEGIN, asked for a minute later."""
    start = changes.get("period_start", BEGIN)
    fields: dict[str, Any] = {
        "company": company,
        "source": "stripe",
        "reference": f"sub_{company.pk.hex}",
        "customer": f"cus_{company.pk.hex}",
        "plan": plan(slug),
        "interval": "month",
        "status": "active",
        "period_start": start,
        "period_end": start + relativedelta(months=1),
        "asked_at": start + relativedelta(minutes=1),
    }
    return SubscriptionFact(**fields | changes)


def period_of(company: Company, slug: str = "basic", **changes: Any) -> PeriodFact:
    """What the first invoice of `subscription_of` pays for."""
    start = changes.get("start", BEGIN)
    months = 12 if changes.get("interval") == "year" else 1
    fields: dict[str, Any] = {
        "reference": f"sub_{company.pk.hex}",
        "plan": plan(slug),
        "interval": "month",
        "start": start,
        "end": start + relativedelta(months=months),
    }
    return PeriodFact(**fields | changes)


def invoice_of(company: Company, *periods: PeriodFact, **changes: Any) -> PaymentFact:
    """A paid invoice for periods; $9.99 unless told otherwise."""
    start = periods[0].start if periods else BEGIN
    fields: dict[str, Any] = {
        "company": company,
        "kind": "subscription",
        "key": f"invoice:in_{uuid4().hex}",
        "state": "paid",
        "plan": periods[0].plan if periods else None,
        "amount_cents": 999,
        "currency": "USD",
        "description": "Basic",
        "created_at": start,
        "paid_at": start,
        "asked_at": start + relativedelta(minutes=1),
        "periods": periods,
    }
    return PaymentFact(**fields | changes)


def pack_of(company: Company, slug: str = "pack-500", **changes: Any) -> PaymentFact:
    """A paid pack of 500 credits for $19.99."""
    pack = CreditPack.objects.get(slug=slug)
    fields: dict[str, Any] = {
        "company": company,
        "kind": "pack",
        "key": f"session:cs_{uuid4().hex}",
        "state": "paid",
        "pack": pack,
        "amount_cents": pack.price_cents,
        "currency": "USD",
        "description": str(pack),
        "created_at": BEGIN,
        "paid_at": BEGIN,
        "asked_at": BEGIN + relativedelta(minutes=1),
    }
    return PaymentFact(**fields | changes)
