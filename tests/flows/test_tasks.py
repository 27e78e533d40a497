"""One flow for each task, from a picture or from words to the finished output, on the local studio."""

from __future__ import annotations

import re
from collections.abc import Iterator
from contextlib import closing
from dataclasses import dataclass
from io import BytesIO
from typing import Any

import pytest
from PIL import Image, ImageDraw
from playwright.sync_api import Locator, Page, expect

from tests.browser import NewPage
from tests.flows.pages import expect_pictures, generate_button
from tests.flows.people import Person, eventually, sign_up
from tests.stack import Stack

NAME = "harbour.png"


@dataclass
class Maker:
    """Somebody with a picture that was sent, not made: a free plan makes ten a day, and these flows need all ten."""

    person: Person
    picture: str


@pytest.fixture(scope="module")
def maker(stack: Stack) -> Iterator[Maker]:
    person = sign_up(stack, "maker")
    with closing(person.client):
        answer = person.client.post(
            "/api/v1/uploads",
            files={"file": (NAME, _png("RGB", (480, 360)), "image/png")},
            headers={"X-CSRFToken": person.client.cookies["csrftoken"], "Referer": stack.base_url},
        )
        assert answer.is_success, answer.text
        yield Maker(person, answer.json()["id"])


@pytest.fixture
def credits_before(maker: Maker) -> int:
    balance, held = maker.person.money()
    assert held == 0
    return balance


def _made(card: Locator, maker: Maker) -> dict[str, Any]:
    """The one output of a card, once it is there, as the API tells of it."""
    expect(card.locator(".shot-link")).to_have_count(1, timeout=60_000)
    address = card.locator(".shot-link").get_attribute("href") or ""
    found: dict[str, Any] = maker.person.get(f"assets/{address.rpartition('/')[2]}")
    return found


def _expect_charged(maker: Maker, before: int, price: int) -> None:
    eventually(lambda: maker.person.money() == (before - price, 0), f"a charge of {price}")


def _price_on(control: Locator) -> int:
    found = re.search(r"(\d+) credit", control.inner_text())
    assert found, control.inner_text()
    return int(found[1])


def _send(page: Page) -> tuple[Locator, int]:
    """Press Generate; returns the new job's card and the price on the button."""
    expect(generate_button(page)).to_be_enabled()
    price = _price_on(generate_button(page))
    known = page.locator("#results .job").count()
    generate_button(page).click()
    expect(page.locator("#results .job")).to_have_count(known + 1)
    return page.locator("#results .job").first, price


def _open_task(page: Page, maker: Maker, task: str) -> None:
    """From the picture's own page to Generate with the picture chosen."""
    maker.person.enter(page, f"/a/{maker.picture}")
    page.get_by_role("link", name=task, exact=True).click()
    expect(page.locator("#refs").get_by_role("img", name=NAME)).to_be_visible()


@pytest.mark.parametrize(
    ("task", "kind", "size"),
    [
        ("Upscale", "image", (2, 2)),
        ("Cut out", "image", (1, 1)),
        ("Vary", "image", None),
        ("To 3D", "mesh", None),
    ],
)
def test_a_picture_becomes_something_else_in_one_click(
    new_page: NewPage, maker: Maker, credits_before: int, task: str, kind: str, size: tuple[int, int] | None
) -> None:
    page = new_page()
    maker.person.enter(page, f"/a/{maker.picture}")
    button = page.get_by_role("button", name=re.compile(f"^{task}"))
    price = _price_on(button)
    button.click()

    made = _made(page.locator("#asset-tasks .job"), maker)
    assert made["kind"] == kind
    if size:
        source = maker.person.get(f"assets/{maker.picture}")
        assert (made["width"], made["height"]) == (source["width"] * size[0], source["height"] * size[1])
    assert page.url.endswith(maker.picture), "the picture's page stays"
    _expect_charged(maker, credits_before, price)


def test_a_picture_is_edited_by_words(new_page: NewPage, maker: Maker, credits_before: int) -> None:
    page = new_page()
    _open_task(page, maker, "Edit")
    page.get_by_role("textbox", name="What should change?").fill("black and white")
    card, price = _send(page)

    expect_pictures(card.locator(".shots"), 1)
    assert _made(card, maker)["task"] == "edit"
    _expect_charged(maker, credits_before, price)


def test_what_is_painted_over_changes(new_page: NewPage, maker: Maker, credits_before: int) -> None:
    page = new_page()
    _open_task(page, maker, "Inpaint")
    page.get_by_role("textbox", name="What should be there instead?").fill("grass")
    expect(page.get_by_text("Paint what should change.", exact=True)).to_be_visible()
    # There is nothing to be led to before the picture has come.
    expect(page.locator("#mask-canvas")).to_be_visible()
    # It cannot be pressed yet; who tries is led to what is missing.
    page.keyboard.press("Control+Enter")
    expect(page.locator("#mask-canvas")).to_be_focused()
    box = page.locator("#mask-canvas").bounding_box()
    assert box
    page.mouse.move(box["x"] + box["width"] * 0.4, box["y"] + box["height"] * 0.4)
    page.mouse.down()
    page.mouse.move(box["x"] + box["width"] * 0.5, box["y"] + box["height"] * 0.45, steps=5)
    page.mouse.up()
    card, price = _send(page)

    expect_pictures(card.locator(".shots"), 1)
    assert _made(card, maker)["task"] == "inpaint"
    _expect_charged(maker, credits_before, price)


