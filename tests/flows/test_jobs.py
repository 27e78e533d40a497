"""A job as its person sees it: through reloads, cancelling, a stream that is away and a web server that dies."""

from __future__ import annotations

import re

from playwright.sync_api import Route, expect

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
)
from tests.flows.people import Person, eventually
from tests.stack import Stack

PROMPT = "Snowy pine forest under northern lights"


def test_a_reload_in_the_middle_of_a_job_finds_it_again(stack: Stack, new_page: NewPage, alice: Person) -> None:
    page = new_page()
    alice.enter(page, "/generate")
    prompt_box(page).fill(PROMPT)
    page.get_by_role("radio", name="4", exact=True).check(force=True)
    generate_button(page).click()
    card = card_of(page, PROMPT)
    expect(card.get_by_role("progressbar")).to_have_attribute("value", re.compile("[1-9]"))
    job = id_of(card)

    page.reload()
    assert id_of(card) == job
    # What was sent is no draft any more.
    expect(prompt_box(page)).to_have_value("")
    expect(page.locator("#credits-pill")).to_contain_text("4 held")
    # However long four pictures take on a busy machine.
    alice.finish(job)
    expect_pictures(card, 4)
    expect_credits(page, 96)


def test_cancelling_a_waiting_job_returns_its_credit(new_page: NewPage, alice: Person, paused_studio: Stack) -> None:
    page = new_page()
    alice.enter(page, "/generate")
    prompt_box(page).fill(PROMPT)
    generate_button(page).click()
    card = card_of(page, PROMPT)
    expect(page.locator("#credits-pill")).to_contain_text("1 held")
    card.get_by_role("button", name="Cancel").click()

    expect(card).to_contain_text("Nothing was charged: 1 credit came back.")
    expect_credits(page, 100)
    assert alice.money() == (100, 0)
    assert alice.get("assets")["results"] == []


def test_cancelling_a_running_job_returns_its_credits(new_page: NewPage, alice: Person) -> None:
    page = new_page()
    alice.enter(page, "/generate")
    job = alice.submit(PROMPT, num_images=8, parameters={"detail": "standard"})
    alice.wait_until_running(job)
    page.reload()
    card = card_of(page, PROMPT)
    card.get_by_role("button", name="Cancel").click()

    expect(card).to_contain_text("Nothing was charged: 8 credits came back.")
    expect_credits(page, 100)
    assert alice.money() == (100, 0)
    assert alice.get("assets")["results"] == []


def test_without_the_event_stream_polling_brings_the_picture(new_page: NewPage, alice: Person) -> None:
    page = new_page()
    take_notes(page)
    page.route("**/events/", lambda route: route.abort())
    alice.enter(page, "/generate")
    prompt_box(page).fill(PROMPT)
    generate_button(page).click()

    expect_pictures(card_of(page, PROMPT), 1)
    expect_credits(page, 99)
    assert notes_of(page)["heard"] == []


def test_what_is_told_while_the_card_is_being_fetched_is_not_lost(
    stack: Stack, new_page: NewPage, alice: Person, paused_studio: Stack
) -> None:
    page = new_page()
    take_notes(page)
    alice.enter(page, "/generate")
    prompt_box(page).fill(PROMPT)
    generate_button(page).click()
    card = card_of(page, PROMPT)
    expect(card.get_by_role("progressbar")).to_be_visible()
    # The first look on the way, as the server answers it now: it arrives when everything is over.
    held: list[tuple[Route, str]] = []

    def hold_the_first(route: Route) -> None:
        if held:
            route.fallback()
        else:
            held.append((route, route.fetch().text()))

    page.route(f"**/jobs/{id_of(card)}", hold_the_first)
    eventually(lambda: len(notes_of(page)["heard"]) > 0, "the stream")
    page.evaluate("document.querySelector('article.job').dispatchEvent(new CustomEvent('refresh'))")
    eventually(lambda: page.title() and held, "a look at the card")
    stack.resume_worker()
    alice.finish(id_of(card))
    # Long enough for the stream to tell of the end, and for the page to want another look.
    page.wait_for_timeout(1000)
    route, answer = held[0]
    # One that the page shows by replacing the card.
    route.fulfill(body=answer.replace('data-steady="active"', 'data-steady="storing"'), content_type="text/html")

    # Well before the page would look again by itself.
    expect(card.get_by_role("img")).to_have_count(1, timeout=10_000)


def test_a_page_outlives_the_web_server_that_it_came_from(
    stack: Stack, new_page: NewPage, alice: Person, paused_studio: Stack
) -> None:
    page = new_page()
    take_notes(page)
    alice.enter(page, "/generate")
    prompt_box(page).fill(PROMPT)
    generate_button(page).click()
    card = card_of(page, PROMPT)
    expect(card.get_by_role("progressbar")).to_be_visible()
    page.evaluate("window.notes.isSamePage = true")

    before = stack.pid_of("web")
    stack.kill("web")
    stack.resume_worker()
    eventually(lambda: stack.pid_of("web") != before, "another web server")
    expect_pictures(card, 1)
    expect_credits(page, 99)
    assert notes_of(page)["isSamePage"]
