"""What Stripe's objects mean for us: subscriptions, invoices and sessions become facts.

Objects are plain dicts. Stripe has moved some fields between versions of its API; each is looked for where the pinned
version has it and then where earlier ones had it, so an endpoint that answers in an older shape is understood as well.
"""

from collections.abc import Iterator
from datetime import UTC, datetime
from typing import Any

from dateutil.relativedelta import relativedelta

from accounts.models import Company
from billing.facts import PaymentFact, PeriodFact, SubscriptionFact
from billing.models import CreditPack, Payment, Plan, Subscription
from billing.periods import credits_left

Thing = dict[str, Any]

# What a subscription is to bring along, so that one sees what it will be.
WITH_SCHEDULE = ["schedule.phases.items.price"]
# What an invoice is to bring along: who paid it, and the days on which its subscription's periods begin.
WITH_SUBSCRIPTION = ["payments", "parent.subscription_details.subscription"]
# Until the first payment there is nothing to follow.
_STATUSES = {
    "trialing": Subscription.Status.TRIALING,
    "active": Subscription.Status.ACTIVE,
    "past_due": Subscription.Status.PAST_DUE,
    "unpaid": Subscription.Status.PAST_DUE,
    "paused": Subscription.Status.PAUSED,
    "canceled": Subscription.Status.CANCELLED,
    "incomplete_expired": Subscription.Status.CANCELLED,
}
# In these there is an invoice that is not paid.
OWING = ("past_due", "unpaid")
_INVOICE_STATES = {
    "open": Payment.State.OPEN,
    "paid": Payment.State.PAID,
    "void": Payment.State.VOID,
    "uncollectible": Payment.State.FAILED,
}


class UnknownPrice(LookupError):
    """Stripe sold something that no plan and no pack of ours stands for."""


def identifier(value: Any) -> str:
    """The id of what is either an id or the object itself; empty for nothing."""
    if isinstance(value, dict):
        return str(value.get("id") or "")
    return str(value or "")


def moment(seconds: int | None) -> datetime | None:
    """Stripe's seconds as an aware datetime."""
    return None if seconds is None else datetime.fromtimestamp(seconds, UTC)


def _moment(seconds: int) -> datetime:
    return datetime.fromtimestamp(seconds, UTC)


def company_of(customer: Any) -> Company | None:
    """Whose customer it is."""
    found = identifier(customer)
    return Company.objects.filter(subscription__customer=found).first() if found else None


def plan_of(price: Thing | str, product: Any = None) -> Plan:
    """The plan that a price belongs to, by its product, else by what its metadata say. Raises `UnknownPrice`."""
    sold = identifier(product) or (identifier(price.get("product")) if isinstance(price, dict) else "")
    plan = Plan.objects.filter(stripe_product_id=sold).first() if sold else None
    if plan is None:
        plan = (
            Plan.objects.filter(stripe_monthly_price_id=identifier(price)).first()
            or Plan.objects.filter(stripe_yearly_price_id=identifier(price)).first()
            or Plan.objects.filter(slug=_metadata(price).get("darkroom_plan", "")).first()
        )
    if plan is None:
        raise UnknownPrice(f"No plan is sold by price {identifier(price)} of product {sold}.")
    return plan


def pack_of(price: Thing | str, slug: str) -> CreditPack:
    """The pack that a price belongs to, by its product, else by its short name. Raises `UnknownPrice`."""
    sold = identifier(price.get("product")) if isinstance(price, dict) else ""
    pack = CreditPack.objects.filter(stripe_product_id=sold).first() if sold else None
    pack = pack or CreditPack.objects.filter(slug=slug).first()
    if pack is None:
        raise UnknownPrice(f"No pack is sold by price {identifier(price)} of product {sold}.")
    return pack


def _metadata(thing: Any) -> Thing:
    return (thing.get("metadata") or {}) if isinstance(thing, dict) else {}


def _rows(listed: Any) -> list[Thing]:
    return list((listed or {}).get("data") or [])


def subscription_fact(
    data: Thing, *, company: Company, unpaid_since: datetime | None = None, asked_at: datetime
) -> SubscriptionFact | None:
    """A subscription; None for one that nobody has paid yet. Raises `UnknownPrice`."""
    status = _STATUSES.get(data["status"])
    if status is None:
        return None
    if data.get("pause_collection") and status in (Subscription.Status.ACTIVE, Subscription.Status.TRIALING):
        status = Subscription.Status.PAUSED
    item = _rows(data["items"])[0]
    end = _moment(item.get("current_period_end") or data["current_period_end"])
    cancel_at = moment(data.get("cancel_at")) or (end if data.get("cancel_at_period_end") else None)
    plan = plan_of(item["price"])
    phase = waiting_phase(data)
    following = plan_of(phase["items"][0]["price"]) if phase else plan
    waits = phase is not None and following != plan
    return SubscriptionFact(
        company=company,
        source=Subscription.Source.STRIPE,
        reference=data["id"],
        customer=identifier(data["customer"]),
        plan=following,
        interval=item["price"]["recurring"]["interval"],
        status=status,
        period_start=_moment(item.get("current_period_start") or data["current_period_start"]),
        period_end=end,
        cancel_at=cancel_at,
        keeps=plan if waits else None,
        keeps_until=_moment(phase["start_date"]) if phase and waits else None,
        unpaid_since=unpaid_since,
        asked_at=asked_at,
    )


