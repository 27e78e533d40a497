"""Calls for rows of the catalogue as the engine makes them, with the inputs that their task needs."""

import io
from contextlib import nullcontext
from typing import Any
from uuid import uuid4

from PIL import Image

from generation.models import AIModel, Task
from generation.parameters import complete
from generation.providers.base import Call, InputFile
from generation.providers.downloads import DownloadLimits
from generation.providers.transport import Limits
from tests.emulators.fal_files import picture

WIDTH, HEIGHT = 320, 240
# Patient on a busy machine: a double that hangs drops the connection after `HANG` seconds, and how long we wait for one
# that does not is checked for every provider in tests/providers.
LIMITS = Limits(connect=3.0, read=5.0, write=3.0, total=8.0)
DOWNLOADS = DownloadLimits(size=200_000, connect=3.0, read=5.0, total=8.0)
HANG = 0.2
WORDS_ALONE = (Task.TEXT_TO_IMAGE, Task.TEXT_TO_VIDEO)


def an_image(width: int = WIDTH, height: int = HEIGHT) -> InputFile:
    """A picture to work from."""
    return _file("image", picture(1, width, height), width, height)


def a_mask(width: int = WIDTH, height: int = HEIGHT) -> InputFile:
    """A mask whose left half may change."""
    mask = Image.new("L", (width, height), 0)
    mask.paste(255, (0, 0, width // 2, height))
    file = io.BytesIO()
    mask.save(file, "PNG")
    return _file("mask", file.getvalue(), width, height)


def _file(role: str, content: bytes, width: int, height: int) -> InputFile:
    return InputFile(
        role=role, mime="image/png", width=width, height=height, open=lambda: nullcontext(io.BytesIO(content))
    )


def inputs_of(task: str) -> tuple[InputFile, ...]:
    """What a task starts from."""
    if task in WORDS_ALONE:
        return ()
    return (an_image(), a_mask()) if task == Task.INPAINT else (an_image(),)


def call_of_row(row: dict[str, Any], given: dict[str, Any] | None = None, *, count: int = 1, **changes: Any) -> Call:
    """A call with the row's defaults and what is `given` beside them; an outpaint grows to the left at least."""
    wanted = ({"left": 64} if row["task"] == Task.OUTPAINT else {}) | (given or {})
    values: dict[str, Any] = {
        "job_id": uuid4(),
        "task": str(row["task"]),
        "endpoint": row["endpoint"],
        "prompt": "a red fox",
        "params": complete(row["parameters"], wanted),
        "seeds": tuple(range(41, 41 + count)),
        "inputs": inputs_of(row["task"]),
        "seconds_allowed": 10,
    }
    return Call(**values | changes)


def row_named(rows: list[dict[str, Any]], slug: str) -> dict[str, Any]:
    """One row by its short name."""
    return next(row for row in rows if row["slug"] == slug)


def put_into_catalogue(row: dict[str, Any]) -> AIModel:
    """Offer a row as it stands in its list, whatever a test before did to it."""
    columns = {name: value for name, value in row.items() if name != "equivalents"}
    return AIModel.objects.update_or_create(slug=row["slug"], defaults=columns)[0]
