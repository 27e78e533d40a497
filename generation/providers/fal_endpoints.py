"""How each of fal's endpoints wants to be asked, as data: a new endpoint is a new row here and one in the catalogue."""

import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from types import MappingProxyType
from typing import Any

from django.utils.translation import gettext as _

from generation.providers.base import Call, InputFile, InvalidInput

# fal bills begun megapixels: each of these stays within one. Ratios that have no name at fal are given in pixels.
IMAGE_SIZES: Mapping[str, str | Mapping[str, int]] = MappingProxyType(
    {
        "1:1": "square_hd",
        "16:9": "landscape_16_9",
        "9:16": "portrait_16_9",
        "4:3": "landscape_4_3",
        "3:4": "portrait_4_3",
        "3:2": {"width": 1200, "height": 800},
        "2:3": {"width": 800, "height": 1200},
        "21:9": {"width": 1456, "height": 624},
    }
)
# Where the output is to have the shape of the picture: the most pixels, and what its sides are multiples of.
MOST_PIXELS = 1_000_000
SIDE_STEP = 16


@dataclass(frozen=True, slots=True, kw_only=True)
class Endpoint:
    """One endpoint: our names on the left, fal's on the right."""

    params: Mapping[str, str] = field(default_factory=dict)
    # Role of an input to the field for its address; a field that ends in "urls" takes a list.
    inputs: Mapping[str, str] = field(default_factory=dict)
    takes_prompt: bool = True
    # What stands in for a prompt that nobody wrote; "" leaves the field out, None sends it empty.
    wordless: str | None = None
    takes_seed: bool = True
    # How many outputs one request may ask for; 1 where there is no `num_images`.
    most: int = 1
    always: Mapping[str, Any] = field(default_factory=dict)
    # Where the outputs are in the answer: a list of files, or one file.
    output: str = "images"
    # Values that fal names differently from us, by our name of the parameter.
    values: Mapping[str, Mapping[Any, Any]] = field(default_factory=lambda: {"aspect_ratio": IMAGE_SIZES})
    # The field that says how large the output is, where it has the picture's shape unless another is asked for.
    shape: str = ""

    @property
    def is_one_megapixel(self) -> bool:
        """Whether we choose the size of the output, which never goes beyond what fal bills as one megapixel."""
        return "image_size" in self.params.values()


CHECKED = {"enable_safety_checker": True}
FORMAT = {"output_format": "output_format"}
SIZE = {"aspect_ratio": "image_size"}
RATIO = {"aspect_ratio": "aspect_ratio"}
STEPS = {"steps": "num_inference_steps", "guidance": "guidance_scale"}
ONE_IMAGE = {"image": "image_url"}
SIDES = {side: f"expand_{side}" for side in ("left", "right", "top", "bottom")}
MOTION = "Gentle, natural motion."

