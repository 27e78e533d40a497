"""What Stripe tells us: only what is signed is taken in, each event is applied once, and what fails is tried again."""

import json
import logging
import time
from datetime import timedelta
from typing import Any
from uuid import uuid4

import dramatiq
import pytest
from django.test import Client
from django.utils import timezone
from djstripe.models import WebhookEndpoint
from dramatiq.brokers.redis import RedisBroker

from billing.models import Payment, Plan, StripeEvent
from billing.stripe import webhooks
from billing.stripe.health import stripe_health
from billing.stripe.reconcile import reconcile
from config.base.crypto import encrypt
from tests.billing.stripe_life import ENDPOINT, SECRET, Life
from tests.emulators.stripe_store import Event
from tests.emulators.stripe_webhooks import sign


def deliver(headers: dict[str, str], body: bytes, address: str = ENDPOINT) -> int:
    return Client().post(address, body, content_type="application/json", headers=headers).status_code


@pytest.fixture
def paid(life: Life) -> Event:
    """That the first invoice of a subscription was paid; nothing was told of it yet."""
    # Other tests leave events that nobody applied.
    StripeEvent.objects.all().delete()
    life.subscribe()
    return next(event for event in life.told() if event.type == "invoice.paid")


def basic() -> Plan:
    return Plan.objects.get(slug="basic")


def stored(event: Event) -> StripeEvent:
    return StripeEvent.objects.get(pk=event.id)


def is_unknown(event: Event) -> bool:
    return not StripeEvent.objects.filter(pk=event.id).exists()


def test_what_is_signed_is_stored_and_a_worker_is_asked_to_apply_it(life: Life, paid: Event) -> None:
    assert deliver(sign(paid.body, SECRET), paid.body) == 200
    assert (stored(paid).type, stored(paid).object_type, stored(paid).applied_at) == ("invoice.paid", "invoice", None)
    assert life.wallet.balance == 0
    queue = dramatiq.get_broker().consume("default", timeout=10)
    message = next(message for message in queue if message is not None)
    assert (message.actor_name, message.args) == (webhooks.APPLY_EVENT, (paid.id,))
    queue.close()


@pytest.mark.parametrize(
    "headers",
    [
        {},
        {"Stripe-Signature": ""},
        {"Stripe-Signature": "t=1,v1=00"},
        {"Stripe-Signature": "v1=00"},
        {"Stripe-Signature": "t=soon,v1=00"},
        {"Stripe-Signature": "ü" * 400},
    ],
    ids=["missing", "empty", "old", "undated", "odd", "long"],
)
def test_what_is_not_signed_is_refused_and_forgotten(life: Life, paid: Event, headers: dict[str, str]) -> None:
    assert deliver(headers, paid.body) == 400
    assert is_unknown(paid)


def test_a_signature_with_another_secret_of_another_body_or_too_old_is_refused(life: Life, paid: Event) -> None:
    other = paid.body.replace(b"999", b"1")
    assert deliver(sign(paid.body, "whsec_of_somebody"), paid.body) == 400
    assert deliver(sign(paid.body, SECRET), other) == 400
    assert deliver(sign(paid.body, SECRET, age=400), paid.body) == 400
    assert is_unknown(paid)


@pytest.mark.parametrize(
    "body",
    [b"", b"{", b"[]", b"null", b"{}", b'{"id": "evt_1"}', b'{"id": "evt_1", "type": "x", "data": 3}', b"\xff\xfe"],
    ids=["empty", "cut", "list", "null", "bare", "short", "odd", "binary"],
)
def test_what_is_signed_but_no_event_is_refused(life: Life, body: bytes) -> None:
    before = StripeEvent.objects.count()
    assert deliver(sign(body, SECRET), body) == 400
    assert StripeEvent.objects.count() == before


def test_more_than_an_event_can_be_is_refused(life: Life) -> None:
    body = b'{"id": "evt_1", "padding": "' + b"x" * 3_000_000 + b'"}'
    before = StripeEvent.objects.count()
    assert deliver(sign(body, SECRET), body) in (400, 413)
    assert StripeEvent.objects.count() == before


