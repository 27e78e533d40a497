"""Whose money it is: the customer's at Stripe, whatever somebody wrote; and still when that customer is gone."""

from uuid import uuid4

import pytest
from django.utils import timezone

from billing.models import CreditPack, LedgerEntry, Payment, Plan, StripeEvent, Subscription
from billing.stripe.applying import apply_object
from billing.stripe.checkout import start_pack_checkout
from billing.stripe.client import asking
from billing.stripe.customers import ensure_customer
from billing.stripe.portal import open_portal
from tests.billing.stripe_life import Life
from tests.emulators.stripe_store import Event
from tests.factories.billing import AccountFactory, broken_of


def of_type(events: list[Event], stem: str) -> list[Event]:
    return [event for event in events if event.type.startswith(stem)]


def charge_of(life: Life) -> str:
    return Payment.objects.get(company=life.company).charge


def test_a_dispute_after_the_customer_was_deleted_takes_credits_back(life: Life) -> None:
    life.buy()
    life.catch_up()
    life.double.delete_customer(life.subscription.customer)
    life.catch_up()
    life.double.dispute(charge_of(life))
    life.catch_up()
    assert (life.wallet.balance, life.payments()[0][4]) == (0, 1999)
    assert broken_of(life.company) == []


def test_a_refund_of_a_subscription_after_the_customer_was_deleted_takes_credits_back(life: Life) -> None:
    life.subscribe()
    life.catch_up()
    life.double.delete_customer(life.subscription.customer)
    life.catch_up()
    life.double.refund(charge_of(life))
    life.catch_up()
    assert life.wallet.balance == 0


@pytest.mark.parametrize("what", ["subscribe", "buy"])
def test_what_was_paid_is_granted_though_the_customer_was_deleted_first(life: Life, what: str) -> None:
    getattr(life, what)()
    customer = life.subscription.customer
    events = life.told()
    life.double.delete_customer(customer)
    life.deliver(of_type(life.told(), "customer.deleted"))
    life.deliver(events)
    assert (life.wallet.balance, life.plan) == ({"subscribe": 300, "buy": 500}[what], "free")


def test_somebody_whose_customer_was_deleted_before_any_subscription_can_buy_again(life: Life) -> None:
    life.buy()
    life.catch_up()
    first = life.subscription.customer
    life.double.delete_customer(first)
    life.catch_up()
    life.buy()
    life.catch_up()
    assert life.wallet.balance == 1000
    assert life.subscription.customer != first


def test_a_customer_whose_deletion_was_never_told_of_is_replaced_when_needed(life: Life) -> None:
    life.buy()
    life.catch_up()
    first = life.subscription.customer
    life.double.delete_customer(first)
    life.told()
    assert open_portal(company=life.company)
    second = life.subscription.customer
    assert second != first
    life.double.delete_customer(second)
    life.told()
    assert start_pack_checkout(company=life.company, pack=CreditPack.objects.get(slug="pack-500"), user=life.user)
    assert life.subscription.customer not in (first, second)


def test_a_customer_is_made_once_and_names_the_company(life: Life) -> None:
    made = {ensure_customer(company=life.company) for _time in range(3)}
    customer = life.double.find(made.pop())
    assert not made
    assert customer["metadata"] == {"company": str(life.company.pk), "djstripe_subscriber": str(life.company.pk)}
    assert len(life.double.all_of("customer")) == 1


def test_metadata_that_name_another_company_give_it_nothing(life: Life) -> None:
    other = AccountFactory(balance=0)
    life.subscribe()
    with asking() as client:
        lie = {"metadata": {"company": str(other.pk), "djstripe_subscriber": str(other.pk), "plan": "studio"}}
        client.v1.customers.update(life.subscription.customer, lie)
        client.v1.subscriptions.update(life.newest("subscription")["id"], lie)
    life.catch_up()
    assert life.plan == "basic"
    assert not LedgerEntry.objects.filter(wallet_id=other.pk).exists()
    assert Subscription.objects.get(company=other).reference == ""


def test_metadata_that_name_a_company_with_a_customer_of_its_own_are_not_believed(life: Life) -> None:
    ensure_customer(company=life.company)
    with asking() as client:
        stranger = client.v1.customers.create({"metadata": {"company": str(life.company.pk)}})
        price = CreditPack.objects.get(slug="pack-500").stripe_price_id
        session = client.v1.checkout.sessions.create(
            {
                "mode": "payment",
                "customer": stranger.id,
                "line_items": [{"price": price, "quantity": 1}],
                "metadata": {"company": str(life.company.pk), "pack": "pack-2000"},
                "success_url": "http://testserver/",
            }
        )
    life.double.pay(session.id)
    life.catch_up()
    assert (life.wallet.balance, life.payments()) == (0, [])


def test_the_price_that_was_paid_decides_and_not_the_pack_in_the_metadata(life: Life) -> None:
    with asking() as client:
        session = client.v1.checkout.sessions.create(
            {
                "mode": "payment",
                "customer": ensure_customer(company=life.company),
                "line_items": [{"price": CreditPack.objects.get(slug="pack-100").stripe_price_id, "quantity": 1}],
                "metadata": {"company": str(life.company.pk), "pack": "pack-2000"},
                "success_url": "http://testserver/",
            }
        )
    life.double.pay(session.id)
    life.catch_up()
    assert life.wallet.balance == 100


@pytest.mark.parametrize(
    "metadata", [{}, {"company": "no uuid"}, {"company": str(uuid4())}], ids=["none", "odd", "gone"]
)
def test_what_strangers_buy_from_the_same_account_is_left_alone(life: Life, metadata: dict[str, str]) -> None:
    with asking() as client:
        stranger = client.v1.customers.create({"metadata": metadata})
        client.v1.subscriptions.create(
            {
                "customer": stranger.id,
                "items": [{"price": Plan.objects.get(slug="pro").stripe_monthly_price_id}],
                "payment_behavior": "default_incomplete",
            }
        )
    payments = Payment.objects.count()
    life.catch_up()
    assert Payment.objects.count() == payments
    assert not StripeEvent.objects.filter(applied_at=None, received_at__gte=timezone.now()).exists()


def test_a_page_that_only_keeps_a_card_is_left_alone(life: Life) -> None:
    customer = ensure_customer(company=life.company)
    # The double has no page for it.
    session = life.double.store.make(
        "checkout.session", mode="setup", customer=customer, status="complete", payment_intent=None, metadata={}
    )
    assert apply_object("checkout.session", session["id"]) == life.company
    assert life.payments() == []
