"""Buying, changing and ending at Stripe, without a single message of Stripe's arriving."""

from collections.abc import Callable, Iterator
from urllib.parse import parse_qs, urlsplit

import pytest
from django.test import Client
from pytest_django.fixtures import Settings

from accounts.models import User
from accounts.viewer import Viewer
from billing import buying
from billing.models import CreditPack, Payment, Plan, Subscription
from billing.purchases import PurchaseState, find_purchase
from billing.refusals import AlreadySubscribed, NotForSale
from billing.selectors import credits_of
from billing.standing import standing_of
from billing.stripe.catalogue import sync_catalogue
from billing.stripe.client import PaymentDeclined
from tests.emulators.stripe import StripeDouble
from tests.factories.billing import broken_of

pytestmark = pytest.mark.django_db


@pytest.fixture(scope="module")
def bank() -> Iterator[StripeDouble]:
    with StripeDouble() as double:
        yield double


@pytest.fixture
def stripe(bank: StripeDouble, settings: Settings) -> StripeDouble:
    bank.forget()
    bank.delivery = "manual"
    settings.STRIPE_SECRET_KEY, settings.STRIPE_API_HOST = bank.key, bank.url
    list(sync_catalogue())
    return bank


@pytest.fixture
def buyer(alice: User, viewer: Callable[[User], Viewer]) -> Viewer:
    return viewer(alice)


def plan(slug: str) -> Plan:
    return Plan.objects.get(slug=slug)


def session_at(url: str) -> str:
    """The session of a payment page."""
    return next(part for part in urlsplit(url).path.split("/") if part.startswith("cs_"))


def subscribe(stripe: StripeDouble, buyer: Viewer, slug: str = "basic", interval: str = "month", **how: str) -> str:
    """Go to the payment page, pay, and come back to the page that says thank you."""
    session = session_at(buying.buy_plan(viewer=buyer, plan=plan(slug), interval=interval))
    stripe.pay(session, **how)
    find_purchase(viewer=buyer, session=session)
    return session


def state_of(buyer: Viewer) -> tuple[str, str, int]:
    """Plan in force, the one that waits, credits available."""
    standing = standing_of(buyer.company)
    return (
        standing.plan.slug,
        standing.next_plan.slug if standing.next_plan else "",
        credits_of(buyer.company).available,
    )


@pytest.mark.parametrize("way", ["card", "paypal"])
def test_a_plan_is_there_when_the_buyer_comes_back(stripe: StripeDouble, buyer: Viewer, way: str) -> None:
    session = subscribe(stripe, buyer, way=way)
    purchase = find_purchase(viewer=buyer, session=session)
    assert purchase is not None
    assert (purchase.state, purchase.payment and purchase.payment.amount_cents) == (PurchaseState.DONE, 999)
    assert state_of(buyer) == ("basic", "", 400)
    assert broken_of(buyer.company) == []


def test_a_pack_is_there_when_the_buyer_comes_back(stripe: StripeDouble, buyer: Viewer) -> None:
    session = session_at(buying.buy_pack(viewer=buyer, pack=CreditPack.objects.get(slug="pack-500")))
    before = find_purchase(viewer=buyer, session=session)
    assert before is not None
    assert (before.state, before.payment) == (PurchaseState.OPEN, None)
    stripe.pay(session)
    for _time in range(3):
        purchase = find_purchase(viewer=buyer, session=session)
    assert purchase is not None
    assert purchase.state is PurchaseState.DONE
    assert state_of(buyer) == ("free", "", 600)


@pytest.mark.parametrize(("comes", "after", "left"), [(True, "done", 600), (False, "failed", 100)])
def test_a_bank_that_needs_days_is_waited_for(
    stripe: StripeDouble, buyer: Viewer, comes: bool, after: str, left: int
) -> None:
    session = session_at(buying.buy_pack(viewer=buyer, pack=CreditPack.objects.get(slug="pack-500")))
    stripe.pay(session, way="bank")
    waiting = find_purchase(viewer=buyer, session=session)
    assert waiting is not None
    assert waiting.state is PurchaseState.PENDING
    assert state_of(buyer)[2] == 100
    stripe.settle_later(session, succeeded=comes)
    purchase = find_purchase(viewer=buyer, session=session)
    assert purchase is not None
    assert (purchase.state, state_of(buyer)[2]) == (after, left)


def test_a_page_that_grew_too_old_bought_nothing(stripe: StripeDouble, buyer: Viewer) -> None:
    session = session_at(buying.buy_plan(viewer=buyer, plan=plan("basic"), interval="month"))
    stripe.advance(hours=25)
    purchase = find_purchase(viewer=buyer, session=session)
    assert purchase is not None
    assert purchase.state is PurchaseState.FAILED
    assert state_of(buyer) == ("free", "", 100)


def test_another_companys_purchase_is_none_of_ones_own(
    stripe: StripeDouble, buyer: Viewer, bob: User, viewer: Callable[[User], Viewer], bob_client: Client
) -> None:
    session = subscribe(stripe, buyer)
    assert find_purchase(viewer=viewer(bob), session=session) is None
    assert bob_client.get("/billing/thanks", {"session": session}).status_code == 404
    assert find_purchase(viewer=buyer, session="cs_test_unknown") is None
    assert state_of(viewer(bob)) == ("free", "", 100)


