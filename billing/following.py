"""Bringing a company's plan, payments and credits in line with what is known of them.

Facts may come in any order, more than once and at the same time: the company's wallet is locked first, an answer that
was asked for earlier than what is known changes nothing, and what is granted is keyed by what it is paid for.
"""

from datetime import datetime

from django.conf import settings
from django.db import transaction
from django.db.models import F

from accounts.models import Company
from accounts.services import record_audit
from billing import notices
from billing.entitlements import write_entitlements
from billing.facts import PaymentFact, SubscriptionFact
from billing.models import BillingPeriod, LedgerEntry, Payment, Plan, Subscription
from billing.periods import record_period, stop_periods
from billing.plans import default_plan
from billing.reversals import collect_debt, settle_reversals
from billing.services import grant_credits, lock_wallet, write_unlimited

LIVE = (
    Subscription.Status.TRIALING,
    Subscription.Status.ACTIVE,
    Subscription.Status.PAST_DUE,
    Subscription.Status.PAUSED,
)


class WrongCompany(ValueError):
    """A payment that is one company's was said to be another's."""


def follow_payment(fact: PaymentFact) -> Payment:
    """Write a payment down and give what it pays for, or take back what was refunded or is disputed.

    Raises `WrongCompany`, and `Wallet.DoesNotExist` for a company without an account; nothing is changed then.
    """
    with transaction.atomic():
        wallet = lock_wallet(company=fact.company)
        payment, _made = Payment.objects.get_or_create(
            key=fact.key,
            defaults={
                "company": fact.company,
                "kind": fact.kind,
                "amount_cents": fact.amount_cents,
                "currency": fact.currency,
                "created_at": fact.created_at,
            },
        )
        if payment.company_id != fact.company.pk:
            raise WrongCompany(f"{fact.key} is another company's.")
        if payment.seen_at is not None and payment.seen_at > fact.asked_at:
            return payment
        is_disputed = payment.disputed_cents != fact.disputed_cents
        before = (payment.state, payment.refunded_cents)
        _write_down(payment, fact)
        if payment.state == Payment.State.PAID:
            _give(payment, fact)
            payment.refresh_from_db()
            kind = LedgerEntry.Kind.DISPUTE if is_disputed else LedgerEntry.Kind.REFUND
            taken = settle_reversals(payment=payment, kind=kind)
            _stop_or_resume(payment, now=fact.asked_at)
            if payment.refunded_cents > before[1]:
                cents = payment.refunded_cents - before[1]
                notices.payment_refunded(payment, cents=cents, credits_taken=max(0, taken))
        _tell_of_payment(payment, before=before[0], due_at=fact.due_at or fact.asked_at)
        collect_debt(wallet=wallet)
    return payment


def _tell_of_payment(payment: Payment, *, before: str, due_at: datetime) -> None:
    if payment.state == before or not payment.amount_cents:
        return
    if payment.state == Payment.State.PAID:
        notices.payment_received(payment)
    elif payment.state == Payment.State.FAILED:
        is_plan = payment.kind == Payment.Kind.SUBSCRIPTION
        notices.payment_failed(payment, until=due_at + settings.PAST_DUE_GRACE if is_plan else None)


def _write_down(payment: Payment, fact: PaymentFact) -> None:
    for name in (
        "state",
        "payment_intent",
        "charge",
        "plan",
        "pack",
        "amount_cents",
        "tax_cents",
        "currency",
        "refunded_cents",
        "disputed_cents",
        "number",
        "description",
        "hosted_url",
        "pdf_url",
        "paid_at",
    ):
        setattr(payment, name, getattr(fact, name))
    payment.seen_at = fact.asked_at
    payment.save()


def _give(payment: Payment, fact: PaymentFact) -> None:
    if payment.pack is not None and not payment.credits:
        grant_credits(
            company=fact.company,
            amount=payment.pack.credits,
            kind=LedgerEntry.Kind.PURCHASE,
            key=f"payment:{payment.pk}",
            cause=fact.description,
        )
        payment.credits = payment.pack.credits
        payment.save(update_fields=["credits"])
    for period in fact.periods:
        key = f"{fact.key}:{period.plan.slug}:{int(period.start.timestamp())}"
        record_period(company=fact.company, fact=period, key=key, payment=payment, now=fact.asked_at)


def _stop_or_resume(payment: Payment, *, now: datetime) -> None:
    """What was wholly paid back grants no more months; a dispute that is won lets them go on."""
    if payment.kind != Payment.Kind.SUBSCRIPTION or not payment.amount_cents:
        return
    periods = BillingPeriod.objects.filter(payment=payment)
    if payment.refunded_cents + payment.disputed_cents >= payment.amount_cents:
        periods.filter(stopped_at=None).update(stopped_at=now)
    else:
        periods.filter(reference=F("company__subscription__reference")).update(stopped_at=None)


