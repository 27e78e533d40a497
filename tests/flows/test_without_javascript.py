"""The main job as plain forms and links."""

from __future__ import annotations

import re

from playwright.sync_api import expect

from tests.browser import NewPage
from tests.flows.pages import card_of, generate_button, prompt_box, tile_of
from tests.flows.people import PASSWORD, Person

PROMPT = "Mountains at dusk over a still lake"


def test_the_main_job_without_javascript(new_page: NewPage, alice: Person) -> None:
    page = new_page(java_script_enabled=False)
    page.goto("/generate")
    page.get_by_label("E-mail address").fill(alice.email)
    page.get_by_label("Password").fill(PASSWORD)
    page.get_by_role("main").get_by_role("button", name="Sign in").click()

    prompt_box(page).fill(PROMPT)
    generate_button(page).click()
    expect(page).to_have_url(re.compile("/jobs/"))
    # The page asks for itself again until the job is done.
    expect(card_of(page, PROMPT).get_by_role("img")).to_have_count(1)
    assert alice.money() == (99, 0)
    card_of(page, PROMPT).get_by_role("link", name=re.compile("^Picture 1 of 1")).click()

    page.get_by_role("button", name="Delete").click()
    expect(page).to_have_url(re.compile("/gallery$"))
    expect(tile_of(page, PROMPT)).to_have_count(0)
    page.get_by_role("button", name="Undo").click()
    expect(page.get_by_text("1 picture is back in the gallery.")).to_be_visible()
    expect(tile_of(page, PROMPT)).to_be_visible()


def test_deleting_several_and_the_bin_without_javascript(new_page: NewPage, alice: Person) -> None:
    alice.make(PROMPT, num_images=2)
    page = new_page(java_script_enabled=False)
    alice.enter(page, "/gallery")
    for box in page.get_by_role("checkbox").all():
        box.check(force=True)
    page.get_by_role("button", name="Move to bin").click()
    expect(page.get_by_text("2 pictures are in the bin.")).to_be_visible()

    page.get_by_role("link", name="Bin").click()
    expect(tile_of(page, PROMPT)).to_have_count(2)
    page.get_by_role("button", name=re.compile("^Restore: ")).first.click()
    expect(page).to_have_url(re.compile("/gallery$"))
    expect(tile_of(page, PROMPT)).to_have_count(1)
