"""Writes that move credits: open, grant, hold, settle, release, expire.

Every one of them may race itself, be called twice or die half-way. So each takes the wallet's row first and keeps it
to the end: by a conditional UPDATE that the rest of one statement depends on, or by a lock in a statement of its own,
after which the next statement sees all that the row's last owner did. Nothing changes a wallet's lots, holds or entries
without it. What was done already is recognised by its unique key.

Locks are taken in one order: wallet, credit lot, hold.
"""

from collections.abc import Mapping
from contextlib import nullcontext
from datetime import datetime
from typing import Any, TypeVar
from uuid import UUID

from django.db import IntegrityError, connection, transaction
from django.db.models import Exists, F, OuterRef
from django.utils import timezone
from django.utils.translation import gettext as _
from psycopg.errors import UniqueViolation

from accounts.models import Company
from billing.entitlements import write_entitlements
from billing.models import CreditLot, Hold, LedgerEntry, Plan, Subscription, Wallet
from billing.notices import balance_fell
from billing.plans import default_plan
from config.base import realtime
from config.base.ids import uuid7
from config.base.refusal import Refusal


class InsufficientCredits(Refusal):
    """The wallet has fewer credits available than this needs."""

    code = "insufficient_credits"
    status = 402


class KeyTaken(ValueError):
    """A key that belongs to another wallet or another amount was used again: a mistake in our own code."""


class LedgerBroken(RuntimeError):
    """A wallet and its lots disagree; nothing was changed. `audit_ledger` names the rows."""


def _rows(statement: str, values: Mapping[str, Any]) -> list[tuple[Any, ...]]:
    with connection.cursor() as cursor:
        cursor.execute(statement, values)
        rows: list[tuple[Any, ...]] = cursor.fetchall()
    return rows


def _rows_once(statement: str, values: Mapping[str, Any]) -> list[tuple[Any, ...]]:
    """The rows of a statement that inserts a unique key; none when a racing call inserted it first."""
    try:
        # Alone, a statement that fails has changed nothing; inside a transaction it would break all of that.
        with transaction.atomic() if connection.in_atomic_block else nullcontext():
            return _rows(statement, values)
    except IntegrityError as error:
        if isinstance(error.__cause__, UniqueViolation):
            return []
        raise


_Row = TypeVar("_Row", Hold, LedgerEntry)


def _as_stored(row: _Row) -> _Row:
    """Mark a row that a statement of ours has inserted as being in the database."""
    row._state.adding = False
    row._state.db = connection.alias
    return row


def _tell(company_id: UUID) -> None:
    realtime.publish(company_id=company_id, name="credits", ids={"id": str(company_id)})


def open_account(*, company: Company) -> Wallet:
    """Give a company its wallet and put it on the default plan. Doing it again changes nothing."""
    if not Subscription.objects.filter(company=company).exists():
        Subscription.objects.get_or_create(company=company, defaults={"plan": default_plan()})
    wallet, _made = Wallet.objects.get_or_create(company=company)
    write_entitlements(company=company)
    return wallet


def lock_wallet(*, company: Company) -> Wallet:
    """A company's wallet, locked until the transaction ends: whatever changes its money waits for that."""
    return Wallet.objects.select_for_update(no_key=True).get(company=company)


def owe(*, wallet_id: UUID, amount: int) -> None:
    """Write down that a wallet owes `amount` credits more (negative: fewer). The transaction has locked it."""
    Wallet.objects.filter(pk=wallet_id).update(debt=F("debt") + amount)


def write_unlimited(*, company: Company | None = None, plan: Plan | None = None) -> int:
    """Have wallets cost nothing exactly where the plan's credits are unlimited; returns how many changed."""
    unlimited = Subscription.objects.filter(company=OuterRef("company"), plan__monthly_credits=None)
    wallets = Wallet.objects.filter(**({"company": company} if company else {}))
    if plan is not None:
        wallets = wallets.filter(company__subscription__plan=plan)
    return wallets.exclude(unlimited=Exists(unlimited)).update(unlimited=Exists(unlimited))


