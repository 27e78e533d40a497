"""The local studio as a provider: classical image synthesis on this machine. Not AI, and never called so."""

import io
from collections.abc import Iterator
from math import sqrt
from typing import ClassVar

from PIL import Image

from generation.providers.base import Artifact, Call, Report
from generation.providers.studio import ASPECTS, StudioRequest, render

PIXELS = 1024 * 1024


class LocalStudio:
    """Needs no key and no network; its work costs nothing, so it may be done again after a crash."""

    name: ClassVar[str] = "local"

    def make(self, call: Call, report: Report) -> Iterator[Artifact]:
        """Yield one PNG for every seed, in order, with true progress over the whole batch."""
        source = _read(call)
        width, height = _size_like(source) if source else ASPECTS[call.params.get("aspect_ratio", "1:1")]
        for index, seed in enumerate(call.seeds):
            request = StudioRequest(
                task=call.task,
                prompt=call.prompt,
                width=width,
                height=height,
                seed=seed,
                style=call.params.get("style", "auto"),
                detail=call.params.get("detail", "standard"),
                strength=call.params.get("strength", 0.6),
                source=source,
            )
            picture = render(request, _part(report, index, len(call.seeds)))
            report((index + 1) / len(call.seeds))
            yield Artifact(index=index, stream=io.BytesIO(picture), mime="image/png")


def _read(call: Call) -> bytes | None:
    """The input picture's bytes, if there is one."""
    if not call.inputs:
        return None
    with call.inputs[0].open() as file:
        return file.read()


def _size_like(source: bytes) -> tuple[int, int]:
    """Width and height in the source's own ratio, with about the pixels of a square scene at most, multiples of 8."""
    with Image.open(io.BytesIO(source)) as picture:
        width, height = picture.size
    shrink = min(1.0, sqrt(PIXELS / (width * height)))
    return max(16, round(width * shrink / 8) * 8), max(16, round(height * shrink / 8) * 8)


def _part(report: Report, index: int, count: int) -> Report:
    """The report of one picture as a part of the whole batch's."""
    return lambda fraction: report((index + fraction) / count)
