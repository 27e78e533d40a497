"""Stability's models for the catalogue; offered where a key is set.

Costs are Stability's list prices in USD for an output as they were published (a credit is $0.01): an operator checks
them against platform.stability.ai/pricing and changes rows in the admin, not here.
"""

from decimal import Decimal
from typing import Any

from django.utils.translation import gettext_noop

from generation.catalogue.schema import (
    ASPECT_RATIO,
    GUIDANCE,
    MESH_QUALITY,
    NEGATIVE_PROMPT,
    STRENGTH,
    file_format,
    schema,
    sides,
)
from generation.models import AIModel, Task
from generation.providers import names
from generation.providers.stability_endpoints import ENDPOINTS

# Of our ratios, those that Stability makes.
RATIOS = ("1:1", "16:9", "9:16", "21:9", "3:2", "2:3")
RATIO = ASPECT_RATIO | {"enum": list(RATIOS)}
FORMAT = file_format("png", "jpeg", "webp")
# Stable Diffusion 3.5 knows no WebP.
PNG_OR_JPEG = file_format("png", "jpeg")
STYLE = {
    "type": "string",
    "title": gettext_noop("Style"),
    "description": gettext_noop("Left open, your words decide."),
    "enum": [
        "3d-model",
        "analog-film",
        "anime",
        "cinematic",
        "comic-book",
        "digital-art",
        "enhance",
        "fantasy-art",
        "isometric",
        "line-art",
        "low-poly",
        "modeling-compound",
        "neon-punk",
        "origami",
        "photographic",
        "pixel-art",
        "tile-texture",
    ],
}
GUIDED = GUIDANCE | {"maximum": 10, "default": 4}
GROW = {
    "type": "integer",
    "title": gettext_noop("Grow the mask"),
    "description": gettext_noop("Pixels by which the marked place grows, so that no seam shows."),
    "minimum": 0,
    "maximum": 20,
    "default": 5,
}
# Pixels of a side: the square of the largest number of pixels that each kind of endpoint takes.
SMALLEST, LARGEST, LARGEST_FOR_FAST = 64, 3072, 1024
MOST_AT_ONE_SIDE = 2000


def _fraction(title: str, description: str, minimum: float, maximum: float, default: float) -> dict[str, Any]:
    limits = {"minimum": minimum, "maximum": maximum, "default": default}
    return {"type": "number", "title": title, "description": description} | limits


def _words(title: str, default: str) -> dict[str, Any]:
    return {"type": "string", "title": title, "maxLength": 500, "default": default}


def _row(slug: str, **values: Any) -> dict[str, Any]:
    """A row; where the endpoint takes no seed every output would be the same, so there is one."""
    endpoint = ENDPOINTS[values["endpoint"], values["task"]]
    shared: dict[str, Any] = {"slug": f"stability-{slug}", "provider": names.STABILITY, "resubmittable": False}
    shared |= {"seconds_allowed": 90, "outputs_allowed": 4 if endpoint.takes_seed else 1}
    if endpoint.takes_image:
        shared |= {"min_side": SMALLEST, "max_side": LARGEST}
    return shared | values


