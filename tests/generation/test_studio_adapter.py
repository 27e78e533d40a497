"""The studio as a provider: what each row makes, what it reads, and what people are told when it cannot."""

import io
import itertools
from collections.abc import Callable
from contextlib import nullcontext
from typing import Any
from uuid import uuid4

import cv2
import numpy as np
import pytest

from generation.catalogue.studio import STUDIO
from generation.models import AIModel, Task
from generation.parameters import complete
from generation.pricing import price_of
from generation.providers import local
from generation.providers.base import Artifact, Call, InputFile, InvalidInput, ProviderError, TimedOut
from generation.providers.local import LocalStudio
from generation.providers.studio import MIMES, MOTIONS, Refused
from tests.generation.studio_pictures import Picture, decode, difference, encode, ignore, landscape, thing

ROWS = {row["task"]: row for row in STUDIO}
# As quick as each can be.
QUICK: dict[str, Any] = {"detail": "draft", "duration": 2, "resolution": "480p", "quality": "low"}
PICTURES = {task for task, mime in MIMES.items() if mime == "image/png"}


def an_input(picture: Picture, role: str = "image") -> InputFile:
    data = encode(picture)
    return InputFile(role=role, mime="image/png", open=lambda: nullcontext(io.BytesIO(data)))


def a_mask() -> Picture:
    mask = np.zeros((100, 120), np.uint8)
    mask[30:65, 40:75] = 255
    return mask


def call_for(task: str, *, seeds: tuple[int, ...] = (1,), prompt: str = "", **params: Any) -> Call:
    """A call with the row's defaults and usual inputs."""
    row = ROWS[Task(task)]
    given = {name: value for name, value in QUICK.items() if name in row["parameters"]["properties"]}
    given |= {"left": 24, "top": 8} if task == "outpaint" else {}
    inputs = [] if task.startswith("text-") else [an_input(thing(120, 100))]
    inputs += [an_input(a_mask(), "mask")] if task == "inpaint" else []
    return Call(
        job_id=uuid4(),
        task=task,
        endpoint=row["endpoint"],
        prompt=prompt or ("make it night" if task == "edit" else "lake at dawn" if task.startswith("text-") else ""),
        params=complete(row["parameters"], given | params),
        seeds=seeds,
        inputs=tuple(inputs),
    )


def made(call: Call, report: Callable[[float], None] = ignore) -> list[Artifact]:
    return list(LocalStudio().make(call, report))


def with_inputs(call: Call, *inputs: InputFile) -> Call:
    return Call(
        job_id=call.job_id,
        task=call.task,
        endpoint="",
        prompt=call.prompt,
        params=call.params,
        seeds=(1,),
        inputs=inputs,
    )


def test_the_studio_does_every_task_but_training() -> None:
    assert set(ROWS) == set(Task) - {Task.TRAIN} == set(MIMES)


@pytest.mark.parametrize("row", STUDIO, ids=lambda row: row["slug"])
def test_every_row_says_what_it_is_and_costs_one_credit(row: dict[str, Any]) -> None:
    assert row["name"].startswith("Local studio · ")
    assert "not AI" in row["description"] or "Not AI" in row["description"]
    assert len(row["description"]) <= 300
    assert price_of(AIModel(**row), params=complete(row["parameters"], {})) == 1
    assert row["resubmittable"]


@pytest.mark.parametrize("task", sorted(MIMES))
def test_each_task_makes_its_kind_of_file_with_progress_that_only_rises(task: str) -> None:
    seen: list[float] = []
    (artifact,) = made(call_for(task), seen.append)
    start = artifact.stream.read(12)
    assert artifact.mime == MIMES[task]
    assert {"image/png": start[1:4] == b"PNG", "video/mp4": start[4:8] == b"ftyp"}.get(
        artifact.mime, start[:4] == b"glTF"
    )
    assert seen == sorted(seen)
    assert seen[-1] == 1.0
    assert len(seen) >= 4
    # A picture of 1024 pixels takes about twenty times as long: no step may be most of the way.
    assert max(after - before for before, after in itertools.pairwise([0.0, *seen])) < 0.55


@pytest.mark.parametrize("task", sorted(MIMES))
def test_what_the_report_raises_ends_each_task(task: str) -> None:
    class Cancelled(Exception):
        pass

    seen: list[float] = []

    def stop(fraction: float) -> None:
        seen.append(fraction)
        if fraction > 0.2:
            raise Cancelled

    with pytest.raises(Cancelled):
        made(call_for(task), stop)
    assert seen[-1] < 1.0


