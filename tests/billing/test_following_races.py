"""The same news from many threads at once: one grant, one reversal, one debt."""

from dataclasses import replace
from datetime import timedelta

import pytest

from billing.following import follow_payment, follow_subscription
from billing.lifecycle import collect_debts
from billing.models import BillingPeriod, LedgerEntry, Wallet
from billing.periods import grant_due
from billing.services import InsufficientCredits, hold_credits, settle_hold
from tests.billing.test_races import at_once
from tests.factories.billing import AccountFactory, broken_of
from tests.factories.payments import BEGIN, invoice_of, pack_of, period_of, subscription_of

pytestmark = pytest.mark.usefixtures("committed_db")


def test_ten_deliveries_of_one_invoice_make_one_grant() -> None:
    company = AccountFactory(balance=0)
    fact, subscription = invoice_of(company, period_of(company)), subscription_of(company)

    def deliver(number: int) -> None:
        follow_subscription(subscription)
        follow_payment(replace(fact, asked_at=fact.asked_at + timedelta(milliseconds=number % 3)))

    at_once(10, deliver)
    assert Wallet.objects.get(company=company).balance == 300
    assert LedgerEntry.objects.filter(wallet_id=company.pk).count() == 1
    assert BillingPeriod.objects.get(company=company).granted == 1
    assert broken_of(company) == []


def test_sixteen_clocks_grant_each_month_once() -> None:
    company = AccountFactory(balance=0)
    year = period_of(company, interval="year")
    follow_subscription(subscription_of(company, interval="year", period_end=year.end))
    follow_payment(invoice_of(company, year))
    at_once(16, lambda _number: grant_due(now=BEGIN + timedelta(days=100)))
    assert Wallet.objects.get(company=company).balance == 4 * 300
    assert broken_of(company) == []


def test_a_refund_that_races_spending_leaves_what_is_there_and_what_is_owed() -> None:
    company = AccountFactory(balance=0)
    fact = pack_of(company)
    follow_payment(fact)
    refunded = replace(fact, refunded_cents=1999, asked_at=BEGIN + timedelta(days=1))

    def work(number: int) -> int:
        if number % 4 == 0:
            follow_payment(refunded)
            collect_debts()
            return 0
        key = f"race:{company.pk}:{number}"
        try:
            hold_credits(company=company, amount=30, key=key, cause="a fox")
        except InsufficientCredits:
            return 0
        settle_hold(key=key, amount=30)
        return 30

    spent = sum(at_once(16, work))
    collect_debts()
    wallet = Wallet.objects.get(company=company)
    # All 500 are gone: spent, taken back, or owed.
    assert (wallet.balance, wallet.debt) == (0, spent)
    assert broken_of(company) == []


def test_fifty_submissions_with_credits_for_seven_make_seven_holds() -> None:
    company = AccountFactory(balance=70)

    def submit(number: int) -> bool:
        try:
            hold_credits(company=company, amount=10, key=f"fifty:{company.pk}:{number}", cause="a fox")
        except InsufficientCredits:
            return False
        return True

    assert sum(at_once(50, submit)) == 7
    assert Wallet.objects.get(company=company).held == 70
