"""Changing what is paid for at Stripe: another plan, an end, money back."""

from datetime import datetime
from typing import Any

from django.utils.translation import gettext as _

from accounts.models import Company
from billing.following import LIVE
from billing.models import Interval, Payment, Plan, Subscription
from billing.refusals import NotForSale, NotSubscribed
from billing.stripe.applying import apply_charge, apply_invoice, apply_subscription
from billing.stripe.client import asking, plain
from config.base.refusal import Refusal

# What makes a downgrade wait, and what takes that back.
KEEPS_NOTHING = {"keeps_plan": "", "keeps_until": ""}


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


def change_subscription(*, company: Company, plan: Plan, interval: str) -> None:
    """Put a subscription on another plan: a dearer one at once for the difference, a cheaper one at the period's end.

    Choosing the present plan takes a change back that waits. Raises `NotSubscribed`, `NotForSale` and the refusals of
    `asking`; a declined card changes nothing.
    """
    subscription = paid_subscription(company=company)
    price = plan.stripe_yearly_price_id if interval == Interval.YEAR else plan.stripe_monthly_price_id
    if not price or not plan.is_active:
        raise NotForSale(_("%(plan)s cannot be bought online at the moment.") % {"plan": plan.name})
    is_up = is_upgrade(subscription, plan, interval)
    if interval != subscription.interval and not is_up:
        raise NotForSale(
            _("What is paid by the year can change to months when the year is over: cancel, and subscribe again then.")
        )
    if is_up and subscription.next_plan is not None:
        # First back to what was paid for, or the difference would be reckoned from the cheaper plan.
        _modify(subscription, price=_present_price(subscription), metadata=KEEPS_NOTHING, proration_behavior="none")
    if is_up:
        _modify(
            subscription,
            price=price,
            metadata=KEEPS_NOTHING,
            proration_behavior="always_invoice",
            payment_behavior="error_if_incomplete",
            cancel_at_period_end=False,
        )
    else:
        waits = KEEPS_NOTHING if plan == subscription.plan else _keeps(subscription)
        _modify(subscription, price=price, metadata=waits, proration_behavior="none")
    _follow(subscription.reference)


def _present_price(subscription: Subscription) -> str:
    plan = subscription.plan
    return plan.stripe_yearly_price_id if subscription.interval == Interval.YEAR else plan.stripe_monthly_price_id


def _keeps(subscription: Subscription) -> dict[str, str]:
    until = subscription.period_end or subscription.period_start
    return {"keeps_plan": subscription.plan.slug, "keeps_until": str(int(until.timestamp()))}


def _modify(subscription: Subscription, *, price: str, **changes: Any) -> None:
    with asking() as client:
        items = client.v1.subscription_items.list({"subscription": subscription.reference})
        changes["items"] = [{"id": items.data[0].id, "price": price}]
        client.v1.subscriptions.update(subscription.reference, changes)  # type: ignore[arg-type]


def _follow(reference: str) -> None:
    """See at once what the webhook will tell later."""
    with asking() as client:
        latest = plain(client.v1.subscriptions.retrieve(reference)).get("latest_invoice")
    if latest:
        apply_invoice(latest if isinstance(latest, str) else latest["id"])
    apply_subscription(reference)


def cancel_subscription(*, company: Company) -> datetime | None:
    """End a subscription when what is paid for is over; returns when that is."""
    reference = paid_subscription(company=company).reference
    with asking() as client:
        client.v1.subscriptions.update(reference, {"cancel_at_period_end": True})
    apply_subscription(reference)
    return Subscription.objects.get(company=company).cancel_at


def resume_subscription(*, company: Company) -> None:
    """Take an end back that has not come yet."""
    reference = paid_subscription(company=company).reference
    with asking() as client:
        client.v1.subscriptions.update(reference, {"cancel_at_period_end": False})
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
