"""Caps on what one member, or one API key, may spend of a company's credits.

Counters are `UsageCounter` rows: `credits:<user id>` for the UTC day and the UTC month, `key:<key id>` for all time.
What a job holds is taken when it is submitted and given back as far as it is not spent, in the periods of its
submission. An unlimited wallet holds nothing, so its caps count nothing. Locks: usage counters before the wallet.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID

from django.db import connection, transaction
from django.db.models import F, Q
from django.db.models.functions import Greatest
from django.utils import timezone
from django.utils.translation import gettext as _

from accounts.models import ApiKey, Company, Membership
from accounts.viewer import Viewer
from billing.models import UsageCounter
from billing.selectors import today
from billing.usage import LimitReached, midnight_after, seconds_left
from config.base.ids import uuid7
from config.base.refusal import Allowance
from config.base.registry import MemberUsage

EVER = "all"
_Counter = tuple[str, str]


class CapReached(LimitReached):
    """The member's or the key's own cap leaves too little for this; `retry_after` says when it resets, if it does."""

    code = "credit_cap"


@dataclass(frozen=True, slots=True)
class _Cap:
    """One counter to move, and its limit (None: only counted)."""

    name: str
    period: str
    limit: int | None


# Counters are moved in the order of the list, the same for everybody, so two jobs never wait for each other.
_TAKE = """
INSERT INTO billing_usagecounter AS counter (id, company_id, name, period, used)
SELECT wanted.id, %(company)s, wanted.name, wanted.period, %(amount)s
FROM unnest(%(ids)s::uuid[], %(names)s::text[], %(periods)s::text[]) WITH ORDINALITY AS wanted (id, name, period, place)
ORDER BY wanted.place
ON CONFLICT (company_id, name, period) DO UPDATE SET used = counter.used + %(amount)s
RETURNING name, period, used
"""


def member_counter(user_id: UUID) -> str:
    """The counter of a member's credits (40 characters, as many as a name has)."""
    return f"credits:{user_id.hex}"


def key_counter(key_id: UUID) -> str:
    """The counter of a key's credits."""
    return f"key:{key_id.hex}"


def month_of(at: datetime) -> str:
    """The UTC month, as the period of a monthly cap: `2026-11`."""
    return at.astimezone(UTC).strftime("%Y-%m")


def take_caps(*, viewer: Viewer, amount: int, at: datetime) -> None:
    """Count `amount` credits against the caps of whoever submits at `at`, inside the caller's transaction.

    Raises `CapReached`, which rolls that transaction back: it says how much is used and when the cap resets. People in
    companies of one are not counted; two statements for others.
    """
    caps = _caps_of(viewer, at) if amount else []
    if not caps:
        return
    values: dict[str, Any] = {
        "company": viewer.company.pk,
        "amount": amount,
        "ids": [uuid7() for _cap in caps],
        "names": [cap.name for cap in caps],
        "periods": [cap.period for cap in caps],
    }
    # Each counter stays locked until the transaction ends, so what is decided on here stands when it is committed.
    with transaction.atomic(savepoint=False):
        with connection.cursor() as cursor:
            cursor.execute(_TAKE, values)
            used = {(name, period): int(count) for name, period, count in cursor.fetchall()}
        for cap in caps:
            if cap.limit is not None and used[cap.name, cap.period] > cap.limit:
                raise _refusal(cap, used=used[cap.name, cap.period] - amount, amount=amount, at=at)


def give_back_caps(*, company: Company, user_id: UUID, key_id: UUID | None, amount: int, at: datetime) -> None:
    """Count `amount` credits less for who submitted at `at`, never less than nothing, in the caller's transaction."""
    if not amount or (not company.is_team and key_id is None):
        return
    mine = Q(name=member_counter(user_id), period__in=(today(at), month_of(at)))
    if key_id is not None:
        mine |= Q(name=key_counter(key_id), period=EVER)
    counters = UsageCounter.objects.filter(mine, company=company)
    # In the order in which they are taken: of a key, of the day, of the month.
    locked = list(counters.select_for_update().order_by("-period", "name").values_list("pk", flat=True))
    counters.filter(pk__in=locked).update(used=Greatest(F("used") - amount, 0))


def usage_by_member(company_id: UUID) -> Mapping[UUID, MemberUsage]:
    """What each member has spent or promised in this UTC day and month, by user id. One query."""
    now = timezone.now()
    day, month = today(now), month_of(now)
    rows = UsageCounter.objects.filter(company_id=company_id, period__in=(day, month), name__startswith="credits:")
    found: dict[_Counter, int] = {
        (name, period): used for name, period, used in rows.values_list("name", "period", "used")
    }
    people = {name for name, _period in found}
    return {
        UUID(hex=name.partition(":")[2]): MemberUsage(day=found.get((name, day), 0), month=found.get((name, month), 0))
        for name in people
    }


def spent_by_key(key: ApiKey) -> int:
    """Credits that a key has spent or promised to jobs, ever."""
    counters = UsageCounter.objects.filter(company_id=key.company_id, name=key_counter(key.pk), period=EVER)
    return counters.values_list("used", flat=True).first() or 0


def _caps_of(viewer: Viewer, at: datetime) -> list[_Cap]:
    if not viewer.company.is_team and viewer.api_key is None:
        return []
    place = (
        Membership.objects.filter(company=viewer.company, user=viewer.user, company__wallet__unlimited=False)
        .values_list("credit_cap", "cap_period")
        .first()
    )
    if place is None:
        return []
    caps: list[_Cap] = []
    if viewer.api_key is not None:
        caps.append(_Cap(key_counter(viewer.api_key.pk), EVER, viewer.api_key.credit_cap))
    if viewer.company.is_team:
        name, (limit, period) = member_counter(viewer.user.pk), place
        caps.append(_Cap(name, today(at), limit if period == Membership.Period.DAY else None))
        caps.append(_Cap(name, month_of(at), limit if period == Membership.Period.MONTH else None))
    return caps


def _refusal(cap: _Cap, *, used: int, amount: int, at: datetime) -> CapReached:
    figures = {"used": used, "limit": cap.limit, "amount": amount}
    if cap.period == EVER:
        return CapReached(
            _("This key may spend %(limit)d credits in all; %(used)d are used and this needs %(amount)d.") % figures,
            allowance=Allowance(used=used, limit=cap.limit or 0),
        )
    if cap.period == today(at):
        return CapReached(
            _(
                "You may spend %(limit)d of the company's credits a day; %(used)d are used and this needs %(amount)d. "
                "The count starts again at midnight UTC."
            )
            % figures,
            retry_after=seconds_left(at),
            allowance=Allowance(used=used, limit=cap.limit or 0, resets_at=midnight_after(at)),
        )
    first = (at.astimezone(UTC).replace(day=1) + timedelta(days=32)).replace(
        day=1, hour=0, minute=0, second=0, microsecond=0
    )
    return CapReached(
        _(
            "You may spend %(limit)d of the company's credits a month; %(used)d are used and this needs %(amount)d. "
            "The count starts again on the first of the next month (UTC)."
        )
        % figures,
        retry_after=max(1, int((first - at).total_seconds()) + 1),
        allowance=Allowance(used=used, limit=cap.limit or 0, resets_at=first),
    )
