"""The models that a fresh installation offers. Rows are data: what an operator changes stays."""

from typing import Any

from django.utils.translation import gettext_noop

from generation.catalogue_fal import FAL
from generation.models import AIModel, Task
from generation.parameters import ASPECT_RATIOS
from generation.providers.local import LocalStudio

TEXT_STYLES = ("auto", "film", "riso")
PICTURE_STYLES = ("auto", "sketch", "watercolour", "oil", "pixel", "poster")
DETAIL = {
    "type": "string",
    "title": gettext_noop("Detail"),
    "description": gettext_noop("Finer takes longer; the price is the same."),
    "enum": ["draft", "standard", "fine"],
    "default": "standard",
}


def _schema(**properties: dict[str, Any]) -> dict[str, Any]:
    return {"type": "object", "properties": properties, "additionalProperties": False}


def _style(values: tuple[str, ...]) -> dict[str, Any]:
    return {"type": "string", "title": gettext_noop("Style"), "enum": list(values), "default": "auto"}


STUDIO: list[dict[str, Any]] = [
    {
        "slug": "studio-scenes",
        "name": "Local studio · Scenes",
        "description": gettext_noop(
            "Draws scenes from your words with classical graphics, on this server. Not AI; needs no key."
        ),
        "task": Task.TEXT_TO_IMAGE,
        "endpoint": "scenes",
        "seconds_expected": 2,
        "position": 10,
        "parameters": _schema(
            aspect_ratio={
                "type": "string",
                "title": gettext_noop("Aspect ratio"),
                "enum": list(ASPECT_RATIOS),
                "default": "1:1",
            },
            style=_style(TEXT_STYLES),
            detail=DETAIL,
        ),
    },
    {
        "slug": "studio-stylise",
        "name": "Local studio · Stylise",
        "description": gettext_noop(
            "Redraws your picture as a sketch, painting or poster with classical filters. Not AI."
        ),
        "task": Task.IMAGE_TO_IMAGE,
        "endpoint": "stylise",
        "seconds_expected": 2,
        "position": 20,
        "parameters": _schema(
            style=_style(PICTURE_STYLES),
            strength={
                "type": "number",
                "title": gettext_noop("Strength"),
                "description": gettext_noop("0 keeps the picture, 1 gives the style free rein."),
                "minimum": 0,
                "maximum": 1,
                "default": 0.6,
            },
            detail=DETAIL,
        ),
    },
    {
        "slug": "studio-upscale",
        "name": "Local studio · Upscale 2×",
        "description": gettext_noop(
            "Doubles width and height by back-projection: crisper than a plain zoom, invents nothing."
        ),
        "task": Task.UPSCALE,
        "endpoint": "upscale",
        "seconds_expected": 3,
        "position": 30,
        "parameters": _schema(),
    },
]


def seed_catalogue() -> str:
    """Add the models that are missing; return a sentence that says how many."""
    shared = {"provider": LocalStudio.name, "tier": AIModel.Tier.BASIC, "resubmittable": True, "seconds_allowed": 60}
    rows = [shared | row for row in STUDIO] + FAL
    added = 0
    for row in rows:
        _model, is_new = AIModel.objects.get_or_create(slug=row["slug"], defaults=row)
        added += is_new
    return f"Catalogue: {added} models added, {len(rows) - added} there already."
