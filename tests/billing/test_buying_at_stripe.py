"""Buying, changing and ending at Stripe, without a single message of Stripe's arriving."""

from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from urllib.parse import parse_qs, urlsplit

import pytest
from django.test import Client
from pytest_django.fixtures import Settings
from rest_framework.test import APIClient

from accounts.models import User
from accounts.viewer import Viewer
from billing import buying
from billing.changes import change_to
from billing.models import CreditPack, Payment, Plan, Subscription
from billing.purchases import PurchaseState, find_purchase
from billing.refusals import AlreadySubscribed, NotForSale
from billing.selectors import credits_of
from billing.standing import Standing, standing_of
from billing.stripe.catalogue import sync_catalogue
from billing.stripe.client import PaymentDeclined, asking
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
    # Stripe's clock stands still here, so it is the same to the cent.
    assert (difference.amount_cents, told.is_estimate) == (told.cents_now, False)
    assert broken_of(buyer.company) == []


@pytest.mark.parametrize(("slug", "interval"), [("pro", "month"), ("basic", "year"), ("pro", "year")])
def test_what_a_change_costs_is_what_stripe_charges_for_it(
    stripe: StripeDouble, buyer: Viewer, slug: str, interval: str
) -> None:
    stripe.tax_rate = 20
    subscribe(stripe, buyer)
    reference = Subscription.objects.get(company=buyer.company).reference
    with asking() as client:
        client.v1.subscriptions.update(reference, {"automatic_tax": {"enabled": True}})
    stripe.advance(days=10)
    told = buying.plan_change(viewer=buyer, plan=plan(slug), interval=interval)
    done = buying.change_plan(viewer=buyer, plan=plan(slug), interval=interval)
    assert (told, told.is_estimate) == (done, False)
    assert Payment.objects.filter(company=buyer.company).latest("amount_cents").amount_cents == told.cents_now
    assert told.cents_now > told.cents_later * 0.5


def test_a_change_that_waits_or_one_in_a_trial_costs_nothing_now(stripe: StripeDouble, buyer: Viewer) -> None:
    Plan.objects.filter(slug="pro").update(trial_days=7)
    subscribe(stripe, buyer, "pro")
    for slug, interval in (("basic", "month"), ("pro", "year")):
        told = buying.plan_change(viewer=buyer, plan=plan(slug), interval=interval)
        assert (told.cents_now, told.is_estimate) == (0, False)
    done = buying.change_plan(viewer=buyer, plan=plan("pro"), interval="year")
    assert (done.is_now, done.cents_now, done.is_estimate) == (True, 0, False)


@pytest.mark.parametrize("waits", ["smaller plan", "end"])
def test_what_waits_does_not_stand_in_the_way_of_the_price(stripe: StripeDouble, buyer: Viewer, waits: str) -> None:
    subscribe(stripe, buyer, "pro")
    if waits == "end":
        buying.cancel(viewer=buyer)
    else:
        buying.change_plan(viewer=buyer, plan=plan("basic"), interval="month")
    told = buying.plan_change(viewer=buyer, plan=plan("pro"), interval="year")
    assert told == buying.change_plan(viewer=buyer, plan=plan("pro"), interval="year")
    assert told.cents_now == 29990 - 2999


def test_while_stripe_does_not_say_what_a_change_costs_the_page_says_about(
    stripe: StripeDouble, buyer: Viewer, alice_client: Client
) -> None:
    subscribe(stripe, buyer)
    page = alice_client.get("/billing/change", {"plan": "pro", "interval": "month"}).content.decode()
    assert ("$20.00" in page, "about" in page) == (True, False)
    stripe.fail_next("500", times=1, on="look")
    page = alice_client.get("/billing/change", {"plan": "pro", "interval": "month"}).content.decode()
    assert 'about <span class="numbers decision-sum">$' in page
    assert "our own estimate" in page
    assert Payment.objects.filter(company=buyer.company).count() == 1


def test_a_program_is_told_the_same_price_and_nothing_is_done(
    stripe: StripeDouble, buyer: Viewer, alice_api: APIClient
) -> None:
    subscribe(stripe, buyer)
    told = alice_api.get("/api/v1/subscriptions/upgrade", {"plan": "pro", "interval": "month"}).json()
    assert (told["cents_now"], told["is_estimate"], told["is_now"], told["cents_later"]) == (2000, False, True, 2999)
    stripe.fail_next("500", times=1)
    assert alice_api.get("/api/v1/subscriptions/upgrade", {"plan": "pro"}).json()["is_estimate"] is True
    assert state_of(buyer) == ("basic", "", 400)
    done = alice_api.post("/api/v1/subscriptions/upgrade", {"plan": "pro"}, headers={"Idempotency-Key": "one"}).json()
    assert done == told
    refused = alice_api.get("/api/v1/subscriptions/upgrade", {"plan": "pro"})
    assert (refused.status_code, refused.json()["code"]) == (409, "not_for_sale")
    assert alice_api.get("/api/v1/subscriptions/upgrade", {"plan": "no-such"}).status_code == 422


def test_an_estimate_reckons_with_the_days_that_the_period_has(stripe: StripeDouble, buyer: Viewer) -> None:
    subscribe(stripe, buyer)
    subscription = Subscription.objects.select_related("plan").get(company=buyer.company)
    subscription.period_start = datetime(2027, 1, 31, tzinfo=UTC)
    subscription.period_end = datetime(2027, 2, 28, tzinfo=UTC)
    standing = Standing(subscription, datetime(2027, 2, 14, tzinfo=UTC))
    # Half of 28 days, of which 31 are not the half.
    assert change_to(standing, plan("pro"), "month").cents_now == 1000
    assert change_to(standing, plan("basic"), "year").cents_now == round(9990 - 999 / 2)


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
