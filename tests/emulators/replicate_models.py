"""What the double of Replicate runs: its models' published inputs, predictions with their course in time, outputs."""

import base64
import io
import secrets
import threading
import time
import zlib
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

from jsonschema import Draft202012Validator
from jsonschema.exceptions import best_match
from PIL import Image

from tests.emulators.fal_files import film, mesh, picture

Rules = dict[str, Any]
ALPHABET = "abcdefghjkmnpqrstvwxyz0123456789"
# The real-esrgan model's hardware takes no more.
MOST_PIXELS_TO_UPSCALE = 2_096_704
FLAGGED = "The input or output was flagged as sensitive. Please try again with different inputs. (E005)"
FAILURES = {
    "nsfw": "NSFW content detected. Try running it again, or try a different prompt.",
    "content_policy": FLAGGED,
    "model_error": "CUDA error: an illegal memory access was encountered",
    "model_timeout": "Prediction timed out. (E6716)",
    "bad_input": "The input was invalid. (E006)",
}

TEXT: Rules = {"type": "string", "minLength": 1}
FILE: Rules = {"type": "string", "pattern": "^(data:|https?:)"}
SWITCH: Rules = {"type": "boolean"}
SEED: Rules = {"type": "integer"}


def _whole(minimum: int, maximum: int) -> Rules:
    return {"type": "integer", "minimum": minimum, "maximum": maximum}


def _number(minimum: float, maximum: float) -> Rules:
    return {"type": "number", "minimum": minimum, "maximum": maximum}


def _choice(*values: Any) -> Rules:
    return {"enum": list(values)}


def _input(*required: str, **properties: Rules) -> Rules:
    """The schema of a model's input; stricter than Replicate, which lets names that it does not know pass."""
    return {"type": "object", "required": list(required), "properties": properties, "additionalProperties": False}


_RATIOS = ("1:1", "16:9", "21:9", "3:2", "2:3", "4:5", "5:4", "3:4", "4:3", "9:16", "9:21")
_FORMATS = _choice("webp", "jpg", "png")
_OPEN_FLUX: dict[str, Rules] = {
    "seed": SEED,
    "num_outputs": _whole(1, 4),
    "aspect_ratio": _choice(*_RATIOS),
    "output_format": _FORMATS,
    "output_quality": _whole(0, 100),
    "megapixels": _choice("1", "0.25"),
    "disable_safety_checker": SWITCH,
}
_GO_FAST = {"go_fast": SWITCH}
_BFL: dict[str, Rules] = {"seed": SEED, "safety_tolerance": _whole(1, 6), "prompt_upsampling": SWITCH}
_WAN: dict[str, Rules] = {
    "prompt": TEXT,
    "seed": SEED,
    "num_frames": _whole(81, 121),
    "resolution": _choice("480p", "720p"),
    "frames_per_second": _whole(5, 30),
    "sample_shift": _number(1, 20),
    "interpolate_output": SWITCH,
    "optimize_prompt": SWITCH,
    "disable_safety_checker": SWITCH,
    **_GO_FAST,
}
_KLING = {"prompt": TEXT, "negative_prompt": {"type": "string"}, "duration": _choice(5, 10)}