def test_only_endpoints_of_ours_take_events_and_only_posts(life: Life, paid: Event) -> None:
    assert deliver(sign(paid.body, SECRET), paid.body, f"/stripe/webhook/{uuid4()}") == 404
    WebhookEndpoint.objects.filter(djstripe_uuid=webhooks.CONFIGURED).update(status="disabled")
    assert deliver(sign(paid.body, SECRET), paid.body) == 404
    assert Client().get(ENDPOINT).status_code == 405
    assert is_unknown(paid)


def test_the_endpoint_that_was_made_at_stripe_has_a_secret_of_its_own(life: Life, paid: Event, settings: Any) -> None:
    settings.STRIPE_WEBHOOK_SECRET = ""
    webhooks.seed_endpoint()
    from_stripe = WebhookEndpoint.objects.create(
        id=f"we_{uuid4().hex}",
        djstripe_uuid=uuid4(),
        secret=encrypt("whsec_its_own"),
        livemode=False,
        status="enabled",
        enabled_events=["*"],
    )
    address = f"/stripe/webhook/{from_stripe.djstripe_uuid}"
    assert deliver(sign(paid.body, SECRET), paid.body, address) == 400
    assert deliver(sign(paid.body, "whsec_its_own"), paid.body, address) == 200
    assert deliver(sign(paid.body, SECRET), paid.body) == 404


def test_an_event_that_comes_again_is_one_row_and_one_grant(life: Life, paid: Event) -> None:
    life.deliver([paid], times=4)
    assert StripeEvent.objects.filter(pk=paid.id).count() == 1
    assert life.entries() == [("grant", 300)]


def test_what_an_event_says_beside_the_object_s_id_is_not_believed(life: Life, paid: Event) -> None:
    lie = json.loads(paid.body)
    lie["data"]["object"] |= {"status": "paid", "amount_paid": 1_000_000, "total": 1_000_000, "customer": "cus_other"}
    lie["data"]["object"]["lines"]["data"][0]["quantity"] = 99
    body = json.dumps(lie).encode()
    assert deliver(sign(body, SECRET), body) == 200
    webhooks.apply_event(paid.id)
    assert life.payments() == [("subscription", "paid", 999, 0, 0, 300, 0)]


def test_an_event_of_a_thing_that_is_not_so_any_more_follows_what_is_so_now(life: Life) -> None:
    life.subscribe()
    begun = life.told()
    life.double.delete_customer(life.subscription.customer)
    life.told()
    life.deliver([event for event in begun if event.type.startswith("customer.subscription")])
    assert life.plan == "free"


def test_what_is_upcoming_has_no_id_and_is_left_alone(life: Life) -> None:
    life.subscribe()
    life.catch_up()
    life.pass_time(days=30)
    upcoming = next(event for event in life.told() if event.type == "invoice.upcoming")
    life.deliver([upcoming])
    assert stored(upcoming).applied_at is not None
    assert life.entries() == [("grant", 300)]


# --- What goes wrong --------------------------------------------------------------------------------------------------


def test_a_fault_is_written_down_and_the_clock_asks_again_ever_more_rarely(
    life: Life, paid: Event, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.CRITICAL)
    assert life.post(paid) == 200
    pauses = []
    life.double.rates = {"503@look": 1.0}
    for _attempt in range(3):
        assert not webhooks.apply_event(paid.id)
        event = stored(paid)
        assert event.next_attempt_at is not None
        pauses.append(event.next_attempt_at - timezone.now())
        assert "PaymentsUnavailable" in event.error
        assert not webhooks.apply_event(paid.id), "Not before its time."
        StripeEvent.objects.filter(pk=paid.id).update(next_attempt_at=timezone.now())
    assert pauses[0] < pauses[1] < pauses[2] < timedelta(minutes=2)
    assert paid.id in stripe_health().failing.values_list("pk", flat=True)
    assert life.entries() == []
    life.double.rates = {}
    assert webhooks.send_due() >= 1
    assert webhooks.apply_event(paid.id)
    assert (stored(paid).error, life.entries()) == ("", [("grant", 300)])