def asked_for_at(data: Thing) -> datetime:
    """When an invoice was first to be paid."""
    return moment((data.get("status_transitions") or {}).get("finalized_at")) or _moment(data["created"])


def waiting_phase(data: Thing) -> Thing | None:
    """What a subscription becomes when what is paid for is over, by its schedule; None where nothing waits.

    `data` was asked for with `WITH_SCHEDULE`.
    """
    schedule = data.get("schedule")
    if not isinstance(schedule, dict) or schedule.get("status") != "active":
        return None
    ends = (schedule.get("current_phase") or {}).get("end_date") or 0
    later: list[Thing] = [phase for phase in schedule["phases"] if phase["start_date"] >= ends]
    return later[0] if later else None


def subscription_of_invoice(data: Thing) -> str:
    """The id of the subscription that an invoice is for; empty for none."""
    parent = (data.get("parent") or {}).get("subscription_details") or {}
    return identifier(parent.get("subscription") or data.get("subscription"))


def made_for(data: Thing) -> str:
    """The id of the company for which we made a session or a subscription, or whose invoice it is; empty for none."""
    parent = (data.get("parent") or {}).get("subscription_details") or {}
    return str(_metadata(data).get("company") or _metadata(parent).get("company") or "")


def intent_of_invoice(data: Thing) -> str:
    """The id of the payment intent that paid, or is to pay, an invoice; empty for none."""
    for row in _rows(data.get("payments")):
        intent = identifier((row.get("payment") or {}).get("payment_intent"))
        if intent:
            return intent
    return identifier(data.get("payment_intent"))


def invoice_fact(
    data: Thing, *, company: Company, charge: Thing, disputed_cents: int, asked_at: datetime
) -> PaymentFact | None:
    """An invoice with the charge that paid it ({} for none); None for a draft. Raises `UnknownPrice`."""
    state = _INVOICE_STATES.get(data.get("status") or "")
    if state is None:
        return None
    if state == Payment.State.OPEN and data.get("attempt_count"):
        state = Payment.State.FAILED
    reference = subscription_of_invoice(data)
    periods = tuple(_periods(data, reference)) if reference else ()
    plan = periods[-1].plan if periods else None
    total: int = data["amount_paid"] if state == Payment.State.PAID and "amount_paid" in data else data["total"]
    return PaymentFact(
        company=company,
        kind=Payment.Kind.SUBSCRIPTION,
        key=f"invoice:{data['id']}",
        state=state,
        payment_intent=intent_of_invoice(data),
        charge=identifier(charge),
        plan=plan,
        amount_cents=total,
        tax_cents=_tax(data),
        currency=data["currency"].upper(),
        refunded_cents=charge.get("amount_refunded", 0),
        disputed_cents=disputed_cents,
        number=data.get("number") or "",
        description=_described(data, plan),
        hosted_url=data.get("hosted_invoice_url") or "",
        pdf_url=data.get("invoice_pdf") or "",
        created_at=_moment(data["created"]),
        due_at=asked_for_at(data),
        paid_at=moment((data.get("status_transitions") or {}).get("paid_at")),
        asked_at=asked_at,
        periods=periods,
    )


def _tax(data: Thing) -> int:
    taxes = data.get("total_taxes") or data.get("total_tax_amounts") or []
    return sum(tax["amount"] for tax in taxes)


def _described(data: Thing, plan: Plan | None) -> str:
    if plan is not None:
        return plan.name
    lines = _rows(data.get("lines"))
    return str((lines[0].get("description") if lines else "") or data.get("description") or "")[:200]


