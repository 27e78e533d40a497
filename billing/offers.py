"""What is sold, told to whoever looks: plan cards, the comparison, packs. Reads only."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from enum import StrEnum

from django.conf import settings
from django.utils.translation import gettext as _

from billing.changes import is_beyond_given, may_change
from billing.meters import figure
from billing.models import CreditPack, Interval, Plan
from billing.standing import Standing, price_of_plan
from config.base.sizes import size

# A figure that a plan has nothing to say about.
NONE = "–"


class Act(StrEnum):
    """What the button under a plan does for whoever looks."""

    SIGN_UP = "sign-up"
    CURRENT = "current"
    BUY = "buy"
    CHANGE = "change"
    CANCEL = "cancel"
    CONTACT = "contact"
    NOTHING = "nothing"


@dataclass(frozen=True, slots=True)
class Offer:
    """One plan as it is offered. `price_cents` is for `interval` (None: by agreement); the plan may not be sold by the
    year, so that may be another one than was asked for.
    """

    plan: Plan
    interval: str
    price_cents: int | None
    act: Act
    is_current: bool
    has_trial: bool

    @property
    def per_month_cents(self) -> int | None:
        """What a month of a year costs, rounded up; None where a month is what is paid for."""
        if self.price_cents is None or self.interval != Interval.YEAR:
            return None
        return -(-self.price_cents // 12)

    @property
    def saved_cents(self) -> int:
        """What a year costs less than twelve months."""
        if self.interval != Interval.YEAR or self.price_cents is None or not self.plan.monthly_price_cents:
            return 0
        return max(0, self.plan.monthly_price_cents * 12 - self.price_cents)


@dataclass(frozen=True, slots=True)
class PackOffer:
    """One pack; `cents_of_hundred` is what a hundred credits of it cost, to compare them by."""

    pack: CreditPack
    cents_of_hundred: int
    is_best: bool


@dataclass(frozen=True, slots=True)
class Cell:
    """One figure of the comparison: words, or whether the plan has it."""

    text: str = ""
    has_it: bool | None = None


@dataclass(frozen=True, slots=True)
class ComparisonRow:
    """One line of the comparison: a cell for each plan."""

    label: str
    cells: list[Cell]


def offered_plans() -> list[Plan]:
    """The plans that are offered, the smallest first. One query."""
    return list(Plan.objects.filter(is_active=True).order_by("position", "slug"))


def offers_to(standing: Standing | None, plans: Sequence[Plan], *, interval: str, has_had_trial: bool) -> list[Offer]:
    """The plans for somebody who stands so (None: a visitor)."""
    return [_offer(plan, standing, interval, has_had_trial=has_had_trial) for plan in plans]


def _offer(plan: Plan, standing: Standing | None, interval: str, *, has_had_trial: bool) -> Offer:
    price = price_of_plan(plan, interval)
    if price is None:
        # Not sold by the year, or free: the month's price says it.
        interval, price = Interval.MONTH, plan.monthly_price_cents
    is_paid_for = bool(price)
    is_current = standing is not None and standing.plan.pk == plan.pk and _same(standing, interval, is_paid=is_paid_for)
    return Offer(
        plan=plan,
        interval=interval,
        price_cents=price,
        act=Act.CURRENT if is_current else _act(plan, price, interval, standing),
        is_current=is_current,
        has_trial=bool(plan.trial_days) and is_paid_for and not has_had_trial and not (standing and standing.is_paid),
    )


def _same(standing: Standing, interval: str, *, is_paid: bool) -> bool:
    """Whether the plan that somebody is on is this offer too: a paid one has to be paid as often."""
    return not (is_paid and standing.is_paid) or standing.paid_interval in ("", interval)


def _act(plan: Plan, price: int | None, interval: str, standing: Standing | None) -> Act:
    if price is None:
        return Act.CONTACT
    if standing is None:
        return Act.SIGN_UP
    if price == 0:
        return Act.CANCEL if standing.is_paid and not standing.ends_at else Act.NOTHING
    if not standing.is_paid:
        return Act.BUY if is_beyond_given(standing, plan) else Act.NOTHING
    return Act.CHANGE if may_change(standing, plan, interval) else Act.NOTHING


def pack_offers() -> list[PackOffer]:
    """The packs that are offered, the smallest first; the one whose credits cost least is marked. One query."""
    packs = list(CreditPack.objects.filter(is_active=True).order_by("position", "credits"))
    costs = {pack.pk: round(pack.price_cents * 100 / pack.credits) for pack in packs}
    least = min(costs.values(), default=0)
    return [PackOffer(pack, costs[pack.pk], len(packs) > 1 and costs[pack.pk] == least) for pack in packs]


def comparison_of(plans: Sequence[Plan]) -> list[ComparisonRow]:
    """What each plan gives, line by line: only what the product keeps today."""
    return [
        ComparisonRow(_("Credits"), [Cell(_credits(plan)) for plan in plans]),
        ComparisonRow(_("Unused credits at the month's end"), [Cell(_unused(plan)) for plan in plans]),
        ComparisonRow(_("Generations a day"), [_figure(plan.daily_generations) for plan in plans]),
        ComparisonRow(_("Jobs at a time"), [_figure(plan.parallel_jobs) for plan in plans]),
        ComparisonRow(_("Storage"), [Cell(_storage(plan)) for plan in plans]),
        ComparisonRow(_("Seats"), [_figure(plan.seats) for plan in plans]),
        ComparisonRow(_("Models"), [Cell(_models(plan)) for plan in plans]),
        ComparisonRow(_("Without watermark"), _has(not plan.has_watermark for plan in plans)),
        ComparisonRow(_("First in the queue"), _has(plan.has_priority_queue for plan in plans)),
        ComparisonRow(_("API keys"), _has(plan.has_api for plan in plans)),
        ComparisonRow(_("Requests an hour by API key"), [_key_requests(plan) for plan in plans]),
        ComparisonRow(_("Commercial licence"), _has(plan.has_commercial_licence for plan in plans)),
        ComparisonRow(_("Your own logo and colour"), _has(plan.has_white_label for plan in plans)),
        ComparisonRow(_("Support"), [Cell(plan.get_support_display()) for plan in plans]),
    ]


@dataclass(frozen=True, slots=True)
class Loss:
    """A line of the comparison that gets less by a change."""

    label: str
    before: str
    after: str


def losses_of(plan: Plan, other: Plan) -> list[Loss]:
    """What is different on `other`, for somebody who is on `plan`."""
    rows = zip(comparison_of([plan]), comparison_of([other]), strict=True)
    found = [
        Loss(before.label, _in_words(before.cells[0]), _in_words(after.cells[0]))
        for before, after in rows
        if before.cells != after.cells
    ]
    if other.monthly_credits == 0:
        # Credits to start with are given to newcomers; how long what is not given lasts is nothing to tell.
        found = [Loss(found[0].label, found[0].before, _("none each month")), *found[1:]] if found else []
        found = [loss for loss in found if loss.after != NONE]
    return found


def _in_words(cell: Cell) -> str:
    if cell.has_it is None:
        return cell.text
    return _("yes") if cell.has_it else _("no")


def _has(values: Iterable[bool]) -> list[Cell]:
    return [Cell(has_it=value) for value in values]


def _figure(number: int | None) -> Cell:
    return Cell(_("unlimited") if number is None else figure(number))


def _key_requests(plan: Plan) -> Cell:
    """As `config.base.limits` counts them."""
    limit, period = settings.RATE_LIMITS["key"]
    if not plan.has_api:
        return Cell(NONE)
    return _figure(limit * plan.rate_factor * 3600 // period if limit else None)


def _credits(plan: Plan) -> str:
    if plan.monthly_credits is None:
        return _("unlimited")
    if plan.monthly_credits:
        return _("%s a month") % figure(plan.monthly_credits)
    return _("%s once") % figure(plan.welcome_credits)


def _unused(plan: Plan) -> str:
    if not plan.monthly_credits:
        return NONE
    return _("stay") if plan.rolls_over else _("expire")


def _storage(plan: Plan) -> str:
    return _("by agreement") if plan.storage_bytes is None else size(plan.storage_bytes)


def _models(plan: Plan) -> str:
    if "premium" in plan.tiers:
        return _("all")
    return _("basic and advanced") if "advanced" in plan.tiers else _("basic")