# A conditional UPDATE of the wallet comes first: it waits for whoever has the row, then decides on what that one left.
# (A lock and an UPDATE in one statement do not: under load the lock was seen to return a row already outdated.)
# The key is looked for to spare the common repetition an error; two calls at once are told apart by the unique index.
_GRANT = """
WITH wallet AS (
    UPDATE billing_wallet SET balance = balance + %(amount)s, entry_count = entry_count + 1
    WHERE company_id = %(company)s AND NOT EXISTS (SELECT FROM billing_ledgerentry WHERE key = %(key)s)
    RETURNING company_id, balance, entry_count
), lot AS (
    INSERT INTO billing_creditlot (id, wallet_id, amount, remaining, expires_at, created_at)
    SELECT %(lot)s, company_id, %(amount)s, %(amount)s, %(expires_at)s, %(now)s FROM wallet
)
INSERT INTO billing_ledgerentry (id, wallet_id, number, kind, amount, balance_after, key, cause, actor, created_at)
SELECT %(entry)s, company_id, entry_count, %(kind)s, %(amount)s, balance, %(key)s, %(cause)s, %(actor)s, %(now)s
FROM wallet
RETURNING number, balance_after
"""


def grant_credits(
    *,
    company: Company,
    amount: int,
    kind: str,
    key: str,
    cause: str,
    actor: str = "",
    expires_at: datetime | None = None,
) -> LedgerEntry:
    """Add `amount` (at least 1) credits as one lot and return their ledger entry.

    A second call with the same `key` returns the first call's entry and changes nothing. Raises `KeyTaken` when that
    entry is another company's, `Wallet.DoesNotExist` when the company has no account.
    """
    if amount < 1:
        raise ValueError("A grant is of at least one credit.")
    entry = LedgerEntry(wallet_id=company.pk, kind=kind, amount=amount, key=key, cause=cause[:200], actor=actor)
    values = {
        "company": company.pk,
        "entry": entry.pk,
        "lot": uuid7(),
        "kind": kind,
        "amount": amount,
        "key": key,
        "cause": entry.cause,
        "actor": actor,
        "now": entry.created_at,
        "expires_at": expires_at,
    }
    rows = _rows_once(_GRANT, values)
    if rows:
        entry.number, entry.balance_after = rows[0]
        _tell(company.pk)
        return _as_stored(entry)
    earlier = LedgerEntry.objects.filter(key=key).first()
    if earlier is None:
        raise Wallet.DoesNotExist(f"{company} has no account.")
    if earlier.wallet_id != company.pk:
        raise KeyTaken(f"{key} was used for another company.")
    return earlier


_HOLD = """
WITH wallet AS (
    UPDATE billing_wallet SET held = held + CASE WHEN unlimited THEN 0 ELSE %(amount)s END
    WHERE company_id = %(company)s AND (unlimited OR balance - held >= %(amount)s)
        AND NOT EXISTS (SELECT FROM billing_hold WHERE key = %(key)s)
    RETURNING company_id, unlimited
)
INSERT INTO billing_hold (id, wallet_id, key, amount, settled, state, cause, reason, created_at)
SELECT %(id)s, company_id, %(key)s, CASE WHEN unlimited THEN 0 ELSE %(amount)s END, 0, 'open', %(cause)s, '', %(now)s
FROM wallet
RETURNING amount
"""


def hold_credits(*, company: Company, amount: int, key: str, cause: str) -> Hold:
    """Promise `amount` (0 or more) credits to the work named by `key`; one statement. An unlimited wallet holds 0.

    A second call with the same `key` and amount returns the first call's hold, whatever became of it, and changes
    nothing. Raises `InsufficientCredits`, and `KeyTaken` when the key was used for something else.
    """
    if amount < 0:
        raise ValueError("A hold is of no less than nothing.")
    hold = Hold(wallet_id=company.pk, key=key, amount=amount, cause=cause[:200])
    values = {
        "company": company.pk,
        "id": hold.pk,
        "key": key,
        "amount": amount,
        "cause": hold.cause,
        "now": hold.created_at,
    }
    rows = _rows_once(_HOLD, values)
    if not rows:
        return _earlier_hold(company, amount, key)
    hold.amount = rows[0][0]
    if hold.amount:
        _tell(company.pk)
    return _as_stored(hold)


