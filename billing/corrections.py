"""What an operator changes by hand: a company's credits and its plan. Both leave an audit entry."""

from datetime import datetime

from django.db import transaction
from django.utils import timezone
from django.utils.translation import gettext as _

from accounts.models import Company, User
from accounts.services import record_audit
from billing.following import end_subscription, put_into_force
from billing.models import LedgerEntry, Plan, Subscription, Wallet
from billing.periods import MANUAL, give_period, stop_periods
from billing.services import InsufficientCredits, grant_credits, lock_wallet, spend_from_lots
from config.base.ids import uuid7
from config.base.refusal import Refusal


def adjust_credits(*, company: Company, amount: int, reason: str, actor: User, key: str) -> bool:
    """Give (`amount` > 0) or take back (< 0) credits for a reason; the company sees it in its statement.

    False, and nothing changed, when `key` was done before. Never takes more than is available: raises
    `InsufficientCredits`.
    """
    if not amount:
        raise ValueError("Nothing to adjust.")
    with transaction.atomic():
        wallet = lock_wallet(company=company)
        if LedgerEntry.objects.filter(key=key).exists():
            return False
        if amount > 0:
            grant_credits(
                company=company,
                amount=amount,
                kind=LedgerEntry.Kind.ADJUST,
                key=key,
                cause=reason,
                actor=actor.email,
            )
        else:
            _take_back(wallet, -amount, reason=reason, actor=actor, key=key)
        record_audit(
            actor=actor.email,
            action="credits.adjusted",
            target=str(company),
            company=company,
            detail={"amount": amount, "reason": reason, "key": key},
        )
    return True


def _take_back(wallet: Wallet, amount: int, *, reason: str, actor: User, key: str) -> None:
    if amount > wallet.available:
        raise InsufficientCredits(
            _("Only %(available)d credits are available; no more can be taken back.") % {"available": wallet.available},
            field="amount",
        )
    spend_from_lots(
        wallet_id=wallet.pk,
        amount=amount,
        held=0,
        kind=LedgerEntry.Kind.ADJUST,
        key=key,
        cause=reason,
        actor=actor.email,
    )


class PaidFor(Refusal):
    """The company pays for a plan, so it cannot be put on another one by hand."""

    code = "plan_paid_for"
    status = 409


def refuse_paid_for(subscription: Subscription) -> None:
    """Raises `PaidFor` while a company pays for its plan."""
    if subscription.source in (Subscription.Source.STRIPE, Subscription.Source.TEST) and subscription.reference:
        raise PaidFor(
            _("This company pays for the plan %(plan)s. End that subscription first, or change it at Stripe.")
            % {"plan": subscription.plan.name}
        )


def change_plan(*, company: Company, plan: Plan, actor: User, until: datetime | None = None) -> bool:
    """Put a company on a plan by hand, with its monthly credits, until a moment (None: for good).

    False if it is on it already. Raises `PaidFor` while the company pays for a plan.
    """
    with transaction.atomic():
        lock_wallet(company=company)
        subscription = Subscription.objects.select_related("plan", "company").get(company=company)
        refuse_paid_for(subscription)
        if subscription.plan == plan and subscription.period_end == until:
            return False
        now = timezone.now()
        stop_periods(company=company, reference=subscription.reference, now=now)
        if plan.is_default:
            end_subscription(subscription, now=now, actor=actor.email)
            return True
        before, subscription.plan = subscription.plan, plan
        subscription.source = Subscription.Source.MANUAL
        subscription.status = Subscription.Status.ACTIVE
        subscription.reference = f"{MANUAL}{uuid7()}"
        subscription.next_plan = subscription.grace_until = subscription.cancel_at = None
        subscription.period_start, subscription.period_end = now, until
        put_into_force(subscription, before=before, actor=actor.email)
        give_period(company=company, plan=plan, reference=subscription.reference, until=until, now=now)
    return True
