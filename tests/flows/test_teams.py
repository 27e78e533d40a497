"""A company that two people share: joined by an invitation, seen together, and seen no more after removal."""

from __future__ import annotations

import re
from collections.abc import Iterator
from contextlib import closing
from email import message_from_bytes, policy
from email.message import EmailMessage
from urllib.parse import urlsplit
from uuid import uuid4

import httpx
import pytest
from playwright.sync_api import Page, expect

from tests.browser import NewPage
from tests.flows.pages import card_of, expect_pictures, generate_button, prompt_box
from tests.flows.people import PASSWORD, Person, confirmation_link, eventually, new_address
from tests.stack import ADMIN, Stack

PROMPT = "A lighthouse that we share"


@pytest.fixture
def operator(stack: Stack) -> Iterator[httpx.Client]:
    """Whoever runs this installation, signed in."""
    with closing(httpx.Client(base_url=stack.base_url, timeout=60, follow_redirects=True, trust_env=False)) as client:
        _send(client, "/login", {"login": ADMIN[0], "password": ADMIN[1]})
        yield client


def _send(client: httpx.Client, path: str, values: dict[str, str]) -> httpx.Response:
    page = client.get(path)
    hidden = dict(re.findall(r'<input type="hidden" name="(csrfmiddlewaretoken|key)" value="([^"]+)"', page.text))
    answer = client.post(path, data={**hidden, **values})
    assert answer.is_success, answer.text
    return answer


def _supply(operator: httpx.Client, company: str) -> None:
    """A plan with seats and some credits, given by the operator in the admin."""
    shown = operator.get(f"/admin/accounts/company/{company}/change/").text
    subscription = re.search(r"/admin/billing/subscription/[^/]+/change/", shown)
    assert subscription, shown
    plan = re.search(r'<option value="([^"]+)"[^>]*>\s*Pro\s*<', operator.get(subscription[0]).text)
    assert plan
    _send(operator, subscription[0], {"plan": plan[1]})
    _send(operator, f"/admin/billing/wallet/{company}/adjust/", {"amount": "20", "reason": "For the start"})


def _invitation_link(stack: Stack, email: str) -> str:
    def look() -> str:
        for path in (stack.data / "mail").glob("*.log"):
            mail = message_from_bytes(path.read_bytes(), policy=policy.default)
            assert isinstance(mail, EmailMessage)
            body = mail.get_body(("plain",))
            link = re.search(r"http\S+/invitations/\S+", body.get_content()) if body and mail["To"] == email else None
            if link:
                return link[0]
        return ""

    return urlsplit(eventually(look, f"an invitation to {email}")).path


def _act_for(page: Page, company: str) -> None:
    """Choose a company in the account menu."""
    page.get_by_label("Account", exact=True).click()
    page.get_by_role("button", name=re.compile(re.escape(company))).click()
    page.wait_for_url("**/generate")


def test_a_newcomer_joins_by_invitation_sees_the_companys_picture_and_loses_it_when_removed(
    new_page: NewPage, stack: Stack, alice: Person, operator: httpx.Client
) -> None:
    name, guest = f"Fox & Sons {uuid4().hex[:6]}", new_address("guest")
    hers = new_page()
    alice.enter(hers, "/company/new")
    hers.get_by_label("Name").fill(name)
    hers.get_by_label("Name").press("Enter")
    expect(hers.get_by_role("heading", level=1)).to_have_text(name)
    company = next(row["id"] for row in alice.get("companies") if row["name"] == name)
    _supply(operator, company)

    hers.goto("/generate")
    prompt_box(hers).fill(PROMPT)
    generate_button(hers).click()
    expect_pictures(card_of(hers, PROMPT), 1)

    hers.goto("/company")
    hers.get_by_label("E-mail address").fill(guest)
    hers.get_by_role("button", name="Send invitation").click()
    expect(hers.get_by_role("list", name="Open invitations")).to_contain_text(guest)

    his = new_page()
    his.goto(_invitation_link(stack, guest))
    expect(his.get_by_role("heading", level=1)).to_have_text(f"Join {name}")
    stack.forget_limits()
    his.get_by_role("link", name="Sign up and join").click()
    expect(his.get_by_label("E-mail address")).to_have_value(guest)
    his.get_by_label("Password").fill(PASSWORD)
    his.get_by_role("button", name="Sign up").click()
    link = urlsplit(confirmation_link(stack, guest))
    his.goto(f"{link.path}?{link.query}")
    his.get_by_role("button", name="Yes, confirm").click()
    expect(his.get_by_role("heading", level=1)).to_have_text(f"You belong to {name}")

    his.goto("/gallery")
    expect(his.get_by_role("link", name=PROMPT)).to_be_visible()
    _act_for(his, "guest")
    his.goto("/gallery")
    expect(his.get_by_role("link", name=PROMPT)).to_have_count(0)
    _act_for(his, name)
    his.goto("/gallery")
    his.get_by_role("link", name=PROMPT).click()
    picture = his.url
    his.goto("/gallery")

    hers.goto("/company")
    hers.get_by_label("Change guest").click()
    hers.get_by_role("button", name="Remove from company").click()
    hers.get_by_role("button", name="Go ahead").click()
    expect(hers.get_by_text("was removed")).to_be_visible()
    # The stream tells the open page, which leads on to what is still theirs.
    his.wait_for_url("**/generate")
    assert his.goto(picture).status == 404  # type: ignore[union-attr]
    his.goto("/gallery")
    expect(his.get_by_role("link", name=PROMPT)).to_have_count(0)
    his.get_by_label("Account", exact=True).click()
    expect(his.get_by_role("button", name=name)).to_have_count(0)
    expect(his.get_by_role("link", name="New company")).to_be_visible()
