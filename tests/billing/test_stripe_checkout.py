"""The way to Stripe's page: what is sold there, to whom, and what happens when Stripe is away."""

import logging
from collections.abc import Callable
from typing import Any

import pytest

from billing.models import CreditPack, Payment, Plan
from billing.stripe.changing import (
    NothingToRefund,
    NotSubscribed,
    cancel_subscription,
    change_subscription,
    refund_at_stripe,
)
from billing.stripe.checkout import (
    AlreadySubscribed,
    NotForSale,
    start_pack_checkout,
    start_subscription_checkout,
)
from billing.stripe.client import PaymentsNotSetUp, PaymentsUnavailable, asking
from tests.billing.stripe_life import Life
from tests.factories.billing import broken_of


def basic() -> Plan:
    return Plan.objects.get(slug="basic")


def pack() -> CreditPack:
    return CreditPack.objects.get(slug="pack-500")


def choose(life: Life, plan: Plan | None = None) -> str:
    return start_subscription_checkout(company=life.company, plan=plan or basic(), interval="month", user=life.user)


def test_the_page_sells_the_price_of_the_row_to_the_company_s_customer(life: Life) -> None:
    address = choose(life)
    session = life.newest("checkout.session")
    assert session["url"] == address
    assert (session["amount_total"], session["currency"]) == (basic().monthly_price_cents, "usd")
    assert session["customer"] == life.subscription.customer
    assert session["success_url"].endswith("?session={CHECKOUT_SESSION_ID}")
    assert session["allow_promotion_codes"] is True


def test_of_two_tabs_only_the_last_one_can_buy(life: Life) -> None:
    choose(life)
    first = life.newest("checkout.session")
    choose(life)
    second = life.newest("checkout.session")
    assert life.double.find(first["id"])["status"] == "expired"
    life.double.pay(second["id"])
    life.catch_up()
    assert len(life.double.all_of("subscription")) == 1
    assert life.entries() == [("grant", 300)]


def test_a_pack_in_another_tab_stays_for_sale(life: Life) -> None:
    start_pack_checkout(company=life.company, pack=pack(), user=life.user)
    session = life.newest("checkout.session")
    choose(life)
    assert life.double.find(session["id"])["status"] == "open"


def test_who_pays_for_a_plan_is_told_to_change_it(life: Life) -> None:
    life.subscribe()
    life.catch_up()
    sessions = len(life.double.all_of("checkout.session"))
    with pytest.raises(AlreadySubscribed, match="already"):
        choose(life)
    assert len(life.double.all_of("checkout.session")) == sessions


def test_what_is_not_offered_cannot_be_bought(life: Life) -> None:
    Plan.objects.filter(slug="basic").update(is_active=False)
    CreditPack.objects.filter(slug="pack-500").update(is_active=False)
    with pytest.raises(NotForSale):
        choose(life)
    with pytest.raises(NotForSale):
        choose(life, Plan.objects.get(slug="enterprise"))
    with pytest.raises(NotForSale):
        start_pack_checkout(company=life.company, pack=pack(), user=life.user)
    assert life.double.all_of("customer") == []


def test_prices_of_another_account_are_not_for_sale_until_they_are_made_here(
    life: Life, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.CRITICAL)
    Plan.objects.filter(slug="basic").update(stripe_monthly_price_id="price_of_another_account")
    with pytest.raises(NotForSale):
        choose(life)


def _buy(life: Life) -> None:
    start_pack_checkout(company=life.company, pack=pack(), user=life.user)


def _change(life: Life) -> None:
    change_subscription(company=life.company, plan=Plan.objects.get(slug="pro"), interval="month")