def test_a_mask_is_painted_by_keyboard_alone(new_page: NewPage, maker: Maker) -> None:
    page = new_page()
    maker.person.enter(page, f"/generate?task=inpaint&input={maker.picture}")
    editor, said = page.locator("#mask-editor"), page.locator("[data-mask-status]")
    page.locator("#mask-canvas").focus()
    page.keyboard.press("]")
    page.keyboard.press("ArrowRight")
    expect(said).to_contain_text("% across")
    page.keyboard.press("Space")
    expect(said).to_have_text("Painting")
    for _step in range(5):
        page.keyboard.press("ArrowDown")
    page.keyboard.press("Space")
    expect(said).to_have_text("Brush lifted")
    expect(editor).not_to_have_attribute("data-empty", "")

    page.keyboard.press("Control+z")
    expect(editor).to_have_attribute("data-empty", "")
    page.keyboard.press("Control+Shift+Z")
    expect(editor).not_to_have_attribute("data-empty", "")
    page.get_by_role("button", name="Invert").press("Enter")
    expect(said).to_contain_text("of the picture may change")
    page.get_by_role("button", name="Clear").press("Enter")
    expect(said).to_have_text("Nothing is painted yet")
    # What was painted stays with its picture while one looks elsewhere.
    page.get_by_role("button", name="Undo", exact=True).press("Enter")
    page.get_by_role("link", name="Extend").click()
    page.get_by_role("link", name="Inpaint").click()
    expect(page.locator("#mask-editor")).not_to_have_attribute("data-empty", "")


def test_a_mask_is_sent_as_a_file_without_javascript(new_page: NewPage, maker: Maker, credits_before: int) -> None:
    page = new_page(java_script_enabled=False)
    maker.person.enter(page, "/generate?task=inpaint")
    page.locator("#source-file").set_input_files({"name": "a.png", "mimeType": "image/png", "buffer": _png("RGB")})
    page.get_by_label("Mask", exact=True).set_input_files(
        {"name": "m.png", "mimeType": "image/png", "buffer": _png("L")}
    )
    page.get_by_role("textbox", name="What should be there instead?").fill("grass")
    generate_button(page).click()

    expect(page).to_have_url(re.compile("/jobs/"))
    card = page.get_by_role("article")
    expect(card.get_by_role("link", name=re.compile("^Picture 1 of 1"))).to_be_visible(timeout=60_000)
    _expect_charged(maker, credits_before, 1)


def test_a_picture_grows_beyond_its_edges(new_page: NewPage, maker: Maker, credits_before: int) -> None:
    page = new_page()
    _open_task(page, maker, "Extend")
    page.get_by_role("slider", name="Top").press("ArrowUp")
    expect(page.get_by_role("spinbutton", name="Top")).to_have_value("16")
    page.get_by_role("button", name="Reset").click()
    page.get_by_role("button", name="Square").click()
    expect(page.locator("#expand-size")).to_contain_text("1:1")
    card, price = _send(page)

    made = _made(card, maker)
    assert made["width"] == made["height"]
    _expect_charged(maker, credits_before, price)


def test_words_become_a_video(new_page: NewPage, maker: Maker, credits_before: int) -> None:
    page = new_page()
    maker.person.enter(page, "/generate")
    page.get_by_role("link", name="Video", exact=True).click()
    page.get_by_role("textbox", name="What should happen?").fill("Waves below a lighthouse")
    _choose_the_shortest(page)
    card, price = _send(page)

    made = _made(card, maker)
    assert (made["kind"], round(made["seconds"])) == ("video", 2)
    expect(card.locator(".shot-badge")).to_contain_text("2 s")
    _expect_charged(maker, credits_before, price)


def test_a_picture_becomes_a_video(new_page: NewPage, maker: Maker, credits_before: int) -> None:
    page = new_page()
    maker.person.enter(page, f"/generate?task=image-to-video&input={maker.picture}")
    _choose_the_shortest(page)
    card, price = _send(page)

    assert _made(card, maker)["kind"] == "video"
    _expect_charged(maker, credits_before, price)


def test_pictures_travel_from_task_to_task_and_a_file_takes_the_place_of_one(new_page: NewPage, maker: Maker) -> None:
    page = new_page()
    maker.person.enter(page, f"/generate?task=edit&input={maker.picture}")
    refs = page.locator("#refs").get_by_role("img")
    file = {"name": "barn.png", "mimeType": "image/png", "buffer": _png("RGB")}
    page.locator("#source-file").set_input_files(file)  # type: ignore[arg-type]
    expect(refs).to_have_count(2)
    page.get_by_role("link", name="Vary").click()
    expect(refs).to_have_count(1)
    expect(page.locator("#refs").get_by_role("img", name=NAME)).to_be_visible()

    page.locator("#source-file").set_input_files(file)  # type: ignore[arg-type]
    expect(page.locator("#refs").get_by_role("img", name="barn.png")).to_be_visible()
    page.get_by_role("link", name="Create").click()
    expect(page.locator("#refs")).to_have_count(0)
    page.get_by_role("link", name="Upscale").click()
    expect(page.locator("#refs").get_by_role("img", name="barn.png")).to_be_visible()
    expect(refs).to_have_count(1)
    page.get_by_role("button", name="Remove picture 1: barn.png").click()
    expect(page.get_by_text("Choose a picture to work from.")).to_be_visible()


def _choose_the_shortest(page: Page) -> None:
    page.get_by_role("radio", name="480p").check(force=True)
    page.get_by_role("radio", name=re.compile("^2 s")).check(force=True)


def _png(mode: str, size: tuple[int, int] = (240, 160)) -> bytes:
    image = Image.new(mode, size, 0 if mode == "L" else "#7fb0d8")
    draw = ImageDraw.Draw(image)
    draw.rectangle((90, 60, 130, 100), fill=255 if mode == "L" else "#d8c37f")
    file = BytesIO()
    image.save(file, "PNG")
    return file.getvalue()