def _earlier_hold(company: Company, amount: int, key: str) -> Hold:
    """The hold that has the key already; else the refusal, for then the credits were too few."""
    wallet = Wallet.objects.get(company=company)
    hold = Hold.objects.filter(key=key).first()
    if hold is None:
        raise InsufficientCredits(
            _(
                "Not enough credits: this needs %(needed)d, and %(available)d are available. "
                "Choose something that costs less, or get more credits."
            )
            % {"needed": amount, "available": wallet.available}
        )
    if hold.wallet_id != wallet.pk or (hold.amount != amount and not (wallet.unlimited and hold.amount == 0)):
        raise KeyTaken(f"{key} was used for another hold.")
    return hold


# What closes a hold locks its wallet in a statement of its own, so that the next one sees all that was done before.
_LOCK = """
SELECT wallet.company_id, hold.amount, hold.cause, plan.monthly_credits FROM billing_wallet AS wallet
JOIN billing_hold AS hold ON hold.wallet_id = wallet.company_id
LEFT JOIN billing_subscription AS subscription ON subscription.company_id = wallet.company_id
LEFT JOIN billing_plan AS plan ON plan.id = subscription.plan_id
WHERE hold.key = %(key)s FOR NO KEY UPDATE OF wallet
"""

_RELEASE = """
WITH closed AS (
    UPDATE billing_hold SET state = 'released', reason = %(reason)s, closed_at = %(now)s
    WHERE key = %(key)s AND state = 'open'
    RETURNING wallet_id, amount
)
UPDATE billing_wallet AS wallet SET held = wallet.held - closed.amount
FROM closed WHERE wallet.company_id = closed.wallet_id
RETURNING wallet.company_id, closed.amount
"""

# Takes credits out of lots, soonest-expiring first, and out of the balance, and writes the entry. Runs after the wallet
# was locked by an earlier statement of the transaction: only so does it see a lot that was granted while we waited.
_SPEND = """
WITH lots AS (
    SELECT id, remaining,
        (sum(remaining) OVER (ORDER BY expires_at ASC NULLS LAST, id) - remaining)::bigint AS before
    FROM billing_creditlot
    WHERE wallet_id = %(wallet)s AND remaining > 0
        AND (%(expired_by)s::timestamptz IS NULL OR expires_at <= %(expired_by)s::timestamptz)
), spent AS (
    UPDATE billing_creditlot AS lot SET remaining = lot.remaining - LEAST(lots.remaining, %(amount)s - lots.before)
    FROM lots WHERE lot.id = lots.id AND lots.before < %(amount)s
    RETURNING LEAST(lots.remaining, %(amount)s - lots.before) AS taken
), wallet AS (
    UPDATE billing_wallet
    SET balance = balance - %(amount)s, held = held - %(held)s, entry_count = entry_count + 1
    WHERE company_id = %(wallet)s
    RETURNING company_id, balance, entry_count
)
INSERT INTO billing_ledgerentry (id, wallet_id, number, kind, amount, balance_after, key, cause, actor, created_at)
SELECT %(entry)s, company_id, entry_count, %(kind)s, -%(amount)s, balance, %(key)s, %(cause)s, %(actor)s, %(now)s
FROM wallet WHERE (SELECT sum(taken) FROM spent) = %(amount)s
RETURNING balance_after
"""


def spend_from_lots(
    *,
    wallet_id: UUID,
    amount: int,
    held: int,
    kind: str,
    key: str,
    cause: str,
    actor: str = "",
    expired_by: datetime | None = None,
) -> int:
    """Take `amount` (at least 1) credits from a wallet that this transaction has locked, of which `held` were held.

    Returns the balance afterwards. With `expired_by` only from lots that expired by then. Raises `LedgerBroken` when
    the lots do not have them.
    """
    values = {
        "wallet": wallet_id,
        "amount": amount,
        "held": held,
        "kind": kind,
        "key": key,
        "cause": cause[:200],
        "actor": actor,
        "entry": uuid7(),
        "now": timezone.now(),
        "expired_by": expired_by,
    }
    rows = _rows(_SPEND, values)
    if not rows:
        raise LedgerBroken(f"The lots of wallet {wallet_id} do not have {amount} credits for {key}.")
    _tell(wallet_id)
    balance: int = rows[0][0]
    return balance