def follow_subscription(fact: SubscriptionFact) -> bool:
    """Put a company on the plan that its subscription gives it now. False: that is not news; nothing changed.

    A company follows one subscription. Another one takes its place when that has ended, or when it costs more.
    """
    with transaction.atomic():
        lock_wallet(company=fact.company)
        subscription = Subscription.objects.select_related("plan", "next_plan", "company").get(company=fact.company)
        if not _is_news(subscription, fact):
            return False
        before = subscription.plan
        if fact.status in LIVE:
            _go_on(subscription, fact)
        else:
            _end(subscription, now=fact.asked_at)
            subscription.seen_at = fact.asked_at
        put_into_force(subscription, before=before, actor=str(subscription.get_source_display()))
    return True


def _is_news(subscription: Subscription, fact: SubscriptionFact) -> bool:
    if subscription.seen_at is not None and subscription.seen_at > fact.asked_at:
        return False
    if subscription.reference == fact.reference:
        return True
    if fact.status not in LIVE:
        return False
    is_taken = bool(subscription.reference) and subscription.status in LIVE
    return not is_taken or _price(fact.plan) > _price(subscription.next_plan or subscription.plan)


def _price(plan: Plan) -> int:
    return plan.monthly_price_cents or 0


def _go_on(subscription: Subscription, fact: SubscriptionFact) -> None:
    waits = fact.keeps is not None and fact.keeps_until is not None and fact.keeps_until > fact.asked_at
    if fact.status == Subscription.Status.PAST_DUE:
        subscription.grace_until = _grace_until(subscription, fact)
    else:
        subscription.grace_until = None
    subscription.plan = fact.keeps if waits and fact.keeps is not None else fact.plan
    subscription.next_plan = fact.plan if waits else None
    if fact.status == Subscription.Status.PAUSED or is_grace_over(subscription, now=fact.asked_at):
        subscription.plan = default_plan()
    subscription.customer = fact.customer or subscription.customer
    for name in ("source", "reference", "interval", "status", "period_start", "period_end", "cancel_at"):
        setattr(subscription, name, getattr(fact, name))
    subscription.seen_at = fact.asked_at


def _grace_until(subscription: Subscription, fact: SubscriptionFact) -> datetime:
    """Counted from when the payment was asked for: the same however late, and after whatever else, we hear of it."""
    if fact.unpaid_since is not None:
        return fact.unpaid_since + settings.PAST_DUE_GRACE
    known = subscription.grace_until if subscription.reference == fact.reference else None
    return known or fact.asked_at + settings.PAST_DUE_GRACE


def is_grace_over(subscription: Subscription, *, now: datetime) -> bool:
    """Whether a company has had its plan unpaid for as long as it may."""
    return subscription.grace_until is not None and subscription.grace_until <= now


def _end(subscription: Subscription, *, now: datetime) -> None:
    stop_periods(company=subscription.company, reference=subscription.reference, now=now)
    is_unpaid = subscription.status == Subscription.Status.PAST_DUE
    if subscription.reference and not is_grace_over(subscription, now=now):
        notices.plan_ended(
            company=subscription.company, plan=subscription.plan, is_unpaid=is_unpaid, key=subscription.reference
        )
    subscription.plan = default_plan()
    subscription.next_plan = None
    subscription.status = Subscription.Status.ACTIVE
    subscription.source = Subscription.Source.FREE
    subscription.reference = subscription.interval = ""
    subscription.period_start = now
    subscription.period_end = subscription.cancel_at = subscription.grace_until = None


def end_subscription(subscription: Subscription, *, now: datetime, actor: str) -> None:
    """Put a company on the default plan; its work stays. In a transaction that has locked the company's wallet."""
    before = subscription.plan
    _end(subscription, now=now)
    put_into_force(subscription, before=before, actor=actor)


def put_into_force(subscription: Subscription, *, before: Plan, actor: str) -> None:
    """Save a subscription and write down what its plan gives, wherever that is read."""
    subscription.save()
    write_unlimited(company=subscription.company)
    write_entitlements(company=subscription.company)
    if subscription.plan != before:
        record_audit(
            actor=actor,
            action="plan.changed",
            target=subscription.company.name,
            company=subscription.company,
            detail={"plan": subscription.plan.slug, "before": before.slug},
        )


def forget_customer(*, company: Company) -> None:
    """Stripe knows the company's customer no more; the next purchase makes another."""
    with transaction.atomic():
        lock_wallet(company=company)
        Subscription.objects.filter(company=company).update(customer="")
