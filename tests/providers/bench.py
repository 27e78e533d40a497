"""One provider on the bench: calls as the engine makes them, and what came of them."""

import io
import tempfile
import time
from collections.abc import Callable, Iterable, Mapping
from contextlib import nullcontext
from dataclasses import replace
from pathlib import Path
from typing import Any, Protocol, TypeVar, runtime_checkable
from uuid import uuid4

import pytest
from PIL import Image

from config.base.imaging import PictureError, prepare_output
from generation.models import Task
from generation.parameters import complete
from generation.providers.base import (
    Artifact,
    Call,
    DirectProvider,
    InputFile,
    ProviderError,
    QueuedProvider,
    Submitted,
)
from generation.providers.transport import Limits
from tests.emulators.fal_files import picture
from tests.providers.case import LATENCY, PATIENCE, QUICK, SMALL, STEADY, WRONG_KEY, Adapter, Case

Kind = TypeVar("Kind", bound=ProviderError)

WORDS = "a red fox in the snow"
WORDLESS = (Task.UPSCALE, Task.REMOVE_BACKGROUND, Task.VARIATION, Task.IMAGE_TO_3D)
FROM_WORDS = (Task.TEXT_TO_IMAGE, Task.TEXT_TO_VIDEO)
SIDES = (256, 192)
# Seconds that a request at a queue is waited for before the test gives up; between two looks.
LONGEST, PAUSE = 15.0, 0.02


@runtime_checkable
class Closable(Protocol):
    """An adapter that keeps connections."""

    def close(self) -> None: ...


class Bench:
    """A case with its double running and its adapter made."""

    def __init__(self, case: Case, double: Any) -> None:
        self.case = case
        self.double = double
        self._adapters: list[Adapter] = []
        if double is not None:
            double.latency = LATENCY
        self.provider = self.adapter()

    def adapter(self, *, key: str | None = None, limits: Limits = STEADY) -> Adapter:
        """The adapter with another key ("" for none), or with other limits."""
        right = "" if self.double is None else str(self.double.key)
        self._adapters.append(self.case.adapter(self.double, right if key is None else key, limits, SMALL))
        return self._adapters[-1]

    def hurry(self) -> None:
        """From here on have little patience."""
        self.provider = self.adapter(limits=QUICK)

    def close(self) -> None:
        """Close the connections of adapters that keep some."""
        for adapter in self._adapters:
            if isinstance(adapter, Closable):
                adapter.close()

    @property
    def wrong(self) -> Adapter:
        """The adapter with a key that nobody knows."""
        return self.adapter(key=WRONG_KEY)

    def call(self, row: Mapping[str, Any] | None = None, *, count: int = 1, **changes: Any) -> Call:
        """A call for a row with its defaults; the usual row where none is given."""
        row = row or next(row for row in self.case.rows if row["slug"] == self.case.usual)
        task = Task(row["task"])
        given = {"left": 64, "right": 64} if task == Task.OUTPAINT else {}
        call = Call(
            job_id=uuid4(),
            task=task.value,
            endpoint=row["endpoint"],
            prompt="" if task in WORDLESS else WORDS,
            params=complete(row["parameters"], given),
            seeds=tuple(range(41, 41 + count)),
            inputs=_inputs(task, row),
            webhook_url="",
            seconds_allowed=60,
        )
        return replace(self.case.changes(call), **changes)

    def send(self, call: Call, provider: Adapter | None = None) -> list[Artifact] | Submitted:
        """What is billed: everything at a direct provider, the submit at a queued one."""
        provider = provider or self.provider
        if isinstance(provider, DirectProvider):
            return list(provider.make(call, lambda _fraction: None))
        return provider.submit(call)

    def whole(self, call: Call) -> dict[int, bytes]:
        """From the call to the bytes of its outputs, by index."""
        if isinstance(self.provider, DirectProvider):
            return _read(self.provider.make(call, lambda _fraction: None))
        submitted, _call = self.done(call)
        return self.fetched(submitted, call)

    def wait(self, submitted: Submitted) -> None:
        """Look until it is done."""
        deadline = time.monotonic() + LONGEST
        while self.queued.poll(submitted).state != "done":
            assert time.monotonic() < deadline, "it never ended"
            time.sleep(PAUSE)

    def fetched(self, submitted: Submitted, call: Call) -> dict[int, bytes]:
        """The outputs of what is done."""
        return _read(self.queued.fetch(submitted, call))

    def done(self, call: Call | None = None) -> tuple[Submitted, Call]:
        """A call that a queued provider has done."""
        call = call or self.call()
        submitted = self.queued.submit(call)
        self.wait(submitted)
        return submitted, call

    @property
    def queued(self) -> QueuedProvider:
        """The adapter as one with a queue."""
        assert isinstance(self.provider, QueuedProvider)
        return self.provider

    @property
    def direct(self) -> DirectProvider:
        """The adapter as one that answers in one go."""
        assert isinstance(self.provider, DirectProvider)
        return self.provider

    def refusal(self, kind: type[Kind], act: Callable[[], Any]) -> Kind:
        """The error of exactly this kind with which something ends, in time and with a sentence for people."""
        begun = time.monotonic()
        with pytest.raises(ProviderError) as caught:
            act()
        assert time.monotonic() - begun < PATIENCE
        error = caught.value
        assert isinstance(error, kind), repr(error)
        # A sentence, and with the code of this kind.
        assert error.code == kind.code
        assert len(str(error).split()) > 3
        return error

    def posts(self) -> tuple[int, int]:
        """How many submissions the double got, and how many of them it would bill."""
        return int(self.double.posts), self.case.accepted(self.double)


def is_of_kind(content: bytes, task: str) -> bool:
    """Whether an output is what its task makes: a picture that decodes, an mp4, a GLB."""
    kind = Task(task).output_kind
    if kind == "video":
        return content[4:8] == b"ftyp"
    if kind == "mesh":
        return content.startswith(b"glTF")
    with Image.open(io.BytesIO(content)) as image:
        image.load()
        return min(image.size) > 0


def intake_refuses(content: bytes) -> bool:
    """Whether the engine's intake refuses an output."""
    with tempfile.TemporaryDirectory() as folder:
        source = Path(folder) / "output"
        source.write_bytes(content)
        try:
            prepare_output(source, Path(folder), watermark_text=None)
        except PictureError:
            return True
    return False


def _inputs(task: Task, row: Mapping[str, Any]) -> tuple[InputFile, ...]:
    if task in FROM_WORDS:
        return ()
    width, height = (max(side, row.get("min_side") or 0) for side in SIDES)
    inputs = [_file("image", picture(1, width, height), width, height)]
    if task == Task.INPAINT:
        mask = Image.new("L", (width, height), 0)
        mask.paste(255, (width // 4, height // 4, width // 3, height // 3))
        inputs.append(image_file("mask", mask))
    return tuple(inputs)


def image_file(role: str, image: Image.Image) -> InputFile:
    """An input made of a picture, as a PNG."""
    buffer = io.BytesIO()
    image.save(buffer, "PNG")
    return _file(role, buffer.getvalue(), *image.size)


def _file(role: str, content: bytes, width: int, height: int) -> InputFile:
    return InputFile(
        role=role, mime="image/png", open=lambda: nullcontext(io.BytesIO(content)), width=width, height=height
    )


def _read(artifacts: Iterable[Artifact]) -> dict[int, bytes]:
    made = {}
    for artifact in artifacts:
        with artifact.stream:
            made[artifact.index] = artifact.stream.read()
    return made
