"""fal's models that make videos, priced per second, and meshes."""

from decimal import Decimal
from typing import Any

from django.utils.translation import gettext_noop

from generation.catalogue.fal_row import fal_row
from generation.catalogue.schema import MESH_QUALITY, duration, resolution, schema, video_ratio
from generation.models import AIModel, Task

# Seconds: fal's queue for videos is long at times.
VIDEO_PATIENCE = 600
MESH_PATIENCE = 300

FILMS_AND_MESHES: list[dict[str, Any]] = [
    fal_row(
        "veo-3-1-fast",
        name="Veo 3.1 Fast",
        description=gettext_noop("Google's films from words: cinematic, true to physics. Without sound."),
        task=Task.TEXT_TO_VIDEO,
        endpoint="fal-ai/veo3.1/fast",
        tier=AIModel.Tier.PREMIUM,
        provider_cost=Decimal("0.10"),
        unit=AIModel.Unit.SECOND,
        seconds_expected=70,
        seconds_allowed=VIDEO_PATIENCE,
        position=280,
        parameters=schema(
            duration=duration(4, 6, 8), resolution=resolution("720p", "1080p"), aspect_ratio=video_ratio("16:9", "9:16")
        ),
    ),
    fal_row(
        "wan-2-6",
        name="Wan 2.6",
        description=gettext_noop("Films from words, up to a quarter of a minute."),
        task=Task.TEXT_TO_VIDEO,
        endpoint="wan/v2.6/text-to-video",
        tier=AIModel.Tier.PREMIUM,
        provider_cost=Decimal("0.10"),
        unit=AIModel.Unit.SECOND,
        cost_factors={"resolution": {"1080p": 1.5}},
        seconds_expected=90,
        seconds_allowed=VIDEO_PATIENCE,
        position=282,
        parameters=schema(
            duration=duration(5, 10, 15),
            resolution=resolution("720p", "1080p"),
            aspect_ratio=video_ratio("16:9", "9:16", "1:1"),
        ),
    ),
    fal_row(
        "kling-2-5-turbo",
        name="Kling 2.5 Turbo pro · Animate",
        description=gettext_noop("Sets your picture in motion, fluently."),
        task=Task.IMAGE_TO_VIDEO,
        endpoint="fal-ai/kling-video/v2.5-turbo/pro/image-to-video",
        tier=AIModel.Tier.PREMIUM,
        provider_cost=Decimal("0.07"),
        unit=AIModel.Unit.SECOND,
        min_side=300,
        seconds_expected=120,
        seconds_allowed=VIDEO_PATIENCE,
        position=284,
        parameters=schema(duration=duration(5, 10)),
    ),
    fal_row(
        "wan-2-6-animate",
        name="Wan 2.6 · Animate",
        description=gettext_noop("Sets your picture in motion, up to a quarter of a minute."),
        task=Task.IMAGE_TO_VIDEO,
        endpoint="wan/v2.6/image-to-video",
        tier=AIModel.Tier.PREMIUM,
        provider_cost=Decimal("0.10"),
        unit=AIModel.Unit.SECOND,
        cost_factors={"resolution": {"1080p": 1.5}},
        min_side=240,
        seconds_expected=90,
        seconds_allowed=VIDEO_PATIENCE,
        position=286,
        parameters=schema(duration=duration(5, 10, 15), resolution=resolution("720p", "1080p")),
    ),
    fal_row(
        "trellis",
        name="TRELLIS · To 3D",
        description=gettext_noop("A textured mesh of the thing in your picture, quickly and cheaply."),
        task=Task.IMAGE_TO_3D,
        endpoint="fal-ai/trellis",
        tier=AIModel.Tier.ADVANCED,
        provider_cost=Decimal("0.02"),
        seconds_expected=30,
        seconds_allowed=MESH_PATIENCE,
        position=290,
        parameters=schema(),
    ),
    fal_row(
        "tripo-2-5",
        name="Tripo 2.5 · To 3D",
        description=gettext_noop("A textured mesh with as many faces as you choose."),
        task=Task.IMAGE_TO_3D,
        endpoint="tripo3d/tripo/v2.5/image-to-3d",
        tier=AIModel.Tier.PREMIUM,
        provider_cost=Decimal("0.30"),
        seconds_expected=60,
        seconds_allowed=MESH_PATIENCE,
        position=292,
        parameters=schema(quality=MESH_QUALITY),
    ),
    fal_row(
        "hunyuan-3d",
        name="Hunyuan3D 2.1 · To 3D",
        description=gettext_noop("A dense mesh for sculpting and printing; in colour at three times the price."),
        task=Task.IMAGE_TO_3D,
        endpoint="fal-ai/hunyuan3d-v21",
        tier=AIModel.Tier.PREMIUM,
        provider_cost=Decimal("0.16"),
        cost_factors={"texture": {"coloured": 3}},
        seconds_expected=60,
        seconds_allowed=MESH_PATIENCE,
        position=294,
        parameters=schema(
            texture={
                "type": "string",
                "title": gettext_noop("Surface"),
                "enum": ["plain", "coloured"],
                "default": "plain",
            }
        ),
    ),
]