def test_an_event_that_nothing_helps_is_given_up_and_tried_once_more_by_each_reconciliation(
    life: Life, paid: Event, caplog: pytest.LogCaptureFixture
) -> None:
    known = {name: getattr(basic(), name) for name in ("stripe_product_id", "stripe_monthly_price_id")}
    caplog.set_level(logging.CRITICAL)
    assert life.post(paid) == 200
    StripeEvent.objects.filter(pk=paid.id).update(attempts=webhooks.MOST_ATTEMPTS - 1)
    Plan.objects.filter(slug="basic").update(stripe_product_id="", stripe_monthly_price_id="")
    assert not webhooks.apply_event(paid.id)
    assert stored(paid).next_attempt_at is None
    assert paid.id in stripe_health().failing.values_list("pk", flat=True)
    Plan.objects.filter(slug="basic").update(**known)
    reconcile()
    assert webhooks.apply_event(paid.id)
    assert paid.id not in stripe_health().failing.values_list("pk", flat=True)
    assert life.entries() == [("grant", 300)]


def test_a_price_that_nobody_knows_changes_no_plan_and_says_so(
    life: Life, paid: Event, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.CRITICAL)
    Plan.objects.filter(slug="basic").update(stripe_product_id="", stripe_monthly_price_id="")
    life.deliver([paid])
    assert "UnknownPrice" in stored(paid).error
    assert (life.plan, life.entries(), life.payments()) == ("free", [], [])


def test_a_worker_that_dies_after_it_took_an_event_leaves_it_to_the_next(life: Life, paid: Event) -> None:
    assert life.post(paid) == 200
    # As a worker does first; then it is gone.
    StripeEvent.objects.filter(pk=paid.id).update(attempts=1, next_attempt_at=timezone.now() + webhooks.LEASE)
    assert webhooks.send_due() == 0
    assert not webhooks.apply_event(paid.id)
    StripeEvent.objects.filter(pk=paid.id).update(next_attempt_at=timezone.now())
    assert webhooks.send_due() == 1
    assert webhooks.apply_event(paid.id)
    assert life.entries() == [("grant", 300)]


def test_a_worker_that_dies_between_money_and_mark_changes_nothing_twice(life: Life, paid: Event) -> None:
    life.deliver([paid])
    StripeEvent.objects.filter(pk=paid.id).update(applied_at=None, next_attempt_at=timezone.now())
    assert webhooks.apply_event(paid.id)
    assert life.entries() == [("grant", 300)]
    assert Payment.objects.filter(company=life.company).count() == 1


def test_a_queue_that_is_down_loses_nothing(life: Life, paid: Event, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.CRITICAL)
    # Nobody listens there.
    down = RedisBroker(url="redis://127.0.0.1:1/0")
    there = dramatiq.get_broker()
    dramatiq.set_broker(down)
    try:
        assert life.post(paid) == 200
    finally:
        dramatiq.set_broker(there)
    assert stored(paid).applied_at is None
    assert webhooks.send_due() == 1


def test_events_of_long_ago_are_let_go_and_what_was_never_applied_stays(life: Life, paid: Event) -> None:
    life.deliver([paid])
    failing = StripeEvent.objects.create(
        id=f"evt_{uuid4().hex}", type="x", object_type="x", object_id="x", body={}, happened_at=timezone.now()
    )
    long_ago = timezone.now() - timedelta(days=91)
    StripeEvent.objects.filter(pk__in=[paid.id, failing.pk]).update(received_at=long_ago)
    assert webhooks.forget_old_events() == 1
    assert is_unknown(paid)
    assert StripeEvent.objects.filter(pk=failing.pk).exists()


def test_the_answer_does_not_wait_for_stripe(life: Life, paid: Event) -> None:
    life.double.rates = {"hang@look": 1.0}
    begun = time.monotonic()
    assert life.post(paid) == 200
    assert time.monotonic() - begun < 1
