"""The page that explains money: holds and ledger entries told as sentences, newest first.

A hold and what became of it are one row: "Held 4 for 'red fox…'", "→ spent 3, returned 1". The entry that a hold's
settlement wrote is part of that row; entries of other kinds are rows of their own.
"""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from uuid import UUID

from django.db.models import Q, QuerySet
from django.db.models.enums import TextChoices
from django.utils.text import Truncator
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from accounts.models import Company
from billing.models import Hold, LedgerEntry

PAGE_SIZE = 25
CAUSE_LENGTH = 80
# How many entries a table for downloading reads at a time.
BATCH = 1000
Kind = LedgerEntry.Kind


class Sort(TextChoices):
    """What a reader of the statement may look for."""

    WORK = "work", gettext_lazy("Work")
    RECEIVED = "received", gettext_lazy("Received")
    BOUGHT = "bought", gettext_lazy("Bought")
    TAKEN = "taken", gettext_lazy("Expired or taken back")


# What is granted or added, without being bought; what goes without being spent.
_OF_SORT = {
    Sort.RECEIVED: Q(kind=Kind.GRANT) | Q(kind__in=(Kind.ADJUST, Kind.REFUND, Kind.DISPUTE), amount__gt=0),
    Sort.BOUGHT: Q(kind=Kind.PURCHASE),
    Sort.TAKEN: Q(kind=Kind.EXPIRE) | Q(kind__in=(Kind.ADJUST, Kind.REFUND, Kind.DISPUTE), amount__lt=0),
}


@dataclass(frozen=True, slots=True)
class Wanted:
    """Which part of the statement: `sort` ("": all), and UTC days, both included (None: no end)."""

    sort: str = ""
    since: date | None = None
    until: date | None = None

    @property
    def is_all(self) -> bool:
        """Whether nothing is left out."""
        return not self.sort and self.since is None and self.until is None

    def days(self) -> Q:
        """The condition on `created_at`."""
        condition = Q()
        if self.since is not None:
            condition &= Q(created_at__gte=datetime.combine(self.since, time(), tzinfo=UTC))
        if self.until is not None:
            condition &= Q(created_at__lt=datetime.combine(self.until, time(), tzinfo=UTC) + timedelta(days=1))
        return condition


EVERYTHING = Wanted()


@dataclass(frozen=True, slots=True)
class StatementRow:
    """One thing that happened to the credits.

    `change` is what the balance moved by (None while that is open, 0 when nothing was spent), `balance_after` what it
    was then (None when it did not move); `state` is open, spent, returned, free, in or out.
    """

    id: UUID
    at: datetime
    sentence: str
    outcome: str
    state: str
    change: int | None
    balance_after: int | None

    @property
    def spent(self) -> int:
        """The change without its sign, for a page that writes a real minus."""
        return abs(self.change or 0)


@dataclass(frozen=True, slots=True)
class StatementPage:
    """Some rows; `older` is the place to go on from, None at the end."""

    rows: list[StatementRow]
    older: UUID | None


def statement(
    company: Company, *, before: UUID | None = None, size: int = PAGE_SIZE, wanted: Wanted = EVERYTHING
) -> StatementPage:
    """A page of what happened to a company's credits, newest first, from just before `before`. Three queries."""
    holds = Hold.objects.filter(wanted.days(), wallet_id=company.pk)
    entries = LedgerEntry.objects.filter(wanted.days(), wallet_id=company.pk).exclude(kind=Kind.SETTLE)
    if wanted.sort == Sort.WORK:
        entries = entries.none()
    elif wanted.sort:
        holds, entries = holds.none(), entries.filter(_OF_SORT[Sort(wanted.sort)])
    if before is not None:
        holds, entries = holds.filter(pk__lt=before), entries.filter(pk__lt=before)
    found: list[Hold | LedgerEntry] = [*holds.order_by("-id")[: size + 1], *entries.order_by("-id")[: size + 1]]
    found.sort(key=lambda row: row.pk, reverse=True)
    shown = found[:size]
    balances = _balances_after([row for row in shown if isinstance(row, Hold)])
    rows = [_hold_row(row, balances) if isinstance(row, Hold) else _entry_row(row) for row in shown]
    return StatementPage(rows=rows, older=shown[-1].pk if len(found) > size else None)


