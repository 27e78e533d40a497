"""What the measured worker loads: the product's actors with an instant provider, and one that does nothing."""

import io
from collections.abc import Iterator
from functools import cache
from typing import ClassVar

import dramatiq
from PIL import Image

from bench.names import INSTANT, NOTHING
from config import broker
from config.base.provenance import ALGORITHMIC
from generation.providers import registry
from generation.providers.base import Artifact, Call, Report

__all__ = ["broker"]


@cache
def _picture() -> bytes:
    buffer = io.BytesIO()
    Image.new("RGB", (16, 9), "grey").save(buffer, "PNG")
    return buffer.getvalue()


class Instant:
    """A provider that has the picture at once: what remains is our own work."""

    name: ClassVar[str] = INSTANT
    source_type: ClassVar[str] = ALGORITHMIC

    def make(self, call: Call, report: Report) -> Iterator[Artifact]:
        """The same tiny PNG for every seed."""
        for index, _seed in enumerate(call.seeds):
            yield Artifact(index=index, stream=io.BytesIO(_picture()), mime="image/png")


registry._PROVIDERS[INSTANT] = Instant()


@dramatiq.actor(actor_name=NOTHING, queue_name=NOTHING, max_retries=0)
def nothing() -> None:
    """The bare cost of a message."""
