"""Buying from the double of Stripe: by its page and without."""

from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime
from typing import Any

import httpx
import pytest
import stripe

from tests.billing.stripe_double.shop import JANUARY, SUCCESS, new_price, new_session, period, types
from tests.emulators.stripe import StripeDouble


def test_a_subscription_bought_at_checkout_is_whole(double: StripeDouble, api: Any, month: Any, customer: Any) -> None:
    data = {"metadata": {"plan": "studio"}}
    session = new_session(api, month, customer=customer.id, subscription_data=data, client_reference_id="7")
    assert (session.payment_status, session.status, session.amount_total) == ("unpaid", "open", 3_000)
    double.pay(session.id)
    session = api.checkout.sessions.retrieve(session.id, {"expand": ["line_items"]})
    assert (session.payment_status, session.status, session.url) == ("paid", "complete", None)
    assert session.line_items.data[0].price.id == month.id
    subscription = api.subscriptions.retrieve(session.subscription, {"expand": ["default_payment_method"]})
    assert subscription.default_payment_method.card.last4 == "4242"
    assert (subscription.status, subscription.metadata["plan"]) == ("active", "studio")
    assert period(subscription) == (JANUARY, datetime(2027, 2, 28, 12, tzinfo=UTC))
    invoice = api.invoices.retrieve(session.invoice, {"expand": ["payments.data.payment.payment_intent"]})
    assert invoice.billing_reason == "subscription_create"
    assert invoice.parent.subscription_details.subscription == subscription.id
    assert invoice.parent.subscription_details.metadata["plan"] == "studio"
    line = invoice.lines.data[0]
    assert (line.amount, line.pricing.price_details.price) == (3_000, month.id)
    assert (line.period.start, line.period.end) == tuple(int(moment.timestamp()) for moment in period(subscription))
    assert not line.parent.subscription_item_details.proration
    intent = invoice.payments.data[0].payment.payment_intent
    assert (intent.status, intent.amount_received) == ("succeeded", 3_000)
    charge = api.charges.retrieve(intent.latest_charge, {"expand": ["balance_transaction", "refunds"]})
    assert (charge.paid, charge.balance_transaction.amount, charge.refunds.data) == (True, 3_000, [])
    assert [found.id for found in api.checkout.sessions.list({"subscription": subscription.id}).data] == [session.id]
    found = api.invoice_payments.list({"payment": {"type": "payment_intent", "payment_intent": intent.id}})
    assert [payment.invoice for payment in found.data] == [invoice.id]
    assert types(double)[-1] == "checkout.session.completed"


def test_the_page_sells_declines_and_goes_back_to_the_shop(double: StripeDouble, api: Any) -> None:
    pack = new_price(api, 1_000)
    session = new_session(api, pack, metadata={"pack": "small"}, payment_intent_data={"metadata": {"pack": "small"}})
    with httpx.Client() as browser:
        text = browser.get(session.url).text
        assert "10.00 EUR" in text
        assert 'href="http://shop.example/plans"' in text
        form = {"do": "pay", "way": "card", "email": "a@example.com", "number": "4000 0000 0000 0002"}
        declined = browser.post(session.url, data=form)
        assert "Your card was declined." in declined.text
        wrong = browser.post(session.url, data=form | {"number": "1234"})
        assert "Your card number is invalid." in wrong.text
        assert api.checkout.sessions.retrieve(session.id).status == "open"
        paid = browser.post(session.url, data=form | {"number": "4242 4242 4242 4242"})
        assert (paid.status_code, paid.headers["location"]) == (303, SUCCESS.format(CHECKOUT_SESSION_ID=session.id))
        assert "all done" in browser.post(session.url, data=form).text
    session = api.checkout.sessions.retrieve(session.id, {"expand": ["payment_intent.latest_charge"]})
    assert session.payment_intent.metadata["pack"] == "small"
    assert (session.payment_intent.latest_charge.amount, session.customer_details.email) == (1_000, "a@example.com")
    assert types(double).count("charge.succeeded") == types(double).count("charge.failed") == 1
    assert double.counts["leaks"] == 0


def test_a_page_that_is_sent_twenty_times_at_once_is_paid_once(double: StripeDouble, api: Any) -> None:
    session = new_session(api, new_price(api, 1_000))
    form = {"do": "pay", "way": "card", "email": "a@example.com", "number": "4242424242424242"}
    with ThreadPoolExecutor(20) as pool:
        answers = list(pool.map(lambda _number: httpx.post(session.url, data=form).status_code, range(20)))
    assert sorted(answers) == [200] * 19 + [303]
    assert types(double).count("charge.succeeded") == types(double).count("checkout.session.completed") == 1


@pytest.mark.parametrize("succeeded", [True, False])
def test_a_bank_that_pays_later_settles_the_session(double: StripeDouble, api: Any, succeeded: bool) -> None:
    session = new_session(api, new_price(api, 1_000))
    httpx.post(session.url, data={"do": "pay", "way": "bank", "email": "a@example.com"})
    assert double.happened("checkout.session.completed")[0].object["payment_status"] == "unpaid"
    double.settle_later(session.id, succeeded=succeeded)
    word = "succeeded" if succeeded else "failed"
    told = double.happened(f"checkout.session.async_payment_{word}")[0].object
    assert told["payment_status"] == ("paid" if succeeded else "unpaid")
    assert api.payment_intents.retrieve(told["payment_intent"]).status == (
        "succeeded" if succeeded else "requires_payment_method"
    )


def test_a_session_expires_by_itself_and_by_hand(double: StripeDouble, api: Any, month: Any) -> None:
    one, other = new_session(api, month), new_session(api, month)
    assert api.checkout.sessions.expire(one.id).status == "expired"
    double.advance(hours=23)
    assert [found.id for found in api.checkout.sessions.list({"status": "open"}).data] == [other.id]
    double.advance(hours=1)
    assert [event.object["id"] for event in double.happened("checkout.session.expired")] == [one.id, other.id]
    assert httpx.get(f"{double.url}/c/pay/{other.id}").status_code == 410
    with pytest.raises(stripe.InvalidRequestError):
        api.checkout.sessions.expire(one.id)


def test_codes_and_taxes_change_what_is_paid(double: StripeDouble, api: Any, month: Any, customer: Any) -> None:
    double.tax_rate = 20
    coupon = api.coupons.create({"percent_off": 50, "duration": "once"})
    code = api.promotion_codes.create({"promotion": {"type": "coupon", "coupon": coupon.id}, "code": "HALF"})
    more = {"allow_promotion_codes": True, "automatic_tax": {"enabled": True}}
    session = new_session(api, month, customer=customer.id, **more)
    assert session.amount_total == 3_600
    assert "This code is invalid." in httpx.post(session.url, data={"do": "apply", "code": "NONE"}).text
    double.pay(session.id, code="half")
    session = api.checkout.sessions.retrieve(session.id, {"expand": ["invoice.discounts"]})
    totals = session.total_details
    assert (totals.amount_discount, totals.amount_tax, session.amount_total) == (1_500, 300, 1_800)
    invoice = session.invoice
    assert (invoice.subtotal, invoice.total, invoice.total_taxes[0].amount) == (3_000, 1_800, 300)
    assert invoice.discounts[0].source.coupon == coupon.id
    assert api.promotion_codes.retrieve(code.id).times_redeemed == 1
    assert api.tax_rates.retrieve(invoice.total_taxes[0].tax_rate_details.tax_rate).percentage == 20
    double.advance(days=29)
    assert api.invoices.list({"subscription": session.subscription, "limit": 1}).data[0].total == 3_600
