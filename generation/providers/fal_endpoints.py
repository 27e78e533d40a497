"""How each of fal's endpoints wants to be asked, as data: a new endpoint is a new row here and one in the catalogue."""

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


@dataclass(frozen=True, slots=True, kw_only=True)
class Endpoint:
    """One endpoint: our names on the left, fal's on the right."""

    params: Mapping[str, str]
    # Role of an input to the field for its address; a field that ends in "urls" takes a list.
    inputs: Mapping[str, str] = field(default_factory=dict)
    takes_prompt: bool = True
    takes_seed: bool = True
    # How many outputs one request may ask for; 1 where there is no `num_images`.
    most: int = 1
    always: Mapping[str, Any] = field(default_factory=dict)
    # Where the outputs are in the answer: a list of files, or one file.
    output: str = "images"
    # Values that fal names differently from us, by our name of the parameter.
    values: Mapping[str, Mapping[str, Any]] = field(default_factory=lambda: {"aspect_ratio": IMAGE_SIZES})


CHECKED = {"enable_safety_checker": True}
FORMAT = {"output_format": "output_format"}
SIZE = {"aspect_ratio": "image_size"}
STEPS = {"steps": "num_inference_steps", "guidance": "guidance_scale"}
ONE_IMAGE = {"image": "image_url"}

ENDPOINTS: Mapping[str, Endpoint] = MappingProxyType(
    {
        "fal-ai/flux/schnell": Endpoint(params=SIZE | FORMAT | {"steps": STEPS["steps"]}, most=4, always=CHECKED),
        "fal-ai/flux/dev": Endpoint(params=SIZE | FORMAT | STEPS, most=4, always=CHECKED),
        "fal-ai/flux-pro/v1.1": Endpoint(params=SIZE | FORMAT, most=4, always=CHECKED),
        "fal-ai/flux/dev/image-to-image": Endpoint(
            params=FORMAT | STEPS | {"strength": "strength"}, inputs=ONE_IMAGE, most=4, always=CHECKED
        ),
        "fal-ai/nano-banana": Endpoint(params=FORMAT | {"aspect_ratio": "aspect_ratio"}, most=4, values={}),
        "fal-ai/flux-pro/kontext": Endpoint(
            params=FORMAT | {"aspect_ratio": "aspect_ratio", "guidance": "guidance_scale"},
            inputs=ONE_IMAGE,
            most=4,
            values={},
        ),
        "fal-ai/esrgan": Endpoint(
            params=FORMAT | {"scale": "scale", "face": "face"},
            inputs=ONE_IMAGE,
            takes_prompt=False,
            takes_seed=False,
            output="image",
        ),
        "fal-ai/birefnet/v2": Endpoint(
            params=FORMAT | {"variant": "model", "refine": "refine_foreground"},
            inputs=ONE_IMAGE,
            takes_prompt=False,
            takes_seed=False,
            output="image",
        ),
    }
)


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
    arguments: dict[str, Any] = dict(endpoint.always)
    if endpoint.takes_prompt:
        arguments["prompt"] = call.prompt
    for name, theirs in endpoint.params.items():
        value = call.params.get(name)
        if value is not None:
            arguments[theirs] = endpoint.values.get(name, {}).get(value, value)
    if endpoint.takes_seed:
        arguments["seed"] = call.seeds[0]
    if endpoint.most > 1:
        arguments["num_images"] = len(call.seeds)
    return arguments | _uploaded(call, endpoint, upload)


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
