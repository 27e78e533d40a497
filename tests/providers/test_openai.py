"""What OpenAI's models get of a call: sizes, masks and canvases in its own terms, and nothing of this machine."""

import io
from collections.abc import Iterator
from contextlib import closing
from dataclasses import replace
from typing import Any

import pytest
from PIL import Image

from generation.models import Task
from generation.providers.base import InvalidInput
from generation.providers.openai_pictures import nearest_size
from tests.emulators.messages import Form
from tests.emulators.openai import OpenAIDouble
from tests.providers.bench import Bench, image_file
from tests.providers.case_openai import OPENAI_CASE

pytestmark = pytest.mark.xdist_group("providers")


@pytest.fixture
def bench() -> Iterator[Bench]:
    """OpenAI on the bench."""
    with OpenAIDouble() as double, closing(Bench(OPENAI_CASE, double)) as made:
        yield made


def sent(bench: Bench, slug: str, **changes: Any) -> Form:
    """The form that a call for a row becomes."""
    row = next(row for row in OPENAI_CASE.rows if row["slug"] == slug)
    call = bench.call(row)
    bench.whole(replace(call, params=call.params | changes.pop("params", {}), **changes))
    form: Form = bench.double.submissions[-1].form()
    return form


def opened(content: bytes) -> Image.Image:
    return Image.open(io.BytesIO(content))


def test_what_is_white_in_our_mask_is_transparent_in_theirs(bench: Bench) -> None:
    form = sent(bench, "gpt-image-2-inpaint")
    alpha = opened(form.named("mask")[0].content).getchannel("A")
    assert alpha.size == opened(form.named("image[]")[0].content).size == (256, 192)
    # The bench's mask is white from a quarter to a third.
    assert (alpha.getpixel((70, 50)), alpha.getpixel((5, 5))) == (0, 255)


def test_a_mask_of_another_size_is_refused_before_anything_is_sent(bench: Bench) -> None:
    call = bench.call(next(row for row in OPENAI_CASE.rows if row["task"] == Task.INPAINT))
    mask = image_file("mask", Image.new("L", (64, 64), 255))
    with pytest.raises(InvalidInput, match="size"):
        bench.send(replace(call, inputs=(call.inputs[0], mask)))
    with pytest.raises(InvalidInput, match="mask"):
        bench.send(replace(call, inputs=call.inputs[:1]))
    assert bench.posts() == (0, 0)


def test_a_picture_grows_by_the_pixels_asked_for_and_only_there(bench: Bench) -> None:
    form = sent(bench, "gpt-image-2-outpaint", params={"left": 100, "right": 0, "top": 0, "bottom": 50})
    canvas, mask = (opened(form.named(name)[0].content) for name in ("image[]", "mask"))
    assert canvas.size == mask.size == (356, 242)
    alpha = mask.getchannel("A")
    assert [alpha.getpixel(place) for place in ((99, 0), (355, 192), (100, 0), (355, 191))] == [0, 0, 255, 255]
    assert "margins" in form.value("prompt")
    assert "red fox" in form.value("prompt")


def test_a_large_canvas_is_scaled_down_before_it_is_sent(bench: Bench) -> None:
    form = sent(bench, "gpt-image-2-outpaint", params={"left": 2048, "right": 2048, "top": 2048, "bottom": 2048})
    canvas, mask = (opened(form.named(name)[0].content) for name in ("image[]", "mask"))
    assert canvas.size == mask.size
    assert max(canvas.size) in (2047, 2048)


def test_several_references_are_sent_in_their_order(bench: Bench) -> None:
    colours = ("red", "green", "blue")
    inputs = tuple(image_file("image", Image.new("RGB", (300, 200), colour)) for colour in colours)
    form = sent(bench, "gpt-image-2-edit", inputs=inputs)
    found = [opened(part.content).convert("RGB").getpixel((0, 0)) for part in form.named("image[]")]
    assert found == [(255, 0, 0), (0, 128, 0), (0, 0, 255)]


def test_too_many_references_are_refused_before_anything_is_sent(bench: Bench) -> None:
    inputs = tuple(image_file("image", Image.new("RGB", (8, 8))) for _each in range(17))
    with pytest.raises(InvalidInput, match="16"):
        sent(bench, "gpt-image-2-edit", inputs=inputs)
    assert bench.posts() == (0, 0)


@pytest.mark.parametrize(
    ("width", "height", "standard", "flexible"),
    [
        (1000, 1000, "1024x1024", "1104x1104"),
        (4000, 3000, "1536x1024", "1280x960"),
        (1080, 1920, "1024x1536", "832x1472"),
        (3000, 1000, "1536x1024", "1920x640"),
    ],
)
def test_the_nearest_size_is_chosen(width: int, height: int, standard: str, flexible: str) -> None:
    assert nearest_size(width, height, is_flexible=False) == standard
    assert nearest_size(width, height, is_flexible=True) == flexible


def test_a_shape_that_is_too_long_is_refused(bench: Bench) -> None:
    with pytest.raises(InvalidInput, match="3 times"):
        nearest_size(400, 100, is_flexible=True)


def test_transparency_and_jpeg_do_not_go_together(bench: Bench) -> None:
    call = bench.call()
    with pytest.raises(InvalidInput, match="PNG"):
        bench.send(replace(call, params=call.params | {"background": "transparent", "output_format": "jpeg"}))
    assert bench.posts() == (0, 0)


def test_a_cut_out_is_asked_for_on_transparent_ground(bench: Bench) -> None:
    form = sent(bench, "gpt-image-1-5-cutout", params={"output_format": "webp"})
    assert (form.value("background"), form.value("output_format")) == ("transparent", "webp")


def test_the_environment_changes_nothing_of_what_is_sent(bench: Bench, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("OPENAI_ORG_ID", "somebody")
    monkeypatch.setenv("OPENAI_PROJECT_ID", "something")
    monkeypatch.setenv("OPENAI_BASE_URL", "http://127.0.0.1:9")
    monkeypatch.setenv("OPENAI_CUSTOM_HEADERS", "Authorization: Bearer another\nX-Own: 1")
    bench.send(bench.call())
    headers = bench.double.submissions[-1].headers
    assert sorted(headers) == ["accept", "authorization", "content-length", "content-type", "host", "user-agent"]
    assert (headers["authorization"], headers["user-agent"]) == (f"Bearer {bench.double.key}", "darkroom")


def test_more_outputs_than_one_request_makes_are_refused(bench: Bench) -> None:
    with pytest.raises(InvalidInput, match="8 at a time"):
        bench.send(bench.call(count=9))
    assert bench.posts() == (0, 0)


def test_an_answer_with_nothing_usable_delivers_nothing(bench: Bench) -> None:
    for fault in ("empty", "bad_base64", "as_url"):
        bench.double.fail_next(fault)
        with pytest.raises(Exception, match="delivered nothing"):
            bench.send(bench.call(count=2))
    assert bench.double.downloads == 0