def settle_hold(*, key: str, amount: int) -> bool:
    """Spend `amount` of a hold and give its rest back. False if it was closed before: nothing changed then.

    Spending nothing of a hold that has something releases it. Raises `ValueError` for more than is held,
    `Hold.DoesNotExist` for a key that nobody holds.
    """
    if amount < 0:
        raise ValueError("Nothing can be spent backwards.")
    with transaction.atomic(savepoint=False):
        wallet_id, held, cause, monthly_credits = _lock_wallet_of(key)
        if amount > held:
            raise ValueError(f"{key} holds {held}, less than {amount}.")
        if held and not amount:
            return release_hold(key=key, reason=_("nothing was made"))
        closed = Hold.objects.filter(key=key, state=Hold.State.OPEN).update(
            state=Hold.State.SETTLED, settled=amount, closed_at=timezone.now()
        )
        if closed and amount:
            left = spend_from_lots(
                wallet_id=wallet_id,
                amount=amount,
                held=held,
                kind=LedgerEntry.Kind.SETTLE,
                key=f"settle:{key}",
                cause=cause,
            )
            company = Company(pk=wallet_id)
            balance_fell(
                company=company, before=left + amount, after=left, monthly_credits=monthly_credits, key=f"settle:{key}"
            )
    return bool(closed)


def release_hold(*, key: str, reason: str) -> bool:
    """Give all of a hold back, saying why. False if it was closed before: nothing changed then.

    Raises `Hold.DoesNotExist` for a key that nobody holds.
    """
    with transaction.atomic(savepoint=False):
        wallet_id, held, _cause, _monthly = _lock_wallet_of(key)
        values = {"key": key, "reason": reason[:300], "now": timezone.now()}
        closed = _rows(_RELEASE, values)
        if closed and held:
            _tell(wallet_id)
    return bool(closed)


def _lock_wallet_of(key: str) -> tuple[UUID, int, str, int | None]:
    """Lock the wallet of a hold; its id, the hold's amount and cause, which never change, and the plan's credits."""
    rows = _rows(_LOCK, {"key": key})
    if not rows:
        raise Hold.DoesNotExist(key)
    wallet_id, held, cause, monthly_credits = rows[0]
    return wallet_id, held, cause, monthly_credits


def expire_lots(*, now: datetime) -> int:
    """Take what is left in lots that expired by `now` out of their wallets; return how many credits went.

    Never more than is available: what is held stays until it is settled or released, and goes with a later run.
    Each wallet is a transaction of its own.
    """
    expired = CreditLot.objects.filter(remaining__gt=0, expires_at__lte=now)
    wallets = expired.order_by("wallet_id").values_list("wallet_id", flat=True).distinct()
    return sum(_expire_wallet(wallet_id, now) for wallet_id in list(wallets))


def _expire_wallet(wallet_id: UUID, now: datetime) -> int:
    with transaction.atomic():
        wallet = Wallet.objects.select_for_update(no_key=True).get(pk=wallet_id)
        lots = wallet.lots.filter(remaining__gt=0, expires_at__lte=now).order_by("expires_at", "id")
        left = list(lots.values_list("pk", "remaining"))
        amount = min(wallet.available, sum(remaining for _pk, remaining in left))
        if not amount:
            return 0
        first, remaining = left[0]
        spend_from_lots(
            wallet_id=wallet_id,
            amount=amount,
            held=0,
            kind=LedgerEntry.Kind.EXPIRE,
            # What is left of a lot only shrinks, so this names one expiry.
            key=f"expire:{first}:{remaining}",
            cause=_("Not spent in time"),
            expired_by=now,
        )
    return amount
