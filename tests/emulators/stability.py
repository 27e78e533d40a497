"""A double of Stability AI's v2beta API: forms in, pictures and meshes out in the same answer.

`StabilityDouble().url` is what STABILITY_BASE_URL is set to. Faults of the work itself, beside those of every double:
nsfw (made, but held back), as_json (base64 in JSON), empty, not_a_picture, truncated_picture.
"""

import base64
import io
from typing import Any, ClassVar

from PIL import Image

from tests.emulators.double import PLACES, Double, run
from tests.emulators.fal_files import mesh, picture
from tests.emulators.messages import Form, Reply, Request
from tests.emulators.stability_forms import PATHS, find_errors

WORK = ("nsfw", "as_json", "empty", "not_a_picture", "truncated_picture")
# Bytes of a form.
LARGEST_FORM = 10 * 1024 * 1024
REFUSALS: dict[str, tuple[int, str, str]] = {
    "key_refused": (401, "unauthorized", "authorization: invalid or missing header value"),
    "balance_exhausted": (402, "payment_required", "You lack sufficient credits to make this request."),
    "content_policy": (403, "content_moderation", "Your request was flagged by our content moderation system."),
    "429": (429, "rate_limit_exceeded", "You have exceeded the rate limit of 150 requests within a 10 second period."),
    "500": (500, "internal_error", "An unexpected server error has occurred, please try again later."),
    "502": (502, "bad_gateway", "Bad gateway."),
    "503": (503, "service_unavailable", "The service is temporarily unavailable."),
}


class StabilityDouble(Double):
    """Stability AI. The root of its API is `url`."""

    places: ClassVar[dict[str, str]] = PLACES | dict.fromkeys(WORK, "submit")
    adjustable: ClassVar[tuple[str, ...]] = (*Double.adjustable, "rendering")

    def forget(self) -> None:
        """Begin anew."""
        super().forget()
        # Seconds that the making takes.
        self.rendering = 0.0

    def handle(self, request: Request) -> Reply:
        """Every endpoint takes a form and answers with what was made of it."""
        path = request.path.removeprefix("/v2beta/")
        if request.method == "POST" and path in PATHS:
            return self.submission(request, lambda faults: self._take(path, request, faults))
        return _problem(404, "not_found", "The requested resource was not found.")

    def refusal(self, fault: str) -> Reply:
        """In Stability's words."""
        return _problem(*REFUSALS[fault])

    def _take(self, path: str, request: Request, faults: set[str]) -> Reply:
        if not request.headers.get("content-type", "").startswith("multipart/form-data"):
            return _problem(400, "bad_request", "content-type: must be multipart/form-data")
        if len(request.body) > LARGEST_FORM:
            return _problem(413, "payload_too_large", "The request body is larger than 10MiB.")
        wanted = request.headers.get("accept", "*/*")
        if wanted not in ("*/*", "image/*", "application/json"):
            return _problem(400, "bad_request", "accept: must be image/*, application/json or */*")
        form = request.form()
        errors = find_errors(path, form)
        if errors:
            return _problem(400, "bad_request", *errors)
        self.closing.wait(self.rendering)
        seed = int(form.value("seed", "0")) or 4_242
        content, mime = self._made(path, form, seed, faults)
        reason = "CONTENT_FILTERED" if "nsfw" in faults else "SUCCESS"
        if "as_json" in faults or wanted == "application/json":
            encoded = base64.b64encode(content).decode()
            return Reply.of(200, {"image": encoded, "finish_reason": reason, "seed": seed})
        return Reply(200, content, mime, {"finish-reason": reason, "seed": str(seed), "x-request-id": "of-a-double"})

    def _made(self, path: str, form: Form, seed: int, faults: set[str]) -> tuple[bytes, str]:
        """Content and MIME type of what is made of a form."""
        if path.startswith("3d/"):
            vertices = int(form.value("vertex_count", "-1"))
            content, mime = mesh(seed, 2 * vertices if vertices > 0 else 1_000), "model/gltf-binary"
        else:
            kind = form.value("output_format", "png")
            content, mime = _encoded(picture(seed, *_size(path, form)), kind), f"image/{kind}"
        if "empty" in faults:
            content = b""
        elif "not_a_picture" in faults:
            content = b"<!doctype html><title>Sorry</title>"
        elif "truncated_picture" in faults:
            content = content[: len(content) // 2]
        return content, mime


def _size(path: str, form: Form) -> tuple[int, int]:
    """How large the output of a form is: as large as its picture, or as was asked for."""
    images = form.named("image")
    if not images:
        return 256, 192
    with Image.open(io.BytesIO(images[0].content)) as image:
        width, height = image.size
    if path.endswith("/fast"):
        return 4 * width, 4 * height
    across = int(form.value("left", "0")) + int(form.value("right", "0"))
    return width + across, height + int(form.value("up", "0")) + int(form.value("down", "0"))


def _encoded(content: bytes, kind: str) -> bytes:
    if kind == "png":
        return content
    file = io.BytesIO()
    with Image.open(io.BytesIO(content)) as image:
        image.save(file, kind)
    return file.getvalue()


def _problem(status: int, name: str, *errors: str) -> Reply:
    body: dict[str, Any] = {"id": "4212a4b66fbe1cedca4bf2133d35dca5", "name": name, "errors": list(errors)}
    return Reply.of(status, body)


if __name__ == "__main__":
    run(StabilityDouble, "A double of Stability AI on loopback.")
