"""What the double of fal makes: requests with their course in time, and the answers that models give."""

import threading
import time
import uuid
import zlib
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from jsonschema import Draft202012Validator
from jsonschema.exceptions import best_match

from tests.emulators.fal_files import film, mesh, picture
from tests.emulators.fal_schemas import ENDPOINTS, IMAGE_SIZE

# What the answers of these do not say: which pictures were flagged.
WITHOUT_FLAGS = ("fal-ai/nano-banana", "fal-ai/nano-banana/edit", "fal-ai/flux-2-pro", "fal-ai/image-apps-v2/outpaint")
SUFFIXES = {"video": ("mp4", "video/mp4"), "model_mesh": ("glb", "model/gltf-binary")}
SUFFIXES["model_glb"] = ("glb", "application/octet-stream")
COMPONENTS = {"schemas": {"ImageSize": IMAGE_SIZE}}
PIXELS = {"16:9": (320, 180), "9:16": (180, 320), "1:1": (240, 240)}


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
        return int(self.arguments.get("num_images", 1)) if self.output == "images" else 1

    @property
    def output(self) -> str:
        """The field of the answer in which the outputs are."""
        return ENDPOINTS[self.endpoint].output

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
        if self.output != "images":
            return 200, {self.output: self._row(files, 0)}
        rows = [self._row(files, index) for index in range(self.count)]
        if self.endpoint in WITHOUT_FLAGS:
            return 200, {"images": rows, "description": ""}
        flags = ["nsfw" in self.faults or ("nsfw_first" in self.faults and index == 0) for index in range(self.count)]
        body = {"images": rows, "seed": self.seed, "has_nsfw_concepts": flags, "prompt": self.arguments.get("prompt")}
        return 200, body

    def _row(self, files: str, index: int) -> dict[str, Any]:
        suffix, mime = SUFFIXES.get(self.output, ("png", "image/png"))
        name = f"{self.id}-{index}.{suffix}"
        size = {"width": 256, "height": 192} if suffix == "png" else {"file_name": name}
        return {"url": f"{files}/{name}", "content_type": mime} | size

    def file(self, index: int) -> tuple[bytes, str]:
        """One output and what it is called."""
        if self.output == "video":
            seconds = int(str(self.arguments.get("duration", "5")).rstrip("s"))
            return film(
                self.seed, seconds, *PIXELS.get(self.arguments.get("aspect_ratio", ""), (320, 180))
            ), "video/mp4"
        if self.output in SUFFIXES:
            return mesh(self.seed, self.arguments.get("face_limit", 1_000)), SUFFIXES[self.output][1]
        return picture(self.seed + index), "image/png"


def find_problem(endpoint: str, arguments: Any, uploads: dict[str, bytes]) -> dict[str, Any] | None:
    """What the model says against its input, as fal's models do, or None."""
    if not isinstance(arguments, dict):
        return _problem("dict_type", "Input should be a valid dictionary", "")
    rules = ENDPOINTS[endpoint].schema
    for name in sorted(rules["required"]):
        if not arguments.get(name):
            return _problem("missing", "Field required", name)
    for name in sorted(set(arguments) - set(rules["properties"])):
        return _problem("extra_forbidden", "Extra inputs are not permitted", name)
    error = best_match(Draft202012Validator(rules | {"components": COMPONENTS}).iter_errors(arguments))
    if error is not None:
        return _problem(str(error.validator), error.message, str(error.path[0]) if error.path else "")
    for name, addresses in _addresses(arguments).items():
        if any(address.rpartition("/")[2] not in uploads for address in addresses):
            return _problem("file_download_error", "Failed to download the file.", name)
    return None


def _addresses(arguments: Mapping[str, Any]) -> dict[str, list[str]]:
    """The addresses of files in a request, by field."""
    given = {name: value for name, value in arguments.items() if name.endswith(("_url", "_urls"))}
    return {name: value if isinstance(value, list) else [value] for name, value in given.items()}


def _problem(kind: str, sentence: str, name: str) -> dict[str, Any]:
    return {"loc": ["body", name] if name else ["body"], "msg": sentence, "type": kind, "url": "", "input": None}
