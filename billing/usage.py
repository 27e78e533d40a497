"""Limits of a plan, counted as they are taken: a counter moves in one statement or not at all."""

from datetime import UTC, datetime, time, timedelta
from uuid import UUID

from django.db import connection
from django.db.models import F
from django.db.models.functions import Greatest
from django.utils import timezone
from django.utils.translation import gettext as _
from django.utils.translation import ngettext

from accounts.models import Company
from billing.models import Plan, UsageCounter
from billing.selectors import GENERATIONS, generations_used, plan_of, today
from config.base.ids import uuid7
from config.base.refusal import Allowance, Refusal


class LimitReached(Refusal):
    """The plan's limit leaves too little for this; `retry_after` says when it resets, if it does."""

    code = "daily_limit"
    status = 429


_TAKE = """
INSERT INTO billing_usagecounter AS counter (id, company_id, name, period, used)
SELECT %(id)s, %(company)s, %(name)s, %(period)s, %(amount)s
WHERE %(limit)s::bigint IS NULL OR %(amount)s <= %(limit)s::bigint
ON CONFLICT (company_id, name, period) DO UPDATE SET used = counter.used + %(amount)s
    WHERE %(limit)s::bigint IS NULL OR counter.used + %(amount)s <= %(limit)s::bigint
RETURNING used
"""


def take_usage(*, company: Company, name: str, amount: int, period: str, limit: int | None) -> bool:
    """Count `amount` more of `name` in `period`, unless that would pass `limit` (None: no limit): then False."""
    if amount < 0:
        raise ValueError("Usage is given back with give_back_usage.")
    values: dict[str, UUID | str | int | None] = {
        "id": uuid7(),
        "company": company.pk,
        "name": name,
        "period": period,
        "amount": amount,
        "limit": limit,
    }
    with connection.cursor() as cursor:
        cursor.execute(_TAKE, values)
        return cursor.fetchone() is not None


def give_back_usage(*, company: Company, name: str, amount: int, period: str) -> None:
    """Count `amount` less of `name` in `period`, never less than nothing."""
    counters = UsageCounter.objects.filter(company=company, name=name, period=period)
    counters.update(used=Greatest(F("used") - amount, 0))


def take_generations(*, company: Company, count: int, plan: Plan | None = None) -> str:
    """Take `count` generations from today's limit and return the day (`2026-11-20`, UTC) they were taken from.

    `plan` is the company's own, where the caller has it already. Raises `LimitReached`, which says how much is used
    and when the day ends.
    """
    plan = plan or plan_of(company)
    now = timezone.now()
    day = today(now)
    limit = plan.daily_generations
    if take_usage(company=company, name=GENERATIONS, amount=count, period=day, limit=limit) or limit is None:
        return day
    left = max(0, limit - generations_used(company, day))
    raise LimitReached(
        _("%(allowance)s; %(left)s. The count starts again at midnight UTC, in %(wait)s.")
        % {
            "allowance": ngettext(
                "The %(plan)s plan allows %(limit)d generation a day",
                "The %(plan)s plan allows %(limit)d generations a day",
                limit,
            )
            % {"plan": plan.name, "limit": limit},
            "left": _("%(used)d are used and this needs %(count)d") % {"used": limit - left, "count": count},
            "wait": _wait(now),
        },
        retry_after=seconds_left(now),
        allowance=Allowance(used=limit - left, limit=limit, resets_at=midnight_after(now)),
    )


def give_back_generations(*, company: Company, count: int, period: str) -> None:
    """Give `count` generations back to the day they were taken from."""
    give_back_usage(company=company, name=GENERATIONS, amount=count, period=period)


def seconds_left(now: datetime) -> int:
    """Whole seconds until the UTC day of `now` has ended; at least 1."""
    return max(1, int((midnight_after(now) - now).total_seconds()) + 1)


def midnight_after(now: datetime) -> datetime:
    """When the UTC day of `now` has ended."""
    return datetime.combine(now.astimezone(UTC).date() + timedelta(days=1), time(), tzinfo=UTC)


def _wait(now: datetime) -> str:
    hours, seconds = divmod(seconds_left(now), 3600)
    minutes = max(1, seconds // 60)
    if not hours:
        return ngettext("%d minute", "%d minutes", minutes) % minutes
    return ngettext("%d hour", "%d hours", hours) % hours
