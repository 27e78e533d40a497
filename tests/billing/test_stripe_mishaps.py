"""Events that come twice, too late, in another order or never: a whole life ends the same, each thing granted once."""

from collections.abc import Callable, Iterator
from itertools import product
from typing import Any

import pytest

from billing.models import Plan
from billing.stripe.changing import cancel_subscription, change_subscription
from billing.stripe.reconcile import reconcile
from billing.stripe.webhooks import seed_endpoint
from tests.billing.stripe_life import SECRET, Life, lives
from tests.emulators.stripe import StripeDouble
from tests.emulators.stripe_store import Event
from tests.factories.billing import broken_of

MISHAPS = ("duplicate", "reorder", "delay", "drop")


def steps(life: Life) -> Iterator[Callable[[], Any]]:
    """A subscription's whole life, and a pack beside it."""

    def newest_paid() -> str:
        charges = [one for one in life.double.all_of("charge") if one["paid"] and not one["refunded"]]
        return str(charges[-1]["id"])

    yield life.subscribe
    yield life.buy
    yield lambda: life.pass_time(days=10)
    yield lambda: change_subscription(company=life.company, plan=Plan.objects.get(slug="pro"), interval="month")
    yield lambda: life.pass_time(days=22)
    yield lambda: life.double.refund(newest_paid(), 700)
    yield lambda: life.double.cards_fail(life.newest("customer")["id"], True)
    yield lambda: life.pass_time(days=31)
    yield lambda: life.double.cards_fail(life.newest("customer")["id"], False)
    yield lambda: life.pass_time(days=6)
    yield lambda: life.double.dispute(newest_paid())
    yield lambda: life.double.close_dispute(life.newest("dispute")["id"], won=True)
    yield lambda: change_subscription(company=life.company, plan=Plan.objects.get(slug="basic"), interval="month")
    yield lambda: life.pass_time(days=30)
    yield lambda: cancel_subscription(company=life.company)
    yield lambda: life.pass_time(days=32)


def live(life: Life, mishaps: tuple[str, ...]) -> tuple[Any, ...]:
    """Live it, with events meeting one mishap after the other; what came of it in the end."""
    # What expires unused would be missing or not by when it is taken back; this is about what is given.
    Plan.objects.update(rolls_over=True)
    late: list[Event] = []
    count = 0
    for step in steps(life):
        # A change needs to know what is there: what is told by then, or what a page would ask for itself.
        if life.subscription.source != "stripe" and count and life.subscription.customer:
            reconcile(days=400)
        step()
        due, late = late, []
        for event in life.told():
            mishap = mishaps[count % len(mishaps)] if mishaps else ""
            count += 1
            if mishap == "duplicate":
                due += [event, event]
            elif mishap == "reorder":
                due.insert(0, event)
            elif mishap == "delay":
                late.append(event)
            elif mishap != "drop":
                due.append(event)
        life.deliver(due)
    life.deliver(late)
    if "drop" in mishaps:
        reconcile(days=400)
    assert broken_of(life.company) == []
    return life.outcome()


@pytest.fixture
def expected(db: None, stripe_double: StripeDouble, settings: Any) -> tuple[Any, ...]:
    """What comes of it when everything is told once, at once and in order; lived once a worker."""
    if not _EXPECTED:
        settings.STRIPE_WEBHOOK_SECRET = SECRET
        seed_endpoint()
        with lives(stripe_double, settings) as life:
            _EXPECTED.append(live(life, ()))
    return _EXPECTED[0]


_EXPECTED: list[tuple[Any, ...]] = []


def test_the_life_is_what_it_should_be(expected: tuple[Any, ...]) -> None:
    _balance, grants, standing, payments = expected
    assert standing == ("free", "active", "free", None)
    # Basic, the rest of the month as Pro, two months of Pro, one of Basic; and the pack.
    assert len(grants) == 6
    assert {300, 500, 1000} < set(grants)
    assert [row[0] for row in payments].count("pack") == 1
    assert sum(row[-1] for row in payments) > 0


@pytest.mark.parametrize("mishaps", list(product(MISHAPS, MISHAPS)), ids="-".join)
def test_a_life_ends_the_same_however_it_is_told(
    expected: tuple[Any, ...], life: Life, mishaps: tuple[str, ...]
) -> None:
    assert live(life, mishaps) == expected
