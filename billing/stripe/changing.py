"""Changing what is paid for at Stripe: another plan, an end, money back."""

from datetime import datetime
from typing import Any, Literal

from django.utils.translation import gettext as _

from accounts.models import Company
from billing.following import LIVE
from billing.models import Interval, Payment, Plan, Subscription
from billing.refusals import NotForSale, NotSubscribed, PaymentDue
from billing.stripe.applying import apply_charge, apply_invoice, apply_subscription
from billing.stripe.client import PaymentDeclined, asking, plain
from billing.stripe.reading import WITH_SCHEDULE, identifier, plan_of, waiting_phase
from config.base.refusal import Refusal

# How what an upgrade costs is asked for: what it is previewed with as well.
AT_ONCE: Literal["always_invoice"] = "always_invoice"


class NothingToRefund(Refusal):
    """More than what was paid, or what was not paid at Stripe."""

    code = "nothing_to_refund"
    status = 409


def paid_subscription(*, company: Company) -> Subscription:
    """The subscription that a company pays for at Stripe. Raises `NotSubscribed`."""
    subscription = Subscription.objects.select_related("plan", "next_plan").get(company=company)
    if subscription.source != Subscription.Source.STRIPE or subscription.status not in LIVE:
        raise NotSubscribed(_("There is no paid subscription to change. Choose a plan on the pricing page."))
    return subscription


def is_upgrade(present: Plan, paid_by: str, plan: Plan, interval: str) -> bool:
    """Whether a change is paid for now: to a dearer plan, or from months to a year."""
    now, then = present.monthly_price_cents or 0, plan.monthly_price_cents or 0
    return then > now or (then == now and (paid_by, interval) == (Interval.MONTH, Interval.YEAR))


def change_subscription(*, company: Company, plan: Plan, interval: str) -> Payment | None:
    """Put a subscription on another plan: a dearer one at once for the difference, a cheaper one at the period's end.

    Returns what was paid at once; None where nothing was.

    Choosing the present plan takes back a change that waits; choosing any takes back an end. Raises `NotSubscribed`,
    `NotForSale`, `PaymentDue` and the refusals of `asking`; a declined card changes nothing.
    """
    reference = paid_subscription(company=company).reference
    price = plan.stripe_yearly_price_id if interval == Interval.YEAR else plan.stripe_monthly_price_id
    if not price or not plan.is_active:
        raise NotForSale(_("%(plan)s cannot be bought online at the moment.") % {"plan": plan.name})
    # What is in force here may be less than what is subscribed, or older: Stripe says what is changed.
    found = _look(reference)
    _require_paid(found)
    sold = found["items"]["data"][0]["price"]
    present, paid_by = plan_of(sold), sold["recurring"]["interval"]
    is_up = is_upgrade(present, paid_by, plan, interval)
    if interval != paid_by and (not is_up or paid_by == Interval.YEAR):
        # The rest of a paid year must not turn into money for months: its credits were given for the year.
        raise NotForSale(
            _("What is paid by the year can change to months when the year is over: cancel, and subscribe again then.")
        )
    _let_go(found)
    if is_up:
        _upgrade(found, price)
    elif plan != present:
        _wait_with(reference, price)
    latest = _follow(reference)
    return Payment.objects.filter(key=f"invoice:{latest}").first() if is_up and found["status"] == "active" else None


def _look(reference: str) -> dict[str, Any]:
    with asking() as client:
        return plain(client.v1.subscriptions.retrieve(reference, {"expand": WITH_SCHEDULE}))


def _require_paid(found: dict[str, Any]) -> None:
    """A change counts what is left as paid: Stripe would give money back for what nobody paid."""
    if found["status"] not in ("active", "trialing"):
        raise PaymentDue(
            _("The last payment is still owed. Pay it by “Card and address” on the billing page, then change the plan.")
        )
    if found.get("pause_collection"):
        raise PaymentDue(_("Your plan is paused, so it cannot be changed. Ask whoever runs this site to let it go on."))


def _let_go(found: dict[str, Any]) -> None:
    """Take a change, or an end, back that waits."""
    schedule = found.get("schedule")
    with asking() as client:
        if schedule:
            client.v1.subscription_schedules.release(schedule["id"])
        if found.get("cancel_at_period_end"):
            client.v1.subscriptions.update(found["id"], {"cancel_at_period_end": False})


def _upgrade(found: dict[str, Any], price: str) -> None:
    reference = found["id"]
    try:
        with asking() as client:
            client.v1.subscriptions.update(
                reference,
                {
                    "items": [{"id": found["items"]["data"][0]["id"], "price": price}],
                    "proration_behavior": AT_ONCE,
                    "payment_behavior": "error_if_incomplete",
                },
            )
    except PaymentDeclined:
        # A declined card changes nothing: what waited goes on waiting, and so does the end that was asked for.
        phase = waiting_phase(found)
        if phase:
            _wait_with(reference, identifier(phase["items"][0]["price"]))
        if found.get("cancel_at_period_end"):
            with asking() as client:
                client.v1.subscriptions.update(reference, {"cancel_at_period_end": True})
        raise


def _wait_with(reference: str, price: str) -> None:
    """Have Stripe change the price when what is paid for is over."""
    with asking() as client:
        schedule = plain(client.v1.subscription_schedules.create({"from_subscription": reference}))
        now = schedule["phases"][0]
        kept = {"price": identifier(now["items"][0]["price"]), "quantity": now["items"][0].get("quantity", 1)}
        then: Any = {"items": [{"price": price, "quantity": 1}], "proration_behavior": "none"}
        present: Any = {"items": [kept], "start_date": now["start_date"], "end_date": now["end_date"]}
        if now.get("trial_end"):
            present["trial_end"] = now["trial_end"]
        client.v1.subscription_schedules.update(schedule["id"], {"end_behavior": "release", "phases": [present, then]})


def _follow(reference: str) -> str:
    """See at once what the webhook will tell later; the id of the latest invoice, empty for none."""
    with asking() as client:
        latest = identifier(plain(client.v1.subscriptions.retrieve(reference)).get("latest_invoice"))
    if latest:
        apply_invoice(latest)
    apply_subscription(reference)
    return latest


def cancel_subscription(*, company: Company) -> datetime | None:
    """End a subscription when what is paid for is over; returns when that is."""
    reference = paid_subscription(company=company).reference
    _let_go(_look(reference))
    with asking() as client:
        client.v1.subscriptions.update(reference, {"cancel_at_period_end": True})
    apply_subscription(reference)
    return Subscription.objects.get(company=company).cancel_at


def resume_subscription(*, company: Company) -> None:
    """Take an end, or a smaller plan, back that has not come yet."""
    reference = paid_subscription(company=company).reference
    _let_go(_look(reference))
    apply_subscription(reference)


def refund_at_stripe(*, payment: Payment, amount_cents: int, reason: str, key: str) -> None:
    """Give money back at Stripe; the credits follow. A second call with the same `key` gives nothing more.

    Raises `NothingToRefund` and the refusals of `asking`.
    """
    left = payment.amount_cents - payment.refunded_cents
    if payment.state != Payment.State.PAID or not payment.payment_intent or not 0 < amount_cents <= left:
        raise NothingToRefund(_("Nothing, or less than that, is left to refund of this payment."), field="amount")
    with asking() as client:
        refund = client.v1.refunds.create(
            {"payment_intent": payment.payment_intent, "amount": amount_cents, "metadata": {"reason": reason[:400]}},
            {"idempotency_key": key},
        )
        charge = plain(refund).get("charge") or payment.charge
    apply_charge(charge if isinstance(charge, str) else charge["id"])
