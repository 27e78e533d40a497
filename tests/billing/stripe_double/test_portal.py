"""The double of Stripe's pages beside Checkout, what dj-stripe reads from it, and how it is steered from outside."""

import io
import re
import subprocess
import sys
from typing import Any

import httpx
import pytest
import stripe
from django.apps import apps
from django.core.management import call_command
from djstripe import models as djstripe

from tests.billing.stripe_double.shop import new_price, new_session, subscribed
from tests.emulators.stripe import StripeDouble

BACK = "http://shop.example/billing"


def test_the_portal_cancels_resumes_switches_and_takes_a_new_card(
    double: StripeDouble, api: Any, month: Any, customer: Any
) -> None:
    subscription = subscribed(double, api, month, customer)
    big = new_price(api, 6_000, interval="month")
    session = api.billing_portal.sessions.create({"customer": customer.id, "return_url": BACK})
    page = httpx.get(session.url).text
    assert "At 6000: 60.00 EUR every 1 month" in page
    assert f'<a href="{BACK}">Back</a>' in page

    def press(what: str, **more: str) -> httpx.Response:
        return httpx.post(session.url, data={"do": what, "subscription": subscription.id} | more)

    assert press("cancel").headers["location"] == BACK
    assert api.subscriptions.retrieve(subscription.id).cancel_at_period_end
    assert "Resume plan" in httpx.get(session.url).text
    assert press("resume").status_code == 303
    assert not api.subscriptions.retrieve(subscription.id).cancel_at_period_end
    assert press("switch", price=big.id).status_code == 303
    assert api.subscriptions.retrieve(subscription.id)["items"].data[0].price.id == big.id
    assert press("card", number="5555 5555 5555 4444").status_code == 303
    methods = api.payment_methods.list({"customer": customer.id, "type": "card"}).data
    assert [method.card.last4 for method in methods] == ["4444", "4242"]
    assert api.subscriptions.retrieve(subscription.id).default_payment_method == methods[0].id
    assert "Your card was declined." in press("card", number="4000000000000002").text
    assert "cannot be chosen" in press("switch", price="price_else").text


def test_a_portal_offers_what_its_configuration_allows(
    double: StripeDouble, api: Any, month: Any, customer: Any
) -> None:
    subscription = subscribed(double, api, month, customer)
    big = new_price(api, 6_000, interval="month")
    products = [{"product": big.product, "prices": [big.id]}]
    update = {"enabled": True, "default_allowed_updates": ["price"], "products": products}
    features = {"subscription_update": update | {"proration_behavior": "always_invoice"}}
    configuration = api.billing_portal.configurations.create({"features": features})
    assert configuration.features.subscription_cancel.enabled is False
    wanted = {"customer": customer.id, "return_url": BACK, "configuration": configuration.id}
    session = api.billing_portal.sessions.create(wanted)
    page = httpx.get(session.url).text
    assert "Cancel plan" not in page
    assert re.findall(r'<option value="(\w+)"', page) == [big.id]
    form = {"subscription": subscription.id}
    assert "cannot be done" in httpx.post(session.url, data=form | {"do": "cancel"}).text
    assert httpx.post(session.url, data=form | {"do": "switch", "price": big.id}).status_code == 303
    assert double.all_of("invoice")[-1]["total"] == 3_000
    changed = api.billing_portal.configurations.update(configuration.id, {"active": False})
    assert not changed.active
    assert api.billing_portal.configurations.list({"active": True}).data == []


def test_an_invoice_has_a_page_and_a_file(double: StripeDouble, api: Any, month: Any, customer: Any) -> None:
    subscribed(double, api, month, customer)
    double.cards_fail(customer.id)
    double.advance(days=29)
    paid, due = (api.invoices.retrieve(invoice["id"]) for invoice in double.all_of("invoice"))
    file = httpx.get(paid.invoice_pdf)
    assert file.headers["content-type"] == "application/pdf"
    assert file.content.startswith(b"%PDF-1.4")
    assert paid.number.encode() in file.content
    assert "Download PDF" in httpx.get(paid.hosted_invoice_url).text
    assert "Your card was declined." in httpx.post(due.hosted_invoice_url).text
    double.cards_fail(customer.id, False)
    assert "paid" in httpx.post(due.hosted_invoice_url).text
    assert api.invoices.retrieve(due.id).status == "paid"
    assert httpx.get(f"{double.url}/i/acct_1DoubleOfStripe00/in_none/pdf").status_code == 404


# --- dj-stripe --------------------------------------------------------------------------------------------------------


