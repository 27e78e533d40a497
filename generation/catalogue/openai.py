"""OpenAI's models for the catalogue; offered where a key is set.

Costs are OpenAI's list prices of November 2026 in USD for a square output, by quality; for other shapes and for edits,
which are billed for what they read as well, they are rounded up to the dearest case. An operator checks them against
the bill and changes rows in the admin, not here.
"""

from decimal import Decimal
from typing import Any

from django.utils.translation import gettext_noop

from generation.catalogue.schema import file_format, schema, sides
from generation.models import AIModel, Task
from generation.providers import names
from generation.providers.openai_account import MOST, MOST_INPUTS
from generation.providers.openai_pictures import FLEXIBLE, STANDARD

# What an input costs to read varies; pictures beyond this are scaled down by the provider, so we do not send them.
MAX_SIDE = 8192
QUALITY = {
    "type": "string",
    "title": gettext_noop("Quality"),
    "description": gettext_noop("Higher is finer, slower and dearer."),
    "enum": ["low", "medium", "high"],
    "default": "medium",
}
BACKGROUND = {
    "type": "string",
    "title": gettext_noop("Background"),
    "description": gettext_noop("Transparent needs PNG or WebP."),
    "enum": ["auto", "opaque", "transparent"],
    "default": "auto",
}
# Shapes other than the square have half as many pixels again.
LONGER = {"3:2": 1.5, "2:3": 1.5}


def _ratio(values: list[str], *, has_default: bool) -> dict[str, Any]:
    rules = {"type": "string", "title": gettext_noop("Aspect ratio"), "enum": values}
    if has_default:
        return rules | {"default": values[0]}
    return rules | {"description": gettext_noop("Left open, the nearest to the picture's own.")}


def _row(slug: str, **values: Any) -> dict[str, Any]:
    shared = {
        "slug": slug,
        "provider": names.OPENAI,
        "resubmittable": False,
        "outputs_allowed": MOST,
        "seconds_expected": 25,
        "seconds_allowed": 180,
    }
    if values["task"] != Task.TEXT_TO_IMAGE:
        shared["max_side"] = MAX_SIDE
    return shared | values


_MINI, _CLASSIC, _LATEST = "gpt-image-1-mini", "gpt-image-1.5", "gpt-image-2"
_MADE = schema(
    aspect_ratio=_ratio(list(STANDARD), has_default=True),
    quality=QUALITY,
    background=BACKGROUND,
    output_format=file_format("png", "jpeg", "webp"),
)
_EDITED = schema(
    aspect_ratio=_ratio(list(STANDARD), has_default=False),
    quality=QUALITY,
    output_format=file_format("png", "jpeg", "webp"),
)
_PAINTED = schema(quality=QUALITY, output_format=file_format("png", "jpeg", "webp"))
# Of an edit at any quality, beside what is made: the picture that is read.
_MINI_EDIT: dict[str, Any] = {
    "provider_cost": Decimal("0.008"),
    "cost_factors": {"quality": {"medium": 2.2, "high": 7}},
}
_CLASSIC_EDIT: dict[str, Any] = {
    "provider_cost": Decimal("0.016"),
    "cost_factors": {"quality": {"medium": 3.4, "high": 13}},
}
_LATEST_EDIT: dict[str, Any] = {
    "provider_cost": Decimal("0.02"),
    "cost_factors": {"quality": {"medium": 3.4, "high": 11.5}},
}

