"""Credits that operators give or take back by hand. Where the installation asks for two, the larger ones wait.

`settings.TWO_PERSON_CREDITS` is what one operator may move alone for a company within a day; what goes beyond waits for
another operator, who approves or rejects it. The database refuses a decision by whoever asked.
"""

from datetime import timedelta
from uuid import UUID

from django.conf import settings
from django.db import IntegrityError, transaction
from django.db.models import Q, Sum
from django.db.models.functions import Abs
from django.utils import timezone
from django.utils.translation import gettext as _
from psycopg.errors import UniqueViolation

from accounts.models import Company, User
from accounts.person_addresses import addresses_of
from accounts.services import record_audit
from billing.corrections import adjust_credits
from billing.models import AdjustmentRequest, LedgerEntry
from billing.services import lock_wallet
from config.base.refusal import Refusal

DAY = timedelta(days=1)


class NotYours(Refusal):
    """Whoever asked for an adjustment does not decide on it."""

    code = "needs_another_operator"
    status = 403


def adjust_or_ask(*, company: Company, amount: int, reason: str, actor: User, key: UUID) -> AdjustmentRequest | bool:
    """Adjust at once, or write down the wish for another operator; `key` makes it happen once.

    Returns the request that waits; else whether something was done, which is False when `key` was used before.
    Raises `InsufficientCredits`.
    """
    with transaction.atomic():
        lock_wallet(company=company)
        if not _needs_another(company, amount, actor):
            return adjust_credits(company=company, amount=amount, reason=reason, actor=actor, key=f"adjust:{key}")
        return _ask(company, amount, reason=reason, actor=actor, key=key)


def _needs_another(company: Company, amount: int, actor: User) -> bool:
    if settings.TWO_PERSON_CREDITS is None:
        return False
    # Split into small ones it is as much, and under a former address too.
    mine = LedgerEntry.objects.filter(
        Q(actor=actor.email) | Q(actor__in=[one.email for one in addresses_of(actor)]),
        wallet_id=company.pk,
        kind=LedgerEntry.Kind.ADJUST,
        created_at__gt=timezone.now() - DAY,
    )
    moved: int = mine.aggregate(moved=Sum(Abs("amount"), default=0))["moved"]
    return moved + abs(amount) > settings.TWO_PERSON_CREDITS


def _ask(company: Company, amount: int, *, reason: str, actor: User, key: UUID) -> AdjustmentRequest | bool:
    try:
        with transaction.atomic():
            asked = AdjustmentRequest.objects.create(
                id=key, company=company, amount=amount, reason=reason, requested_by=actor
            )
    except IntegrityError as error:
        if isinstance(error.__cause__, UniqueViolation):
            return False
        raise
    _note(asked, actor, "credits.adjustment_asked")
    return asked


def approve(*, asked: AdjustmentRequest, actor: User) -> bool:
    """Do what another operator asked for. False when it was decided on before.

    Raises `NotYours`, and `InsufficientCredits`, after which it still waits.
    """
    with transaction.atomic():
        lock_wallet(company=asked.company)
        if not _decide(asked, actor, AdjustmentRequest.State.APPROVED):
            return False
        adjust_credits(
            company=asked.company, amount=asked.amount, reason=asked.reason, actor=actor, key=f"adjust:{asked.pk}"
        )
        _note(asked, actor, "credits.adjustment_approved")
    return True


def reject(*, asked: AdjustmentRequest, actor: User) -> bool:
    """Leave the credits as they are. False when it was decided on before. Raises `NotYours`."""
    with transaction.atomic():
        if not _decide(asked, actor, AdjustmentRequest.State.REJECTED):
            return False
        _note(asked, actor, "credits.adjustment_rejected")
    return True


def _decide(asked: AdjustmentRequest, actor: User, state: str) -> bool:
    if asked.requested_by_id == actor.pk:
        raise NotYours(_("You asked for this adjustment yourself: another operator decides on it."))
    waiting = AdjustmentRequest.objects.filter(pk=asked.pk, state=AdjustmentRequest.State.OPEN)
    return bool(waiting.update(state=state, decided_by=actor, decided_at=timezone.now()))


def _note(asked: AdjustmentRequest, actor: User, action: str) -> None:
    record_audit(
        actor=actor.email,
        action=action,
        # Not the company's to read: what came of it is.
        target=str(asked.company),
        detail={
            "amount": asked.amount,
            "reason": asked.reason,
            "request": str(asked.pk),
            "company": str(asked.company_id),
            "asked_by": asked.requested_by.email,
        },
    )
