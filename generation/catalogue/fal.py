"""fal's models for the catalogue; offered where a key is set. Costs are fal's list prices in USD for an output of one
megapixel; an operator changes rows in the admin, not here.
"""

from decimal import Decimal
from typing import Any

from django.utils.translation import gettext_noop

from generation.catalogue.schema import ASPECT_RATIO, GUIDANCE, NEW_ASPECT_RATIO, STRENGTH, file_format, schema, steps
from generation.models import AIModel, Task
from generation.providers.fal import Fal
from generation.providers.fal_endpoints import ENDPOINTS


def _row(slug: str, **values: Any) -> dict[str, Any]:
    shared = {"slug": slug, "provider": Fal.name, "resubmittable": False, "seconds_allowed": 60}
    return shared | {"outputs_allowed": ENDPOINTS[values["endpoint"]].most} | values


FAL: list[dict[str, Any]] = [
    _row(
        "flux-schnell",
        name="FLUX.1 schnell",
        description=gettext_noop("Pictures from words in a few steps: fast and cheap."),
        task=Task.TEXT_TO_IMAGE,
        endpoint="fal-ai/flux/schnell",
        tier=AIModel.Tier.BASIC,
        provider_cost=Decimal("0.003"),
        seconds_expected=2,
        position=200,
        parameters=schema(aspect_ratio=ASPECT_RATIO, steps=steps(4, 1, 12), output_format=file_format("jpeg", "png")),
    ),
    _row(
        "flux-dev",
        name="FLUX.1 dev",
        description=gettext_noop("Pictures from words with more detail, and knobs to turn."),
        task=Task.TEXT_TO_IMAGE,
        endpoint="fal-ai/flux/dev",
        tier=AIModel.Tier.ADVANCED,
        provider_cost=Decimal("0.025"),
        seconds_expected=5,
        position=210,
        parameters=schema(
            aspect_ratio=ASPECT_RATIO,
            steps=steps(28, 1, 50),
            guidance=GUIDANCE,
            output_format=file_format("jpeg", "png"),
        ),
    ),
    _row(
        "flux-pro-1-1",
        name="FLUX1.1 pro",
        description=gettext_noop("Pictures from words at the highest quality of its family."),
        task=Task.TEXT_TO_IMAGE,
        endpoint="fal-ai/flux-pro/v1.1",
        tier=AIModel.Tier.PREMIUM,
        provider_cost=Decimal("0.04"),
        seconds_expected=8,
        position=220,
        parameters=schema(aspect_ratio=ASPECT_RATIO, output_format=file_format("jpeg", "png")),
    ),
    _row(
        "nano-banana",
        name="Nano Banana",
        description=gettext_noop("Google's model: follows long and intricate descriptions, writes legible text."),
        task=Task.TEXT_TO_IMAGE,
        endpoint="fal-ai/nano-banana",
        tier=AIModel.Tier.PREMIUM,
        provider_cost=Decimal("0.04"),
        seconds_expected=10,
        seconds_allowed=120,
        position=230,
        parameters=schema(aspect_ratio=ASPECT_RATIO, output_format=file_format("jpeg", "png", "webp")),
    ),
    _row(
        "flux-dev-image",
        name="FLUX.1 dev · From a picture",
        description=gettext_noop("Paints your picture anew after your words."),
        task=Task.IMAGE_TO_IMAGE,
        endpoint="fal-ai/flux/dev/image-to-image",
        tier=AIModel.Tier.ADVANCED,
        provider_cost=Decimal("0.03"),
        seconds_expected=6,
        position=240,
        parameters=schema(
            strength=STRENGTH,
            steps=steps(40, 10, 50),
            guidance=GUIDANCE,
            output_format=file_format("jpeg", "png"),
        ),
    ),
    _row(
        "flux-kontext",
        name="FLUX.1 Kontext pro",
        description=gettext_noop("Changes what you name in your picture and leaves the rest alone."),
        task=Task.EDIT,
        endpoint="fal-ai/flux-pro/kontext",
        tier=AIModel.Tier.PREMIUM,
        provider_cost=Decimal("0.04"),
        seconds_expected=10,
        seconds_allowed=120,
        position=250,
        parameters=schema(aspect_ratio=NEW_ASPECT_RATIO, guidance=GUIDANCE, output_format=file_format("jpeg", "png")),
    ),
    _row(
        "esrgan",
        name="Real-ESRGAN · Upscale",
        description=gettext_noop("Enlarges a picture and invents plausible detail."),
        task=Task.UPSCALE,
        endpoint="fal-ai/esrgan",
        tier=AIModel.Tier.ADVANCED,
        provider_cost=Decimal("0.03"),
        seconds_expected=6,
        seconds_allowed=120,
        position=260,
        parameters=schema(
            scale={
                "type": "integer",
                "title": gettext_noop("Times larger"),
                "minimum": 2,
                "maximum": 4,
                "default": 2,
            },
            face={"type": "boolean", "title": gettext_noop("Mend faces"), "default": False},
            output_format=file_format("png", "jpeg"),
        ),
    ),
    _row(
        "birefnet",
        name="BiRefNet · Remove background",
        description=gettext_noop("Cuts the subject out, hair included, on a transparent ground."),
        task=Task.REMOVE_BACKGROUND,
        endpoint="fal-ai/birefnet/v2",
        tier=AIModel.Tier.BASIC,
        provider_cost=Decimal("0.018"),
        seconds_expected=4,
        position=270,
        parameters=schema(
            variant={
                "type": "string",
                "title": gettext_noop("Variant"),
                "enum": ["General Use (Light)", "General Use (Heavy)", "Matting", "Portrait"],
                "default": "General Use (Light)",
            },
            refine={"type": "boolean", "title": gettext_noop("Refine the edges"), "default": True},
            output_format=file_format("png", "webp"),
        ),
    ),
]
