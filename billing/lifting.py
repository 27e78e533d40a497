"""Which plan lifts a limit that somebody has just met. Reads only."""

from collections.abc import Callable
from dataclasses import dataclass

from django.utils.functional import Promise
from django.utils.translation import gettext_lazy as _

from billing.models import Plan
from billing.offers import offered_plans

# Anything larger than every figure: no limit.
_ENDLESS = float("inf")


@dataclass(frozen=True, slots=True)
class Upgrade:
    """The smallest plan that lifts a limit, and what it has instead, in words; `has_packs` where credits help too."""

    plan: Plan
    what: str
    has_packs: bool


def _amount(number: int | None) -> float:
    return _ENDLESS if number is None else number


# How much of it a plan has and what more of it is called, by the name of the limit.
_MEASURES: dict[str, tuple[Callable[[Plan], float], str | Promise]] = {
    "credits": (lambda plan: _amount(plan.monthly_credits), _("more credits each month")),
    "generations": (lambda plan: _amount(plan.daily_generations), _("more generations a day")),
    "storage": (lambda plan: _amount(plan.storage_bytes), _("more storage")),
    "parallel": (lambda plan: plan.parallel_jobs, _("more jobs at a time")),
    "seats": (lambda plan: _amount(plan.seats), _("more seats")),
    "api": (lambda plan: plan.has_api, _("API keys")),
    "watermark": (lambda plan: not plan.has_watermark, _("pictures without a watermark")),
    "white_label": (lambda plan: plan.has_white_label, _("your own logo and colour")),
    "models": (lambda plan: len(plan.tiers), _("this model")),
}
# The limit that a refusal with this code is about.
_OF_REFUSAL = {
    "insufficient_credits": "credits",
    "daily_limit": "generations",
    "storage_full": "storage",
    "storage_limit": "storage",
    "company_full": "seats",
    "not_in_plan": "white_label",
}


def is_liftable(limit: str) -> bool:
    """Whether a limit, or the refusal with this code, is one that a larger plan lifts."""
    return _OF_REFUSAL.get(limit, limit) in _MEASURES


def upgrade_for(limit: str, plan: Plan, *, tier: str = "") -> Upgrade | None:
    """The cheapest offered plan that has more of `limit` than `plan`; None for what no plan lifts. One query.

    `limit` is its name or a refusal's code; with `tier` the plan has models of that tier.
    """
    name = _OF_REFUSAL.get(limit, limit)
    if name not in _MEASURES:
        return None
    measure, what = _MEASURES[name]
    larger = [
        other for other in offered_plans() if measure(other) > measure(plan) and (not tier or tier in other.tiers)
    ]
    if not larger:
        return None
    cheapest = min(larger, key=lambda other: (_amount(other.monthly_price_cents), other.position))
    return Upgrade(cheapest, str(what), has_packs=name == "credits")