_IMAGES = {
    "fal-ai/flux/schnell": Endpoint(params=SIZE | FORMAT | {"steps": STEPS["steps"]}, most=4, always=CHECKED),
    "fal-ai/flux/dev": Endpoint(params=SIZE | FORMAT | STEPS, most=4, always=CHECKED),
    "fal-ai/flux-pro/v1.1": Endpoint(params=SIZE | FORMAT, most=4, always=CHECKED),
    "fal-ai/flux-2": Endpoint(params=SIZE | FORMAT | STEPS, most=4, always=CHECKED),
    "fal-ai/flux-2-pro": Endpoint(params=SIZE | FORMAT, always=CHECKED),
    "fal-ai/nano-banana": Endpoint(params=FORMAT | RATIO, most=4, values={}),
    "fal-ai/flux/dev/image-to-image": Endpoint(
        params=FORMAT | STEPS | {"strength": "strength"},
        inputs=ONE_IMAGE,
        wordless="The same picture, finely detailed.",
        most=4,
        always=CHECKED,
    ),
    "fal-ai/flux-pro/kontext": Endpoint(
        params=FORMAT | RATIO | {"guidance": "guidance_scale"}, inputs=ONE_IMAGE, most=4, values={}
    ),
    "fal-ai/nano-banana/edit": Endpoint(params=FORMAT | RATIO, inputs={"image": "image_urls"}, most=4, values={}),
    # White is painted anew, as with us.
    "fal-ai/flux-pro/v1/fill": Endpoint(params=FORMAT, inputs=ONE_IMAGE | {"mask": "mask_url"}, most=4),
    # Left alone, it would zoom out by a fifth and add at the bottom.
    "fal-ai/image-apps-v2/outpaint": Endpoint(
        params=FORMAT | SIDES,
        inputs=ONE_IMAGE,
        wordless="",
        takes_seed=False,
        most=4,
        always=CHECKED | {"zoom_out_percentage": 0} | dict.fromkeys(SIDES.values(), 0),
    ),
    "fal-ai/flux/schnell/redux": Endpoint(
        params=SIZE | FORMAT | {"steps": STEPS["steps"]},
        inputs=ONE_IMAGE,
        takes_prompt=False,
        most=4,
        always=CHECKED,
        shape="image_size",
    ),
}
_FINISHING = {
    "fal-ai/esrgan": Endpoint(
        params=FORMAT | {"scale": "scale", "face": "face"},
        inputs=ONE_IMAGE,
        takes_prompt=False,
        takes_seed=False,
        output="image",
    ),
    "fal-ai/clarity-upscaler": Endpoint(
        params={"scale": "upscale_factor", "creativity": "creativity", "resemblance": "resemblance"},
        inputs=ONE_IMAGE,
        takes_prompt=False,
        always=CHECKED,
        output="image",
    ),
    "fal-ai/aura-sr": Endpoint(
        params={"scale": "upscale_factor"},
        inputs=ONE_IMAGE,
        takes_prompt=False,
        takes_seed=False,
        always={"checkpoint": "v2", "overlapping_tiles": True},
        output="image",
    ),
    "fal-ai/birefnet/v2": Endpoint(
        params=FORMAT | {"variant": "model", "refine": "refine_foreground"},
        inputs=ONE_IMAGE,
        takes_prompt=False,
        takes_seed=False,
        output="image",
    ),
    "fal-ai/bria/background/remove": Endpoint(inputs=ONE_IMAGE, takes_prompt=False, takes_seed=False, output="image"),
}
# Our durations are whole seconds.
_PLAIN_SECONDS = {"duration": {seconds: str(seconds) for seconds in (5, 10, 15)}}
_VIDEOS = {
    "fal-ai/kling-video/v2.5-turbo/pro/image-to-video": Endpoint(
        params={"duration": "duration"},
        inputs=ONE_IMAGE,
        wordless=MOTION,
        takes_seed=False,
        output="video",
        values=_PLAIN_SECONDS,
    ),
    # With sound it costs half as much again.
    "fal-ai/veo3.1/fast": Endpoint(
        params=RATIO | {"duration": "duration", "resolution": "resolution"},
        always={"generate_audio": False},
        output="video",
        values={"duration": {seconds: f"{seconds}s" for seconds in (4, 6, 8)}},
    ),
    "wan/v2.6/text-to-video": Endpoint(
        params=RATIO | {"duration": "duration", "resolution": "resolution"},
        always=CHECKED,
        output="video",
        values=_PLAIN_SECONDS,
    ),
    "wan/v2.6/image-to-video": Endpoint(
        params={"duration": "duration", "resolution": "resolution"},
        inputs=ONE_IMAGE,
        wordless=MOTION,
        always=CHECKED,
        output="video",
        values=_PLAIN_SECONDS,
    ),
}
_MESHES = {
    "fal-ai/trellis": Endpoint(inputs=ONE_IMAGE, takes_prompt=False, output="model_mesh"),
    "tripo3d/tripo/v2.5/image-to-3d": Endpoint(
        params={"quality": "face_limit"},
        inputs=ONE_IMAGE,
        takes_prompt=False,
        always={"texture": "standard"},
        output="model_mesh",
        values={"quality": {"low": 1_000, "medium": 5_000, "high": 10_000}},
    ),
    # Its `model_mesh` is an archive.
    "fal-ai/hunyuan3d-v21": Endpoint(
        params={"texture": "textured_mesh"},
        inputs={"image": "input_image_url"},
        takes_prompt=False,
        output="model_glb",
        values={"texture": {"plain": False, "coloured": True}},
    ),
}
ENDPOINTS: Mapping[str, Endpoint] = MappingProxyType(_IMAGES | _FINISHING | _VIDEOS | _MESHES)


