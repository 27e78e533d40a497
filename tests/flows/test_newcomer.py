"""The main job end to end in a browser: from the front door to a picture that was deleted and came back."""

from __future__ import annotations

import re

from playwright.sync_api import Page, expect

from tests.browser import NewPage
from tests.flows.pages import (
    card_of,
    expect_credits,
    expect_pictures,
    generate_button,
    id_of,
    notes_of,
    prompt_box,
    take_notes,
    tile_of,
)
from tests.flows.people import PASSWORD, new_address
from tests.stack import Stack

PROMPT = "A lighthouse in a storm, waves and gulls"


def test_a_newcomer_makes_the_first_picture_and_gets_it_back_from_the_bin(stack: Stack, new_page: NewPage) -> None:
    stack.forget_limits()
    page = new_page()
    take_notes(page)
    _type_at_the_front_door(page)
    _sign_up(page, new_address("newcomer"))

    expect(prompt_box(page)).to_have_value(PROMPT)
    expect_credits(page, 100)
    generate_button(page).click()
    card = card_of(page, PROMPT)
    expect_pictures(card, 1)
    notes = notes_of(page)
    assert id_of(card) in notes["heard"], "the event stream said nothing of the job"
    assert notes["seen"], "the job showed no state before it was done"
    expect_credits(page, 99)

    page.get_by_role("link", name="Gallery", exact=True).first.click()
    tile_of(page, PROMPT).click()
    expect(page.get_by_role("heading", level=1)).to_have_text(PROMPT)
    page.get_by_role("button", name="Delete").click()
    expect(page).to_have_url(re.compile("/gallery$"))
    expect(tile_of(page, PROMPT)).to_have_count(0)
    page.get_by_role("button", name="Undo").click()
    expect(tile_of(page, PROMPT)).to_be_visible()


def _type_at_the_front_door(page: Page) -> None:
    page.goto("/")
    prompt_box(page).fill(PROMPT)
    page.get_by_role("button", name="Make it").click()


def _sign_up(page: Page, email: str) -> None:
    page.get_by_role("main").get_by_role("link", name="Sign up").click()
    page.get_by_label("E-mail address").fill(email)
    page.get_by_label("Password").fill(PASSWORD)
    page.get_by_role("button", name="Sign up").click()
    expect(page.get_by_role("heading", level=1)).to_have_text("Look into your mail")
    page.goto("/dev/mail")
    page.get_by_role("link", name=email).click()
    page.get_by_role("link", name=re.compile("verify-email")).click()
    page.get_by_role("button", name="Yes, confirm").click()
    expect(page).to_have_url(re.compile("/generate"))