OPENAI: list[dict[str, Any]] = [
    _row(
        "gpt-image-mini",
        name="GPT Image 1 mini",
        description=gettext_noop("OpenAI's small model: understands long descriptions, at a low price."),
        task=Task.TEXT_TO_IMAGE,
        endpoint=_MINI,
        tier=AIModel.Tier.BASIC,
        provider_cost=Decimal("0.005"),
        cost_factors={"quality": {"medium": 2.2, "high": 7.2}, "aspect_ratio": LONGER},
        seconds_expected=15,
        position=400,
        parameters=_MADE,
    ),
    _row(
        "gpt-image-1-5",
        name="GPT Image 1.5",
        description=gettext_noop("Follows intricate descriptions, writes legible text, knows transparent backgrounds."),
        task=Task.TEXT_TO_IMAGE,
        endpoint=_CLASSIC,
        tier=AIModel.Tier.ADVANCED,
        provider_cost=Decimal("0.009"),
        cost_factors={"quality": {"medium": 3.8, "high": 14.8}, "aspect_ratio": LONGER},
        position=410,
        parameters=_MADE,
    ),
    _row(
        "gpt-image-2",
        name="GPT Image 2",
        description=gettext_noop("OpenAI's best at layout and small text, in every shape."),
        task=Task.TEXT_TO_IMAGE,
        endpoint=_LATEST,
        tier=AIModel.Tier.PREMIUM,
        provider_cost=Decimal("0.006"),
        cost_factors={"quality": {"medium": 8.9, "high": 35.2}},
        seconds_expected=40,
        position=420,
        parameters=schema(
            aspect_ratio=_ratio(list(FLEXIBLE), has_default=True),
            quality=QUALITY,
            output_format=file_format("png", "jpeg", "webp"),
        ),
    ),
    _row(
        "gpt-image-mini-edit",
        name="GPT Image 1 mini · Edit",
        description=gettext_noop("Changes pictures after your words; several pictures can be put together."),
        task=Task.EDIT,
        endpoint=_MINI,
        tier=AIModel.Tier.BASIC,
        **_MINI_EDIT,
        inputs_allowed=MOST_INPUTS,
        position=430,
        parameters=_EDITED,
    ),
    _row(
        "gpt-image-1-5-edit",
        name="GPT Image 1.5 · Edit",
        description=gettext_noop("Changes what you name and keeps the rest; several pictures can be put together."),
        task=Task.EDIT,
        endpoint=_CLASSIC,
        tier=AIModel.Tier.ADVANCED,
        **_CLASSIC_EDIT,
        inputs_allowed=MOST_INPUTS,
        position=440,
        parameters=_EDITED,
    ),
    _row(
        "gpt-image-2-edit",
        name="GPT Image 2 · Edit",
        description=gettext_noop("The most faithful edits, in the shape of your picture or another."),
        task=Task.EDIT,
        endpoint=_LATEST,
        tier=AIModel.Tier.PREMIUM,
        **_LATEST_EDIT,
        inputs_allowed=MOST_INPUTS,
        seconds_expected=40,
        position=450,
        parameters=schema(
            aspect_ratio=_ratio(list(FLEXIBLE), has_default=False),
            quality=QUALITY,
            output_format=file_format("png", "jpeg", "webp"),
        ),
    ),
    _row(
        "gpt-image-1-5-restyle",
        name="GPT Image 1.5 · From a picture",
        description=gettext_noop("Paints your picture anew after your words: square, 3:2 or 2:3."),
        task=Task.IMAGE_TO_IMAGE,
        endpoint=_CLASSIC,
        tier=AIModel.Tier.ADVANCED,
        **_CLASSIC_EDIT,
        position=460,
        parameters=_EDITED,
    ),
    _row(
        "gpt-image-2-inpaint",
        name="GPT Image 2 · Inpaint",
        description=gettext_noop("Repaints what you mark. The rest comes back alike, but not to the pixel."),
        task=Task.INPAINT,
        endpoint=_LATEST,
        tier=AIModel.Tier.PREMIUM,
        **_LATEST_EDIT,
        seconds_expected=40,
        position=470,
        parameters=_PAINTED,
    ),
    _row(
        "gpt-image-2-outpaint",
        name="GPT Image 2 · Outpaint",
        description=gettext_noop("Continues your picture beyond its edges, at about a megapixel."),
        task=Task.OUTPAINT,
        endpoint=_LATEST,
        tier=AIModel.Tier.PREMIUM,
        **_LATEST_EDIT,
        seconds_expected=40,
        position=480,
        parameters=schema(**sides(), quality=QUALITY, output_format=file_format("png", "jpeg", "webp")),
    ),
    _row(
        "gpt-image-mini-variation",
        name="GPT Image 1 mini · Variation",
        description=gettext_noop("The same subject and mood, composed anew: square, 3:2 or 2:3."),
        task=Task.VARIATION,
        endpoint=_MINI,
        tier=AIModel.Tier.BASIC,
        **_MINI_EDIT,
        position=490,
        parameters=_PAINTED,
    ),
    _row(
        "gpt-image-1-5-cutout",
        name="GPT Image 1.5 · Remove background",
        description=gettext_noop("Redraws the subject on a transparent ground; fine edges, not to the pixel."),
        task=Task.REMOVE_BACKGROUND,
        endpoint=_CLASSIC,
        tier=AIModel.Tier.ADVANCED,
        **_CLASSIC_EDIT,
        position=495,
        parameters=schema(quality=QUALITY, output_format=file_format("png", "webp")),
    ),
]
