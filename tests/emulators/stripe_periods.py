"""Billing periods as Stripe counts them: from an anchor on, in calendar months where the interval is one."""

import calendar
from datetime import UTC, datetime

from tests.emulators.stripe_store import DAY, Thing


def moved(anchor: int, interval: str, count: int) -> int:
    """The moment `count` intervals after the anchor; a day that a month does not have becomes its last."""
    if interval in ("day", "week"):
        return anchor + count * DAY * (7 if interval == "week" else 1)
    begun = datetime.fromtimestamp(anchor, UTC)
    month = begun.month - 1 + count * (12 if interval == "year" else 1)
    year, month = begun.year + month // 12, month % 12 + 1
    day = min(begun.day, calendar.monthrange(year, month)[1])
    return int(begun.replace(year=year, month=month, day=day).timestamp())


def period_at(anchor: int, price: Thing, moment: int) -> tuple[int, int]:
    """Begin and end of the period of a price that holds a moment at or after the anchor."""
    interval, step = price["recurring"]["interval"], price["recurring"]["interval_count"]
    longest = {"day": 1, "week": 7, "month": 31, "year": 366}[interval] * step * DAY
    place = (moment - anchor) // longest
    while moved(anchor, interval, (place + 1) * step) <= moment:
        place += 1
    return moved(anchor, interval, place * step), moved(anchor, interval, (place + 1) * step)


def share(amount: int, part: int, whole: int) -> int:
    """The part of an amount in cents, rounded half up."""
    return (2 * amount * part + whole) // (2 * whole) if whole else 0


def same_interval(one: Thing, other: Thing) -> bool:
    """Whether two prices are paid as often."""
    names = ("interval", "interval_count")
    return all(one["recurring"][name] == other["recurring"][name] for name in names)
