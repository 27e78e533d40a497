"""A provider that does what a test tells it: the engine's faults are provoked through its real interface."""

import io
from collections.abc import Callable, Iterator

from PIL import Image

from generation.providers.base import Artifact, Call, Report

Step = Callable[[Call, Report], None]


def picture(seed: int = 0) -> bytes:
    """A small valid PNG whose colour depends on the seed."""
    file = io.BytesIO()
    Image.new("RGB", (64, 48), (seed % 256, 80, 120)).save(file, "PNG")
    return file.getvalue()


class Scripted:
    """Runs `before` and then yields `outputs` (PNG bytes by index; all good ones by default)."""

    name = "local"
    queue = "blocking"

    def __init__(self, *, before: Step | None = None, outputs: dict[int, bytes] | None = None) -> None:
        self.before = before
        self.outputs = outputs
        self.calls: list[Call] = []

    def make(self, call: Call, report: Report) -> Iterator[Artifact]:
        """Record the call, do what the test wants, deliver."""
        self.calls.append(call)
        if self.before is not None:
            self.before(call, report)
        outputs = self.outputs
        if outputs is None:
            outputs = {index: picture(seed) for index, seed in enumerate(call.seeds)}
        for index, content in outputs.items():
            yield Artifact(index=index, stream=io.BytesIO(content), mime="image/png")
