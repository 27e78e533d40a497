"""How each of Replicate's models is asked for each task, as data: a new one is a row here and one in the catalogue.

An endpoint is `owner/name`, or `owner/name:version` for models that Replicate does not keep running itself.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from types import MappingProxyType
from typing import Any

from django.utils.translation import gettext as _

from generation.providers.base import Call, InputFile, InvalidInput
from generation.providers.padding import SIDES, padded

# Takes the bytes of an input, their MIME type and a file name; returns what stands for them in a request.
Upload = Callable[[bytes, str, str], str]

REAL_ESRGAN = "nightmareai/real-esrgan:f121d640bd286e1fdc67f9799164c1d5be36ff74576ee11c803ae5b665dd46aa"
BACKGROUND_REMOVER = "851-labs/background-remover:a029dff38972b5fda4ec5d75d7d1cd25aeff621d2cf4946a41055d7db66b80bc"
TRELLIS = "firtoz/trellis:e8f6c45206993f297372f5436b90350817bd9b4a0d52d2a76df50c1c8afa2b3c"


@dataclass(frozen=True, slots=True, kw_only=True)
class Endpoint:
    """One model for one task: our names on the left, the model's on the right."""

    params: Mapping[str, str] = field(default_factory=dict)
    # By our name and value: the model's fields, where one name for another is not enough.
    choices: Mapping[str, Mapping[Any, Mapping[str, Any]]] = field(default_factory=dict)
    # The fields for the picture and the mask; one that ends in "s" takes a list.
    image: str = ""
    mask: str = ""
    # Whether the picture goes onto a larger canvas first, after the parameters of its sides.
    grows: bool = False
    # The field for the ratio out of `RATIOS` that is the picture's own.
    ratio_of_picture: str = ""
    takes_prompt: bool = True
    # What is said where the model insists on words and nobody gave any.
    words: str = ""
    takes_seed: bool = True
    # How many outputs one request may ask for; 1 where there is no `num_outputs`.
    most: int = 1
    always: Mapping[str, Any] = field(default_factory=dict)
    # Where the file is in the answer, when that is an object.
    output: str = ""


JPG: Mapping[str, Mapping[Any, Mapping[str, Any]]] = {
    "output_format": {name: {"output_format": "jpg" if name == "jpeg" else name} for name in ("jpeg", "png", "webp")}
}
RATIOS = ("1:1", "16:9", "21:9", "3:2", "2:3", "4:5", "5:4", "3:4", "4:3", "9:16", "9:21")
RATIO = {"aspect_ratio": "aspect_ratio"}
STEPS = {"steps": "num_inference_steps"}
# Models that say nothing of 21:9 take a size in steps of 32 pixels.
WIDE = {"aspect_ratio": {"21:9": {"aspect_ratio": "custom", "width": 1344, "height": 576}}}
# Wan makes 16 frames a second, and one more.
FRAMES = {"duration": {seconds: {"num_frames": 16 * seconds + 1} for seconds in (5, 6, 7)}}
KLING_MODES = {"resolution": {"720p": {"mode": "standard"}, "1080p": {"mode": "pro"}}}
# What is left of the mesh's surface after simplifying, which counts no faces: finer for those who asked for more.
TRELLIS_QUALITY = {
    "quality": {
        "low": {"mesh_simplify": 0.98, "texture_size": 512},
        "medium": {"mesh_simplify": 0.95, "texture_size": 1024},
        "high": {"mesh_simplify": 0.9, "texture_size": 2048},
    }
}
FLUX_FILL = Endpoint(choices=JPG, image="image", mask="mask", words="a natural continuation of the picture")
WAN = {"resolution": "resolution"}
WAN_ALWAYS = {"frames_per_second": 16}

ENDPOINTS: Mapping[tuple[str, str], Endpoint] = MappingProxyType(
    {
        ("black-forest-labs/flux-schnell", "text-to-image"): Endpoint(params=RATIO | STEPS, choices=JPG, most=4),
        ("black-forest-labs/flux-dev", "text-to-image"): Endpoint(
            params=RATIO | STEPS | {"guidance": "guidance"}, choices=JPG, most=4
        ),
        ("black-forest-labs/flux-1.1-pro", "text-to-image"): Endpoint(params=RATIO, choices={**JPG, **WIDE}),
        ("black-forest-labs/flux-dev", "image-to-image"): Endpoint(
            params=STEPS | {"guidance": "guidance", "strength": "prompt_strength"},
            choices=JPG,
            image="image",
            words="the same picture, finely detailed",
            most=4,
        ),
        ("black-forest-labs/flux-kontext-pro", "edit"): Endpoint(
            params=RATIO, choices=JPG, image="input_image", always={"aspect_ratio": "match_input_image"}
        ),
        ("black-forest-labs/flux-fill-pro", "inpaint"): FLUX_FILL,
        ("black-forest-labs/flux-fill-pro", "outpaint"): Endpoint(
            choices=JPG, image="image", mask="mask", grows=True, words=FLUX_FILL.words
        ),
        ("black-forest-labs/flux-redux-schnell", "variation"): Endpoint(
            params=STEPS,
            choices=JPG,
            image="redux_image",
            ratio_of_picture="aspect_ratio",
            takes_prompt=False,
            most=4,
        ),
        (REAL_ESRGAN, "upscale"): Endpoint(
            params={"scale": "scale", "face": "face_enhance"}, image="image", takes_prompt=False, takes_seed=False
        ),
        (BACKGROUND_REMOVER, "remove-background"): Endpoint(
            image="image",
            takes_prompt=False,
            takes_seed=False,
            always={"format": "png", "background_type": "rgba"},
        ),
        ("wan-video/wan-2.2-t2v-fast", "text-to-video"): Endpoint(
            params=WAN | RATIO, choices=FRAMES, always=WAN_ALWAYS
        ),
        ("wan-video/wan-2.2-i2v-fast", "image-to-video"): Endpoint(
            params=WAN,
            choices=FRAMES,
            image="image",
            words="gentle, natural motion",
            always=WAN_ALWAYS,
        ),
        ("kwaivgi/kling-v2.5-turbo-pro", "text-to-video"): Endpoint(
            params=RATIO | {"duration": "duration"}, takes_seed=False
        ),
        ("kwaivgi/kling-v2.1", "image-to-video"): Endpoint(
            params={"duration": "duration"},
            choices=KLING_MODES,
            image="start_image",
            words="gentle, natural motion",
            takes_seed=False,
        ),
        (TRELLIS, "image-to-3d"): Endpoint(
            choices=TRELLIS_QUALITY,
            image="images",
            takes_prompt=False,
            always={"generate_model": True, "generate_color": False, "randomize_seed": False},
            output="model_file",
        ),
    }
)


