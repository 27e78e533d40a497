"""The studio's front door: from a request to the bytes of a file, with honest progress."""

import hashlib
from collections.abc import Callable

import cv2

from generation.providers.studio.cutout import cut_out
from generation.providers.studio.editing import edit
from generation.providers.studio.film import film_picture, film_scene
from generation.providers.studio.inpaint import inpaint
from generation.providers.studio.outpaint import outpaint
from generation.providers.studio.painting import paint, restyle
from generation.providers.studio.pixels import Pixels, encode_png
from generation.providers.studio.relief import carve
from generation.providers.studio.request import Progress, StudioRequest
from generation.providers.studio.upscale import upscale
from generation.providers.studio.variation import vary

Maker = Callable[[StudioRequest, int, Progress], Pixels]
Builder = Callable[[StudioRequest, int, Progress], bytes]

PICTURES: dict[str, Maker] = {
    "text-to-image": paint,
    "image-to-image": restyle,
    "edit": edit,
    "inpaint": inpaint,
    "outpaint": outpaint,
    "upscale": upscale,
    "remove-background": cut_out,
    "variation": vary,
}
FILES: dict[str, Builder] = {"text-to-video": film_scene, "image-to-video": film_picture, "image-to-3d": carve}

# The studio has a process of its own; threads inside it would only take the other pictures' core.
cv2.setNumThreads(1)


def render(request: StudioRequest, report: Callable[[float], None]) -> bytes:
    """Bytes of a file without metadata: PNG, MP4 or GLB (`request.MIMES`). The same request always gives the same.

    `report` gets fractions from 0 to 1 that never fall; what it raises ends the work and passes through.
    Raises `Refused` (a `ValueError`) when it cannot be done with these pictures or words, and `TimeoutError`.
    """
    progress = Progress(report)
    progress.stage(0.02)
    seed = _seed(request)
    if request.task in FILES:
        data = FILES[request.task](request, seed, progress)
    else:
        picture = PICTURES[request.task](request, seed, progress)
        progress.stage(0.05)
        data = encode_png(picture)
    progress.finish()
    return data


def _seed(request: StudioRequest) -> int:
    """The words count as well as the number: with one seed, two prompts must not share a composition."""
    words = " ".join(request.prompt.lower().split())
    return int.from_bytes(hashlib.sha256(f"{request.seed}:{words}".encode()).digest()[:8], "big")
