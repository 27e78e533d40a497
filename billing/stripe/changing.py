"""Changing what is paid for at Stripe: another plan, an end, money back."""

from datetime import datetime
from typing import Any, Literal

from django.utils.translation import gettext as _

from accounts.models import Company
from billing.following import LIVE
from billing.models import Interval, Payment, Plan, Subscription
from billing.refusals import NotForSale, NotSubscribed
from billing.stripe.applying import apply_charge, apply_invoice, apply_subscription
from billing.stripe.client import PaymentDeclined, asking, plain
from billing.stripe.reading import WITH_SCHEDULE, identifier, waiting_phase
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


def is_upgrade(subscription: Subscription, plan: Plan, interval: str) -> bool:
    """Whether a change is paid for now: to a dearer plan, or from months to a year."""
    now, then = subscription.plan.monthly_price_cents or 0, plan.monthly_price_cents or 0
    return then > now or (then == now and (subscription.interval, interval) == (Interval.MONTH, Interval.YEAR))


def change_subscription(*, company: Company, plan: Plan, interval: str) -> Payment | None:
    """Put a subscription on another plan: a dearer one at once for the difference, a cheaper one at the period's end.

    Returns what was paid at once; None where nothing was.

    Choosing the present plan takes back a change that waits; choosing any takes back an end. Raises `NotSubscribed`,
    `NotForSale` and the refusals of `asking`; a declined card changes nothing.
    """
    subscription = paid_subscription(company=company)
    price = plan.stripe_yearly_price_id if interval == Interval.YEAR else plan.stripe_monthly_price_id
    if not price or not plan.is_active:
        raise NotForSale(_("%(plan)s cannot be bought online at the moment.") % {"plan": plan.name})
    is_up = is_upgrade(subscription, plan, interval)
    if interval != subscription.interval and (not is_up or subscription.interval == Interval.YEAR):
        # The rest of a paid year must not turn into money for months: its credits were given for the year.
        raise NotForSale(
            _("What is paid by the year can change to months when the year is over: cancel, and subscribe again then.")
        )
    is_trial = subscription.status == Subscription.Status.TRIALING
    waited = _let_go(subscription.reference)
    if is_up:
        _upgrade(subscription, price, waited)
    elif plan != subscription.plan:
        _wait_with(subscription.reference, price)
    latest = _follow(subscription.reference)
    return Payment.objects.filter(key=f"invoice:{latest}").first() if is_up and not is_trial else None


def _let_go(reference: str) -> str:
    """Take a change, or an end, back that waits; returns the price that was waited for, empty for none."""
    with asking() as client:
        found = plain(client.v1.subscriptions.retrieve(reference, {"expand": WITH_SCHEDULE}))
        schedule = found.get("schedule")
        if schedule:
            client.v1.subscription_schedules.release(schedule["id"])
        if found.get("cancel_at_period_end"):
            client.v1.subscriptions.update(reference, {"cancel_at_period_end": False})
    phase = waiting_phase(found)
    return identifier(phase["items"][0]["price"]) if phase else ""


def _upgrade(subscription: Subscription, price: str, waited: str) -> None:
    try:
        with asking() as client:
            items = client.v1.subscription_items.list({"subscription": subscription.reference})
            client.v1.subscriptions.update(
                subscription.reference,
                {
                    "items": [{"id": items.data[0].id, "price": price}],
                    "proration_behavior": AT_ONCE,
                    "payment_behavior": "error_if_incomplete",
                },
            )
    except PaymentDeclined:
        # A declined card changes nothing: what waited goes on waiting, and so does the end that was asked for.
        if waited:
            _wait_with(subscription.reference, waited)
        if subscription.cancel_at is not None:
            with asking() as client:
                client.v1.subscriptions.update(subscription.reference, {"cancel_at_period_end": True})
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
    _let_go(reference)
    with asking() as client:
        client.v1.subscriptions.update(reference, {"cancel_at_period_end": True})
    apply_subscription(reference)
    return Subscription.objects.get(company=company).cancel_at


def resume_subscription(*, company: Company) -> None:
    """Take an end back that has not come yet."""
    reference = paid_subscription(company=company).reference
    _let_go(reference)
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
