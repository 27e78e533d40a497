"""What the endpoints of Stability's v2beta take, as its reference tells: fields that are needed, and rules for all."""

import io
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field

from PIL import Image

from tests.emulators.messages import Form

# Says what is wrong with a value; "" where nothing.
Rule = Callable[[str], str]

RATIOS = ("16:9", "1:1", "21:9", "2:3", "3:2", "4:5", "5:4", "9:16", "9:21")
STYLES = (
    *("3d-model", "analog-film", "anime", "cinematic", "comic-book", "digital-art", "enhance", "fantasy-art"),
    *("isometric", "line-art", "low-poly", "modeling-compound", "neon-punk", "origami", "photographic", "pixel-art"),
    "tile-texture",
)
LARGEST_SEED = 4_294_967_294


def _text(value: str) -> str:
    return "" if 1 <= len(value) <= 10_000 else "must be between 1 and 10000 characters"


def _one_of(*values: str) -> Rule:
    return lambda value: "" if value in values else f"must be one of {', '.join(values)}"


def _whole(least: int, most: int) -> Rule:
    def rule(value: str) -> str:
        fits = value.lstrip("-").isdecimal() and least <= int(value) <= most
        return "" if fits else f"must be a whole number from {least} to {most}"

    return rule


def _number(least: float, most: float) -> Rule:
    def rule(value: str) -> str:
        try:
            fits = least <= float(value) <= most
        except ValueError:
            fits = False
        return "" if fits else f"must be a number from {least} to {most}"

    return rule


@dataclass(frozen=True)
class Accepts:
    """One endpoint: `sides` and `pixels` bound the picture, `files` are those that must come."""

    needed: tuple[str, ...] = ()
    rules: Mapping[str, Rule] = field(default_factory=dict)
    files: tuple[str, ...] = ("image",)
    sides: tuple[int, int] = (64, 16_384)
    pixels: tuple[int, int] = (4_096, 9_437_184)


ANY_FORMAT = {"output_format": _one_of("png", "jpeg", "webp")}
SEED = {"seed": _whole(0, LARGEST_SEED)}
STYLE = {"style_preset": _one_of(*STYLES)}
PROMPT = {"prompt": _text}
NEGATIVE = {"negative_prompt": _text}
RATIO = {"aspect_ratio": _one_of(*RATIOS)}
GROW = {"grow_mask": _whole(0, 20)}
SD3_MODELS = ("sd3.5-large", "sd3.5-large-turbo", "sd3.5-medium", "sd3.5-flash")
WORDS = ANY_FORMAT | SEED | PROMPT | NEGATIVE | STYLE
PATHS: Mapping[str, Accepts] = {
    "stable-image/generate/ultra": Accepts(("prompt",), WORDS | RATIO, files=()),
    "stable-image/generate/core": Accepts(("prompt",), WORDS | RATIO, files=()),
    "stable-image/generate/sd3": Accepts(
        ("prompt",),
        WORDS
        | {
            "model": _one_of(*SD3_MODELS),
            "mode": _one_of("text-to-image", "image-to-image"),
            "strength": _number(0, 1),
            "cfg_scale": _number(1, 10),
            "output_format": _one_of("png", "jpeg"),
        }
        | RATIO,
        files=(),
    ),
    "stable-image/control/style": Accepts(("prompt",), WORDS | RATIO | {"fidelity": _number(0, 1)}),
    "stable-image/edit/inpaint": Accepts(("prompt",), WORDS | {"grow_mask": _whole(0, 100)}, files=("image", "mask")),
    "stable-image/edit/erase": Accepts((), ANY_FORMAT | SEED | GROW, files=("image", "mask")),
    "stable-image/edit/outpaint": Accepts(
        (),
        ANY_FORMAT
        | SEED
        | STYLE
        | PROMPT
        | {"creativity": _number(0, 1)}
        | dict.fromkeys(("left", "right", "up", "down"), _whole(0, 2000)),
    ),
    "stable-image/edit/search-and-replace": Accepts(
        ("prompt", "search_prompt"), WORDS | GROW | {"search_prompt": _text}
    ),
    "stable-image/edit/search-and-recolor": Accepts(
        ("prompt", "select_prompt"), WORDS | GROW | {"select_prompt": _text}
    ),
    "stable-image/edit/remove-background": Accepts((), {"output_format": _one_of("png", "webp")}),
    "stable-image/upscale/fast": Accepts((), ANY_FORMAT, sides=(32, 1_536), pixels=(1_024, 1_048_576)),
    "stable-image/upscale/conservative": Accepts(
        ("prompt",), ANY_FORMAT | SEED | PROMPT | NEGATIVE | {"creativity": _number(0.2, 0.5)}
    ),
    "3d/stable-fast-3d": Accepts(
        (),
        {
            "texture_resolution": _one_of("512", "1024", "2048"),
            "foreground_ratio": _number(0.1, 1),
            "remesh": _one_of("none", "quad", "triangle"),
            "vertex_count": _whole(-1, 20_000),
        },
        pixels=(4_096, 4_194_304),
    ),
}


def find_errors(path: str, form: Form) -> list[str]:
    """What Stability says against a form, one sentence for each fault; stricter than it with names it does not know."""
    accepts = PATHS[path]
    errors = [f"{name}: is required" for name in accepts.needed if not form.value(name)]
    for name, values in form.values.items():
        rule = accepts.rules.get(name)
        problem = rule(values[0]) if rule else "is not allowed"
        if problem:
            errors.append(f"{name}: {problem}")
    errors += _mode_errors(path, form)
    if path.endswith("/outpaint") and not any(form.value(side, "0") != "0" for side in ("left", "right", "up", "down")):
        errors.append("at least one of left, right, up, down must be provided")
    return errors or _file_errors(accepts, path, form)


def _mode_errors(path: str, form: Form) -> list[str]:
    if not path.endswith("/sd3"):
        return []
    if form.value("mode", "text-to-image") == "image-to-image":
        missing = [] if form.value("strength") else ["strength: is required for image-to-image"]
        return missing + (["aspect_ratio: is not allowed for image-to-image"] if form.value("aspect_ratio") else [])
    return ["strength: is not allowed for text-to-image"] if form.value("strength") else []


def _file_errors(accepts: Accepts, path: str, form: Form) -> list[str]:
    needed = ("image",) if form.value("mode") == "image-to-image" else accepts.files
    given = [part.name for part in form.files]
    if sorted(given) != sorted(needed):
        return [f"files: expected {', '.join(needed) or 'none'}, got {', '.join(given) or 'none'}"]
    sizes = {}
    for part in form.files:
        try:
            with Image.open(io.BytesIO(part.content)) as image:
                sizes[part.name] = image.size
        except OSError:
            return [f"{part.name}: cannot be decoded"]
    return _size_errors(accepts, sizes)


def _size_errors(accepts: Accepts, sizes: Mapping[str, tuple[int, int]]) -> list[str]:
    if "image" not in sizes:
        return []
    width, height = sizes["image"]
    if not all(accepts.sides[0] <= side <= accepts.sides[1] for side in (width, height)):
        return [f"image: each side must have {accepts.sides[0]} to {accepts.sides[1]} pixels"]
    if not accepts.pixels[0] <= width * height <= accepts.pixels[1]:
        return [f"image: must have {accepts.pixels[0]} to {accepts.pixels[1]} pixels"]
    if sizes.get("mask", sizes["image"]) != sizes["image"]:
        return ["mask: must be of the same size as the image"]
    return []