def test_a_batch_is_yielded_in_order_with_one_output_for_each_seed() -> None:
    seen: list[float] = []
    artifacts = made(call_for("variation", seeds=(5, 6, 7)), seen.append)
    assert [artifact.index for artifact in artifacts] == [0, 1, 2]
    pictures = [decode(artifact.stream.read()) for artifact in artifacts]
    assert all(difference(one, other) > 2 for one, other in itertools.combinations(pictures, 2))
    assert seen == sorted(seen)


def test_inputs_are_read_by_their_roles_whatever_their_order() -> None:
    call = call_for("inpaint")
    swapped = with_inputs(call, an_input(a_mask(), "mask"), an_input(thing(120, 100)))
    assert made(call)[0].stream.read() == made(swapped)[0].stream.read()


def test_an_edit_takes_a_second_picture() -> None:
    call = with_inputs(call_for("edit", prompt="side by side"), an_input(thing(120, 100)), an_input(landscape()))
    assert decode(made(call)[0].stream.read()).shape[1] > 120 + 100


@pytest.mark.parametrize("scale", [2, 4])
def test_an_upscale_is_as_large_as_asked(scale: int) -> None:
    (artifact,) = made(call_for("upscale", scale=scale))
    assert decode(artifact.stream.read()).shape == (100 * scale, 120 * scale, 3)


def test_the_rows_offer_the_moves_that_there_are() -> None:
    for task in (Task.TEXT_TO_VIDEO, Task.IMAGE_TO_VIDEO):
        assert ROWS[task]["parameters"]["properties"]["motion"]["enum"] == list(MOTIONS)


def test_what_cannot_be_done_is_said_in_a_sentence_that_helps() -> None:
    blank = np.full((64, 64, 3), 127, np.uint8)
    huge = np.zeros((4000, 4000, 3), np.uint8)
    refused = {
        "knows: brighter": call_for("edit", prompt="add a spaceship"),
        "second picture": call_for("edit", prompt="put them side by side"),
        "blend": with_inputs(call_for("edit", prompt="brighter"), an_input(thing(120, 100)), an_input(thing(120, 100))),
        "Paint over": with_inputs(call_for("inpaint"), an_input(thing(120, 100)), an_input(a_mask() * 0, "mask")),
        "Leave some": with_inputs(call_for("inpaint"), an_input(thing(120, 100)), an_input(a_mask() * 0 + 255, "mask")),
        "calm ground": with_inputs(call_for("remove-background"), an_input(blank)),
        "at least": call_for("outpaint", left=0, top=0),
        "64 megapixels; the limit is 50": with_inputs(call_for("upscale", scale=2), an_input(huge)),
        "Try another": with_inputs(
            call_for("variation"),
            InputFile(role="image", mime="image/png", open=lambda: nullcontext(io.BytesIO(b"no picture"))),
        ),
    }
    for part, call in refused.items():
        with pytest.raises(InvalidInput) as refusal:
            made(call)
        assert part in str(refusal.value)


def test_every_reason_has_its_sentence() -> None:
    """And a sentence with figures takes those that the studio gives."""
    reasons = {
        "enlarged-too-far": {"scale": 4, "megapixels": 80, "limit": 50},
        "grown-too-far": {"megapixels": 80, "limit": 50},
    }
    for reason in local.SENTENCES:
        error = Refused(reason, "", **reasons.get(reason, {}))
        assert "%(" not in local._sentence(error)


@pytest.mark.parametrize(
    ("fault", "expected"), [(TimeoutError("late"), TimedOut), (OSError("the encoder failed"), ProviderError)]
)
def test_faults_of_the_encoder_become_the_engines_own(
    fault: Exception, expected: type[ProviderError], monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(*_given: object) -> bytes:
        raise fault

    monkeypatch.setattr(local, "render", fail)
    with pytest.raises(expected, match="charged"):
        made(call_for("image-to-video"))


def test_pictures_of_one_channel_and_with_transparency_are_taken_by_every_task() -> None:
    clear = np.dstack([thing(120, 100), np.tile(np.linspace(120, 255, 120).astype(np.uint8), (100, 1))])
    grey = cv2.cvtColor(thing(120, 100), cv2.COLOR_BGR2GRAY).astype(np.uint8)
    for task in sorted(PICTURES - {"text-to-image", "image-to-image"}):
        call = call_for(task)
        for picture in (clear, grey):
            others = [given for given in call.inputs if given.role == "mask"]
            (artifact,) = made(with_inputs(call, an_input(picture), *others))
            assert decode(artifact.stream.read()).size > 0
