"""Replicate's models for the catalogue; offered where a token is set.

Costs are Replicate's list prices in USD as they were published for an output, or for a second of video; those of models
that run on hired hardware (upscale, cut-out, 3D) are what a usual run takes. Prices change and drift with hardware: an
operator checks them against replicate.com/pricing and changes rows in the admin, not here.
"""

from decimal import Decimal
from typing import Any

from django.utils.translation import gettext_noop

from generation.catalogue.schema import (
    ASPECT_RATIO,
    GUIDANCE,
    MESH_QUALITY,
    NEW_ASPECT_RATIO,
    STRENGTH,
    duration,
    file_format,
    resolution,
    scale,
    schema,
    sides,
    steps,
    video_ratio,
)
from generation.models import AIModel, Task
from generation.providers import names
from generation.providers.padding import LONGEST_SIDE
from generation.providers.replicate_endpoints import BACKGROUND_REMOVER, ENDPOINTS, REAL_ESRGAN, TRELLIS

FORMAT = file_format("png", "jpeg", "webp")
PNG_OR_JPEG = file_format("png", "jpeg")
GUIDED = GUIDANCE | {"minimum": 0, "maximum": 10, "default": 3}
# Pixels of a side of a square of which a picture of the upscaler's largest number of pixels consists.
LARGEST_TO_UPSCALE = 1440
# Pixels of a side that leave room on the largest canvas.
LARGEST_TO_GROW = LONGEST_SIDE - 256


def _row(slug: str, **values: Any) -> dict[str, Any]:
    shared = {"slug": f"replicate-{slug}", "provider": names.REPLICATE, "resubmittable": False, "seconds_allowed": 120}
    return shared | {"outputs_allowed": ENDPOINTS[values["endpoint"], values["task"]].most} | values


PICTURES: list[dict[str, Any]] = [
    _row(
        "flux-schnell",
        name="FLUX.1 schnell · Replicate",
        description=gettext_noop("Pictures from words in a few steps: fast and cheap."),
        task=Task.TEXT_TO_IMAGE,
        endpoint="black-forest-labs/flux-schnell",
        tier=AIModel.Tier.BASIC,
        provider_cost=Decimal("0.003"),
        seconds_expected=2,
        position=400,
        parameters=schema(aspect_ratio=ASPECT_RATIO, steps=steps(4, 1, 4), output_format=FORMAT),
    ),
    _row(
        "flux-dev",
        name="FLUX.1 dev · Replicate",
        description=gettext_noop("Pictures from words with more detail, and knobs to turn."),
        task=Task.TEXT_TO_IMAGE,
        endpoint="black-forest-labs/flux-dev",
        tier=AIModel.Tier.ADVANCED,
        provider_cost=Decimal("0.025"),
        seconds_expected=5,
        position=410,
        parameters=schema(aspect_ratio=ASPECT_RATIO, steps=steps(28, 1, 50), guidance=GUIDED, output_format=FORMAT),
    ),
    _row(
        "flux-pro-1-1",
        name="FLUX1.1 pro · Replicate",
        description=gettext_noop("Pictures from words at the highest quality of its family."),
        task=Task.TEXT_TO_IMAGE,
        endpoint="black-forest-labs/flux-1.1-pro",
        tier=AIModel.Tier.PREMIUM,
        provider_cost=Decimal("0.04"),
        seconds_expected=8,
        position=420,
        parameters=schema(aspect_ratio=ASPECT_RATIO, output_format=FORMAT),
    ),
    _row(
        "flux-dev-image",
        name="FLUX.1 dev · From a picture · Replicate",
        description=gettext_noop("Paints your picture anew after your words."),
        task=Task.IMAGE_TO_IMAGE,
        endpoint="black-forest-labs/flux-dev",
        tier=AIModel.Tier.ADVANCED,
        provider_cost=Decimal("0.025"),
        seconds_expected=6,
        position=430,
        parameters=schema(strength=STRENGTH, steps=steps(28, 1, 50), guidance=GUIDED, output_format=FORMAT),
    ),
    _row(
        "flux-kontext",
        name="FLUX.1 Kontext pro · Replicate",
        description=gettext_noop("Changes what you name in your picture and leaves the rest alone."),
        task=Task.EDIT,
        endpoint="black-forest-labs/flux-kontext-pro",
        tier=AIModel.Tier.PREMIUM,
        provider_cost=Decimal("0.04"),
        seconds_expected=10,
        position=440,
        parameters=schema(aspect_ratio=NEW_ASPECT_RATIO, output_format=PNG_OR_JPEG),
    ),
    _row(
        "flux-fill",
        name="FLUX.1 Fill pro · Replicate",
        description=gettext_noop("Paints what you name into the place that you marked."),
        task=Task.INPAINT,
        endpoint="black-forest-labs/flux-fill-pro",
        tier=AIModel.Tier.PREMIUM,
        provider_cost=Decimal("0.05"),
        seconds_expected=12,
        position=450,
        parameters=schema(output_format=PNG_OR_JPEG),
    ),
    _row(
        "flux-fill-outpaint",
        name="FLUX.1 Fill pro · Outpaint · Replicate",
        description=gettext_noop("Carries your picture on beyond its edges."),
        task=Task.OUTPAINT,
        endpoint="black-forest-labs/flux-fill-pro",
        tier=AIModel.Tier.PREMIUM,
        provider_cost=Decimal("0.05"),
        max_side=LARGEST_TO_GROW,
        seconds_expected=12,
        position=460,
        parameters=schema(
            **sides(),
            output_format=PNG_OR_JPEG,
        ),
    ),
    _row(
        "flux-redux",
        name="FLUX.1 Redux schnell · Replicate",
        description=gettext_noop("More pictures like yours: same subject and mood, newly drawn."),
        task=Task.VARIATION,
        endpoint="black-forest-labs/flux-redux-schnell",
        prompt_use=AIModel.PromptUse.NONE,
        tier=AIModel.Tier.BASIC,
        provider_cost=Decimal("0.003"),
        seconds_expected=3,
        position=470,
        parameters=schema(steps=steps(4, 1, 4), output_format=FORMAT),
    ),
    _row(
        "real-esrgan",
        name="Real-ESRGAN · Upscale · Replicate",
        description=gettext_noop("Enlarges a picture and invents plausible detail."),
        task=Task.UPSCALE,
        endpoint=REAL_ESRGAN,
        tier=AIModel.Tier.BASIC,
        provider_cost=Decimal("0.005"),
        max_side=LARGEST_TO_UPSCALE,
        seconds_expected=6,
        seconds_allowed=180,
        position=480,
        parameters=schema(
            scale=scale(2, 4),
            face={"type": "boolean", "title": gettext_noop("Mend faces"), "default": False},
        ),
    ),
    _row(
        "background-remover",
        name="Background remover · Replicate",
        description=gettext_noop("Cuts the subject out on a transparent ground."),
        task=Task.REMOVE_BACKGROUND,
        endpoint=BACKGROUND_REMOVER,
        tier=AIModel.Tier.BASIC,
        provider_cost=Decimal("0.002"),
        seconds_expected=4,
        seconds_allowed=180,
        position=490,
        parameters=schema(),
    ),
]

