"""Doubles of OpenAI's images and of endpoints that speak the same protocol.

`OpenAIDouble().url` is what OPENAI_BASE_URL is set to. It knows OpenAI's models and refuses what those do not take;
`CompatibleDouble` takes any model, and sends addresses unless it is told to send base64, as most others do.

Faults of the work itself, beside those of every double: part (an output is missing), empty, not_a_picture,
truncated_picture, bad_base64, as_url.
"""

import base64
import io
import itertools
from collections.abc import Mapping
from typing import Any, ClassVar

from PIL import Image

from tests.emulators.double import PLACES, Double, run
from tests.emulators.fal_jobs import picture
from tests.emulators.messages import Form, Reply, Request

WORK = ("part", "empty", "not_a_picture", "truncated_picture", "bad_base64", "as_url")
MODELS = ("gpt-image-1-mini", "gpt-image-1.5", "gpt-image-2")
SIZES = ("1024x1024", "1536x1024", "1024x1536", "auto")
SHARED = {"model", "prompt", "n", "size", "quality", "background", "output_format", "output_compression", "user"}
GENERATE = SHARED | {"moderation"}
EDIT = SHARED | {"input_fidelity"}
CHOICES: Mapping[str, tuple[str, ...]] = {
    "quality": ("low", "medium", "high", "auto"),
    "background": ("transparent", "opaque", "auto"),
    "output_format": ("png", "jpeg", "webp"),
}
REFUSALS: Mapping[str, tuple[int, dict[str, Any]]] = {
    "key_refused": (401, {"message": "Incorrect API key provided: test-key*****uble.", "code": "invalid_api_key"}),
    "balance_exhausted": (
        429,
        {
            "message": "You exceeded your current quota, please check your plan and billing details.",
            "type": "insufficient_quota",
            "code": "insufficient_quota",
        },
    ),
    "content_policy": (
        400,
        {
            "message": "Your request was rejected by the safety system. safety_violations=[violence].",
            "type": "image_generation_user_error",
            "code": "moderation_blocked",
        },
    ),
    "429": (429, {"message": "Rate limit reached for images per minute.", "code": "rate_limit_exceeded"}),
    "500": (500, {"message": "The server had an error while processing your request.", "type": "server_error"}),
    "502": (502, {"message": "Bad gateway."}),
    "503": (503, {"message": "The engine is currently overloaded, please try again later."}),
}


class Problem(Exception):
    """What the vendor says against a request: a sentence and the parameter that it is about."""

    def __init__(self, sentence: str, param: str, code: str = "invalid_value") -> None:
        super().__init__(sentence)
        self.param = param
        self.code = code


