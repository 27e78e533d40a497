"""Reads of the audit log."""

from dataclasses import dataclass
from datetime import date, datetime, time, timedelta
from uuid import UUID

from django.db.models import Q, QuerySet
from django.utils import timezone

from accounts.audit_words import actions_of, sentence_of
from accounts.devices import device_name
from accounts.models import AuditEntry, User
from accounts.viewer import Viewer

ROWS_SHOWN = 50
RECENT_SHOWN = 20


@dataclass(frozen=True, slots=True)
class Wanted:
    """What is looked for. Days are those of the clock that the person lives by; empty: everything."""

    person: str = ""
    kind: str = ""
    since: date | None = None
    until: date | None = None


@dataclass(frozen=True, slots=True)
class Told:
    """One entry in words."""

    id: UUID
    sentence: str
    action: str
    at: datetime
    address: str
    device: str
    is_by_operator: bool


@dataclass(frozen=True, slots=True)
class Page:
    """Entries, newest first, and where the older ones begin; None when there are none."""

    rows: list[Told]
    older: UUID | None


def entries_visible_to(viewer: Viewer) -> QuerySet[AuditEntry]:
    """The log of the viewer's company, for those who run it; nothing for others. The newest first."""
    found = AuditEntry.objects.order_by("-id")
    return found.filter(company=viewer.company) if viewer.is_admin else found.none()


def entries_of(user: User) -> QuerySet[AuditEntry]:
    """What happened to one's own account. The newest first."""
    return AuditEntry.objects.filter(person=user).order_by("-id")


def matching(entries: QuerySet[AuditEntry], wanted: Wanted) -> QuerySet[AuditEntry]:
    """Those that are looked for. `person` is an address: of who acted, of whom it was done to, or of an operator."""
    if wanted.person:
        who = wanted.person
        entries = entries.filter(Q(actor__iexact=who) | Q(target__iexact=who) | Q(operator__iexact=who))
    if wanted.kind:
        entries = entries.filter(action__in=actions_of(wanted.kind))
    if wanted.since:
        entries = entries.filter(at__gte=_midnight(wanted.since))
    if wanted.until:
        entries = entries.filter(at__lt=_midnight(wanted.until + timedelta(days=1)))
    return entries


def page_of(entries: QuerySet[AuditEntry], *, before: UUID | None = None, length: int = ROWS_SHOWN) -> Page:
    """One page, by key: as fast at any depth, and whole while entries are being written. One query."""
    if before is not None:
        entries = entries.filter(pk__lt=before)
    found = list(entries[: length + 1])
    rows = [told(entry) for entry in found[:length]]
    return Page(rows=rows, older=rows[-1].id if len(found) > length else None)


def told(entry: AuditEntry) -> Told:
    """The entry in words."""
    return Told(
        id=entry.pk,
        sentence=sentence_of(entry),
        action=entry.action,
        at=entry.at,
        address=entry.address or "",
        device=device_name(entry.agent) if entry.agent else "",
        is_by_operator=bool(entry.operator) or entry.action.startswith("sign_in_as."),
    )


def _midnight(day: date) -> datetime:
    return timezone.make_aware(datetime.combine(day, time.min))
