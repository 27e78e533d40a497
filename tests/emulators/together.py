"""A double of Together AI's images. `TogetherDouble().url` is what TOGETHER_BASE_URL is set to.

Faults of the work itself, beside those of every double: empty, not_a_picture, truncated_picture, bad_base64, as_url.
"""

import base64
from collections.abc import Mapping
from typing import Any, ClassVar

from tests.emulators.double import PLACES, Double, run
from tests.emulators.fal_jobs import picture
from tests.emulators.messages import Reply, Request

WORK = ("empty", "not_a_picture", "truncated_picture", "bad_base64", "as_url")
MODELS = (
    "black-forest-labs/FLUX.1-schnell",
    "black-forest-labs/FLUX.1.1-pro",
    "black-forest-labs/FLUX.1-kontext-pro",
    "black-forest-labs/FLUX.1-kontext-max",
    "black-forest-labs/FLUX.2-dev",
    "black-forest-labs/FLUX.2-pro",
)
EDITORS = ("black-forest-labs/FLUX.1-kontext-pro", "black-forest-labs/FLUX.1-kontext-max")
KNOWN = {
    "model",
    "prompt",
    "n",
    "width",
    "height",
    "steps",
    "seed",
    "guidance_scale",
    "negative_prompt",
    "image_url",
    "reference_images",
    "image_loras",
    "output_format",
    "response_format",
    "disable_safety_checker",
}
REFUSALS: Mapping[str, tuple[int, dict[str, Any]]] = {
    "key_refused": (401, {"message": "Invalid API key provided.", "code": "invalid_api_key"}),
    "balance_exhausted": (402, {"message": "Credit limit exceeded.", "type": "credit_limit"}),
    "content_policy": (422, {"message": "NSFW content detected in the prompt or in the result.", "code": None}),
    "429": (429, {"message": "You have reached the rate limit of this model.", "type": "rate_limit"}),
    "500": (500, {"message": "Internal server error", "type": "server_error"}),
    "502": (502, {"message": "Bad gateway", "type": "server_error"}),
    "503": (503, {"message": "Model is not ready.", "type": "service_unavailable"}),
}


class TogetherDouble(Double):
    """Together. Its API begins at `url`/v1."""

    places: ClassVar[dict[str, str]] = PLACES | dict.fromkeys(WORK, "submit")

    def forget(self) -> None:
        """Begin anew."""
        super().forget()
        # Seconds that the making takes.
        self.rendering = 0.0

    def handle(self, request: Request) -> Reply:
        """Making pictures, and fetching them."""
        if request.method == "GET" and request.path.startswith("/imgproxy/"):
            if not request.headers.get("user-agent"):
                return Reply(403, b"Forbidden", "text/plain")
            return self.download(request, picture(int(request.path.rpartition("/")[2].partition(".")[0])))
        if (request.method, request.path) == ("POST", "/v1/images/generations"):
            return self.submission(request, lambda faults: self._take(request.json(), faults))
        return _refused(404, {"message": "Not found", "type": "not_found"})

    def refusal(self, fault: str) -> Reply:
        """In Together's words."""
        return _refused(*REFUSALS[fault])

    def _take(self, arguments: dict[str, Any], faults: set[str]) -> Reply:
        problem = _problem(arguments)
        if problem:
            return _refused(400, {"message": problem})
        self.closing.wait(self.rendering)
        seed, count = int(arguments.get("seed", 1)), int(arguments.get("n", 1))
        wants_url = arguments.get("response_format") != "base64" or "as_url" in faults
        rows = (
            [] if "empty" in faults else [self._row(index, seed + index, faults, wants_url) for index in range(count)]
        )
        return Reply.of(200, {"id": "double-1", "model": arguments["model"], "object": "list", "data": rows})

    def _row(self, index: int, seed: int, faults: set[str], wants_url: bool) -> dict[str, Any]:
        if wants_url:
            return {"index": index, "type": "url", "url": f"{self.url}/imgproxy/{seed}.png"}
        content = picture(seed)
        if "not_a_picture" in faults:
            content = b"<!doctype html><title>Sorry</title>"
        elif "truncated_picture" in faults:
            content = content[: len(content) // 2]
        encoded = "*no base64*" if "bad_base64" in faults else base64.b64encode(content).decode()
        return {"index": index, "type": "b64_json", "b64_json": encoded}


def _problem(arguments: dict[str, Any]) -> str:
    """What Together says against the input, or nothing."""
    unknown = sorted(set(arguments) - KNOWN)
    if unknown:
        return f"Unrecognized key(s) in object: '{unknown[0]}'"
    model = arguments.get("model")
    if model not in MODELS:
        return f"Unable to access model {model}. Please visit the models page to see the list of supported models."
    if not arguments.get("prompt"):
        return "prompt: String must contain at least 1 character(s)"
    if not 1 <= int(arguments.get("n", 1)) <= 4:
        return "n: Number must be less than or equal to 4"
    if model == "black-forest-labs/FLUX.1-schnell" and int(arguments.get("steps", 4)) > 12:
        return "steps: must be between 1 and 12"
    if any(int(arguments.get(side, 1024)) % 16 for side in ("width", "height")):
        return "width and height must be multiples of 16"
    addresses = [arguments.get("image_url"), *arguments.get("reference_images", [])]
    if model in EDITORS and not addresses[0]:
        return "image_url is required for this model"
    if any(address and not str(address).startswith(("data:image/", "https://")) for address in addresses):
        return "image_url: Invalid url"
    return ""


def _refused(status: int, error: Mapping[str, Any]) -> Reply:
    body = {"type": "invalid_request_error", "param": None, "code": None} | error
    return Reply.of(status, {"id": "double-1", "error": body})


if __name__ == "__main__":
    run(TogetherDouble, "A double of Together AI's images on loopback.")
