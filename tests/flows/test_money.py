"""Paying, changing and ending on the running product: at the pages of a double of Stripe, and with test money."""

from __future__ import annotations

import re
from collections.abc import Iterator
from contextlib import closing
from dataclasses import dataclass

import httpx
import pytest
from playwright.sync_api import Page, expect

from config.servers import free_port
from tests.browser import NewPage
from tests.emulators.stripe import StripeDouble
from tests.flows.pages import expect_credits
from tests.flows.people import Person, eventually, sign_up
from tests.stack import Stack, running_product

SECRET = "whsec_" + "s" * 32
CARD, DECLINED = "4242 4242 4242 4242", "4000 0000 0000 0002"


@dataclass
class Shop:
    """A product that is connected to Stripe's double."""

    product: Stack
    stripe: StripeDouble


@pytest.fixture(scope="module")
def shop(stack: Stack, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Shop]:
    port = free_port()
    base_url = f"http://127.0.0.1:{port}"
    with StripeDouble() as stripe:
        ways = {
            "STRIPE_SECRET_KEY": stripe.key,
            "STRIPE_API_HOST": stripe.url,
            "STRIPE_WEBHOOK_SECRET": SECRET,
            "PUBLIC_URL": base_url,
        }
        with running_product(tmp_path_factory.mktemp("shop"), port, **ways) as product:
            synced = product.manage("sync_stripe")
            assert synced.returncode == 0, synced.stdout + synced.stderr
            stripe.endpoint(f"{base_url}/hooks/stripe", secret=SECRET, events=["*"])
            yield Shop(product, stripe)
            audit = product.manage("audit_ledger")
            assert audit.returncode == 0, audit.stdout + audit.stderr


@pytest.fixture
def buyer(shop: Shop) -> Iterator[Person]:
    person = sign_up(shop.product, "buyer")
    with closing(person.client):
        yield person


def open_as(person: Person, new_page: NewPage, path: str, **options: bool) -> Page:
    page = new_page(base_url=person.stack.base_url, **options)
    person.enter(page, path)
    return page


def pay(page: Page, card: str = CARD, way: str = "Card") -> None:
    """On Stripe's page."""
    expect(page.get_by_role("radio", name=way)).to_be_visible()
    page.get_by_label("Email").fill("payer@example.com")
    page.get_by_role("radio", name=way).check()
    if way == "Card":
        page.get_by_label("Card number").fill(card)
    page.get_by_role("button", name=re.compile("^(Pay|Start trial)")).click()


def subscribe(person: Person, shop: Shop, plan: str = "basic") -> None:
    """A person who pays for a plan already, without a browser."""
    answer = person.client.post(
        "/api/v1/subscriptions/checkout",
        json={"plan": plan},
        headers={
            "Idempotency-Key": person.email,
            "X-CSRFToken": person.client.cookies["csrftoken"],
            "Referer": person.stack.base_url,
        },
    )
    assert answer.status_code == 201, answer.text
    session = re.search(r"cs_\w+", answer.json()["url"])
    assert session
    shop.stripe.pay(session[0])
    eventually(lambda: person.get("subscriptions/current")["plan"] == plan, "the subscription")


def test_a_plan_is_paid_at_stripe_and_its_credits_are_there(shop: Shop, buyer: Person, new_page: NewPage) -> None:
    page = open_as(buyer, new_page, "/pricing")
    page.get_by_role("button", name="Choose Basic").click()
    pay(page)
    expect(page.get_by_role("heading", name="Thank you")).to_be_visible()
    expect(page.get_by_text("You are on Basic.")).to_be_visible()
    expect_credits(page, 400)
    page.get_by_role("main").get_by_role("link", name="Billing").last.click()
    expect(page.get_by_text(re.compile(r"Renews on .* for \$9\.99\."))).to_be_visible()
    # What Stripe tells meanwhile grants nothing twice.
    shop.stripe.wait_delivered(timeout=20)
    assert buyer.money() == (400, 0)


def test_a_declined_card_buys_nothing_and_another_one_does(shop: Shop, buyer: Person, new_page: NewPage) -> None:
    page = open_as(buyer, new_page, "/billing")
    page.get_by_role("button", name="Buy 500 credits").click()
    pay(page, DECLINED)
    expect(page.get_by_text(re.compile("declined", re.IGNORECASE))).to_be_visible()
    assert buyer.money() == (100, 0)
    pay(page)
    expect(page.get_by_text("500 credits are yours.")).to_be_visible()
    assert buyer.money() == (600, 0)


def test_paypal_pays_as_a_card_does(shop: Shop, buyer: Person, new_page: NewPage) -> None:
    page = open_as(buyer, new_page, "/billing")
    page.get_by_role("button", name="Buy 100 credits").click()
    pay(page, way="PayPal")
    expect(page.get_by_text("100 credits are yours.")).to_be_visible()
    assert buyer.money() == (200, 0)


