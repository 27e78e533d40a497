"""The double of Stripe's API, asked by Stripe's own SDK: errors, repeats, lists, the catalogue."""

from concurrent.futures import ThreadPoolExecutor
from typing import Any

import httpx
import pytest
import stripe
from stripe import StripeClient

from tests.billing.stripe_double.shop import new_price, new_session
from tests.emulators.stripe import StripeDouble

# --- Keys, parameters, errors -----------------------------------------------------------------------------------------


def test_without_its_key_it_says_nothing(double: StripeDouble) -> None:
    stranger = StripeClient("sk_test_" + "0" * 32, base_addresses={"api": double.url})
    with pytest.raises(stripe.AuthenticationError):
        stranger.v1.customers.list()


def test_errors_have_stripes_shape_and_change_nothing(double: StripeDouble, api: Any, month: Any) -> None:
    with pytest.raises(stripe.InvalidRequestError) as unknown:
        api.customers.retrieve("cus_nobody")
    assert (unknown.value.http_status, unknown.value.code, unknown.value.param) == (404, "resource_missing", "id")
    with pytest.raises(stripe.InvalidRequestError) as unnamed:
        api.customers.create({"emial": "alice@example.com"})
    assert (unnamed.value.http_status, unnamed.value.param) == (400, "emial")
    with pytest.raises(stripe.InvalidRequestError, match="recurring price"):
        new_session(api, month, mode="payment")
    with pytest.raises(stripe.InvalidRequestError) as absent:
        new_session(api, month, customer="cus_nobody")
    assert (absent.value.http_status, absent.value.param) == (400, "customer")
    with pytest.raises(stripe.InvalidRequestError, match="cannot be expanded"):
        api.prices.retrieve(month.id, {"expand": ["colour"]})
    assert not double.all_of("customer")
    assert not double.all_of("checkout.session")


def test_a_request_whose_answer_was_lost_is_done_once(double: StripeDouble, api: Any) -> None:
    double.fail_next("accept_then_drop")
    found = api.customers.create({"email": "alice@example.com"})
    assert [customer["id"] for customer in double.all_of("customer")] == [found.id]


def test_an_idempotency_key_replays_its_answer_and_refuses_other_parameters(double: StripeDouble, api: Any) -> None:
    first = api.customers.create({"email": "alice@example.com"}, {"idempotency_key": "k1"})
    again = api.customers.create({"email": "alice@example.com"}, {"idempotency_key": "k1"})
    assert first.id == again.id
    with pytest.raises(stripe.IdempotencyError) as other:
        api.customers.create({"email": "bob@example.com"}, {"idempotency_key": "k1"})
    assert other.value.http_status == 400
    assert len(double.all_of("customer")) == 1


def test_fifty_threads_with_one_key_make_one_customer(double: StripeDouble, api: Any) -> None:
    def make(_number: int) -> str:
        made: str = api.customers.create({"email": "alice@example.com"}, {"idempotency_key": "k2"}).id
        return made

    with ThreadPoolExecutor(50) as pool:
        assert len(set(pool.map(make, range(50)))) == 1
    assert len(double.happened("customer.created")) == 1


def test_too_many_requests_and_faults_reach_the_sdk(double: StripeDouble) -> None:
    api = StripeClient(double.key, base_addresses={"api": double.url}, max_network_retries=0).v1
    double.fail_next("429", on="look")
    with pytest.raises(stripe.RateLimitError):
        api.customers.list()
    double.fail_next("500")
    with pytest.raises(stripe.APIError):
        api.customers.create({})
    double.fail_next("drop_before_accept")
    with pytest.raises(stripe.APIConnectionError):
        api.customers.create({})
    assert not double.all_of("customer")


def test_lists_page_by_cursor_and_by_time(double: StripeDouble, api: Any) -> None:
    ids = []
    for number in range(7):
        double.advance(60)
        ids.append(api.customers.create({"email": f"c{number}@example.com"}).id)
    first = api.customers.list({"limit": 3})
    assert [found.id for found in first.data] == ids[:3:-1]
    assert first.has_more
    assert [found.id for found in first.auto_paging_iter()] == ids[::-1]
    late = api.customers.list({"created": {"gte": int(double.now.timestamp()) - 60}})
    assert [found.id for found in late.data] == ids[:4:-1]
    assert api.customers.list({"email": "c3@example.com"}).data[0].id == ids[3]
    with pytest.raises(stripe.InvalidRequestError):
        api.customers.list({"limit": 101})


# --- Catalogue --------------------------------------------------------------------------------------------------------


def test_products_and_prices_are_found_by_key_and_changed(double: StripeDouble, api: Any, month: Any) -> None:
    found = api.prices.list({"lookup_keys": ["studio-monthly"], "expand": ["data.product"]}).data
    assert [(price.id, price.product.name, price.recurring.interval_count) for price in found] == [
        (month.id, "At 3000", 1)
    ]
    with pytest.raises(stripe.InvalidRequestError, match="already uses that lookup key"):
        new_price(api, 3_100, interval="month", key="studio-monthly")
    wanted = {"currency": "eur", "unit_amount": 3_100, "product": month.product, "recurring": {"interval": "month"}}
    moved = api.prices.create(wanted | {"lookup_key": "studio-monthly", "transfer_lookup_key": True})
    assert api.prices.retrieve(month.id).lookup_key is None
    assert api.prices.update(month.id, {"active": False, "metadata": {"old": "yes"}}).active is False
    assert [price.id for price in api.prices.list({"product": month.product, "active": True}).data] == [moved.id]
    assert api.products.update(month.product, {"name": "Studio"}).name == "Studio"
    assert double.happened("product.updated")[0].previous["name"] == "At 3000"
    with pytest.raises(stripe.InvalidRequestError):
        api.products.delete(month.product)
    alone = api.products.create({"name": "Alone", "id": "prod_alone"})
    assert api.products.delete(alone.id).deleted


