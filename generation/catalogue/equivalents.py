"""Which models of different providers are the same, or as good as: one may make what was asked of another.

What a row says itself (`"equivalents": […]`) is added to these.
"""

from collections.abc import Iterable, Mapping
from typing import Any

# Slugs of one task each; those that no list has are passed over.
GROUPS: tuple[tuple[str, ...], ...] = (
    ("flux-schnell", "replicate-flux-schnell", "together-flux-schnell"),
    ("flux-dev", "replicate-flux-dev"),
    ("flux-2", "together-flux-2-dev"),
    ("flux-2-pro", "together-flux-2-pro"),
    ("flux-pro-1-1", "replicate-flux-pro-1-1", "together-flux-pro"),
    ("flux-dev-image", "replicate-flux-dev-image"),
    ("flux-kontext", "replicate-flux-kontext", "together-kontext-pro"),
    ("flux-fill", "replicate-flux-fill"),
    ("fal-outpaint", "replicate-flux-fill-outpaint", "stability-outpaint"),
    ("flux-redux", "replicate-flux-redux"),
    ("esrgan", "replicate-real-esrgan"),
    ("birefnet", "bria-background", "replicate-background-remover", "stability-remove-background"),
    ("kling-2-5-turbo", "replicate-kling-image"),
    ("trellis", "replicate-trellis", "stability-fast-3d"),
)


def equivalents_of(rows: Iterable[Mapping[str, Any]]) -> dict[str, list[str]]:
    """By slug, the slugs of equivalents as groups and rows name them, those of the groups first.

    A model of the same provider is none: it is out of order when the other is.
    """
    rows = list(rows)
    providers = {row["slug"]: row["provider"] for row in rows}
    found: dict[str, list[str]] = {}
    for row in rows:
        named = [other for group in GROUPS if row["slug"] in group for other in group]
        named += row.get("equivalents", [])
        found[row["slug"]] = [other for other in dict.fromkeys(named) if providers.get(other) != row["provider"]]
    return found
