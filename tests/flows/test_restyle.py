"""From a picture of one's own to a new one that knows where it came from."""

from __future__ import annotations

from base64 import b64encode
from io import BytesIO

import pytest
from PIL import Image, ImageDraw
from playwright.sync_api import Page, expect

from tests.browser import NewPage
from tests.flows.pages import card_of, expect_credits, expect_pictures, generate_button
from tests.flows.people import Person

DROP = """
([text, name]) => {
  const bytes = Uint8Array.from(atob(text), (letter) => letter.charCodeAt(0));
  const held = new DataTransfer();
  held.items.add(new File([bytes], name, { type: "image/png" }));
  const zone = document.querySelector("[data-dropzone]");
  for (const type of ["dragover", "drop"]) {
    zone.dispatchEvent(new DragEvent(type, { dataTransfer: held, bubbles: true, cancelable: true }));
  }
}
"""
NAME = "harbour.png"


@pytest.mark.parametrize("way", ["chosen", "dropped"])
def test_a_picture_from_this_device_is_restyled_and_remembered(new_page: NewPage, alice: Person, way: str) -> None:
    page = new_page()
    alice.enter(page, "/generate")
    page.get_by_role("link", name="Edit", exact=True).click()
    expect(page.get_by_role("link", name="Restyle")).to_have_attribute("aria-current", "true")
    expect(page.get_by_text("Drop a picture, paste or choose")).to_be_visible()
    _put_in(page, way)
    expect(page.get_by_role("img", name=NAME)).to_be_visible()
    generate_button(page).click()

    card = card_of(page, NAME)
    expect_pictures(card, 1)
    expect_credits(page, 99)
    card.get_by_role("link", name="Picture 1 of 1").click()
    lineage = page.get_by_role("navigation", name="Lineage")
    expect(lineage).to_contain_text("Made from")
    lineage.get_by_role("link", name=NAME).click()
    expect(page.get_by_role("heading", level=1)).to_have_text(NAME)
    expect(page.get_by_role("navigation", name="Lineage")).to_contain_text("Led to")


def _put_in(page: Page, way: str) -> None:
    if way == "chosen":
        page.set_input_files("#source-file", {"name": NAME, "mimeType": "image/png", "buffer": _picture()})
    else:
        page.evaluate(DROP, [b64encode(_picture()).decode(), NAME])


def _picture() -> bytes:
    image = Image.new("RGB", (480, 320), "#7fb0d8")
    draw = ImageDraw.Draw(image)
    draw.rectangle((0, 220, 480, 320), fill="#24506e")
    draw.polygon([(120, 220), (200, 90), (280, 220)], fill="#d8c37f")
    file = BytesIO()
    image.save(file, "PNG")
    return file.getvalue()