def test_reductions_are_made_changed_and_withdrawn(double: StripeDouble, api: Any) -> None:
    coupon = api.coupons.create({"amount_off": 500, "currency": "eur", "duration": "once", "name": "Five"})
    assert api.coupons.update(coupon.id, {"name": "Fiver"}).name == "Fiver"
    code = api.promotion_codes.create({"promotion": {"type": "coupon", "coupon": coupon.id}, "code": "FIVE"})
    assert api.promotion_codes.list({"code": "five", "active": True}).data[0].id == code.id
    assert api.promotion_codes.retrieve(code.id, {"expand": ["promotion.coupon"]}).promotion.coupon.amount_off == 500
    assert not api.promotion_codes.update(code.id, {"active": False}).active
    assert api.coupons.delete(coupon.id).deleted
    assert not api.coupons.list().data


def test_a_subscription_without_a_page(double: StripeDouble, api: Any, month: Any, customer: Any) -> None:
    wanted = {"customer": customer.id, "items": [{"price": month.id}]}
    with pytest.raises(stripe.InvalidRequestError):
        api.subscriptions.create(wanted)
    method = api.payment_methods.attach("pm_card_visa", {"customer": customer.id})
    with pytest.raises(stripe.CardError):
        api.payment_methods.attach("pm_card_chargeDeclined", {"customer": customer.id})
    settings = {"invoice_settings": {"default_payment_method": method.id}}
    assert api.customers.update(customer.id, settings).invoice_settings.default_payment_method == method.id
    one = api.subscriptions.create(wanted)
    assert one.status == "active"
    assert api.subscription_items.list({"subscription": one.id}).data[0].price.id == month.id
    assert api.payment_methods.detach(method.id).customer is None
    unpaid = api.subscriptions.create(wanted | {"payment_behavior": "default_incomplete"})
    assert unpaid.status == "incomplete"
    card = api.payment_methods.create({"type": "card", "card": {"number": "5555555555554444"}})
    api.payment_methods.attach(card.id, {"customer": customer.id})
    assert api.invoices.pay(unpaid.latest_invoice, {"payment_method": card.id}).status == "paid"
    assert api.subscriptions.retrieve(unpaid.id).status == "active"
    lapsing = api.subscriptions.create(wanted | {"payment_behavior": "default_incomplete"})
    double.advance(hours=24)
    assert api.subscriptions.retrieve(lapsing.id).status == "incomplete_expired"
    assert api.invoices.retrieve(lapsing.latest_invoice).status == "void"
    double.mark_pause(one.id)
    with pytest.raises(stripe.InvalidRequestError):
        api.subscriptions.resume(one.id)
    assert api.subscriptions.retrieve(one.id).status == "past_due"


def test_invoices_are_finalized_given_up_and_voided(double: StripeDouble, api: Any, month: Any) -> None:
    owners = [api.customers.create({"payment_method": "pm_card_visa"}) for _each in range(2)]
    for owner in owners:
        method = api.customers.payment_methods.list(owner.id).data[0].id
        wanted = {"customer": owner.id, "items": [{"price": month.id}], "default_payment_method": method}
        api.subscriptions.create(wanted)
        double.cards_fail(owner.id)
    double.advance(days=28)
    one, two = api.invoices.list({"status": "draft"}).data
    assert api.invoices.update(one.id, {"metadata": {"note": "x"}}).metadata["note"] == "x"
    assert [api.invoices.finalize_invoice(invoice.id).status for invoice in (one, two)] == ["open", "open"]
    assert api.invoices.mark_uncollectible(one.id).status == "uncollectible"
    assert api.invoices.void_invoice(two.id).status == "void"
    assert api.invoices.line_items.list(two.id).data[0].amount == 3_000
    with pytest.raises(stripe.InvalidRequestError):
        api.invoices.pay(two.id)


def test_money_is_looked_at_from_all_sides(double: StripeDouble, api: Any) -> None:
    session = double.pay(new_session(api, new_price(api, 1_000)).id)
    assert api.checkout.sessions.line_items.list(session["id"]).data[0].amount_total == 1_000
    assert api.checkout.sessions.update(session["id"], {"metadata": {"a": "b"}}).metadata["a"] == "b"
    intent = api.payment_intents.update(session["payment_intent"], {"metadata": {"a": "b"}})
    with pytest.raises(stripe.InvalidRequestError):
        api.payment_intents.cancel(intent.id)
    charge = api.charges.update(intent.latest_charge, {"metadata": {"a": "c"}})
    assert "10.00 EUR" in httpx.get(charge.receipt_url).text
    assert api.charges.list({"payment_intent": intent.id}).data[0].metadata["a"] == "c"
    refund = api.refunds.create({"charge": charge.id, "amount": 100, "reason": "requested_by_customer"})
    assert api.refunds.update(refund.id, {"metadata": {"why": "late"}}).metadata["why"] == "late"
    assert double.happened("refund.updated")[0].previous == {"metadata": {}}
    made = double.dispute(charge.id, 900)
    assert api.disputes.close(made["id"]).status == "lost"
    sources = [refund.id, made["id"]]
    amounts = [api.balance_transactions.list({"source": source}).data[0].amount for source in sources]
    assert amounts == [-100, -900]
    assert api.payment_intents.list({"customer": "cus_none"}).data == []