# Each with another fault, since what is asked three times takes seconds.
@pytest.mark.parametrize(("attempt", "fault"), [(_buy, "500"), (_change, "503")], ids=["buy", "change"])
def test_when_stripe_is_away_there_is_a_sentence_and_nothing_changes(
    life: Life, caplog: pytest.LogCaptureFixture, attempt: Callable[[Life], None], fault: str
) -> None:
    caplog.set_level(logging.CRITICAL)
    life.subscribe()
    life.catch_up()
    before = life.outcome()
    life.double.rates = {fault: 1.0, f"{fault}@look": 1.0}
    with pytest.raises(PaymentsUnavailable) as refused:
        attempt(life)
    assert (refused.value.status, refused.value.retry_after) == (503, 60)
    life.double.rates = {}
    life.catch_up()
    assert life.outcome() == before


def test_an_answer_that_is_lost_is_asked_for_again_and_nothing_is_made_twice(life: Life) -> None:
    life.double.fail_next("accept_then_drop", times=1)
    choose(life)
    assert len(life.double.all_of("customer")) == 1


def test_without_a_key_payments_are_not_set_up(life: Life, settings: Any) -> None:
    settings.STRIPE_SECRET_KEY = ""
    with pytest.raises(PaymentsNotSetUp) as refused:
        choose(life)
    assert refused.value.status == 503


def test_who_pays_nothing_has_nothing_to_change(life: Life) -> None:
    for attempt in (
        lambda: change_subscription(company=life.company, plan=basic(), interval="month"),
        lambda: cancel_subscription(company=life.company),
    ):
        with pytest.raises(NotSubscribed):
            attempt()


def test_taxes_are_added_where_they_are_switched_on_and_credits_stay_the_same(life: Life, settings: Any) -> None:
    settings.STRIPE_TAX = True
    life.double.tax_rate = 20
    life.buy()
    life.catch_up()
    payment = Payment.objects.get(company=life.company)
    assert (payment.amount_cents, payment.tax_cents, payment.credits) == (2399, 400, 500)
    # Half of it with its half of the tax.
    life.double.refund(payment.charge, 1199)
    life.catch_up()
    assert life.wallet.balance == 250


@pytest.mark.parametrize("percent", [25, 100])
def test_a_promotion_code_lowers_the_price_and_not_the_credits(life: Life, percent: int) -> None:
    with asking() as client:
        coupon = client.v1.coupons.create({"percent_off": percent, "duration": "once"})
        client.v1.promotion_codes.create({"promotion": {"type": "coupon", "coupon": coupon.id}, "code": "FOX"})
    life.subscribe("pro", code="FOX")
    life.buy(code="FOX")
    life.catch_up()
    assert life.wallet.balance == 1500
    assert {row[2] for row in life.payments()} == {round(2999 * (1 - percent / 100)), round(1999 * (1 - percent / 100))}
    assert broken_of(life.company) == []


def test_no_more_can_be_refunded_than_was_paid(life: Life) -> None:
    life.buy()
    life.catch_up()
    payment = Payment.objects.get(company=life.company)
    for amount in (0, -1, 2000):
        with pytest.raises(NothingToRefund):
            refund_at_stripe(payment=payment, amount_cents=amount, reason="", key=f"refund:{payment.pk}:{amount}")
    assert life.double.all_of("refund") == []
    assert life.wallet.balance == 500


def test_a_refund_that_the_bank_sends_back_gives_the_credits_back(life: Life) -> None:
    life.buy()
    life.catch_up()
    payment = Payment.objects.get(company=life.company)
    refund = life.double.refund(payment.charge)
    life.catch_up()
    assert life.wallet.balance == 0
    life.double.fail_refund(refund["id"])
    life.catch_up()
    assert life.wallet.balance == 500
    assert broken_of(life.company) == []


def test_a_plan_paid_by_a_bank_gives_credits_when_the_bank_paid(life: Life) -> None:
    life.subscribe(way="bank")
    life.catch_up()
    assert life.wallet.balance == 0
    life.double.settle_later(life.newest("checkout.session")["id"], succeeded=True)
    life.catch_up()
    assert (life.plan, life.wallet.balance) == ("basic", 300)


def test_a_page_that_nobody_pays_leaves_nothing(life: Life) -> None:
    choose(life)
    life.pass_time(days=2)
    life.catch_up()
    assert (life.plan, life.entries(), life.payments()) == ("free", [], [])