def test_while_stripe_does_not_answer_the_page_goes_on_looking(
    stripe: StripeDouble, buyer: Viewer, alice_client: Client
) -> None:
    session = subscribe(stripe, buyer)
    stripe.rates = {"500": 1}
    stripe.fail_next("500", times=50, on="look")
    answer = alice_client.get("/billing/thanks", {"session": session})
    assert answer.status_code == 200
    assert b"Looking for your payment" in answer.content
    assert alice_client.post("/billing/pack", {"pack": "pack-100"}).status_code == 503


def test_the_page_leads_to_stripe_and_back(stripe: StripeDouble, alice_client: Client) -> None:
    answer = alice_client.post("/billing/plan", {"plan": "pro", "interval": "year"})
    page = answer.content.decode()
    assert (answer.status_code, 'http-equiv="refresh"' in page) == (200, True)
    session = stripe.find(session_at(answer.context["url"]))
    assert parse_qs(urlsplit(session["success_url"]).query) == {"session": ["{CHECKOUT_SESSION_ID}"]}
    assert session["amount_total"] == 29990


def test_a_second_plan_is_not_bought(stripe: StripeDouble, buyer: Viewer) -> None:
    subscribe(stripe, buyer)
    with pytest.raises(AlreadySubscribed):
        buying.buy_plan(viewer=buyer, plan=plan("pro"), interval="month")


def test_a_larger_plan_begins_at_once_and_a_declined_card_changes_nothing(stripe: StripeDouble, buyer: Viewer) -> None:
    subscribe(stripe, buyer)
    customer = Subscription.objects.get(company=buyer.company).customer
    stripe.cards_fail(customer, True)
    with pytest.raises(PaymentDeclined):
        buying.change_plan(viewer=buyer, plan=plan("pro"), interval="month")
    assert state_of(buyer) == ("basic", "", 400)
    stripe.cards_fail(customer, False)
    told = buying.plan_change(viewer=buyer, plan=plan("pro"), interval="month")
    buying.change_plan(viewer=buyer, plan=plan("pro"), interval="month")
    assert state_of(buyer)[:2] == ("pro", "")
    assert state_of(buyer)[2] == pytest.approx(1100, abs=2)
    difference = Payment.objects.filter(company=buyer.company).latest("amount_cents")
    assert difference.amount_cents == pytest.approx(told.cents_now, abs=2)
    assert broken_of(buyer.company) == []


def test_a_declined_card_is_told_on_the_page_with_the_question_still_there(
    stripe: StripeDouble, buyer: Viewer, alice_client: Client
) -> None:
    subscribe(stripe, buyer)
    stripe.cards_fail(Subscription.objects.get(company=buyer.company).customer, True)
    answer = alice_client.post("/billing/change", {"plan": "pro", "interval": "month"})
    assert answer.status_code == 402
    assert b"declined" in answer.content
    assert b"Pay and change to Pro" in answer.content


def test_a_smaller_plan_waits_and_can_be_taken_back(stripe: StripeDouble, buyer: Viewer) -> None:
    subscribe(stripe, buyer, "pro")
    buying.change_plan(viewer=buyer, plan=plan("basic"), interval="month")
    assert state_of(buyer) == ("pro", "basic", 1100)
    buying.resume(viewer=buyer)
    assert state_of(buyer) == ("pro", "", 1100)
    assert Payment.objects.filter(company=buyer.company).count() == 1


def test_what_is_paid_by_the_year_does_not_become_months_before_it_ends(stripe: StripeDouble, buyer: Viewer) -> None:
    subscribe(stripe, buyer, "pro", "year")
    for slug in ("basic", "pro"):
        with pytest.raises(NotForSale):
            buying.change_plan(viewer=buyer, plan=plan(slug), interval="month")
    assert state_of(buyer)[:2] == ("pro", "")


def test_months_become_a_year_at_once_for_what_the_page_said(stripe: StripeDouble, buyer: Viewer) -> None:
    subscribe(stripe, buyer)
    stripe.advance(days=10)
    told = buying.plan_change(viewer=buyer, plan=plan("basic"), interval="year")
    buying.change_plan(viewer=buyer, plan=plan("basic"), interval="year")
    assert standing_of(buyer.company).paid_interval == "year"
    assert told.is_now
    assert broken_of(buyer.company) == []


def test_who_cancels_keeps_the_plan_and_may_go_on(stripe: StripeDouble, buyer: Viewer) -> None:
    subscribe(stripe, buyer)
    assert buying.cancel(viewer=buyer).ends_at == standing_of(buyer.company).subscription.period_end
    assert buying.cancel(viewer=buyer).ends_at is not None
    assert buying.resume(viewer=buyer).ends_at is None
    assert state_of(buyer) == ("basic", "", 400)


def test_the_portal_is_for_whoever_has_paid(stripe: StripeDouble, buyer: Viewer, alice_client: Client) -> None:
    assert alice_client.post("/billing/portal").status_code == 409
    subscribe(stripe, buyer)
    answer = alice_client.post("/billing/portal")
    assert answer.status_code == 200
    assert answer.context["url"].startswith(stripe.url)
    page = alice_client.get("/billing").content.decode()
    assert "Card and address" in page


def test_a_hosted_invoice_and_its_file_are_linked(stripe: StripeDouble, buyer: Viewer, alice_client: Client) -> None:
    subscribe(stripe, buyer)
    payment = Payment.objects.get(company=buyer.company)
    page = alice_client.get("/billing/invoices").content.decode()
    assert payment.pdf_url
    assert payment.pdf_url.replace("&", "&amp;") in page
    assert payment.hosted_url.replace("&", "&amp;") in page
