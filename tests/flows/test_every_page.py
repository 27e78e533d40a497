"""Every page, on a phone, a tablet and a desktop: nothing sticks out, nothing is barred, nothing complains."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import closing
from dataclasses import dataclass

import pytest
from axe_playwright_python.sync_playwright import Axe
from django.test import Client
from django.urls import reverse
from playwright.sync_api import ConsoleMessage, Page, Route

from tests.browser import NewPage
from tests.flows.people import PASSWORD, Person, knock, sign_up
from tests.stack import Stack

WIDTHS = (320, 768, 1440)
READ_ALOUD_AT = (320, 1440)
AXE = {"resultTypes": ["violations"]}
HEIGHT = 900
MISSING = "/no-such-page"


@dataclass
class Home:
    """Somebody who has made and deleted pictures, somebody who has just come, somebody with an unread mail, and
    somebody who acts for a team.
    """

    settled: Person
    newcomer: Person
    unconfirmed: Person
    team: Person
    job: str
    asset: str
    checkout: str
    thanks: str


@pytest.fixture(scope="module")
def home(stack: Stack) -> Iterator[Home]:
    settled, newcomer, unconfirmed = sign_up(stack, "settled"), sign_up(stack, "newcomer"), knock(stack, "unconfirmed")
    team = sign_up(stack, "team")
    with closing(settled.client), closing(newcomer.client), closing(unconfirmed.client), closing(team.client):
        form = {"name": "Fox & Sons", "csrfmiddlewaretoken": team.client.cookies["csrftoken"]}
        team.client.post("/company/new", data=form, headers={"Referer": stack.base_url}).raise_for_status()
        deleted = settled.make("Dunes at noon")
        settled.client.delete(
            f"/api/v1/assets/{deleted['outputs'][0]['id']}",
            headers={"X-CSRFToken": settled.client.cookies["csrftoken"], "Referer": stack.base_url},
        ).raise_for_status()
        job = settled.make("A small town by the sea at sunset", num_images=3, aspect_ratio="3:2")
        asset = job["outputs"][0]["id"]
        bought, checkout = _order(settled, "buy-plan", plan="basic"), _order(settled, "buy-pack", pack="pack-500")
        thanks = _send(settled, bought, answer="pay")
        # Some pages of the account want the password once more, which holds for a while.
        _send(settled, reverse("account_reauthenticate"), password=PASSWORD)
        yield Home(settled, newcomer, unconfirmed, team, job["id"], asset, checkout, thanks)


def _order(person: Person, name: str, **what: str) -> str:
    """The page where something is paid for with test money."""
    return _send(person, reverse(name), **what)


def _send(person: Person, path: str, **values: str) -> str:
    """Send a form; the address that the answer leads to."""
    form = {**values, "csrfmiddlewaretoken": person.client.cookies["csrftoken"]}
    answer = person.client.post(path, data=form, headers={"Referer": person.stack.base_url}, follow_redirects=False)
    assert answer.status_code == 302, answer.text
    return answer.headers["Location"]


def _path(path: str) -> Callable[[Home], str]:
    return lambda home: path


PAGES: dict[str, tuple[str, Callable[[Home], str]]] = {
    "landing": ("", _path("/")),
    "login": ("", _path("/login")),
    "register": ("", _path("/register")),
    "reset-password": ("", _path("/reset-password")),
    "verify-email": ("", _path("/verify-email")),
    "verify-email-sent": ("unconfirmed", _path("/verify-email")),
    "verify-email-unknown": ("", _path("/verify-email/made-up")),
    "reset-password-sent": ("", _path("/reset-password/sent")),
    "account-inactive": ("", _path("/account-inactive")),
    "development-mail": ("", _path("/dev/mail")),
    "missing": ("", _path(MISSING)),
    "generate-empty": ("newcomer", _path("/generate")),
    "gallery-empty": ("newcomer", _path("/gallery")),
    "bin-empty": ("newcomer", _path("/gallery/bin")),
    "landing-signed-in": ("settled", _path("/")),
    "generate": ("settled", _path("/generate")),
    "prompts": ("settled", _path("/generate/prompts/")),
    "restyle": ("settled", lambda home: f"/generate?input={home.asset}"),
    "edit": ("settled", lambda home: f"/generate?task=edit&input={home.asset}"),
    "inpaint": ("settled", lambda home: f"/generate?task=inpaint&input={home.asset}"),
    "extend": ("settled", lambda home: f"/generate?task=outpaint&input={home.asset}"),
    "video": ("settled", _path("/generate?task=text-to-video")),
    "mesh": ("settled", lambda home: f"/generate?task=image-to-3d&input={home.asset}"),
    "pick": ("settled", _path("/generate/pick?task=edit")),
    "asset-tasks": ("settled", lambda home: f"/generate/for/{home.asset}"),
    "job": ("settled", lambda home: f"/jobs/{home.job}"),
    "gallery": ("settled", _path("/gallery")),
    "bin": ("settled", _path("/gallery/bin")),
    "asset": ("settled", lambda home: f"/a/{home.asset}"),
    "pricing": ("", _path("/pricing")),
    "pricing-year": ("settled", _path("/pricing?interval=year")),
    "contact-sales": ("", _path("/contact-sales?plan=enterprise")),
    "billing": ("settled", _path("/billing")),
    "billing-free": ("newcomer", _path("/billing")),
    "billing-team": ("team", _path("/billing")),
    "billing-refused": ("newcomer", _path("/billing/cancel")),
    "ledger": ("settled", _path("/billing/ledger")),
    "ledger-filtered": ("settled", _path("/billing/ledger?sort=bought")),
    "ledger-nothing-like-that": ("newcomer", _path("/billing/ledger?sort=bought")),
    "ledger-wrong": ("settled", _path("/billing/ledger?sort=made-up")),
    "invoices": ("settled", _path("/billing/invoices")),
    "invoices-empty": ("newcomer", _path("/billing/invoices")),
    "change-plan": ("settled", _path("/billing/change?plan=pro&interval=month")),
    "cancel-plan": ("settled", _path("/billing/cancel")),
    "thanks": ("settled", lambda home: home.thanks),
    "test-checkout": ("settled", lambda home: home.checkout),
    "profile": ("settled", _path("/profile")),
    "security": ("settled", _path("/profile/security")),
    "sessions": ("settled", _path("/profile/sessions")),
    "avatar": ("settled", _path("/profile/avatar")),
    "change-email": ("settled", _path("/profile/email")),
    "change-password": ("settled", _path("/profile/password")),
    "delete-account": ("settled", _path("/profile/delete")),
    "security-app": ("settled", _path("/profile/security/app")),
    "passkey": ("settled", _path("/profile/security/passkeys/add")),
    "is-it-you": ("newcomer", _path("/confirm?next=/profile/security/app")),
    "keys-locked": ("newcomer", _path("/api-keys")),
    "company": ("team", _path("/company")),
    "company-personal": ("settled", _path("/company")),
    "company-audit": ("team", _path("/company/audit")),
    "company-new": ("settled", _path("/company/new")),
    "invitation-unknown": ("", _path("/invitations/made-up")),
}


@pytest.mark.parametrize("name", PAGES)
def test_every_page_fits_reads_and_keeps_quiet(name: str, new_page: NewPage, home: Home) -> None:
    who, path_of = PAGES[name]
    page = new_page(viewport={"width": WIDTHS[-1], "height": HEIGHT}, reduced_motion="reduce")
    errors = _errors_of(page)
    page.route(f"**{MISSING}", _missing)
    path = path_of(home)
    if who:
        person: Person = getattr(home, who)
        person.enter(page, path)
    else:
        page.goto(path)
    page.wait_for_load_state("load")

    assert "Darkroom" in page.title()
    assert page.locator("html").get_attribute("lang") == "en"
    assert page.locator("h1").count() == 1
    found = []
    for width in WIDTHS:
        page.set_viewport_size({"width": width, "height": HEIGHT})
        if sticks_out := page.evaluate("document.scrollingElement.scrollWidth - innerWidth"):
            found.append(f"{width} px: {sticks_out} px wider than the window")
        if width in READ_ALOUD_AT:
            found += [f"{width} px: {barrier}" for barrier in _barriers(page)]
    assert found + errors == []


def _missing(route: Route) -> None:
    """In development Django shows a page of its own in place of ours, so ours comes from the tests' process."""
    answer = Client().get(MISSING)
    assert answer.status_code == 404
    route.fulfill(status=404, body=answer.content, headers=dict(answer.headers))


def _errors_of(page: Page) -> list[str]:
    """What the browser's console says; that a page is missing is no error of that page."""
    errors: list[str] = []

    def note(message: ConsoleMessage) -> None:
        if message.type in ("error", "warning") and message.location.get("url") != page.url:
            errors.append(f"console: {message.text} ({message.location.get('url')})")

    page.on("console", note)
    return errors


def _barriers(page: Page) -> list[str]:
    answer = Axe().run(page, options=AXE).response
    return [
        f"{violation['id']}: {violation['help']}: {[node['html'][:160] for node in violation['nodes'][:4]]}"
        for violation in answer["violations"]
    ]