def endpoint_of(name: str) -> Endpoint:
    """The row of an endpoint. Raises `InvalidInput` for one that has none."""
    try:
        return ENDPOINTS[name]
    except KeyError:
        raise InvalidInput(_("This installation does not know how to ask fal's “%s”.") % name) from None


def arguments_for(call: Call, upload: Callable[[InputFile], str]) -> dict[str, Any]:
    """What fal gets for a call; `upload` puts an input where fal can read it and returns its address.

    Raises `InvalidInput` before anything is uploaded when the call does not fit the endpoint.
    """
    endpoint = endpoint_of(call.endpoint)
    _check(call, endpoint)
    arguments: dict[str, Any] = dict(endpoint.always) | _worded(call, endpoint) | _shaped(call, endpoint)
    for name, theirs in endpoint.params.items():
        value = call.params.get(name)
        if value is not None:
            arguments[theirs] = endpoint.values.get(name, {}).get(value, value)
    if endpoint.takes_seed:
        arguments["seed"] = call.seeds[0]
    if endpoint.most > 1:
        arguments["num_images"] = len(call.seeds)
    return arguments | _uploaded(call, endpoint, upload)


def _worded(call: Call, endpoint: Endpoint) -> dict[str, Any]:
    """The prompt, or what stands in for one."""
    words = call.prompt or endpoint.wordless
    if not endpoint.takes_prompt or words == "" == endpoint.wordless:
        return {}
    return {"prompt": words or ""}


def _shaped(call: Call, endpoint: Endpoint) -> dict[str, Any]:
    """A size in the first picture's shape, where the endpoint would choose one of its own."""
    first = next((file for file in call.inputs if file.width and file.height), None)
    if not endpoint.shape or first is None:
        return {}
    scale = min(1.0, math.sqrt(MOST_PIXELS / (first.width * first.height)))
    width, height = (max(SIDE_STEP, int(side * scale) // SIDE_STEP * SIDE_STEP) for side in (first.width, first.height))
    return {endpoint.shape: {"width": width, "height": height}}


def _check(call: Call, endpoint: Endpoint) -> None:
    if len(call.seeds) > endpoint.most:
        sentence = _("This model makes %(most)d at a time; %(count)d were asked for.")
        raise InvalidInput(sentence % {"most": endpoint.most, "count": len(call.seeds)})
    given = {file.role for file in call.inputs}
    if given != set(endpoint.inputs):
        needed = ", ".join(sorted(endpoint.inputs)) or _("no picture")
        raise InvalidInput(_("This model works from: %s.") % needed)


def _uploaded(call: Call, endpoint: Endpoint, upload: Callable[[InputFile], str]) -> dict[str, Any]:
    """The fields that name the inputs, each uploaded once."""
    fields: dict[str, Any] = {}
    for role, name in endpoint.inputs.items():
        files = [file for file in call.inputs if file.role == role]
        if name.endswith("urls"):
            fields[name] = [upload(file) for file in files]
        elif len(files) > 1:
            raise InvalidInput(_("This model works from one picture; %d were given.") % len(files))
        else:
            fields[name] = upload(files[0])
    return fields


def outputs_of(endpoint: str, answer: Mapping[str, Any]) -> list[Mapping[str, Any]]:
    """The files in an answer, in order; what is no file with an address is left as an empty row in its place."""
    found = answer.get(endpoint_of(endpoint).output)
    files = found if isinstance(found, list) else [found]
    return [file if isinstance(file, dict) and isinstance(file.get("url"), str) else {} for file in files]
