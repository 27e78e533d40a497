"""What the double of fal makes: requests with their course in time, pictures, and the answers that models give."""

import struct
import threading
import time
import uuid
import zlib
from dataclasses import dataclass, field
from random import Random
from typing import Any

# What each endpoint takes, from fal's published schemas: required fields, then the rest.
_FLUX = {"image_size", "seed", "num_images", "output_format", "enable_safety_checker", "sync_mode"}
_STEPS = {"num_inference_steps", "guidance_scale", "acceleration"}
ENDPOINTS: dict[str, tuple[set[str], set[str]]] = {
    "fal-ai/flux/schnell": ({"prompt"}, _FLUX | _STEPS),
    "fal-ai/flux/dev": ({"prompt"}, _FLUX | _STEPS),
    "fal-ai/flux-pro/v1.1": ({"prompt"}, _FLUX | {"safety_tolerance", "enhance_prompt"}),
    "fal-ai/flux/dev/image-to-image": (
        {"prompt", "image_url"},
        (_FLUX - {"image_size"}) | _STEPS | {"strength"},
    ),
    "fal-ai/nano-banana": (
        {"prompt"},
        {"aspect_ratio", "num_images", "seed", "output_format", "sync_mode", "limit_generations"},
    ),
    "fal-ai/flux-pro/kontext": (
        {"prompt", "image_url"},
        {"aspect_ratio", "guidance_scale", "seed", "num_images", "output_format", "safety_tolerance", "sync_mode"},
    ),
    "fal-ai/esrgan": ({"image_url"}, {"scale", "tile", "face", "model", "output_format"}),
    "fal-ai/birefnet/v2": (
        {"image_url"},
        {"model", "operating_resolution", "refine_foreground", "output_format", "output_mask", "sync_mode"},
    ),
}
ONE_OUTPUT = ("fal-ai/esrgan", "fal-ai/birefnet/v2")


@dataclass
class FalJob:
    """One request that the double took."""

    endpoint: str
    arguments: dict[str, Any]
    webhook: str
    waiting: float
    rendering: float
    faults: set[str] = field(default_factory=set)
    problem: dict[str, Any] | None = None
    id: str = field(default_factory=lambda: str(uuid.uuid4()))
    made_at: float = field(default_factory=time.monotonic)
    cancelled: bool = False
    # Only set once the webhook has gone out, for those who wait for it.
    told: threading.Event = field(default_factory=threading.Event)

    @property
    def done_at(self) -> float:
        """When it is done, on the monotonic clock."""
        return float("inf") if "never" in self.faults else self.made_at + self.waiting + self.rendering

    @property
    def state(self) -> str:
        """Where it is now, in fal's words."""
        now = time.monotonic()
        if self.cancelled or now >= self.done_at:
            return "COMPLETED"
        return "IN_QUEUE" if now < self.made_at + self.waiting else "IN_PROGRESS"

    @property
    def count(self) -> int:
        """How many outputs were asked for."""
        return 1 if self.endpoint in ONE_OUTPUT else int(self.arguments.get("num_images", 1))

    @property
    def seed(self) -> int:
        """The seed that was asked for, or one drawn for it."""
        return int(self.arguments.get("seed", zlib.crc32(self.id.encode())))

    def outcome(self, files: str) -> tuple[int, dict[str, Any]]:
        """Status and body of the result; `files` is the address below which outputs are served."""
        if self.cancelled:
            return 499, {"detail": "Request was cancelled", "error_type": "client_cancelled"}
        if self.problem is not None:
            return 422, {"detail": [self.problem]}
        if "content_policy" in self.faults:
            return 422, {"detail": [_problem("content_policy_violation", "The content was flagged.", "prompt")]}
        if "model_error" in self.faults:
            return 500, {"detail": [_problem("internal_server_error", "Internal server error", "")]}
        if "model_timeout" in self.faults:
            return 504, {"detail": [_problem("generation_timeout", "Generation timeout", "")]}
        rows = [
            {"url": f"{files}/{self.id}-{index}.png", "content_type": "image/png", "width": 256, "height": 192}
            for index in range(self.count)
        ]
        if self.endpoint in ONE_OUTPUT:
            return 200, {"image": rows[0]}
        flags = ["nsfw" in self.faults or ("nsfw_first" in self.faults and index == 0) for index in range(self.count)]
        if "nano-banana" in self.endpoint:
            return 200, {"images": rows, "description": ""}
        body = {"images": rows, "seed": self.seed, "has_nsfw_concepts": flags, "prompt": self.arguments.get("prompt")}
        return 200, body


def find_problem(endpoint: str, arguments: Any, uploads: dict[str, bytes]) -> dict[str, Any] | None:
    """What the model says against its input, as fal's models do, or None."""
    if not isinstance(arguments, dict):
        return _problem("dict_type", "Input should be a valid dictionary", "")
    required, optional = ENDPOINTS[endpoint]
    for name in sorted(required):
        if not arguments.get(name):
            return _problem("missing", "Field required", name)
    for name in sorted(set(arguments) - required - optional):
        return _problem("extra_forbidden", "Extra inputs are not permitted", name)
    if not 1 <= int(arguments.get("num_images", 1)) <= 4:
        return _problem("less_than_equal", "Input should be less than or equal to 4", "num_images")
    address = str(arguments.get("image_url", ""))
    if address and address.rpartition("/")[2] not in uploads:
        return _problem("file_download_error", "Failed to download the file.", "image_url")
    return None


def _problem(kind: str, sentence: str, name: str) -> dict[str, Any]:
    return {"loc": ["body", name] if name else ["body"], "msg": sentence, "type": kind, "url": "", "input": None}


def picture(seed: int, width: int = 256, height: int = 192) -> bytes:
    """A valid PNG of stripes in colours that depend on the seed."""
    random = Random(seed)
    colours = [bytes(random.randrange(256) for _channel in range(3)) for _stripe in range(8)]
    row = b"\0" + b"".join(colours[x * len(colours) // width] for x in range(width))
    header = struct.pack(">IIBBBBB", width, height, 8, 2, 0, 0, 0)
    parts = ((b"IHDR", header), (b"IDAT", zlib.compress(row * height, 1)), (b"IEND", b""))
    chunks = [
        struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data)) for kind, data in parts
    ]
    return b"\x89PNG\r\n\x1a\n" + b"".join(chunks)