FROM_WORDS: list[dict[str, Any]] = [
    _row(
        "ultra",
        name="Stable Image Ultra",
        description=gettext_noop("Stability's finest: photographs, legible text, intricate scenes."),
        task=Task.TEXT_TO_IMAGE,
        endpoint="stable-image/generate/ultra",
        tier=AIModel.Tier.PREMIUM,
        provider_cost=Decimal("0.08"),
        seconds_expected=10,
        position=600,
        parameters=schema(aspect_ratio=RATIO, style=STYLE, negative_prompt=NEGATIVE_PROMPT, output_format=FORMAT),
    ),
    _row(
        "core",
        name="Stable Image Core",
        description=gettext_noop("Good pictures from short words, fast and cheap."),
        task=Task.TEXT_TO_IMAGE,
        endpoint="stable-image/generate/core",
        tier=AIModel.Tier.BASIC,
        provider_cost=Decimal("0.03"),
        seconds_expected=5,
        position=610,
        parameters=schema(aspect_ratio=RATIO, style=STYLE, negative_prompt=NEGATIVE_PROMPT, output_format=FORMAT),
    ),
    _row(
        "sd35-large",
        name="Stable Diffusion 3.5 large",
        description=gettext_noop("Follows long descriptions closely."),
        task=Task.TEXT_TO_IMAGE,
        endpoint="stable-image/generate/sd3:sd3.5-large",
        tier=AIModel.Tier.PREMIUM,
        provider_cost=Decimal("0.065"),
        seconds_expected=8,
        position=620,
        parameters=schema(
            aspect_ratio=RATIO,
            style=STYLE,
            guidance=GUIDED,
            negative_prompt=NEGATIVE_PROMPT,
            output_format=PNG_OR_JPEG,
        ),
    ),
    _row(
        "sd35-turbo",
        name="Stable Diffusion 3.5 large turbo",
        description=gettext_noop("Nearly as good as the large model in a fraction of the time."),
        task=Task.TEXT_TO_IMAGE,
        endpoint="stable-image/generate/sd3:sd3.5-large-turbo",
        tier=AIModel.Tier.ADVANCED,
        provider_cost=Decimal("0.04"),
        seconds_expected=4,
        position=630,
        parameters=schema(aspect_ratio=RATIO, style=STYLE, output_format=PNG_OR_JPEG),
    ),
    _row(
        "sd35-medium",
        name="Stable Diffusion 3.5 medium",
        description=gettext_noop("The small sibling: quick drafts with the same knobs."),
        task=Task.TEXT_TO_IMAGE,
        endpoint="stable-image/generate/sd3:sd3.5-medium",
        tier=AIModel.Tier.BASIC,
        provider_cost=Decimal("0.035"),
        seconds_expected=5,
        position=640,
        parameters=schema(
            aspect_ratio=RATIO,
            style=STYLE,
            guidance=GUIDED,
            negative_prompt=NEGATIVE_PROMPT,
            output_format=PNG_OR_JPEG,
        ),
    ),
]