def entries_for_table(company: Company, *, wanted: Wanted = EVERYTHING) -> Iterator[LedgerEntry]:
    """Every change of the balance that is wanted, the latest first, read in batches."""
    entries = _entries(company, wanted).order_by("-number")
    last: int | None = None
    while True:
        batch = list((entries if last is None else entries.filter(number__lt=last))[:BATCH])
        yield from batch
        if len(batch) < BATCH:
            return
        last = batch[-1].number


def _entries(company: Company, wanted: Wanted) -> QuerySet[LedgerEntry]:
    entries = LedgerEntry.objects.filter(wanted.days(), wallet_id=company.pk)
    if wanted.sort == Sort.WORK:
        return entries.filter(kind=Kind.SETTLE)
    return entries.filter(_OF_SORT[Sort(wanted.sort)]) if wanted.sort else entries


def _balances_after(holds: list[Hold]) -> dict[str, int]:
    """The balance after each settled hold, by the key of its entry."""
    keys = [f"settle:{hold.key}" for hold in holds if hold.settled]
    return dict(LedgerEntry.objects.filter(key__in=keys).values_list("key", "balance_after"))


def _quoted(cause: str) -> str:
    return _("“%s”") % Truncator(cause).chars(CAUSE_LENGTH)


def _hold_row(hold: Hold, balances: dict[str, int]) -> StatementRow:
    cause = _quoted(hold.cause)
    sentence = _("Held %(amount)d for %(cause)s") % {"amount": hold.amount, "cause": cause}
    if not hold.amount:
        sentence = _("No credits needed for %(cause)s") % {"cause": cause}
    state, outcome = _outcome(hold)
    return StatementRow(
        id=hold.pk,
        at=hold.created_at,
        sentence=sentence,
        outcome=outcome,
        state=state,
        change=None if hold.state == Hold.State.OPEN else -hold.settled,
        balance_after=balances.get(f"settle:{hold.key}"),
    )


def _outcome(hold: Hold) -> tuple[str, str]:
    if hold.state == Hold.State.OPEN:
        return "open", _("under way")
    if not hold.amount:
        return "free", hold.reason or _("done")
    if hold.state == Hold.State.RELEASED:
        returned = {"amount": hold.amount, "reason": hold.reason}
        return "returned", _("returned %(amount)d: %(reason)s") % returned if hold.reason else _(
            "returned %(amount)d"
        ) % returned
    if hold.settled == hold.amount:
        return "spent", _("spent %d") % hold.settled
    parts = {"spent": hold.settled, "returned": hold.amount - hold.settled}
    return "spent", _("spent %(spent)d, returned %(returned)d") % parts


def _entry_row(entry: LedgerEntry) -> StatementRow:
    return StatementRow(
        id=entry.pk,
        at=entry.created_at,
        sentence=_entry_sentence(entry) % abs(entry.amount),
        outcome=entry.cause,
        state="in" if entry.amount > 0 else "out",
        change=entry.amount,
        balance_after=entry.balance_after,
    )


_SENTENCES: dict[str, Callable[[], str]] = {
    Kind.GRANT: lambda: _("Received %d"),
    Kind.PURCHASE: lambda: _("Bought %d"),
    Kind.EXPIRE: lambda: _("%d expired"),
    Kind.REFUND: lambda: _("%d taken back after a refund"),
    Kind.DISPUTE: lambda: _("%d taken back after a dispute"),
}


def _entry_sentence(entry: LedgerEntry) -> str:
    if entry.kind == Kind.ADJUST:
        return _("An operator added %d") if entry.amount > 0 else _("An operator took back %d")
    if entry.kind in (Kind.REFUND, Kind.DISPUTE) and entry.amount > 0:
        return _("%d given back")
    return _SENTENCES[entry.kind]()
