"""Together AI's models for the catalogue; offered where a key is set.

Costs are Together's list prices of November 2026 in USD for an output of a megapixel at the model's usual steps; every
size that we ask for stays within one. An operator checks them and changes rows in the admin, not here.
"""

from decimal import Decimal
from typing import Any

from django.utils.translation import gettext_noop

from generation.catalogue.schema import (
    ASPECT_RATIO,
    GUIDANCE,
    NEGATIVE_PROMPT,
    NEW_ASPECT_RATIO,
    file_format,
    schema,
    steps,
)
from generation.models import AIModel, Task
from generation.providers import names

# Several references, as the second generation of FLUX takes them.
REFERENCES = 8
# An input travels inside the request, and what is larger is scaled down there.
MAX_SIDE = 8192


def _row(slug: str, **values: Any) -> dict[str, Any]:
    shared = {"slug": slug, "provider": names.TOGETHER, "resubmittable": False, "seconds_allowed": 120}
    if values["task"] != Task.TEXT_TO_IMAGE:
        shared["max_side"] = MAX_SIDE
    return shared | values


TOGETHER: list[dict[str, Any]] = [
    _row(
        "together-flux-schnell",
        name="FLUX.1 schnell · Together",
        description=gettext_noop("Pictures from words in a few steps: fast and cheap."),
        task=Task.TEXT_TO_IMAGE,
        endpoint="black-forest-labs/FLUX.1-schnell",
        tier=AIModel.Tier.BASIC,
        provider_cost=Decimal("0.003"),
        seconds_expected=3,
        position=600,
        equivalents=["flux-schnell"],
        # More than the usual four steps would be billed on top.
        parameters=schema(aspect_ratio=ASPECT_RATIO, steps=steps(4, 1, 4), output_format=file_format("jpeg", "png")),
    ),
    _row(
        "together-flux-2-dev",
        name="FLUX.2 dev · Together",
        description=gettext_noop("The second generation with knobs to turn: steps, guidance, what to leave out."),
        task=Task.TEXT_TO_IMAGE,
        endpoint="black-forest-labs/FLUX.2-dev",
        tier=AIModel.Tier.ADVANCED,
        provider_cost=Decimal("0.0154"),
        seconds_expected=8,
        position=610,
        parameters=schema(
            aspect_ratio=ASPECT_RATIO,
            steps=steps(28, 4, 28),
            guidance=GUIDANCE,
            negative_prompt=NEGATIVE_PROMPT,
            output_format=file_format("jpeg", "png"),
        ),
    ),
    _row(
        "together-flux-pro",
        name="FLUX1.1 pro · Together",
        description=gettext_noop("Pictures from words at the highest quality of its family."),
        task=Task.TEXT_TO_IMAGE,
        endpoint="black-forest-labs/FLUX.1.1-pro",
        tier=AIModel.Tier.PREMIUM,
        provider_cost=Decimal("0.04"),
        seconds_expected=8,
        position=620,
        equivalents=["flux-pro-1-1"],
        parameters=schema(aspect_ratio=ASPECT_RATIO, output_format=file_format("jpeg", "png")),
    ),
    _row(
        "together-flux-2-pro",
        name="FLUX.2 pro · Together",
        description=gettext_noop("The second generation at its best, with nothing to set."),
        task=Task.TEXT_TO_IMAGE,
        endpoint="black-forest-labs/FLUX.2-pro",
        tier=AIModel.Tier.PREMIUM,
        provider_cost=Decimal("0.03"),
        seconds_expected=12,
        position=630,
        parameters=schema(aspect_ratio=ASPECT_RATIO, output_format=file_format("jpeg", "png")),
    ),
    _row(
        "together-kontext-pro",
        name="FLUX.1 Kontext pro · Together",
        description=gettext_noop("Changes what you name in your picture and leaves the rest alone."),
        task=Task.EDIT,
        endpoint="black-forest-labs/FLUX.1-kontext-pro",
        tier=AIModel.Tier.ADVANCED,
        provider_cost=Decimal("0.04"),
        seconds_expected=10,
        position=640,
        equivalents=["flux-kontext"],
        parameters=schema(aspect_ratio=NEW_ASPECT_RATIO, output_format=file_format("jpeg", "png")),
    ),
    _row(
        "together-kontext-max",
        name="FLUX.1 Kontext max · Together",
        description=gettext_noop("Kontext at its most exact, also with lettering."),
        task=Task.EDIT,
        endpoint="black-forest-labs/FLUX.1-kontext-max",
        tier=AIModel.Tier.PREMIUM,
        provider_cost=Decimal("0.08"),
        seconds_expected=12,
        position=650,
        parameters=schema(aspect_ratio=NEW_ASPECT_RATIO, output_format=file_format("jpeg", "png")),
    ),
    _row(
        "together-flux-2-edit",
        name="FLUX.2 pro · Edit · Together",
        description=gettext_noop("Puts several pictures together, or changes one, after your words."),
        task=Task.EDIT,
        endpoint="black-forest-labs/FLUX.2-pro",
        tier=AIModel.Tier.PREMIUM,
        provider_cost=Decimal("0.045"),
        inputs_allowed=REFERENCES,
        seconds_expected=15,
        position=660,
        parameters=schema(aspect_ratio=NEW_ASPECT_RATIO, output_format=file_format("jpeg", "png")),
    ),
    _row(
        "together-kontext-restyle",
        name="FLUX.1 Kontext pro · From a picture · Together",
        description=gettext_noop("Paints your picture anew after your words."),
        task=Task.IMAGE_TO_IMAGE,
        endpoint="black-forest-labs/FLUX.1-kontext-pro",
        tier=AIModel.Tier.ADVANCED,
        provider_cost=Decimal("0.04"),
        seconds_expected=10,
        position=670,
        parameters=schema(aspect_ratio=NEW_ASPECT_RATIO, output_format=file_format("jpeg", "png")),
    ),
]
