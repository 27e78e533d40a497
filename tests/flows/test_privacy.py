"""A person's own data: a copy of it, the end of the account, and the way back, in a browser."""

from __future__ import annotations

import json
import re
import zipfile
from email import message_from_bytes, policy
from email.message import EmailMessage

from playwright.sync_api import Page, expect

from tests.browser import NewPage
from tests.flows.pages import tile_of
from tests.flows.people import PASSWORD, Person, eventually
from tests.stack import Stack


def _mail_to(stack: Stack, email: str, subject: str) -> str:
    """The plain text of a mail, once it is there."""

    def look() -> str:
        for path in (stack.data / "mail").glob("*.log"):
            mail = message_from_bytes(path.read_bytes(), policy=policy.default)
            assert isinstance(mail, EmailMessage)
            body = mail.get_body(("plain",))
            if body and mail["To"] == email and subject in mail["Subject"]:
                return str(body.get_content())
        return ""

    return eventually(look, f"“{subject}” to {email}")


def _sign_in(page: Page, person: Person) -> None:
    page.goto("/login")
    page.get_by_label("E-mail address").fill(person.email)
    page.get_by_label("Password").fill(PASSWORD)
    page.get_by_role("button", name="Sign in", exact=True).click()


def test_a_person_takes_a_copy_deletes_the_account_and_keeps_it_after_all(
    stack: Stack, new_page: NewPage, alice: Person, bob: Person
) -> None:
    alice.make("a copied fox")
    page, strange = new_page(), new_page()
    alice.enter(page, "/profile")
    page.get_by_role("button", name="Ask for a copy").click()
    expect(page.get_by_text("Being made since").or_(page.get_by_text("can be fetched until"))).to_be_visible()
    link = re.search(r"http\S+/profile/export/\S+", _mail_to(stack, alice.email, "copy of your data is ready"))
    assert link
    page.goto("/profile")
    with page.expect_download() as download:
        page.get_by_role("link", name="Fetch the copy").click()
    with zipfile.ZipFile(download.value.path()) as archive:
        (asset,) = json.loads(archive.read("gallery/assets.json"))
        assert asset["prompt"] == "a copied fox"
        assert archive.read(asset["files"][0]).startswith(b"\x89PNG")
    bob.enter(strange, "/profile")
    assert strange.goto(link[0]).status == 404  # type: ignore[union-attr]

    stack.forget_limits()
    page.get_by_role("link", name=re.compile("Delete account")).click()
    page.get_by_label("Password").fill(PASSWORD)
    page.get_by_role("button", name="Go on").click()
    page.get_by_label("Type your e-mail address").fill(bob.email)
    page.get_by_role("button", name="Delete my account").click()
    expect(page.get_by_text("This is not the address of your account.")).to_be_visible()
    page.get_by_label("Type your e-mail address").fill(alice.email)
    page.get_by_role("button", name="Delete my account").click()
    expect(page.get_by_role("heading", level=1)).to_contain_text("Your account is deleted on")
    expect(page.get_by_role("link", name="Sign in")).to_be_visible()
    assert "Keep my account" in _mail_to(stack, alice.email, "Your Darkroom account is deleted on")

    stack.forget_limits()
    _sign_in(page, alice)
    page.goto("/gallery")
    expect(page.get_by_role("link", name="a copied fox")).to_have_count(0)
    page.get_by_role("button", name="Keep my account").click()
    expect(page).to_have_url(re.compile("/generate"))
    page.goto("/gallery")
    expect(tile_of(page, "a copied fox")).to_be_visible()
