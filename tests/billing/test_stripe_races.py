"""Many deliveries, workers and buyers at once, with real commits: each thing is granted and made once."""

from collections.abc import Iterator
from typing import Any

import pytest
from django.test import Client
from django.utils import timezone
from djstripe.models import WebhookEndpoint

from billing.models import CreditPack, LedgerEntry, Plan, StripeEvent
from billing.stripe.applying import apply_invoice
from billing.stripe.changing import refund_at_stripe
from billing.stripe.customers import ensure_customer
from billing.stripe.webhooks import apply_event, seed_endpoint
from tests.billing.stripe_life import ENDPOINT, SECRET, Life, lives
from tests.billing.test_races import at_once
from tests.emulators.stripe import StripeDouble
from tests.factories.billing import broken_of

pytestmark = pytest.mark.usefixtures("committed_db")


@pytest.fixture
def life(committed_db: None, stripe_double: StripeDouble, settings: Any) -> Iterator[Life]:
    """As everywhere, but committed; what others would trip over is taken away."""
    settings.STRIPE_WEBHOOK_SECRET = SECRET
    seed_endpoint()
    try:
        with lives(stripe_double, settings) as one:
            yield one
    finally:
        WebhookEndpoint.objects.all().delete()
        nothing = {"stripe_product_id": ""}
        Plan.objects.update(**nothing, stripe_monthly_price_id="", stripe_yearly_price_id="")
        CreditPack.objects.update(**nothing, stripe_price_id="")


def test_ten_deliveries_of_one_invoice_at_once_make_one_grant(life: Life) -> None:
    life.subscribe()
    paid = next(event for event in life.told() if event.type == "invoice.paid")
    headers, body = life.double.signed(paid)

    def deliver(_number: int) -> int:
        status = Client().post(ENDPOINT, body, content_type="application/json", headers=headers).status_code
        apply_event(paid.id)
        return status

    assert at_once(10, deliver) == [200] * 10
    assert life.entries() == [("grant", 300)]
    assert StripeEvent.objects.filter(pk=paid.id).count() == 1
    assert broken_of(life.company) == []


def test_all_events_of_a_purchase_at_once_make_one_grant_of_each(life: Life) -> None:
    life.subscribe()
    life.buy()
    events = life.told()
    for event in events:
        assert life.post(event) == 200
    at_once(min(len(events), 24), lambda number: apply_event(events[number].id))
    for event in events:
        StripeEvent.objects.filter(pk=event.id, applied_at=None).update(next_attempt_at=timezone.now())
        apply_event(event.id)
    assert sorted(life.entries()) == [("grant", 300), ("purchase", 500)]
    assert life.plan == "basic"
    assert broken_of(life.company) == []


def test_of_ten_workers_that_take_one_event_one_applies_it(life: Life) -> None:
    life.buy()
    done = next(event for event in life.told() if event.type == "checkout.session.completed")
    assert life.post(done) == 200
    assert sum(at_once(10, lambda _number: apply_event(done.id))) == 1
    assert StripeEvent.objects.get(pk=done.id).attempts == 1


def test_ten_pages_that_open_at_once_make_one_customer(life: Life) -> None:
    made = set(at_once(10, lambda _number: ensure_customer(company=life.company)))
    assert made == {life.subscription.customer}
    assert len(life.double.all_of("customer")) == 1


def test_two_operators_who_refund_at_once_refund_once(life: Life) -> None:
    life.buy()
    life.catch_up()
    payment = life.company.payments.get()

    def refund(_number: int) -> None:
        refund_at_stripe(payment=payment, amount_cents=1000, reason="", key=f"refund:{payment.pk}:1")

    at_once(4, refund)
    life.catch_up()
    assert [one["amount"] for one in life.double.all_of("refund")] == [1000]
    assert life.wallet.balance == 249


def test_a_refund_that_races_the_grant_it_takes_back_leaves_nothing(life: Life) -> None:
    life.subscribe()
    invoice = life.newest("invoice")["id"]
    life.told()

    def work(number: int) -> None:
        if number == 0:
            life.double.refund(life.newest("charge")["id"])
        apply_invoice(invoice)

    at_once(8, work)
    apply_invoice(invoice)
    assert life.wallet.balance + life.wallet.debt == 0
    assert LedgerEntry.objects.filter(wallet_id=life.company.pk, key__startswith="period:").count() == 1
    assert broken_of(life.company) == []