def endpoint_of(name: str, task: str) -> Endpoint:
    """The row of a model for a task. Raises `InvalidInput` where there is none."""
    try:
        return ENDPOINTS[name, task]
    except KeyError:
        sentence = _("This installation does not know how to ask Replicate's “%(name)s” for %(task)s.")
        raise InvalidInput(sentence % {"name": name.partition(":")[0], "task": task}) from None


def arguments_for(call: Call, upload: Upload) -> dict[str, Any]:
    """What the model gets for a call. Raises `InvalidInput` before anything is uploaded when the call does not fit."""
    endpoint = endpoint_of(call.endpoint, call.task)
    _check(call, endpoint)
    arguments: dict[str, Any] = dict(endpoint.always)
    if endpoint.takes_prompt:
        arguments["prompt"] = call.prompt.strip() or endpoint.words
    for name, value in call.params.items():
        chosen = endpoint.choices.get(name, {}).get(value)
        if chosen is not None:
            arguments |= chosen
        elif name in endpoint.params and value is not None:
            arguments[endpoint.params[name]] = value
    if endpoint.takes_seed:
        arguments["seed"] = call.seeds[0]
    if endpoint.most > 1:
        arguments["num_outputs"] = len(call.seeds)
    if endpoint.ratio_of_picture:
        arguments[endpoint.ratio_of_picture] = _nearest_ratio(call.inputs[0])
    return arguments | _uploaded(call, endpoint, upload)


def _check(call: Call, endpoint: Endpoint) -> None:
    if len(call.seeds) > endpoint.most:
        sentence = _("This model makes %(most)d at a time; %(count)d were asked for.")
        raise InvalidInput(sentence % {"most": endpoint.most, "count": len(call.seeds)})
    if not endpoint.image and call.inputs:
        raise InvalidInput(_("This model works from words alone."))
    images = [file for file in call.inputs if file.role == "image"]
    if endpoint.image and len(images) != 1:
        raise InvalidInput(_("This model works from one picture; %d were given.") % len(images))
    masks = len(call.inputs) - len(images)
    if masks != int(bool(endpoint.mask) and not endpoint.grows):
        raise InvalidInput(_("This model needs a mask.") if not masks else _("This model works without a mask."))


def _uploaded(call: Call, endpoint: Endpoint, upload: Upload) -> dict[str, Any]:
    """The fields for the inputs, each uploaded once."""
    if endpoint.grows:
        canvas, mask = padded(call.inputs[0], {side: call.params.get(side, 0) for side in SIDES})
        return {
            endpoint.image: upload(canvas, "image/png", "image.png"),
            endpoint.mask: upload(mask, "image/png", "mask.png"),
        }
    fields: dict[str, Any] = {}
    for file in call.inputs:
        name = endpoint.mask if file.role == "mask" else endpoint.image
        with file.open() as stream:
            address = upload(stream.read(), file.mime, f"{file.role}.{file.mime.rpartition('/')[2]}")
        fields[name] = [address] if name.endswith("s") else address
    return fields


def _nearest_ratio(file: InputFile) -> str:
    """The ratio that a picture has, nearly; square where its size is not known."""
    own = file.width / file.height if file.width and file.height else 1.0

    def distance(ratio: str) -> float:
        wide, _colon, high = ratio.partition(":")
        quotient = own * int(high) / int(wide)
        return max(quotient, 1 / quotient)

    return min(RATIOS, key=distance)


def outputs_of(call: Call, output: Any) -> list[str]:
    """The addresses of the files in a prediction's `output`, in order; "" in the place of what is no address."""
    key = endpoint_of(call.endpoint, call.task).output
    if key:
        output = output.get(key) if isinstance(output, dict) else None
    found = output if isinstance(output, list) else [output]
    return [address if isinstance(address, str) else "" for address in found]