SCHNELL = _input("prompt", prompt=TEXT, num_inference_steps=_whole(1, 4), **_OPEN_FLUX, **_GO_FAST)
DEV = _input(
    "prompt",
    prompt=TEXT,
    image=FILE,
    prompt_strength=_number(0, 1),
    guidance=_number(0, 10),
    num_inference_steps=_whole(1, 50),
    **_OPEN_FLUX,
    **_GO_FAST,
)
PRO = _input(
    "prompt",
    prompt=TEXT,
    image_prompt=FILE,
    aspect_ratio=_choice("custom", "1:1", "16:9", "3:2", "2:3", "4:5", "5:4", "9:16", "3:4", "4:3"),
    width=_whole(256, 1440) | {"multipleOf": 32},
    height=_whole(256, 1440) | {"multipleOf": 32},
    output_format=_FORMATS,
    output_quality=_whole(0, 100),
    **_BFL,
)
KONTEXT = _input(
    "prompt",
    prompt=TEXT,
    input_image=FILE,
    aspect_ratio=_choice("match_input_image", *_RATIOS, "2:1", "1:2"),
    output_format=_choice("jpg", "png"),
    **_BFL,
)
FILL = _input(
    "prompt",
    "image",
    prompt=TEXT,
    image=FILE,
    mask=FILE,
    outpaint={"type": "string"},
    steps=_whole(15, 50),
    guidance=_number(1.5, 100),
    output_format=_choice("jpg", "png"),
    **_BFL,
)
REDUX = _input("redux_image", redux_image=FILE, num_inference_steps=_whole(1, 4), **_OPEN_FLUX)
ESRGAN = _input("image", image=FILE, scale=_number(0, 10), face_enhance=SWITCH)
REMOVER = _input(
    "image",
    image=FILE,
    format=_choice("png", "jpg"),
    reverse=SWITCH,
    threshold=_number(0, 1),
    background_type={"type": "string"},
)
TRELLIS = _input(
    "images",
    images={"type": "array", "items": FILE, "minItems": 1},
    seed=SEED,
    randomize_seed=SWITCH,
    texture_size=_whole(512, 2048),
    mesh_simplify=_number(0.9, 0.98),
    generate_color=SWITCH,
    generate_normal=SWITCH,
    generate_model=SWITCH,
    save_gaussian_ply=SWITCH,
    return_no_background=SWITCH,
    ss_sampling_steps=_whole(1, 50),
    ss_guidance_strength=_number(0, 10),
    slat_sampling_steps=_whole(1, 50),
    slat_guidance_strength=_number(0, 10),
)
# What Replicate keeps running, asked for by name.
OFFICIAL: Mapping[str, Rules] = {
    "black-forest-labs/flux-schnell": SCHNELL,
    "black-forest-labs/flux-dev": DEV,
    "black-forest-labs/flux-1.1-pro": PRO,
    "black-forest-labs/flux-kontext-pro": KONTEXT,
    "black-forest-labs/flux-fill-pro": FILL,
    "black-forest-labs/flux-redux-schnell": REDUX,
    "wan-video/wan-2.2-t2v-fast": _input("prompt", aspect_ratio=_choice("16:9", "9:16"), **_WAN),
    "wan-video/wan-2.2-i2v-fast": _input("prompt", "image", image=FILE, last_image=FILE, **_WAN),
    "kwaivgi/kling-v2.5-turbo-pro": _input(
        "prompt", start_image=FILE, aspect_ratio=_choice("16:9", "9:16", "1:1"), **_KLING
    ),
    "kwaivgi/kling-v2.1": _input(
        "prompt", "start_image", start_image=FILE, end_image=FILE, mode=_choice("standard", "pro"), **_KLING
    ),
}
# What others put there, asked for by version.
VERSIONED: Mapping[str, tuple[str, Rules]] = {
    "f121d640bd286e1fdc67f9799164c1d5be36ff74576ee11c803ae5b665dd46aa": ("nightmareai/real-esrgan", ESRGAN),
    "a029dff38972b5fda4ec5d75d7d1cd25aeff621d2cf4946a41055d7db66b80bc": ("851-labs/background-remover", REMOVER),
    "e8f6c45206993f297372f5436b90350817bd9b4a0d52d2a76df50c1c8afa2b3c": ("firtoz/trellis", TRELLIS),
}
# Those whose output is a list even when there is one.
LISTS = ("flux-schnell", "flux-dev", "flux-redux-schnell")


def find_problem(rules: Rules, given: Any) -> str:
    """What Replicate says against an input before it takes it; "" where nothing."""
    error = best_match(Draft202012Validator(rules).iter_errors(given))
    if error is None:
        return ""
    return f"- input{''.join(f'.{part}' for part in error.path)}: {error.message}\n"