def _periods(data: Thing, reference: str) -> Iterator[PeriodFact]:
    """What the lines pay for: whole periods first, then the rest of one after an upgrade."""
    lines = _rows(data.get("lines"))
    prices = {line["id"]: _price_of(line) for line in lines}
    changes = [line for line in lines if prices[line["id"]] is not None and _is_proration(line)]
    for line in lines:
        price = prices[line["id"]]
        if price is None or _is_proration(line):
            continue
        plan = plan_of(*price)
        start, end = (_moment(line["period"][name]) for name in ("start", "end"))
        if end > start:
            yield PeriodFact(
                reference=reference,
                plan=plan,
                interval=_interval(line, start, end),
                start=start,
                end=end,
                less=_already_given(changes, prices, start),
                is_trial=not line["amount"] and not line.get("discount_amounts") and bool(plan.monthly_price_cents),
            )
    for line in changes:
        before = next((one for one in changes if one["amount"] < 0 and one["period"] == line["period"]), None)
        if line["amount"] <= 0 or before is None:
            continue
        plan, replaced = (plan_of(*(prices[one["id"]] or ("",))) for one in (line, before))
        start, end = (_moment(line["period"][name]) for name in ("start", "end"))
        if plan != replaced and end > start:
            subscription = Subscription.objects.filter(reference=reference).first()
            interval = _interval_of_price(line) or (subscription.interval if subscription else "") or "month"
            yield PeriodFact(
                reference=reference,
                plan=plan,
                interval=interval,
                start=start,
                end=end,
                anchor=min(start, _begin_of_period(data, interval, end)),
                replaces=replaced,
            )


def _already_given(changes: list[Thing], prices: dict[str, tuple[Thing | str, Any] | None], start: datetime) -> int:
    """The credits that were given for what is counted as unused, where a whole period begins before that was over."""
    given = 0
    for line in changes:
        unused, end = (_moment(line["period"][name]) for name in ("start", "end"))
        if line["amount"] < 0 and unused <= start < end and _interval_of_price(line) != "year":
            plan = plan_of(*(prices[line["id"]] or ("",)))
            given += credits_left(plan, begun=min(unused, end - relativedelta(months=1)), now=unused, end=end)
    return given


def _begin_of_period(data: Thing, interval: str, end: datetime) -> datetime:
    """When the period that ends at `end` began: what began on 31 January and ends on 28 February has 28 days."""
    months = 12 if interval == "year" else 1
    subscription = ((data.get("parent") or {}).get("subscription_details") or {}).get("subscription")
    first = moment(subscription.get("billing_cycle_anchor")) if isinstance(subscription, dict) else None
    if first is not None:
        passed = (end.year - first.year) * 12 + end.month - first.month
        if first + relativedelta(months=passed) == end:
            return first + relativedelta(months=passed - months)
    # The subscription's periods begin on another day by now.
    return end - relativedelta(months=months)


def _price_of(line: Thing) -> tuple[Thing | str, Any] | None:
    """The price of a line, whole or by its id, and its product; None where a line is for nothing that is subscribed."""
    details = (line.get("pricing") or {}).get("price_details") or {}
    if details.get("price"):
        return details["price"], details.get("product")
    price = line.get("price")
    return (price, price.get("product")) if price else None


def _is_proration(line: Thing) -> bool:
    details = (line.get("parent") or {}).get("subscription_item_details") or {}
    return bool(details.get("proration") or line.get("proration"))


def _interval_of_price(line: Thing) -> str:
    price = _price_of(line)
    if price is None:
        return ""
    if isinstance(price[0], dict) and price[0].get("recurring"):
        return str(price[0]["recurring"]["interval"])
    if Plan.objects.filter(stripe_yearly_price_id=identifier(price[0])).exists():
        return "year"
    return "month" if Plan.objects.filter(stripe_monthly_price_id=identifier(price[0])).exists() else ""


def _interval(line: Thing, start: datetime, end: datetime) -> str:
    return _interval_of_price(line) or ("year" if (end - start).days > 60 else "month")


def session_fact(
    data: Thing, *, company: Company, charge: Thing, disputed_cents: int, asked_at: datetime
) -> PaymentFact | None:
    """The purchase of a pack, with the charge that paid it ({} for none); None while it is under way."""
    state = _session_state(data, charge)
    lines = _rows(data.get("line_items"))
    if state is None or not lines:
        return None
    pack = pack_of(lines[0]["price"], _metadata(data).get("pack", ""))
    totals = data.get("total_details") or {}
    return PaymentFact(
        company=company,
        kind=Payment.Kind.PACK,
        key=f"session:{data['id']}",
        state=state,
        payment_intent=identifier(data.get("payment_intent")),
        charge=identifier(charge),
        pack=pack,
        amount_cents=data["amount_total"],
        tax_cents=totals.get("amount_tax") or 0,
        currency=data["currency"].upper(),
        refunded_cents=charge.get("amount_refunded", 0),
        disputed_cents=disputed_cents,
        description=str(pack),
        hosted_url=charge.get("receipt_url") or "",
        created_at=_moment(data["created"]),
        paid_at=moment(charge.get("created")) or (asked_at if state == Payment.State.PAID else None),
        asked_at=asked_at,
    )


def _session_state(data: Thing, charge: Thing) -> str | None:
    if data.get("payment_status") in ("paid", "no_payment_required"):
        return Payment.State.PAID
    if data.get("status") != "complete":
        return None
    intent = data.get("payment_intent")
    failed = isinstance(intent, dict) and intent.get("status") in ("requires_payment_method", "canceled")
    return Payment.State.FAILED if failed or charge.get("status") == "failed" else Payment.State.OPEN
