"""The main job by keyboard alone, with a focus that can be seen at every step."""

from __future__ import annotations

import re

from playwright.sync_api import Locator, Page, expect

from tests.browser import NewPage
from tests.flows.pages import card_of, expect_credits, expect_pictures, prompt_box, tile_of
from tests.flows.people import PASSWORD, Person

PROMPT = "A small town by the sea at sunset"
MOST_STEPS = 80

# A ring round what has the focus or round what it stands in, or a border that is there for the focus alone.
SHOWS_FOCUS = """
() => {
  const held = document.activeElement;
  const around = [];
  for (let node = held; node && around.length < 5; node = node.parentElement) around.push(node);
  const settle = () => document.getAnimations().forEach((animation) => {
    if (animation instanceof CSSTransition) animation.finish();
  });
  const ring = (node) => {
    const style = getComputedStyle(node);
    return style.outlineStyle !== "none" && parseFloat(style.outlineWidth) >= 1 && style.visibility === "visible";
  };
  if (around.some(ring)) return true;
  const borders = () => around.map((node) => getComputedStyle(node).borderColor).join();
  settle();
  const lit = borders();
  held.blur();
  settle();
  const dark = borders();
  held.focus({ preventScroll: true, focusVisible: true });
  return lit !== dark;
}
"""


def test_the_main_job_by_keyboard_alone(new_page: NewPage, alice: Person) -> None:
    page = new_page()
    page.goto("/login?next=/generate")
    _type_into(page, page.get_by_label("E-mail address"), alice.email)
    _type_into(page, page.get_by_label("Password"), PASSWORD)
    page.keyboard.press("Enter")
    expect(page).to_have_url(re.compile("/generate"))

    _type_into(page, prompt_box(page), PROMPT)
    _go_to(page, page.get_by_role("radio", name="1:1"))
    page.keyboard.press("ArrowRight")
    expect(page.get_by_role("radio", name="16:9")).to_be_checked()
    _expect_visible_focus(page)
    page.keyboard.press("Control+Enter")
    card = card_of(page, PROMPT)
    expect_pictures(card, 1)
    expect_credits(page, 99)
    expect(card).to_contain_text("16:9")

    _go_to(page, card.get_by_role("link", name=re.compile("^Picture 1 of 1")))
    page.keyboard.press("Enter")
    expect(page).to_have_url(re.compile("/a/"))
    _go_to(page, page.get_by_role("button", name="Delete"))
    page.keyboard.press("Enter")
    expect(page).to_have_url(re.compile("/gallery$"))
    expect(tile_of(page, PROMPT)).to_have_count(0)
    _go_to(page, page.get_by_role("button", name="Undo"))
    page.keyboard.press("Enter")
    expect(tile_of(page, PROMPT)).to_be_visible()


def test_choosing_deleting_and_undoing_in_the_gallery_by_keyboard_alone(new_page: NewPage, alice: Person) -> None:
    alice.make("Dunes at noon", num_images=2)
    page = new_page()
    alice.enter(page, "/generate")
    page.keyboard.press("g")
    page.keyboard.press("l")
    expect(page).to_have_url(re.compile("/gallery$"))
    tiles = tile_of(page, "Dunes at noon")
    _go_to(page, tiles.first)
    page.keyboard.press("ArrowRight")
    expect(tiles.last).to_be_focused()
    _expect_visible_focus(page)
    page.keyboard.press("x")
    _go_to(page, page.get_by_role("button", name="Move to bin"))
    page.keyboard.press("Enter")
    expect(tiles).to_have_count(1)
    _go_to(page, page.get_by_role("button", name="Undo"))
    page.keyboard.press("Enter")
    expect(tiles).to_have_count(2)


def _go_to(page: Page, target: Locator) -> None:
    """Press Tab until `target` has the focus; each step on the way must be seen."""
    expect(target).to_be_visible()
    handle = target.element_handle()
    for _step in range(MOST_STEPS):
        page.keyboard.press("Tab")
        if page.evaluate("document.activeElement === document.body"):
            continue
        _expect_visible_focus(page)
        if page.evaluate("(wanted) => document.activeElement === wanted", handle):
            return
    raise AssertionError(f"Tab never came to {target}")


def _type_into(page: Page, field: Locator, text: str) -> None:
    if not field.evaluate("(field) => field === document.activeElement"):
        _go_to(page, field)
    page.keyboard.type(text)


def _expect_visible_focus(page: Page) -> None:
    held = page.evaluate("document.activeElement.outerHTML.slice(0, 200)")
    assert page.evaluate(SHOWS_FOCUS), f"nobody sees that this has the focus: {held}"
