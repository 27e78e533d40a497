"""What a change of plan costs now, or means later: told before it is done. Arithmetic only, no rows are read.

Where Stripe collects, its own preview takes the place of the sum (`buying.plan_change`)."""

from dataclasses import dataclass
from datetime import datetime

from billing.models import Interval, Plan
from billing.standing import Standing, price_of_plan


@dataclass(frozen=True, slots=True)
class Change:
    """Going from what a company pays for to another plan or interval.

    `is_now`: at once, for `cents_now` (what is left of what was paid is counted); otherwise at `at`, the end of what is
    paid for, and nothing is paid until then. `is_estimate`: `cents_now` is our own arithmetic, without taxes and
    discounts; otherwise it is what whoever collects it says.
    """

    plan: Plan
    interval: str
    is_now: bool
    cents_now: int
    at: datetime | None
    cents_later: int
    is_estimate: bool = False

    @property
    def is_trial(self) -> bool:
        """Whether it is done at once and nothing is paid for it yet."""
        return self.is_now and not self.cents_now


def change_to(standing: Standing, plan: Plan, interval: str) -> Change:
    """What changing to `plan`, paid by `interval`, would mean now. The plan must be sold so."""
    new, old = price_of_plan(plan, interval) or 0, price_of_plan(standing.plan, standing.paid_interval) or 0
    is_now = is_upgrade(standing, plan, interval)
    cents_now = 0
    if is_now and not standing.is_trial:
        left = old * _share_left(standing)
        # Another interval begins a new period, paid for in full; the same one goes on, and its rest is paid for.
        is_new_period = interval != standing.paid_interval
        cents_now = max(0, round((new if is_new_period else new * _share_left(standing)) - left))
    at = None if is_now else standing.subscription.period_end
    is_estimate = is_now and not standing.is_trial and not standing.is_test
    return Change(plan, interval, is_now=is_now, cents_now=cents_now, at=at, cents_later=new, is_estimate=is_estimate)


def is_upgrade(standing: Standing, plan: Plan, interval: str) -> bool:
    """Whether a change is one for more: it is done at once. One for less waits for the end of what is paid for.

    The rest of a paid year never becomes money for months: its credits are given for the year.
    """
    if standing.paid_interval == Interval.YEAR and interval == Interval.MONTH:
        return False
    here, there = standing.plan.monthly_price_cents or 0, plan.monthly_price_cents or 0
    if there != here:
        return there > here
    return interval == Interval.YEAR and standing.paid_interval == Interval.MONTH


def is_beyond_given(standing: Standing, plan: Plan) -> bool:
    """Whether buying a plan would give more than what an operator gave; a plan without a price is above all."""
    given = standing.plan.monthly_price_cents
    return not standing.is_by_hand or (given is not None and (plan.monthly_price_cents or 0) > given)


def may_change(standing: Standing, plan: Plan, interval: str) -> bool:
    """Whether a change is possible before what is paid for ends: one for less keeps how often is paid."""
    return interval == standing.paid_interval or is_upgrade(standing, plan, interval)


def _share_left(standing: Standing) -> float:
    """How much of the period that was paid for is still to come, from 0 to 1."""
    start, end = standing.subscription.period_start, standing.subscription.period_end
    if end is None or end <= start:
        return 0.0
    return min(1.0, max(0.0, (end - standing.now) / (end - start)))
