"""The local studio's models."""

from typing import Any

from django.utils.translation import gettext_noop

from generation.catalogue.schema import ASPECT_RATIO, schema
from generation.models import AIModel, Task
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


def _style(values: tuple[str, ...]) -> dict[str, Any]:
    return {"type": "string", "title": gettext_noop("Style"), "enum": list(values), "default": "auto"}


def _row(slug: str, **values: Any) -> dict[str, Any]:
    shared = {"slug": slug, "provider": LocalStudio.name, "tier": AIModel.Tier.BASIC}
    return shared | {"resubmittable": True, "seconds_allowed": 60} | values


STUDIO: list[dict[str, Any]] = [
    _row(
        "studio-scenes",
        name="Local studio · Scenes",
        description=gettext_noop(
            "Draws scenes from your words with classical graphics, on this server. Not AI; needs no key."
        ),
        task=Task.TEXT_TO_IMAGE,
        endpoint="scenes",
        seconds_expected=2,
        position=10,
        parameters=schema(
            aspect_ratio=ASPECT_RATIO,
            style=_style(TEXT_STYLES),
            detail=DETAIL,
        ),
    ),
    _row(
        "studio-stylise",
        name="Local studio · Stylise",
        description=gettext_noop(
            "Redraws your picture as a sketch, painting or poster with classical filters. Not AI."
        ),
        task=Task.IMAGE_TO_IMAGE,
        endpoint="stylise",
        seconds_expected=2,
        position=20,
        parameters=schema(
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
    ),
    _row(
        "studio-upscale",
        name="Local studio · Upscale 2×",
        description=gettext_noop(
            "Doubles width and height by back-projection: crisper than a plain zoom, invents nothing."
        ),
        task=Task.UPSCALE,
        endpoint="upscale",
        seconds_expected=3,
        position=30,
        parameters=schema(),
    ),
]