def test_a_bank_that_needs_days_is_waited_for(shop: Shop, buyer: Person, new_page: NewPage) -> None:
    page = open_as(buyer, new_page, "/billing")
    page.get_by_role("button", name="Buy 500 credits").click()
    pay(page, way="Bank (pays later)")
    expect(page.get_by_role("heading", name="Your payment is under way")).to_be_visible()
    assert buyer.money() == (100, 0)
    session = re.search(r"cs_\w+", page.url)
    assert session
    shop.stripe.settle_later(session[0], succeeded=True)
    eventually(lambda: buyer.money() == (600, 0), "the credits")
    page.reload()
    expect(page.get_by_role("heading", name="Thank you")).to_be_visible()


def test_up_down_and_back_again(shop: Shop, buyer: Person, new_page: NewPage) -> None:
    subscribe(buyer, shop)
    page = open_as(buyer, new_page, "/pricing")
    page.get_by_role("link", name="Change to Pro").click()
    expect(page.get_by_role("heading", name="From Basic to Pro")).to_be_visible()
    page.get_by_role("button", name="Pay and change to Pro").click()
    expect(page.get_by_text("You are on Pro now.")).to_be_visible()
    expect(page.get_by_text(re.compile(r"Renews on .* for \$29\.99\."))).to_be_visible()

    page.get_by_role("link", name="Change plan").click()
    page.get_by_role("link", name="Change to Basic").click()
    page.get_by_role("button", name="Change to Basic").click()
    expect(page.get_by_text(re.compile("You have Pro until .*, then Basic"))).to_be_visible()
    page.get_by_role("button", name="Stay on Pro").click()
    expect(page.get_by_text("Your Pro plan goes on.")).to_be_visible()

    page.get_by_role("link", name="Cancel plan").click()
    expect(page.get_by_text("Nothing that you made is deleted")).to_be_visible()
    page.get_by_role("button", name="Cancel plan").click()
    expect(page.get_by_text(re.compile("Pro is cancelled and ends on"))).to_be_visible()
    page.get_by_role("button", name="Keep Pro").click()
    expect(page.get_by_text("Your Pro plan goes on.")).to_be_visible()
    assert buyer.get("subscriptions/current")["ends_at"] is None


def test_an_invoice_is_downloaded_and_the_portal_leads_back(shop: Shop, buyer: Person, new_page: NewPage) -> None:
    subscribe(buyer, shop)
    page = open_as(buyer, new_page, "/billing/invoices")
    link = page.get_by_role("link", name=re.compile("^PDF")).get_attribute("href") or ""
    file = httpx.get(link, trust_env=False)
    assert (file.status_code, file.content[:5]) == (200, b"%PDF-")

    page.get_by_role("link", name="Overview").click()
    page.get_by_role("button", name="Card and address").click()
    expect(page.get_by_role("button", name="Cancel plan")).to_be_visible()
    page.get_by_role("button", name="Cancel plan").click()
    expect(page).to_have_url(f"{shop.product.base_url}/billing")
    eventually(lambda: buyer.get("subscriptions/current")["ends_at"], "the end that Stripe tells of")
    page.goto("/billing")
    expect(page.get_by_text(re.compile("Basic is cancelled and ends on"))).to_be_visible()


def test_buying_without_javascript(shop: Shop, buyer: Person, new_page: NewPage) -> None:
    page = open_as(buyer, new_page, "/pricing", java_script_enabled=False)
    page.get_by_role("link", name="By the year").click()
    page.get_by_role("button", name="Choose Pro").click()
    pay(page)
    expect(page.get_by_role("heading", name="Thank you")).to_be_visible()
    current = buyer.get("subscriptions/current")
    assert (current["plan"], current["interval"]) == ("pro", "year")
    page.goto("/billing/ledger")
    page.get_by_label("What").select_option("received")
    page.get_by_role("button", name="Show").click()
    expect(page.get_by_text(re.compile("^→ Pro, "))).to_be_visible()


def test_test_money_where_nothing_is_connected(alice: Person, new_page: NewPage) -> None:
    page = new_page()
    alice.enter(page, "/pricing")
    page.get_by_role("button", name="Choose Pro").click()
    expect(page.get_by_text("No real money")).to_be_visible()
    page.get_by_role("button", name="Decline it").click()
    expect(page.get_by_text(re.compile("was declined, as you asked"))).to_be_visible()
    page.get_by_role("button", name="Pay $29.99 of test money").click()
    expect(page.get_by_role("heading", name="Thank you")).to_be_visible()
    expect_credits(page, 1100)