FROM_PICTURES: list[dict[str, Any]] = [
    _row(
        "sd35-image",
        name="Stable Diffusion 3.5 large · From a picture",
        description=gettext_noop("Paints your picture anew after your words."),
        task=Task.IMAGE_TO_IMAGE,
        endpoint="stable-image/generate/sd3:sd3.5-large",
        tier=AIModel.Tier.PREMIUM,
        provider_cost=Decimal("0.065"),
        seconds_expected=8,
        position=650,
        parameters=schema(
            strength=STRENGTH,
            style=STYLE,
            guidance=GUIDED,
            negative_prompt=NEGATIVE_PROMPT,
            output_format=PNG_OR_JPEG,
        ),
    ),
    _row(
        "style-guide",
        name="Stable Image · In the style of a picture",
        description=gettext_noop("Draws what you describe in the manner of your picture."),
        task=Task.IMAGE_TO_IMAGE,
        endpoint="stable-image/control/style",
        prompt_use=AIModel.PromptUse.NEEDED,
        tier=AIModel.Tier.ADVANCED,
        provider_cost=Decimal("0.05"),
        seconds_expected=8,
        position=660,
        parameters=schema(
            fidelity=_fraction(
                gettext_noop("Likeness"), gettext_noop("How closely the picture's style is kept."), 0, 1, 0.5
            ),
            aspect_ratio=RATIO,
            negative_prompt=NEGATIVE_PROMPT,
            output_format=FORMAT,
        ),
    ),
    _row(
        "replace",
        name="Stable Image · Search and replace",
        description=gettext_noop("Finds the thing that you name in your picture and puts another in its place."),
        task=Task.EDIT,
        endpoint="stable-image/edit/search-and-replace",
        tier=AIModel.Tier.ADVANCED,
        provider_cost=Decimal("0.05"),
        seconds_expected=10,
        position=670,
        parameters=schema(
            search_prompt=_words(gettext_noop("What is replaced"), "the main subject"),
            style=STYLE,
            negative_prompt=NEGATIVE_PROMPT,
            grow_mask=GROW,
            output_format=FORMAT,
        ),
    ),
    _row(
        "recolor",
        name="Stable Image · Search and recolour",
        description=gettext_noop("Finds the thing that you name in your picture and gives it other colours."),
        task=Task.EDIT,
        endpoint="stable-image/edit/search-and-recolor",
        tier=AIModel.Tier.ADVANCED,
        provider_cost=Decimal("0.05"),
        seconds_expected=10,
        position=680,
        parameters=schema(
            select_prompt=_words(gettext_noop("What is recoloured"), "the main subject"),
            style=STYLE,
            negative_prompt=NEGATIVE_PROMPT,
            grow_mask=GROW,
            output_format=FORMAT,
        ),
    ),
    _row(
        "inpaint",
        name="Stable Image · Inpaint",
        description=gettext_noop("Paints what you name into the place that you marked."),
        task=Task.INPAINT,
        endpoint="stable-image/edit/inpaint",
        tier=AIModel.Tier.ADVANCED,
        provider_cost=Decimal("0.05"),
        seconds_expected=10,
        position=690,
        parameters=schema(style=STYLE, negative_prompt=NEGATIVE_PROMPT, grow_mask=GROW, output_format=FORMAT),
    ),
    _row(
        "erase",
        name="Stable Image · Erase",
        description=gettext_noop("Takes what you marked out of your picture and mends the place. Needs no words."),
        task=Task.INPAINT,
        endpoint="stable-image/edit/erase",
        prompt_use=AIModel.PromptUse.NONE,
        tier=AIModel.Tier.ADVANCED,
        provider_cost=Decimal("0.05"),
        seconds_expected=8,
        position=700,
        parameters=schema(grow_mask=GROW, output_format=FORMAT),
    ),
    _row(
        "outpaint",
        name="Stable Image · Outpaint",
        description=gettext_noop("Carries your picture on beyond its edges."),
        task=Task.OUTPAINT,
        endpoint="stable-image/edit/outpaint",
        tier=AIModel.Tier.ADVANCED,
        provider_cost=Decimal("0.04"),
        seconds_expected=10,
        position=710,
        parameters=schema(
            **sides(MOST_AT_ONE_SIDE),
            creativity=_fraction(
                gettext_noop("Creativity"), gettext_noop("Low carries on what is there, 1 invents freely."), 0, 1, 0.5
            ),
            style=STYLE,
            output_format=FORMAT,
        ),
    ),
    _row(
        "upscale-fast",
        name="Stable Image · Upscale 4×",
        description=gettext_noop("Four times as wide and high in a second; keeps what is there."),
        task=Task.UPSCALE,
        endpoint="stable-image/upscale/fast",
        tier=AIModel.Tier.BASIC,
        provider_cost=Decimal("0.02"),
        max_side=LARGEST_FOR_FAST,
        seconds_expected=3,
        position=720,
        parameters=schema(output_format=FORMAT),
    ),
    _row(
        "upscale-conservative",
        name="Stable Image · Upscale to four megapixels",
        description=gettext_noop("Redraws a small picture at four megapixels with fine detail, close to the original."),
        task=Task.UPSCALE,
        endpoint="stable-image/upscale/conservative",
        tier=AIModel.Tier.PREMIUM,
        provider_cost=Decimal("0.40"),
        seconds_expected=30,
        seconds_allowed=180,
        position=730,
        parameters=schema(
            creativity=_fraction(
                gettext_noop("Creativity"), gettext_noop("How much detail may be invented."), 0.2, 0.5, 0.35
            ),
            negative_prompt=NEGATIVE_PROMPT,
            output_format=FORMAT,
        ),
    ),
    _row(
        "remove-background",
        name="Stable Image · Remove background",
        description=gettext_noop("Cuts the subject out on a transparent ground."),
        task=Task.REMOVE_BACKGROUND,
        endpoint="stable-image/edit/remove-background",
        tier=AIModel.Tier.BASIC,
        provider_cost=Decimal("0.05"),
        seconds_expected=5,
        position=740,
        parameters=schema(output_format=file_format("png", "webp")),
    ),
    _row(
        "fast-3d",
        name="Stable Fast 3D",
        description=gettext_noop("A textured 3D model from one picture of an object, within seconds."),
        task=Task.IMAGE_TO_3D,
        endpoint="3d/stable-fast-3d",
        tier=AIModel.Tier.ADVANCED,
        provider_cost=Decimal("0.10"),
        cost_factors={"quality": {"medium": 1.5, "high": 2}},
        seconds_expected=5,
        position=750,
        parameters=schema(quality=MESH_QUALITY),
    ),
]

STABILITY: list[dict[str, Any]] = FROM_WORDS + FROM_PICTURES
