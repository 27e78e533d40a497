"""What an operator changes by hand: a company's credits and its plan. Both leave an audit entry."""

from django.db import transaction
from django.utils import timezone
from django.utils.translation import gettext as _

from accounts.models import Company, User
from accounts.services import record_audit
from billing.entitlements import write_entitlements
from billing.models import LedgerEntry, Plan, Subscription, Wallet
from billing.services import InsufficientCredits, grant_credits, spend_from_lots


def adjust_credits(*, company: Company, amount: int, reason: str, actor: User, key: str) -> bool:
    """Give (`amount` > 0) or take back (< 0) credits for a reason; the company sees it in its statement.

    False, and nothing changed, when `key` was done before. Never takes more than is available: raises
    `InsufficientCredits`.
    """
    if not amount:
        raise ValueError("Nothing to adjust.")
    with transaction.atomic():
        wallet = Wallet.objects.select_for_update(no_key=True).get(company=company)
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


def change_plan(*, company: Company, plan: Plan, actor: User) -> bool:
    """Put a company on a plan by hand; credits are unlimited if the plan's are. False if it was on it already."""
    with transaction.atomic():
        subscriptions = Subscription.objects.filter(company=company).exclude(plan=plan)
        now = timezone.now()
        if not subscriptions.update(
            plan=plan,
            source=Subscription.Source.MANUAL,
            status=Subscription.Status.ACTIVE,
            period_start=now,
            period_end=None,
            grace_until=None,
        ):
            return False
        Wallet.objects.filter(company=company).update(unlimited=plan.monthly_credits is None)
        write_entitlements(company=company)
        record_audit(
            actor=actor.email, action="plan.changed", target=str(company), company=company, detail={"plan": plan.slug}
        )
    return True