class OpenAIDouble(Double):
    """OpenAI. The root of its API is `url`."""

    places: ClassVar[dict[str, str]] = PLACES | dict.fromkeys(WORK, "submit")
    adjustable: ClassVar[tuple[str, ...]] = (*Double.adjustable, "rendering")
    paths: ClassVar[tuple[str, str]] = ("/images/generations", "/images/edits")

    def forget(self) -> None:
        """Begin anew."""
        super().forget()
        # Seconds that the making takes.
        self.rendering = 0.0
        self._numbers = itertools.count(1)

    def handle(self, request: Request) -> Reply:
        """The two ways of asking for pictures, and the file server of those who have one."""
        if request.method == "GET" and request.path.startswith("/files/"):
            return self.download(request, picture(int(request.path.rpartition("/")[2].partition(".")[0])))
        if request.method == "POST" and request.path in self.paths:
            return self.submission(request, lambda faults: self._take(request, faults))
        return _refused(404, {"message": f"Invalid URL ({request.method} {request.path})"})

    def refusal(self, fault: str) -> Reply:
        """In OpenAI's words."""
        return _refused(*REFUSALS[fault])

    def _take(self, request: Request, faults: set[str]) -> Reply:
        try:
            if request.path == self.paths[0]:
                count, wants_url = self._generation(request.json())
            else:
                count, wants_url = self._edit(request.form())
        except Problem as problem:
            return _refused(400, {"message": str(problem), "param": problem.param, "code": problem.code})
        self.closing.wait(self.rendering)
        return Reply.of(200, {"created": 1_790_000_000, "data": self._rows(count, faults, wants_url=wants_url)})

    def _rows(self, count: int, faults: set[str], *, wants_url: bool) -> list[dict[str, str]]:
        rows = []
        for _index in range(0 if "empty" in faults else count - 1 if "part" in faults else count):
            number = next(self._numbers)
            content = picture(number)
            if "not_a_picture" in faults:
                content = b"<!doctype html><title>Sorry</title>"
            elif "truncated_picture" in faults:
                content = content[: len(content) // 2]
            if "bad_base64" in faults:
                rows.append({"b64_json": "*no base64*"})
            elif wants_url or "as_url" in faults:
                rows.append({"url": f"{self.url}/files/{number}.png"})
            else:
                rows.append({"b64_json": base64.b64encode(content).decode()})
        return rows

    # --- What OpenAI checks -------------------------------------------------------------------------------------------

    def _generation(self, arguments: dict[str, Any]) -> tuple[int, bool]:
        self._check(arguments, GENERATE)
        return int(arguments.get("n", 1)), False

    def _edit(self, form: Form) -> tuple[int, bool]:
        self._check({name: values[0] for name, values in form.values.items()}, EDIT)
        images = form.named("image[]") or form.named("image")
        if not images:
            raise Problem("Missing required parameter: 'image'.", "image", "missing_required_parameter")
        if len(images) > 16:
            raise Problem("Too many images: at most 16.", "image")
        for mask in form.named("mask"):
            with Image.open(io.BytesIO(mask.content)) as alpha, Image.open(io.BytesIO(images[0].content)) as first:
                if alpha.format != "PNG" or alpha.mode != "RGBA":
                    raise Problem("Invalid mask image format - mask image missing alpha channel", "mask")
                if alpha.size != first.size:
                    raise Problem("Invalid mask image - mask size does not match image size", "mask")
        return int(form.value("n", "1")), False

    def _check(self, arguments: dict[str, Any], known: set[str]) -> None:
        for name in arguments:
            if name not in known:
                raise Problem(f"Unknown parameter: '{name}'.", name, "unknown_parameter")
        if not arguments.get("prompt"):
            raise Problem("Missing required parameter: 'prompt'.", "prompt", "missing_required_parameter")
        model = str(arguments.get("model"))
        if model not in MODELS:
            raise Problem(f"The model '{model}' does not exist.", "model", "model_not_found")
        for name, choices in CHOICES.items():
            if arguments.get(name, choices[0]) not in choices:
                raise Problem(f"Invalid value: '{arguments[name]}'. Supported values are: {choices}.", name)
        if not 1 <= int(arguments.get("n", 1)) <= 10:
            raise Problem("Invalid 'n': must be between 1 and 10.", "n")
        if arguments.get("background") == "transparent" and arguments.get("output_format") == "jpeg":
            raise Problem("Transparent background is not supported for JPEG output format.", "background")
        self._check_size(model, str(arguments.get("size", "auto")))

    def _check_size(self, model: str, size: str) -> None:
        if size in SIZES:
            return
        width, _x, height = size.partition("x")
        if model == "gpt-image-2" and width.isdigit() and height.isdigit():
            across, down = int(width), int(height)
            is_in_steps = across % 16 == 0 and down % 16 == 0
            if is_in_steps and 655_360 <= across * down <= 8_294_400 and max(across, down) <= 3 * min(across, down):
                return
        raise Problem(f"Invalid size '{size}'. Supported sizes are {', '.join(SIZES)}.", "size")


class CompatibleDouble(OpenAIDouble):
    """Somebody's own server: the same protocol, any model, addresses unless base64 is asked for."""

    def _generation(self, arguments: dict[str, Any]) -> tuple[int, bool]:
        self._check(arguments, GENERATE)
        return int(arguments.get("n", 1)), arguments.get("response_format") != "b64_json"

    def _edit(self, form: Form) -> tuple[int, bool]:
        return super()._edit(form)[0], form.value("response_format") != "b64_json"

    def _check(self, arguments: dict[str, Any], known: set[str]) -> None:
        del known
        if not arguments.get("prompt"):
            raise Problem("prompt: field required", "prompt")


def _refused(status: int, error: Mapping[str, Any]) -> Reply:
    return Reply.of(status, {"error": {"type": "invalid_request_error", "param": None, "code": None} | error})


if __name__ == "__main__":
    run(OpenAIDouble, "A double of OpenAI's images on loopback.")
