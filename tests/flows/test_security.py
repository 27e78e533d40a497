"""Protecting an account, as a person does it: an app, recovery codes, a passkey, ending a session somewhere else."""

from __future__ import annotations

import re
import time

from allauth.mfa.totp.internal.auth import format_hotp_value, hotp_value
from playwright.sync_api import Page, expect

from tests.browser import NewPage
from tests.flows.people import PASSWORD, Person
from tests.stack import Stack

# A telephone's own authenticator, whose owner always agrees.
AUTHENTICATOR = {
    "protocol": "ctap2",
    "transport": "internal",
    "hasResidentKey": True,
    "hasUserVerification": True,
    "isUserVerified": True,
    "automaticPresenceSimulation": True,
}


def by_name(stack: Stack) -> str:
    """The product's address under its name: browsers keep no passkeys for a number."""
    return stack.base_url.replace("127.0.0.1", "localhost")


def test_an_app_guards_the_account_and_recovery_codes_open_it_once(
    stack: Stack, new_page: NewPage, alice: Person
) -> None:
    stack.forget_limits()
    page = new_page()
    alice.enter(page, "/profile/security")
    page.get_by_role("link", name="Set up an app").click()
    _prove(page)
    secret = page.locator("#secret").inner_text()
    expect(page.get_by_role("img", name=re.compile("QR code"))).to_be_visible()
    page.get_by_label("Code").fill(_code(secret))
    page.get_by_role("button", name="Turn it on").click()
    expect(page.get_by_role("heading", level=1)).to_have_text("Recovery codes")
    codes = page.locator(".codes li").all_inner_texts()
    with page.expect_download() as download:
        page.get_by_role("link", name="Download").click()
    assert codes[0] in download.value.path().read_text()

    _sign_out(page)
    _type_password(page, alice)
    expect(page.get_by_role("heading", level=1)).to_have_text("One more step")
    page.goto("/generate")
    expect(page).to_have_url(re.compile("/login"))
    page.goto("/login/code")
    page.get_by_label("Code").fill(_code(secret, steps=1))
    page.get_by_role("button", name="Sign in").click()
    expect(page).to_have_url(re.compile("/generate"))

    for expected in ("/generate", "/login/code"):
        _sign_out(page)
        _type_password(page, alice)
        page.get_by_label("Code").fill(codes[0])
        page.get_by_role("button", name="Sign in").click()
        expect(page).to_have_url(re.compile(expected))
    expect(page.get_by_text("not the code of this moment")).to_be_visible()


def test_a_passkey_signs_in_alone(stack: Stack, new_page: NewPage, alice: Person) -> None:
    stack.forget_limits()
    page = new_page(base_url=by_name(stack))
    session = page.context.new_cdp_session(page)
    session.send("WebAuthn.enable")
    session.send("WebAuthn.addVirtualAuthenticator", {"options": AUTHENTICATOR})
    _type_password(page, alice)
    # Signed in before the next page is asked for.
    expect(page).not_to_have_url(re.compile("/login"))
    page.goto("/profile/security")
    page.get_by_role("link", name="Add a passkey").click()
    _prove(page)
    page.get_by_label("Name").fill("My telephone")
    page.get_by_role("button", name="Make the passkey").click()
    expect(page.get_by_role("heading", level=1)).to_have_text("Recovery codes")
    page.goto("/profile/security")
    expect(page.get_by_text("My telephone")).to_be_visible()

    _sign_out(page)
    _type_password(page, alice)
    expect(page.get_by_role("heading", level=1)).to_have_text("One more step")
    page.get_by_role("button", name="Use another account").click()
    expect(page).to_have_url(re.compile("/login$"))

    page.goto("/login?next=/gallery")
    page.get_by_role("button", name="Sign in with a passkey").press("Enter")
    # The page itself, and not the way to it that names it.
    expect(page).to_have_url(re.compile(r":\d+/gallery$"))

    page.goto("/profile/security")
    page.get_by_role("link", name="Remove My telephone").click()
    page.get_by_role("link", name="Use a passkey").click()
    page.get_by_role("button", name="Use a passkey").click()
    page.get_by_role("button", name="Remove it").click()
    expect(page.get_by_text("My telephone")).to_have_count(0)


def test_a_session_that_is_ended_elsewhere_is_out_at_once(stack: Stack, new_page: NewPage, alice: Person) -> None:
    stack.forget_limits()
    here, there = new_page(), new_page()
    for page in (here, there):
        _type_password(page, alice)
        expect(page).to_have_url(re.compile("/generate"))
    # The open page has its stream before the session ends.
    with there.expect_response(re.compile("/events/")):
        there.goto("/gallery")
    here.goto("/profile/sessions")
    expect(here.get_by_text("this one")).to_be_visible()

    # The newest of the others is the other browser; the first is the one that signed up.
    here.get_by_role("button", name=re.compile("^End Chrome")).first.click()

    expect(here.get_by_text("That session has ended.")).to_be_visible()
    expect(there).to_have_url(re.compile("/login"))
    there.goto("/gallery")
    expect(there).to_have_url(re.compile("/login"))
    here.goto("/gallery")
    expect(here.get_by_role("heading", level=1)).to_have_text("Gallery")


def _code(secret: str, *, steps: int = 0) -> str:
    return format_hotp_value(hotp_value(secret, int(time.time()) // 30 + steps))


def _prove(page: Page) -> None:
    expect(page.get_by_role("heading", level=1)).to_have_text("Is it you?")
    page.get_by_label("Password").fill(PASSWORD)
    page.get_by_role("button", name="Go on").click()


def _type_password(page: Page, person: Person) -> None:
    page.goto("/login")
    page.get_by_label("E-mail address").fill(person.email)
    page.get_by_label("Password").fill(PASSWORD)
    page.get_by_role("button", name="Sign in", exact=True).click()
    expect(page).not_to_have_url(re.compile("/login$"))


def _sign_out(page: Page) -> None:
    page.goto("/logout")
    page.get_by_role("main").get_by_role("button", name="Sign out").click()
    expect(page).not_to_have_url(re.compile("/logout"))
