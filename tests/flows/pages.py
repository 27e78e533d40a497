"""What a person does on the pages, and what a page is asked about itself."""

from __future__ import annotations

import re
from typing import Any

from playwright.sync_api import Locator, Page, expect

# Kept in the page's own memory: a reload would forget it, so whatever is found there came without one.
NOTES = """
window.notes = { heard: [], seen: [] };
document.addEventListener("live:job", (event) => notes.heard.push(event.detail.id));
new MutationObserver(() => {
  for (const part of document.querySelectorAll("article.job [data-part='status'], article.job [data-part='percent']")) {
    const text = part.textContent.trim();
    if (text && !notes.seen.includes(text)) notes.seen.push(text);
  }
}).observe(document, { subtree: true, childList: true, characterData: true });
"""


def take_notes(page: Page) -> None:
    """From the next page on: which jobs the event stream spoke of (`heard`), which words a job showed (`seen`)."""
    page.add_init_script(NOTES)


def notes_of(page: Page) -> dict[str, Any]:
    notes: dict[str, Any] = page.evaluate("window.notes")
    return notes


def prompt_box(page: Page) -> Locator:
    return page.get_by_role("textbox", name="What should the picture show?")


def generate_button(page: Page) -> Locator:
    return page.get_by_role("button", name=re.compile("^Generate"))


def card_of(page: Page, prompt: str) -> Locator:
    """The card of a job on Generate or on its own page."""
    return page.get_by_role("article", name=prompt)


def id_of(card: Locator) -> str:
    """The job that a card shows."""
    return card.get_attribute("data-job") or ""


def expect_pictures(card: Locator, count: int) -> None:
    """The card shows finished pictures, and the browser could really draw them."""
    pictures = card.get_by_role("img")
    expect(pictures).to_have_count(count)
    for picture in pictures.all():
        expect(picture).to_have_js_property("complete", True)
        assert picture.evaluate("(image) => image.decode().then(() => image.naturalWidth)") > 0


def expect_credits(page: Page, available: int) -> None:
    """What the pill says, without anything still held."""
    pill = page.locator("#credits-pill")
    expect(pill.locator(".pill-amount")).to_have_text(str(available))
    expect(pill).not_to_contain_text("held")


def tile_of(page: Page, prompt: str) -> Locator:
    """A picture in the gallery or the bin, by its words."""
    return page.get_by_role("list").get_by_role("link", name=prompt)
