"""The tools beside the prompt in a real browser: by keyboard, across swaps, and without scripts."""

from __future__ import annotations

import re

from playwright.sync_api import Locator, Page, expect

from tests.browser import NewPage
from tests.flows.pages import prompt_box
from tests.flows.people import Person

FOX = "a red fox at a mountain pass"
BARN = "a red barn in the snow"


def _options(page: Page) -> Locator:
    return page.get_by_role("listbox", name="Earlier prompts").get_by_role("option")


def _undo(page: Page) -> Locator:
    return page.get_by_role("button", name="Undo")


def _begin(page: Page, person: Person) -> Locator:
    """Generate, after the person used two prompts, the fox last."""
    for prompt in (BARN, FOX):
        person.submit(prompt)
    person.enter(page, "/generate")
    return prompt_box(page)


def test_earlier_prompts_complete_what_is_typed_and_typing_goes_on_undisturbed(page: Page, alice: Person) -> None:
    prompt = _begin(page, alice)
    asked: list[str] = []
    page.on("request", lambda request: asked.append(request.url) if "/complete" in request.url else None)

    prompt.press_sequentially("a red", delay=40)
    expect(_options(page)).to_have_text([FOX, BARN])
    assert len(asked) == 1, "one question for five keys"
    prompt.press("Enter")
    expect(prompt).to_have_value("a red\n")
    expect(_options(page)).to_have_count(0)

    prompt.fill("a red")
    expect(_options(page)).to_have_count(2)
    prompt.press("Escape")
    expect(_options(page)).to_have_count(0)

    prompt.fill("a re")
    expect(_options(page)).to_have_count(2)
    prompt.press("ArrowDown")
    prompt.press("ArrowDown")
    expect(_options(page).nth(1)).to_have_attribute("aria-selected", "true")
    expect(prompt).to_have_attribute("aria-activedescendant", "prompt-option-2")
    prompt.press("Enter")
    expect(prompt).to_have_value(BARN)
    expect(prompt).to_be_focused()

    _undo(page).click()
    expect(prompt).to_have_value("a re")
    expect(_undo(page)).to_have_count(0)


def test_the_keyboard_sends_the_form_while_the_list_is_open(page: Page, alice: Person) -> None:
    prompt = _begin(page, alice)

    prompt.fill("a red")
    expect(_options(page)).to_have_count(2)
    prompt.press("ArrowDown")
    with page.expect_request(lambda request: request.method == "POST" and request.url.endswith("/generate")) as sent:
        prompt.press("Control+Enter")

    assert "a red" in (sent.value.post_data or "")
    expect(_options(page)).to_have_count(0)


def test_an_enhanced_prompt_can_be_undone_after_a_change_of_task(page: Page, alice: Person) -> None:
    alice.enter(page, "/generate")
    # Each task asks for the words with a question of its own.
    prompt = page.locator("#prompt")
    prompt.fill("a fox")
    page.get_by_role("button", name="Enhance").click()
    expect(prompt).to_have_value(re.compile("^a fox, .+, .+"))
    expect(page.get_by_role("status").filter(has_text="Details were added")).to_be_visible()
    enhanced = prompt.input_value()

    page.get_by_role("link", name="Edit", exact=True).first.click()
    page.wait_for_url(re.compile("task="))
    expect(prompt).to_have_value(enhanced)
    _undo(page).click()
    expect(prompt).to_have_value("a fox")

    page.get_by_role("button", name="Surprise me").click()
    expect(prompt).not_to_have_value("a fox")
    prompt.press_sequentially("!")
    expect(_undo(page)).to_have_count(0)


def test_the_history_fills_the_field_and_forgets(page: Page, alice: Person) -> None:
    prompt = _begin(page, alice)
    opener = page.get_by_role("button", name="History")
    history = page.get_by_role("region", name="Your prompts")

    opener.press(" ")
    expect(history.get_by_role("link")).to_have_text([FOX, BARN])
    history.get_by_role("link", name=BARN).click()
    expect(prompt).to_have_value(BARN)
    expect(history).to_have_count(0)

    opener.click()
    history.get_by_role("button", name=f"Forget: {FOX}").click()
    expect(history.get_by_role("link")).to_have_text([BARN])
    expect(history.get_by_role("button", name=f"Forget: {BARN}")).to_be_focused()
    page.keyboard.press("Escape")
    expect(opener).to_be_focused()
    opener.press("Enter")
    history.get_by_role("button", name="Forget all").click()
    history.get_by_role("button", name="Press again to forget all").click()
    expect(history).to_contain_text("only you see them")


def test_history_and_surprise_are_links_without_scripts(new_page: NewPage, alice: Person) -> None:
    page = new_page(java_script_enabled=False)
    prompt = _begin(page, alice)

    page.get_by_role("link", name="History").click()
    page.get_by_role("link", name=BARN).click()
    expect(prompt).to_have_value(BARN)
    page.get_by_role("link", name="Surprise me").click()
    expect(prompt).to_have_value(re.compile(".{30,}"))
    page.get_by_role("link", name="History").click()
    page.get_by_role("button", name="Forget all").click()
    expect(page.get_by_role("main")).to_contain_text("only you see them")
