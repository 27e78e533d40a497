"""The plans that a fresh installation starts with (CRD-5). Afterwards they are rows that an operator edits."""

from typing import Any

from django.utils.translation import gettext as _

from billing.models import Plan

DEFAULT = "free"
DEMO = "pro"
GIGABYTE = 1024**3
ALL_TIERS = ["basic", "advanced", "premium"]

FIGURES: dict[str, dict[str, Any]] = {
    "free": {
        "name": "Free",
        "position": 1,
        "monthly_price_cents": 0,
        "welcome_credits": 100,
        "monthly_credits": 0,
        "daily_generations": 10,
        "parallel_jobs": 1,
        "storage_bytes": 1 * GIGABYTE,
        "seats": 1,
        "personal_model_slots": 1,
        "tiers": ["basic"],
        "has_watermark": True,
    },
    "basic": {
        "name": "Basic",
        "position": 2,
        "monthly_price_cents": 999,
        "monthly_credits": 300,
        "daily_generations": 100,
        "parallel_jobs": 4,
        "storage_bytes": 10 * GIGABYTE,
        "seats": 1,
        "personal_model_slots": 3,
        "tiers": ["basic", "advanced"],
    },
    "pro": {
        "name": "Pro",
        "position": 3,
        "monthly_price_cents": 2999,
        "monthly_credits": 1000,
        "daily_generations": 1000,
        "parallel_jobs": 8,
        "storage_bytes": 100 * GIGABYTE,
        "seats": 5,
        "personal_model_slots": 10,
        "tiers": ALL_TIERS,
        "has_priority_queue": True,
        "has_api": True,
        "has_commercial_licence": True,
    },
    "enterprise": {
        "name": "Enterprise",
        "position": 4,
        "monthly_price_cents": None,
        "monthly_credits": None,
        "daily_generations": None,
        "parallel_jobs": 20,
        "storage_bytes": None,
        "seats": None,
        "personal_model_slots": None,
        "tiers": ALL_TIERS,
        "has_priority_queue": True,
        "has_api": True,
        "has_commercial_licence": True,
        "has_white_label": True,
    },
}


def plan_with_slug(slug: str) -> Plan:
    """One of the plans of CRD-5, made with its figures if it is not there; a row that exists stays as it is."""
    plan, _made = Plan.objects.get_or_create(slug=slug, defaults=FIGURES[slug])
    return plan


def seed_plans() -> str:
    """Write the plans that are missing; a row that exists stays as the operator made it. Returns what was done."""
    before = set(Plan.objects.values_list("slug", flat=True))
    for slug in FIGURES:
        plan_with_slug(slug)
    return _("Plans: %(new)d new, %(kept)d kept.") % {"new": len(set(FIGURES) - before), "kept": len(before)}
