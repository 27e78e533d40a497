"""The local studio's models."""

from typing import Any

from django.utils.translation import gettext_noop

from generation.catalogue.schema import (
    ASPECT_RATIO,
    MESH_QUALITY,
    NEW_ASPECT_RATIO,
    duration,
    resolution,
    scale,
    schema,
    sides,
    video_ratio,
)
from generation.models import AIModel, Task
from generation.providers import names

TEXT_STYLES = ("auto", "film", "riso")
PICTURE_STYLES = ("auto", "sketch", "watercolour", "oil", "pixel", "poster")
DETAIL = {
    "type": "string",
    "title": gettext_noop("Detail"),
    "description": gettext_noop("Finer takes longer; the price is the same."),
    "enum": ["draft", "standard", "fine"],
    "default": "standard",
}
MOTION = {
    "type": "string",
    "title": gettext_noop("Camera"),
    "description": gettext_noop("Auto chooses a move by the seed."),
    "enum": ["auto", "zoom-in", "zoom-out", "pan-left", "pan-right", "rise"],
    "default": "auto",
}


def _strength(description: str, default: float) -> dict[str, Any]:
    return {
        "type": "number",
        "title": gettext_noop("Strength"),
        "description": description,
        "minimum": 0,
        "maximum": 1,
        "default": default,
    }


def _style(values: tuple[str, ...]) -> dict[str, Any]:
    return {"type": "string", "title": gettext_noop("Style"), "enum": list(values), "default": "auto"}


def _row(slug: str, **values: Any) -> dict[str, Any]:
    shared = {"slug": slug, "provider": names.LOCAL, "tier": AIModel.Tier.BASIC}
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
            "Redraws your picture as a sketch, painting or poster with classical filters, on this server. Not AI."
        ),
        task=Task.IMAGE_TO_IMAGE,
        endpoint="stylise",
        seconds_expected=2,
        position=20,
        parameters=schema(
            style=_style(PICTURE_STYLES),
            strength=_strength(gettext_noop("0 keeps the picture, 1 gives the style free rein."), 0.6),
            detail=DETAIL,
        ),
    ),
    _row(
        "studio-upscale",
        name="Local studio · Upscale",
        description=gettext_noop(
            "Twice or four times as wide and high by back-projection: crisper than a plain zoom, invents nothing. "
            "Classical graphics on this server, not AI."
        ),
        task=Task.UPSCALE,
        endpoint="upscale",
        outputs_allowed=1,
        seconds_expected=4,
        position=30,
        parameters=schema(scale=scale(2, 4)),
    ),
    _row(
        "studio-variation",
        name="Local studio · Variations",
        description=gettext_noop(
            "Your picture in another cut, light, colour and grain; every output is another. "
            "Classical graphics on this server, not AI."
        ),
        task=Task.VARIATION,
        endpoint="variation",
        seconds_expected=1,
        position=40,
        parameters=schema(strength=_strength(gettext_noop("0 stays close to the picture, 1 goes far."), 0.5)),
    ),
    _row(
        "studio-edit",
        name="Local studio · Edit",
        description=gettext_noop(
            "Follows plain words such as “warmer, black and white, blur the background, make it night”, or blends two "
            "pictures. Classical graphics on this server, not AI."
        ),
        task=Task.EDIT,
        endpoint="edit",
        inputs_allowed=2,
        outputs_allowed=4,
        seconds_expected=1,
        position=50,
        parameters=schema(aspect_ratio=NEW_ASPECT_RATIO),
    ),
    _row(
        "studio-inpaint",
        name="Local studio · Fill",
        description=gettext_noop(
            "Fills what you paint over with matching parts of the picture, or with a drawn scene from your words. "
            "Classical graphics on this server, not AI."
        ),
        prompt_use=AIModel.PromptUse.OPTIONAL,
        task=Task.INPAINT,
        endpoint="inpaint",
        outputs_allowed=4,
        seconds_expected=2,
        position=60,
        parameters=schema(strength=_strength(gettext_noop("How firmly the words show in what is filled."), 1.0)),
    ),
    _row(
        "studio-outpaint",
        name="Local studio · Extend",
        description=gettext_noop(
            "Continues your picture beyond its edges with its own mirror image and textures. "
            "Classical graphics on this server, not AI."
        ),
        task=Task.OUTPAINT,
        endpoint="outpaint",
        outputs_allowed=4,
        seconds_expected=3,
        seconds_allowed=120,
        position=70,
        parameters=schema(**sides()),
    ),
    _row(
        "studio-cutout",
        name="Local studio · Cut out",
        description=gettext_noop(
            "Frees what stands out from a calm ground, with fine edges, as a transparent PNG. "
            "Classical graphics on this server, not AI."
        ),
        task=Task.REMOVE_BACKGROUND,
        endpoint="cutout",
        outputs_allowed=1,
        seconds_expected=1,
        position=80,
        parameters=schema(),
    ),
    _row(
        "studio-film",
        name="Local studio · Film",
        description=gettext_noop(
            "Draws a scene from your words and moves a camera over it. Classical graphics on this server, not AI."
        ),
        task=Task.TEXT_TO_VIDEO,
        endpoint="film",
        outputs_allowed=2,
        seconds_expected=5,
        seconds_allowed=120,
        position=90,
        parameters=schema(
            duration=duration(4, 2, 6),
            resolution=resolution("720p", "480p"),
            aspect_ratio=video_ratio("16:9", "9:16", "1:1"),
            motion=MOTION,
        ),
    ),
    _row(
        "studio-camera",
        name="Local studio · Camera move",
        description=gettext_noop(
            "Moves a camera over your picture, near parts faster than far ones. "
            "Classical graphics on this server, not AI."
        ),
        task=Task.IMAGE_TO_VIDEO,
        endpoint="camera",
        outputs_allowed=2,
        seconds_expected=5,
        seconds_allowed=120,
        position=100,
        parameters=schema(duration=duration(4, 2, 6), resolution=resolution("720p", "480p"), motion=MOTION),
    ),
    _row(
        "studio-relief",
        name="Local studio · Relief",
        description=gettext_noop(
            "Carves your picture as a relief on a plate, in its own colours, as a GLB file. "
            "Classical graphics on this server, not AI."
        ),
        task=Task.IMAGE_TO_3D,
        endpoint="relief",
        outputs_allowed=1,
        seconds_expected=2,
        position=110,
        parameters=schema(quality=MESH_QUALITY),
    ),
]