@dataclass
class Prediction:
    """One prediction that the double took."""

    model: str
    version: str
    input: dict[str, Any]
    webhook: str
    events: tuple[str, ...]
    waiting: float
    rendering: float
    faults: set[str] = field(default_factory=set)
    # What the model says against its files.
    problem: str = ""
    id: str = field(default_factory=lambda: "".join(secrets.choice(ALPHABET) for _letter in range(26)))
    made_at: float = field(default_factory=time.monotonic)
    cancelled: bool = False
    # Set once a webhook has gone out, for those who wait for it.
    told: threading.Event = field(default_factory=threading.Event)

    @property
    def done_at(self) -> float:
        """When it ends, on the monotonic clock."""
        return float("inf") if "never" in self.faults else self.made_at + self.waiting + self.rendering

    @property
    def failure(self) -> str:
        """Why it fails; "" where it does not."""
        return self.problem or next((text for fault, text in FAILURES.items() if fault in self.faults), "")

    @property
    def status(self) -> str:
        """Where it is now."""
        now = time.monotonic()
        if self.cancelled:
            return "canceled"
        if "aborted" in self.faults:
            return "aborted"
        if now >= self.done_at:
            return "failed" if self.failure else "succeeded"
        return "starting" if now < self.made_at + self.waiting else "processing"

    @property
    def count(self) -> int:
        """How many outputs there are: the model leaves out what its safety check flags."""
        return int(self.input.get("num_outputs", 1)) - ("nsfw_first" in self.faults)

    @property
    def seed(self) -> int:
        """The seed that was asked for, or one drawn for it."""
        return int(self.input.get("seed", zlib.crc32(self.id.encode())))

    @property
    def extension(self) -> str:
        """What its files are."""
        if self.model.startswith(("wan-video/", "kwaivgi/")):
            return "mp4"
        return "glb" if self.model == "firtoz/trellis" else str(self.input.get("output_format", "png"))

    def as_json(self, api: str) -> dict[str, Any]:
        """As the API shows it; `api` is the address of the double."""
        status = self.status
        logs = "" if status == "starting" else f"Using seed: {self.seed}\n  0%|          | 0/5\n 40%|████      | 2/5\n"
        urls = {"get": f"{api}/v1/predictions/{self.id}", "cancel": f"{api}/v1/predictions/{self.id}/cancel"}
        shown: dict[str, Any] = {"id": self.id, "model": self.model, "version": self.version, "input": self.input}
        shown |= {"logs": logs, "output": None, "error": None, "status": status, "urls": urls, "metrics": {}}
        shown |= {"created_at": "2026-11-21T03:00:00.000Z", "data_removed": "data_removed" in self.faults}
        if status == "failed":
            shown["error"] = self.failure
        elif status == "succeeded" and not shown["data_removed"]:
            shown["output"] = self._output(f"{api}/outputs/{self.id}")
        return shown

    def _output(self, files: str) -> Any:
        addresses = [f"{files}/{index}.{self.extension}" for index in range(self.count)]
        if self.model == "firtoz/trellis":
            wanted = self.input.get("generate_model", False)
            return {"model_file": addresses[0] if wanted else None, "color_video": None, "gaussian_ply": None}
        return addresses if self.model.endswith(LISTS) else addresses[0]

    def file(self, index: int, read: Callable[[str], bytes | None]) -> tuple[bytes, str]:
        """Content and MIME type of one output; `read` gives the bytes of an input."""
        if self.extension == "mp4":
            frames = int(self.input.get("num_frames", 81))
            return film(self.seed, int(self.input.get("duration", frames // 16))), "video/mp4"
        if self.extension == "glb":
            faces = {0.98: 1_000, 0.95: 5_000, 0.9: 10_000}[self.input.get("mesh_simplify", 0.95)]
            return mesh(self.seed, faces), "model/gltf-binary"
        width, height = self._size(read)
        return _encoded(picture(self.seed + index, width, height), self.extension)

    def _size(self, read: Callable[[str], bytes | None]) -> tuple[int, int]:
        source = read(self.input["image"]) if "image" in self.input else None
        if source is None:
            return 256, 192
        with Image.open(io.BytesIO(source)) as image:
            times = int(self.input.get("scale", 1))
            return image.width * times, image.height * times


def _encoded(content: bytes, extension: str) -> tuple[bytes, str]:
    if extension == "png":
        return content, "image/png"
    kind = "jpeg" if extension == "jpg" else extension
    file = io.BytesIO()
    with Image.open(io.BytesIO(content)) as image:
        image.save(file, kind)
    return file.getvalue(), f"image/{kind}"


def read_data_uri(address: str) -> bytes | None:
    """The bytes of a data URI; None when it is none."""
    head, _comma, data = address.partition(",")
    return base64.b64decode(data, validate=True) if head.startswith("data:") and head.endswith(";base64") else None


def look_at_files(prediction: Prediction, read: Callable[[str], bytes | None]) -> str:
    """What the model says against the files of its input, which it reads only once it runs."""
    sizes: dict[str, tuple[int, int]] = {}
    for name in ("image", "mask", "redux_image", "input_image", "start_image", "images"):
        for address in (
            [prediction.input[name]]
            if isinstance(prediction.input.get(name), str)
            else (prediction.input.get(name) or [])
        ):
            content = read(address)
            if content is None:
                return f"Failed to download {name}"
            try:
                with Image.open(io.BytesIO(content)) as image:
                    sizes[name] = image.size
            except OSError:
                return "cannot identify image file"
    if "mask" in sizes and sizes["mask"] != sizes.get("image"):
        return "Mask must have the same size as the image. (E006)"
    width, height = sizes.get("image", (0, 0))
    if prediction.model == "nightmareai/real-esrgan" and width * height > MOST_PIXELS_TO_UPSCALE:
        return f"Input image has more pixels than fit in GPU memory, {MOST_PIXELS_TO_UPSCALE}. Resize input image."
    return ""
