"""What a fresh installation sells: figures that become rows, which an operator edits afterwards (CRD-5, CRD-6)."""

from dataclasses import dataclass
from typing import Any

GIGABYTE = 1024**3
ALL_TIERS = ["basic", "advanced", "premium"]


@dataclass(frozen=True, slots=True)
class Catalogue:
    """Fields of `Plan` and `CreditPack` by slug. Prices in cents of the settlement currency."""

    plans: dict[str, dict[str, Any]]
    packs: dict[str, dict[str, Any]]


_BY_AGREEMENT = {
    "monthly_credits": None,
    "daily_generations": None,
    "parallel_jobs": 20,
    "rate_factor": 20,
    "storage_bytes": None,
    "seats": None,
    "personal_model_slots": None,
    "tiers": ALL_TIERS,
    "has_priority_queue": True,
    "has_api": True,
    "has_commercial_licence": True,
    "has_white_label": True,
    "support": "dedicated",
}

_PACKS = {
    "pack-100": {"position": 1, "credits": 100, "price_cents": 499},
    "pack-500": {"position": 2, "credits": 500, "price_cents": 1999},
    "pack-2000": {"position": 3, "credits": 2000, "price_cents": 6999},
}

DARKROOM = Catalogue(
    plans={
        "free": {
            "name": "Free",
            "position": 1,
            "is_default": True,
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
            "yearly_price_cents": 9990,
            "monthly_credits": 300,
            "daily_generations": 100,
            "parallel_jobs": 4,
            "rate_factor": 2,
            "storage_bytes": 10 * GIGABYTE,
            "seats": 1,
            "personal_model_slots": 3,
            "tiers": ["basic", "advanced"],
            "support": "priority",
        },
        "pro": {
            "name": "Pro",
            "position": 3,
            "monthly_price_cents": 2999,
            "yearly_price_cents": 29990,
            "monthly_credits": 1000,
            "daily_generations": 1000,
            "parallel_jobs": 8,
            "rate_factor": 5,
            "storage_bytes": 100 * GIGABYTE,
            "seats": 5,
            "personal_model_slots": 10,
            "tiers": ALL_TIERS,
            "has_priority_queue": True,
            "has_api": True,
            "has_commercial_licence": True,
            "support": "priority",
        },
        "enterprise": {"name": "Enterprise", "position": 4, "monthly_price_cents": None, **_BY_AGREEMENT},
    },
    packs=_PACKS,
)

# For a studio of portraits by personal models: few generations, priced by the picture.
CREATOR = Catalogue(
    plans={
        "creator-free": {
            "name": "Free",
            "position": 1,
            "is_default": True,
            "monthly_price_cents": 0,
            "welcome_credits": 3,
            "monthly_credits": 0,
            "daily_generations": 3,
            "parallel_jobs": 1,
            "storage_bytes": 1 * GIGABYTE,
            "seats": 1,
            "personal_model_slots": 1,
            "tiers": ["basic"],
            "has_watermark": True,
        },
        "creator": {
            "name": "Creator",
            "position": 2,
            "monthly_price_cents": 2000,
            "yearly_price_cents": 20000,
            "monthly_credits": 200,
            "daily_generations": 200,
            "parallel_jobs": 4,
            "rate_factor": 2,
            "storage_bytes": 10 * GIGABYTE,
            "seats": 1,
            "personal_model_slots": 3,
            "tiers": ["basic", "advanced"],
            "support": "priority",
        },
        "creator-pro": {
            "name": "Pro",
            "position": 3,
            "monthly_price_cents": 4000,
            "yearly_price_cents": 40000,
            "monthly_credits": 500,
            "daily_generations": 500,
            "parallel_jobs": 8,
            "rate_factor": 5,
            "storage_bytes": 100 * GIGABYTE,
            "seats": 5,
            "personal_model_slots": 10,
            "tiers": ALL_TIERS,
            "has_priority_queue": True,
            "has_api": True,
            "has_commercial_licence": True,
            "support": "priority",
        },
        "creator-enterprise": {
            "name": "Enterprise",
            "position": 4,
            "monthly_price_cents": 9900,
            "yearly_price_cents": 99000,
            **_BY_AGREEMENT,
        },
    },
    packs=_PACKS,
)

CATALOGUES = {"darkroom": DARKROOM, "creator": CREATOR}
