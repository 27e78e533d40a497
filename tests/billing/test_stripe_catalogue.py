"""`sync_stripe`: what is sold here is sold there, as often as it is run."""

import hmac
import time
from hashlib import sha256
from io import StringIO
from typing import Any

import pytest
from django.core.management import CommandError, call_command
from django.test import Client
from djstripe.models import WebhookEndpoint

from billing.models import CreditPack, Plan, StripeEvent
from billing.stripe import webhooks
from billing.stripe.catalogue import sync_everything
from billing.stripe.health import stripe_health
from tests.billing.stripe_life import Life


def basic() -> Plan:
    return Plan.objects.get(slug="basic")


def sync() -> str:
    said = StringIO()
    call_command("sync_stripe", stdout=said)
    return said.getvalue()


def counts(life: Life) -> dict[str, int]:
    kinds = ("product", "price", "webhook_endpoint", "billing_portal.configuration")
    return {kind: len(life.double.all_of(kind)) for kind in kinds}


def test_everything_that_has_a_price_is_there_and_a_second_run_changes_nothing(life: Life) -> None:
    before = counts(life)
    said = sync()
    assert counts(life) == before
    assert "made" not in said
    assert stripe_health().unsold == []
    price = life.double.find(basic().stripe_yearly_price_id)
    assert (price["unit_amount"], price["recurring"]["interval"]) == (basic().yearly_price_cents, "year")
    assert (
        "recurring" not in price or life.double.find(CreditPack.objects.all()[0].stripe_price_id)["type"] == "one_time"
    )


def test_an_edited_price_is_a_new_one_and_who_pays_the_old_one_keeps_plan_and_price(life: Life) -> None:
    life.subscribe()
    life.catch_up()
    old = basic().stripe_monthly_price_id
    Plan.objects.filter(slug="basic").update(monthly_price_cents=1299)
    assert "price of 12.99 USD month made" in sync()
    assert life.double.find(old)["active"] is False
    assert life.double.find(basic().stripe_monthly_price_id)["unit_amount"] == 1299
    life.pass_time(days=32)
    life.catch_up()
    assert (life.plan, life.entries()) == ("basic", [("grant", 300), ("grant", 300)])
    assert [row[2] for row in life.payments()] == [999, 999]


def test_a_plan_that_is_not_offered_any_more_is_not_offered_there_and_its_subscribers_stay(life: Life) -> None:
    life.subscribe()
    life.catch_up()
    Plan.objects.filter(slug="basic").update(is_active=False)
    sync()
    assert life.double.find(basic().stripe_product_id)["active"] is False
    life.pass_time(days=32)
    life.catch_up()
    assert life.plan == "basic"


def test_an_installation_that_begins_anew_finds_what_the_one_before_it_made(life: Life) -> None:
    before = counts(life)
    product = basic().stripe_product_id
    Plan.objects.update(stripe_product_id="")
    sync()
    assert basic().stripe_product_id == product
    assert counts(life) == before


def test_the_portal_lets_downgrades_wait_and_sells_what_is_offered(life: Life) -> None:
    features = life.newest("billing_portal.configuration")["features"]
    update = features["subscription_update"]
    waits = {condition["type"] for condition in update["schedule_at_period_end"]["conditions"]}
    assert waits == {"decreasing_item_amount", "shortening_interval"}
    assert update["proration_behavior"] == "always_invoice"
    assert features["subscription_cancel"]["mode"] == "at_period_end"
    assert {row["product"] for row in update["products"]} == set(
        Plan.objects.filter(is_active=True).exclude(stripe_product_id="").values_list("stripe_product_id", flat=True)
    )


def test_without_a_secret_of_its_own_stripe_is_told_where_to_tell_us(life: Life, settings: Any) -> None:
    settings.STRIPE_WEBHOOK_SECRET = ""
    webhooks.seed_endpoint()
    list(sync_everything())
    endpoint = WebhookEndpoint.objects.get()
    at_stripe = life.double.find(endpoint.id)
    assert at_stripe["url"] == endpoint.url == webhooks.webhook_address(endpoint.djstripe_uuid)
    assert set(at_stripe["enabled_events"]) == set(webhooks.EVENTS)
    assert webhooks.secret_of(endpoint).startswith("whsec_")
    assert webhooks.secret_of(endpoint) not in endpoint.secret
    settings.PUBLIC_URL = "https://moved.example"
    assert "as it was" in sync()
    assert life.double.find(endpoint.id)["url"].startswith("https://moved.example/")
    assert WebhookEndpoint.objects.get().secret == endpoint.secret


def test_an_endpoint_that_was_deleted_at_stripe_is_made_again(life: Life, settings: Any) -> None:
    settings.STRIPE_WEBHOOK_SECRET = ""
    webhooks.seed_endpoint()
    list(sync_everything())
    first = WebhookEndpoint.objects.get()
    life.double.store.forget(life.double.store.tables["webhook_endpoint"][first.id])
    assert "Webhook made" in sync()
    assert WebhookEndpoint.objects.get().id != first.id


def test_an_endpoint_whose_secret_nobody_can_read_any_more_is_made_again(life: Life, settings: Any) -> None:
    settings.STRIPE_WEBHOOK_SECRET = ""
    webhooks.seed_endpoint()
    list(sync_everything())
    first = WebhookEndpoint.objects.get()
    settings.ENCRYPTION_KEYS, settings.SECRET_KEY = ["another"], "another-key"
    unread = Client().post(f"/stripe/webhook/{first.djstripe_uuid}", b"{}", content_type="application/json")
    assert unread.status_code == 503
    assert "Webhook made" in sync()
    second = WebhookEndpoint.objects.get()
    assert webhooks.secret_of(second).startswith("whsec_")
    assert [one["id"] for one in life.double.all_of("webhook_endpoint") if one["id"] == first.id] == []


def test_a_configured_endpoint_without_its_secret_takes_nothing(life: Life, settings: Any) -> None:
    webhooks.seed_endpoint()
    settings.STRIPE_WEBHOOK_SECRET = ""
    life.subscribe()
    event = life.told()[0]
    # What is signed with nothing is not signed.
    now, text = int(time.time()), event.body.decode()
    digest = hmac.new(b"", f"{now}.{text}".encode(), sha256).hexdigest()
    signed = {"Stripe-Signature": f"t={now},v1={digest}"}
    assert Client().post("/hooks/stripe", text, content_type="application/json", headers=signed).status_code == 503
    assert not StripeEvent.objects.filter(pk=event.id).exists()


def test_a_secret_that_stripe_gave_is_encrypted_anew(life: Life, settings: Any) -> None:
    settings.STRIPE_WEBHOOK_SECRET, settings.ENCRYPTION_KEYS = "", ["old"]
    webhooks.seed_endpoint()
    list(sync_everything())
    before = webhooks.secret_of(WebhookEndpoint.objects.get())
    settings.ENCRYPTION_KEYS = ["new", "old"]
    assert webhooks.rotate_endpoint_secrets().rotated == 1
    settings.ENCRYPTION_KEYS = ["new"]
    assert webhooks.secret_of(WebhookEndpoint.objects.get()) == before


def test_without_a_key_it_says_so(life: Life, settings: Any) -> None:
    settings.STRIPE_SECRET_KEY = ""
    with pytest.raises(CommandError, match="not set up"):
        sync()
