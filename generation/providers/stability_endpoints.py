"""How each of Stability's endpoints is asked for each task, as data: a new one is a row here and one in the catalogue.

An endpoint is the path below `/v2beta/`; `path:model` where one path serves several models.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from types import MappingProxyType
from typing import Any

from django.utils.translation import gettext as _

from generation.providers.base import Call, InvalidInput

# The formats that a picture may be asked for in, by our names, are Stability's own.
FORMAT = {"output_format": "output_format"}
RATIO = {"aspect_ratio": "aspect_ratio"}
STYLE = {"style": "style_preset"}
NEGATIVE = {"negative_prompt": "negative_prompt"}
GUIDANCE = {"guidance": "cfg_scale"}
GROW = {"grow_mask": "grow_mask"}
PLAIN_WORDS = "the same picture, finely detailed"
# A seed of 0 would mean "any": this one, the largest, stands for it.
SEED_FOR_ZERO = 4_294_967_294
# A closed mesh of triangles has half as many vertices as faces: 1 000, 5 000 and 10 000 faces.
MESH_QUALITY = {
    "quality": {
        "low": {"remesh": "triangle", "vertex_count": 500, "texture_resolution": "512"},
        "medium": {"remesh": "triangle", "vertex_count": 2500, "texture_resolution": "1024"},
        "high": {"remesh": "triangle", "vertex_count": 5000, "texture_resolution": "2048"},
    }
}
SIDES = {"left": "left", "right": "right", "top": "up", "bottom": "down"}


@dataclass(frozen=True, slots=True, kw_only=True)
class Endpoint:
    """One endpoint for one task: our names on the left, Stability's on the right."""

    params: Mapping[str, str] = field(default_factory=dict)
    # By our name and value: the fields, where one name for another is not enough.
    choices: Mapping[str, Mapping[Any, Mapping[str, Any]]] = field(default_factory=dict)
    takes_image: bool = True
    takes_mask: bool = False
    takes_prompt: bool = True
    # What is said where the endpoint insists on words and nobody gave any; "" where it does not.
    words: str = ""
    takes_seed: bool = True
    always: Mapping[str, Any] = field(default_factory=dict)
    # What must be given besides, by our name.
    needed: tuple[str, ...] = ()
    makes_mesh: bool = False


def _sd3(model: str, *, is_turbo: bool = False) -> dict[tuple[str, str], Endpoint]:
    """One of the Stable Diffusion 3.5 models; the distilled one takes no guidance and no negative prompt."""
    name = f"stable-image/generate/sd3:{model}"
    knobs = FORMAT | STYLE | ({} if is_turbo else NEGATIVE | GUIDANCE)
    return {
        (name, "text-to-image"): Endpoint(
            params=knobs | RATIO, takes_image=False, always={"model": model, "mode": "text-to-image"}
        ),
        (name, "image-to-image"): Endpoint(
            params=knobs | {"strength": "strength"},
            words=PLAIN_WORDS,
            always={"model": model, "mode": "image-to-image"},
            needed=("strength",),
        ),
    }


ENDPOINTS: Mapping[tuple[str, str], Endpoint] = MappingProxyType(
    {
        ("stable-image/generate/ultra", "text-to-image"): Endpoint(
            params=FORMAT | RATIO | STYLE | NEGATIVE, takes_image=False
        ),
        ("stable-image/generate/core", "text-to-image"): Endpoint(
            params=FORMAT | RATIO | STYLE | NEGATIVE, takes_image=False
        ),
        **_sd3("sd3.5-large"),
        **_sd3("sd3.5-large-turbo", is_turbo=True),
        **_sd3("sd3.5-medium"),
        ("stable-image/control/style", "image-to-image"): Endpoint(
            params=FORMAT | RATIO | NEGATIVE | {"fidelity": "fidelity"}, words=PLAIN_WORDS
        ),
        ("stable-image/edit/inpaint", "inpaint"): Endpoint(
            params=FORMAT | STYLE | NEGATIVE | GROW,
            takes_mask=True,
            words="a natural continuation of the surroundings",
        ),
        ("stable-image/edit/erase", "inpaint"): Endpoint(params=FORMAT | GROW, takes_mask=True, takes_prompt=False),
        ("stable-image/edit/outpaint", "outpaint"): Endpoint(
            params=FORMAT | STYLE | SIDES | {"creativity": "creativity"}
        ),
        ("stable-image/edit/search-and-replace", "edit"): Endpoint(
            params=FORMAT | STYLE | NEGATIVE | GROW | {"search_prompt": "search_prompt"}, needed=("search_prompt",)
        ),
        ("stable-image/edit/search-and-recolor", "edit"): Endpoint(
            params=FORMAT | STYLE | NEGATIVE | GROW | {"select_prompt": "select_prompt"}, needed=("select_prompt",)
        ),
        ("stable-image/edit/remove-background", "remove-background"): Endpoint(
            params=FORMAT, takes_prompt=False, takes_seed=False
        ),
        ("stable-image/upscale/fast", "upscale"): Endpoint(params=FORMAT, takes_prompt=False, takes_seed=False),
        ("stable-image/upscale/conservative", "upscale"): Endpoint(
            params=FORMAT | NEGATIVE | {"creativity": "creativity"}, words=PLAIN_WORDS
        ),
        ("3d/stable-fast-3d", "image-to-3d"): Endpoint(
            choices=MESH_QUALITY, takes_prompt=False, takes_seed=False, makes_mesh=True
        ),
    }
)


def endpoint_of(name: str, task: str) -> Endpoint:
    """The row of an endpoint for a task. Raises `InvalidInput` where there is none."""
    try:
        return ENDPOINTS[name, task]
    except KeyError:
        sentence = _("This installation does not know how to ask Stability's “%(name)s” for %(task)s.")
        raise InvalidInput(sentence % {"name": name, "task": task}) from None


def path_of(name: str) -> str:
    """Where an endpoint is, below the address of the API."""
    return f"/v2beta/{name.partition(':')[0]}"


def fields_for(call: Call, seed: int) -> dict[str, str]:
    """The fields of the form for one output, without its files. Raises `InvalidInput` when the call does not fit."""
    endpoint = endpoint_of(call.endpoint, call.task)
    _check(call, endpoint)
    fields: dict[str, Any] = dict(endpoint.always)
    prompt = call.prompt.strip() or endpoint.words
    if endpoint.takes_prompt and prompt:
        fields["prompt"] = prompt
    for name, value in call.params.items():
        chosen = endpoint.choices.get(name, {}).get(value)
        if chosen is not None:
            fields |= chosen
        elif name in endpoint.params and value not in (None, ""):
            fields[endpoint.params[name]] = value
    if endpoint.takes_seed:
        fields["seed"] = seed or SEED_FOR_ZERO
    return {name: str(value) for name, value in fields.items()}


def _check(call: Call, endpoint: Endpoint) -> None:
    images = sum(file.role == "image" for file in call.inputs)
    masks = len(call.inputs) - images
    if images != int(endpoint.takes_image):
        if not endpoint.takes_image:
            raise InvalidInput(_("This model works from words alone."))
        raise InvalidInput(_("This model works from one picture; %d were given.") % images)
    if masks != int(endpoint.takes_mask):
        raise InvalidInput(_("This model needs a mask.") if not masks else _("This model works without a mask."))
    for name in endpoint.needed:
        if call.params.get(name) in (None, ""):
            raise InvalidInput(_("This model needs “%s”.") % name)
    if call.task == "outpaint" and not any(call.params.get(side) for side in SIDES):
        raise InvalidInput(_("Say on which side the picture is to grow: left, right, top or bottom."))