@pytest.mark.django_db
def test_djstripe_applies_every_event(
    double: StripeDouble, api: Any, month: Any, customer: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(stripe, "api_base", double.url)
    djstripe.APIKey.objects.get_or_create_by_api_key(double.key)
    subscription = subscribed(double, api, month, customer)
    double.dashboard_change(subscription.id, new_price(api, 6_000, interval="month").id)
    double.cards_fail(customer.id)
    double.advance(days=29)
    double.refund(double.all_of("charge")[0]["id"], 100)
    double.close_dispute(double.dispute(double.all_of("charge")[0]["id"])["id"], won=False)
    events = double.happened()
    for event in events:
        djstripe.Event.process(event.thing, api_key=double.key)
    assert djstripe.Event.objects.filter(id__in=[event.id for event in events]).count() == len(events)
    assert djstripe.Subscription.objects.get(id=subscription.id).status == "past_due"
    assert djstripe.Price.objects.get(id=month.id).lookup_key == "studio-monthly"


@pytest.mark.django_db
def test_djstripe_syncs_all_there_is(
    double: StripeDouble, api: Any, month: Any, customer: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(stripe, "api_base", double.url)
    monkeypatch.setattr(stripe, "api_key", double.key)
    double.tax_rate = 20
    coupon = api.coupons.create({"percent_off": 10, "duration": "forever"})
    api.promotion_codes.create({"promotion": {"type": "coupon", "coupon": coupon.id}})
    more: Any = {"automatic_tax": {"enabled": True}, "discounts": [{"coupon": coupon.id}]}
    subscription = subscribed(double, api, month, customer, **more)
    pack = double.pay(new_session(api, new_price(api, 1_000), customer=customer.id).id)
    intent = api.payment_intents.retrieve(pack["payment_intent"])
    api.refunds.create({"charge": intent.latest_charge, "amount": 100})
    double.dispute(api.charges.list({"customer": customer.id}).data[-1].id)
    api.webhook_endpoints.create({"url": "http://shop.invalid/stripe", "enabled_events": ["*"]})
    double.advance(days=35)
    told, wrong = io.StringIO(), io.StringIO()
    key = djstripe.APIKey.objects.get_or_create_by_api_key(double.key)[0]
    names = [model.__name__ for model in apps.get_app_config("djstripe").get_models() if hasattr(model, "api_list")]
    # The second version of accounts is asked for at Stripe's own address, whatever the API's host is said to be.
    names.remove("AccountV2")
    # Tax codes are asked for with the key of the settings instead of the one that is given.
    names.remove("TaxCode")
    call_command("djstripe_sync_models", *names, api_keys=[key.secret], stdout=told, stderr=wrong)
    assert wrong.getvalue() == ""
    assert djstripe.Subscription.objects.get(id=subscription.id).customer.id == customer.id
    assert djstripe.Invoice.objects.filter(customer__id=customer.id).count() == 2
    assert djstripe.Session.objects.get(id=pack["id"]).payment_intent.id == intent.id
    refund = djstripe.Refund.objects.get(charge__id=intent.latest_charge)
    assert (refund.amount, refund.balance_transaction.amount) == (100, -100)
    assert djstripe.Dispute.objects.count() == 1
    assert djstripe.SubscriptionItem.objects.get(subscription__id=subscription.id).price.id == month.id


# --- As a process -----------------------------------------------------------------------------------------------------


def test_it_is_steered_from_outside(double: StripeDouble, api: Any, month: Any, customer: Any) -> None:
    session = new_session(api, month, customer=customer.id)

    def steer(wishes: Any) -> httpx.Response:
        return httpx.post(f"{double.url}/_control", json=wishes)

    done = steer({"do": [{"pay": {"session_id": session.id}}, {"advance": {"days": 30}}], "set": {"tax_rate": 20}})
    paid, _now = done.json()["results"]
    assert paid["payment_status"] == "paid"
    assert steer({"do": {"_act": {}}}).status_code == 400
    assert steer({"do": {"dispute": {"charge_id": "ch_none"}}}).status_code == 400
    shown = httpx.get(f"{double.url}/_control").json()
    assert shown["things"]["subscription"] == {paid["subscription"]: "active"}
    assert shown["now"].startswith("2027-03-02")


def test_it_runs_as_a_process() -> None:
    command = [sys.executable, "-m", "tests.emulators.stripe", "--control", "--webhook", "http://127.0.0.1:9/"]
    with subprocess.Popen([*command, "--secret", "whsec_known"], stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        url, key = process.stdout.readline().strip(), process.stdout.readline().strip()
        try:
            account = stripe.StripeClient(key, base_addresses={"api": url}).v1.accounts.retrieve_current()
            assert (account.object, account.charges_enabled) == ("account", True)
            assert httpx.get(f"{url}/_control").json()["key"] == key
        finally:
            process.terminate()