FILMS_AND_MESHES: list[dict[str, Any]] = [
    _row(
        "wan-text",
        name="Wan 2.2 fast · Replicate",
        description=gettext_noop("Short films from words: quick and cheap."),
        task=Task.TEXT_TO_VIDEO,
        endpoint="wan-video/wan-2.2-t2v-fast",
        tier=AIModel.Tier.ADVANCED,
        provider_cost=Decimal("0.0105"),
        unit=AIModel.Unit.SECOND,
        cost_factors={"resolution": {"720p": 2}},
        seconds_expected=40,
        seconds_allowed=400,
        position=500,
        parameters=schema(
            duration=duration(5, 6, 7),
            resolution=resolution("480p", "720p"),
            aspect_ratio=video_ratio("16:9", "9:16"),
        ),
    ),
    _row(
        "kling-text",
        name="Kling 2.5 turbo pro · Replicate",
        description=gettext_noop("Films from words with smooth motion and the look of the cinema."),
        task=Task.TEXT_TO_VIDEO,
        endpoint="kwaivgi/kling-v2.5-turbo-pro",
        tier=AIModel.Tier.PREMIUM,
        provider_cost=Decimal("0.07"),
        unit=AIModel.Unit.SECOND,
        seconds_expected=120,
        seconds_allowed=900,
        position=510,
        parameters=schema(duration=duration(5, 10), aspect_ratio=video_ratio("16:9", "9:16", "1:1")),
    ),
    _row(
        "wan-image",
        name="Wan 2.2 fast · Animate · Replicate",
        description=gettext_noop("Sets your picture in motion: quick and cheap."),
        task=Task.IMAGE_TO_VIDEO,
        endpoint="wan-video/wan-2.2-i2v-fast",
        tier=AIModel.Tier.ADVANCED,
        provider_cost=Decimal("0.0105"),
        unit=AIModel.Unit.SECOND,
        cost_factors={"resolution": {"720p": 2}},
        seconds_expected=40,
        seconds_allowed=400,
        position=520,
        parameters=schema(duration=duration(5, 6, 7), resolution=resolution("480p", "720p")),
    ),
    _row(
        "kling-image",
        name="Kling 2.1 · Animate · Replicate",
        description=gettext_noop("Sets your picture in motion after your words, up to full HD."),
        task=Task.IMAGE_TO_VIDEO,
        endpoint="kwaivgi/kling-v2.1",
        tier=AIModel.Tier.PREMIUM,
        provider_cost=Decimal("0.05"),
        unit=AIModel.Unit.SECOND,
        cost_factors={"resolution": {"1080p": 1.8}},
        min_side=300,
        seconds_expected=150,
        seconds_allowed=900,
        position=530,
        parameters=schema(duration=duration(5, 10), resolution=resolution("720p", "1080p")),
    ),
    _row(
        "trellis",
        name="TRELLIS · 3D · Replicate",
        description=gettext_noop("A textured 3D model from one picture of an object."),
        task=Task.IMAGE_TO_3D,
        endpoint=TRELLIS,
        tier=AIModel.Tier.PREMIUM,
        provider_cost=Decimal("0.10"),
        cost_factors={"quality": {"medium": 1.5, "high": 2}},
        seconds_expected=45,
        seconds_allowed=600,
        position=540,
        parameters=schema(
            quality=MESH_QUALITY | {"description": gettext_noop("Higher keeps a finer surface and texture.")},
        ),
    ),
]

REPLICATE: list[dict[str, Any]] = PICTURES + FILMS_AND_MESHES
