"""Stripe for operators: money goes back there, once, and the page says how the way to it is doing."""

from collections.abc import Iterator
from datetime import timedelta
from typing import Any

import pytest
from django.test import Client
from django.utils import timezone
from pytest_django.fixtures import Settings

from accounts.models import AuditEntry, Company, User
from billing.models import BillingPeriod, CreditPack, Payment, Plan, StripeEvent
from billing.selectors import credits_of
from billing.stripe.applying import apply_session
from billing.stripe.catalogue import sync_catalogue
from billing.stripe.client import asking
from billing.stripe.customers import ensure_customer
from tests.emulators.stripe import StripeDouble
from tests.factories.accounts import PersonFactory
from tests.factories.billing import AccountFactory, broken_of
from tests.personas import browser_of

pytestmark = pytest.mark.django_db


@pytest.fixture
def double(settings: Settings) -> Iterator[StripeDouble]:
    with StripeDouble() as double:
        settings.STRIPE_SECRET_KEY = settings.STRIPE_TEST_SECRET_KEY = double.key
        settings.STRIPE_API_HOST = double.url
        double.delivery = "manual"
        list(sync_catalogue())
        yield double


@pytest.fixture
def company() -> Company:
    return AccountFactory(balance=0)


@pytest.fixture
def operator_client() -> Client:
    return browser_of(PersonFactory(is_operator=True))


@pytest.fixture
def payment(double: StripeDouble, company: Company) -> Payment:
    """A pack of 500 credits, paid at Stripe."""
    pack = CreditPack.objects.get(slug="pack-500")
    about = {"company": str(company.pk), "pack": pack.slug}
    with asking() as client:
        session = client.v1.checkout.sessions.create(
            {
                "mode": "payment",
                "customer": ensure_customer(company=company),
                "line_items": [{"price": pack.stripe_price_id, "quantity": 1}],
                "payment_intent_data": {"metadata": about},
                "metadata": about,
                "success_url": "https://example.com/thanks",
            }
        )
    double.pay(session.id)
    apply_session(session.id)
    return Payment.objects.get(company=company)


def refund(client: Client, payment: Payment, amount: int, seen: int = 0) -> Any:
    form = {"amount": amount, "reason": "A mistake.", "seen": seen}
    return client.post(f"/admin/billing/payment/{payment.pk}/refund/", form)


def test_money_goes_back_at_stripe_and_the_credits_follow(
    double: StripeDouble, operator_client: Client, company: Company, payment: Payment
) -> None:
    assert credits_of(company).balance == 500
    assert refund(operator_client, payment, 1000).status_code == 302
    payment.refresh_from_db()
    assert (payment.refunded_cents, credits_of(company).balance) == (1000, 249)
    assert [row["amount"] for row in double.all_of("refund")] == [1000]
    assert AuditEntry.objects.get(company=company, action="payment.refunded").detail["cents"] == 1000
    # The same form once more.
    assert "Meanwhile something was refunded" in refund(operator_client, payment, 1000).content.decode()
    assert len(double.all_of("refund")) == 1
    assert broken_of(company) == []


def test_a_refund_whose_answer_was_lost_is_made_once_when_it_is_sent_again(
    double: StripeDouble, operator_client: Client, company: Company, payment: Payment
) -> None:
    double.fail_next("accept_then_drop", times=1)
    refund(operator_client, payment, 500)
    refund(operator_client, payment, 500)
    payment.refresh_from_db()
    assert (payment.refunded_cents, len(double.all_of("refund"))) == (500, 1)
    assert credits_of(company).balance == 374


def test_while_stripe_is_down_nothing_is_given_back_and_the_page_says_so(
    double: StripeDouble, operator_client: Client, company: Company, payment: Payment
) -> None:
    double.fail_next("503", times=5)
    answer = refund(operator_client, payment, 500)
    assert "cannot be reached" in answer.content.decode()
    payment.refresh_from_db()
    assert (payment.refunded_cents, credits_of(company).balance, double.all_of("refund")) == (0, 500, [])
    assert not AuditEntry.objects.filter(company=company, action="payment.refunded").exists()


def test_a_payment_that_stripe_does_not_know_is_not_refunded(
    double: StripeDouble, operator_client: Client, company: Company, payment: Payment
) -> None:
    double.forget()
    answer = refund(operator_client, payment, 500)
    assert "does not know this payment" in answer.content.decode()
    assert credits_of(company).balance == 500


def test_the_page_says_how_stripe_is_doing(operator_client: Client) -> None:
    event = StripeEvent.objects.create(
        id="evt_lost",
        type="invoice.paid",
        object_type="invoice",
        object_id="in_lost",
        body={},
        happened_at=timezone.now(),
        attempts=3,
        error="No plan has this price.",
    )
    page = operator_client.get("/admin/stripe/").content.decode()
    assert "nobody can pay with real money" in page
    assert "No plan has this price." in page
    assert f"/admin/billing/stripeevent/{event.pk}/change/" in page


def test_the_page_with_a_key_names_mode_and_addresses(double: StripeDouble, operator_client: Client) -> None:
    page = operator_client.get("/admin/stripe/").content.decode()
    assert "Stripe's test cards" in page
    assert "without a price at Stripe" not in page


def test_who_pays_twice_is_told_with_both_subscriptions(operator_client: Client, company: Company) -> None:
    now = timezone.now()
    for number in (1, 2):
        BillingPeriod.objects.create(
            company=company,
            plan=Plan.objects.get(slug="basic"),
            interval="month",
            monthly_credits=300,
            anchor=now,
            start=now,
            end=now + timedelta(days=30),
            key=f"invoice:{company.slug}:{number}",
            reference=f"sub_{company.pk.hex}_{number}",
        )
    page = operator_client.get("/admin/stripe/").content.decode()
    assert page.count(f"sub_{company.pk.hex}_") == 2
    assert f"/admin/billing/payment/?q={company.slug}" in page
    BillingPeriod.objects.filter(company=company, reference__endswith="_2").update(stopped_at=now)
    assert f"sub_{company.pk.hex}" not in operator_client.get("/admin/stripe/").content.decode()


def test_only_operators_see_it() -> None:
    staff = PersonFactory()
    User.objects.filter(pk=staff.pk).update(is_staff=True)
    for address in ("/admin/stripe/", "/admin/margins/"):
        assert browser_of(staff).get(address).status_code == 403
        assert browser_of(PersonFactory()).get(address).status_code == 302
        assert Client().get(address).status_code == 302
