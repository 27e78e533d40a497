"""Plans, periods and credits follow what is known of subscriptions and payments, in whatever order it is told."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from itertools import permutations
from typing import Any

import pytest
from dateutil.relativedelta import relativedelta
from django.conf import settings

from accounts.models import Company
from billing.facts import PaymentFact, SubscriptionFact
from billing.following import WrongCompany, follow_payment, follow_subscription
from billing.lifecycle import collect_debts, end_graces, end_periods
from billing.models import BillingPeriod, LedgerEntry, Payment, Subscription, Wallet
from billing.periods import grant_due
from billing.services import hold_credits, release_hold, settle_hold
from tests.factories.billing import AccountFactory, broken_of
from tests.factories.payments import BEGIN, invoice_of, pack_of, period_of, plan, subscription_of

pytestmark = pytest.mark.django_db
DAY = timedelta(days=1)


@pytest.fixture
def company() -> Company:
    return AccountFactory(balance=0)


def wallet_of(company: Company) -> Wallet:
    return Wallet.objects.get(company=company)


def grants_of(company: Company) -> list[int]:
    entries = LedgerEntry.objects.filter(wallet_id=company.pk, key__startswith="period:").order_by("number")
    return list(entries.values_list("amount", flat=True))


def plan_slug(company: Company) -> str:
    return Subscription.objects.get(company=company).plan.slug


def spend(company: Company, amount: int) -> None:
    key = f"spent:{company.pk}:{wallet_of(company).entry_count}"
    hold_credits(company=company, amount=amount, key=key, cause="a fox")
    settle_hold(key=key, amount=amount)


def test_a_paid_month_puts_the_plan_in_force_and_grants_its_credits_until_its_end(company: Company) -> None:
    assert follow_subscription(subscription_of(company))
    payment = follow_payment(invoice_of(company, period_of(company)))
    assert plan_slug(company) == "basic"
    assert wallet_of(company).balance == 300
    lot = wallet_of(company).lots.get()
    assert lot.expires_at == datetime(2026, 2, 28, 12, tzinfo=UTC)
    payment.refresh_from_db()
    assert payment.credits == 300
    company.refresh_from_db()
    assert company.entitlements["seats"] == 1
    assert company.audit_entries.get(action="plan.changed").detail == {"plan": "basic", "before": "free"}
    assert broken_of(company) == []


def test_the_same_facts_again_change_nothing(company: Company) -> None:
    subscription, invoice = subscription_of(company), invoice_of(company, period_of(company))
    for _time in range(3):
        follow_subscription(subscription)
        follow_payment(invoice)
    assert grants_of(company) == [300]
    assert company.audit_entries.filter(action="plan.changed").count() == 1


@pytest.mark.long
def test_every_order_of_a_life_ends_the_same(company: Company) -> None:
    def life(of: Company) -> list[SubscriptionFact | PaymentFact]:
        first = invoice_of(of, period_of(of))
        later = BEGIN + 10 * DAY
        return [
            subscription_of(of),
            first,
            subscription_of(of, "pro", asked_at=later),
            invoice_of(
                of,
                period_of(
                    of, "pro", start=later, end=BEGIN + relativedelta(months=1), anchor=BEGIN, replaces=plan("basic")
                ),
                amount_cents=1300,
            ),
            replace(first, refunded_cents=999, asked_at=later + DAY),
        ]

    ends = set()
    for order in permutations(range(5)):
        one = AccountFactory(balance=0)
        facts = life(one)
        for number in order:
            _follow(facts[number])
        wallet = wallet_of(one)
        ends.add((wallet.balance - wallet.debt, plan_slug(one), sum(grants_of(one)), len(grants_of(one))))
    # 700 more for 18 of 28 days; the first month's 300 were taken back.
    assert ends == {(450, "pro", 750, 2)}


def _follow(fact: SubscriptionFact | PaymentFact) -> None:
    if isinstance(fact, SubscriptionFact):
        follow_subscription(fact)
    else:
        follow_payment(fact)


def test_a_year_is_granted_month_by_month_and_months_lack_days(company: Company) -> None:
    year = period_of(company, interval="year")
    follow_subscription(subscription_of(company, interval="year", period_end=year.end))
    follow_payment(invoice_of(company, year, amount_cents=9990))
    assert grants_of(company) == [300]
    for month in range(1, 14):
        # Twice, as after a restart.
        grant_due(now=BEGIN + relativedelta(months=month))
        grant_due(now=BEGIN + relativedelta(months=month))
    assert grants_of(company) == [300] * 12
    ends = wallet_of(company).lots.order_by("expires_at").values_list("expires_at", flat=True)
    assert [(end.month, end.day) for end in ends][:3] == [(2, 28), (3, 31), (4, 30)]
    assert Payment.objects.get(company=company).credits == 3600


def test_a_clock_that_stood_still_catches_up(company: Company) -> None:
    year = period_of(company, interval="year")
    follow_subscription(subscription_of(company, interval="year", period_end=year.end))
    follow_payment(invoice_of(company, year))
    grant_due(now=BEGIN + relativedelta(months=5))
    assert grants_of(company) == [300] * 6


def test_a_year_that_is_ended_early_grants_no_more(company: Company) -> None:
    year = period_of(company, interval="year")
    follow_subscription(subscription_of(company, interval="year", period_end=year.end))
    follow_payment(invoice_of(company, year))
    ended = BEGIN + 20 * DAY
    assert follow_subscription(subscription_of(company, interval="year", status="cancelled", asked_at=ended))
    assert plan_slug(company) == "free"
    grant_due(now=BEGIN + relativedelta(months=3))
    assert grants_of(company) == [300]
    # What was asked before it ended brings nothing back.
    assert not follow_subscription(subscription_of(company, interval="year", asked_at=ended - DAY))
    assert plan_slug(company) == "free"


def test_unused_credits_stay_where_the_plan_says_so(company: Company) -> None:
    basic = plan("basic")
    basic.rolls_over = True
    basic.save()
    follow_payment(invoice_of(company, period_of(company)))
    assert wallet_of(company).lots.get().expires_at is None


def test_a_trial_grants_what_the_plan_gives_for_it(company: Company) -> None:
    basic = plan("basic")
    basic.trial_credits = 20
    basic.save()
    end = BEGIN + 7 * DAY
    follow_subscription(subscription_of(company, status="trialing", period_end=end))
    follow_payment(invoice_of(company, period_of(company, end=end, is_trial=True), amount_cents=0))
    assert (plan_slug(company), grants_of(company)) == ("basic", [20])


def test_an_invoice_that_is_not_paid_grants_nothing(company: Company) -> None:
    invoice = invoice_of(company, period_of(company), state="open", paid_at=None)
    for state in ("open", "failed", "void"):
        follow_payment(replace(invoice, state=state))
    assert wallet_of(company).balance == 0
    follow_payment(replace(invoice, state="paid"))
    assert wallet_of(company).balance == 300


def test_a_failed_payment_leaves_the_plan_for_the_days_of_grace(company: Company) -> None:
    follow_subscription(subscription_of(company))
    failed = BEGIN + relativedelta(months=1)
    late = subscription_of(company, status="past_due", period_start=failed, asked_at=failed)
    follow_subscription(late)
    # Being told again does not lengthen the grace.
    follow_subscription(replace(late, asked_at=failed + 3 * DAY))
    over = failed + settings.PAST_DUE_GRACE
    end_graces(now=over - DAY)
    assert plan_slug(company) == "basic"
    end_graces(now=over)
    assert plan_slug(company) == "free"
    follow_subscription(replace(late, asked_at=over + DAY))
    assert plan_slug(company) == "free"
    # Paid at last.
    follow_subscription(replace(late, status="active", asked_at=over + 2 * DAY))
    assert plan_slug(company) == "basic"
    assert Subscription.objects.get(company=company).grace_until is None


def test_a_downgrade_waits_for_the_end_of_what_is_paid_for(company: Company) -> None:
    end = BEGIN + relativedelta(months=1)
    follow_subscription(subscription_of(company, "basic", keeps=plan("pro"), keeps_until=end))
    subscription = Subscription.objects.get(company=company)
    assert (subscription.plan.slug, subscription.next_plan) == ("pro", plan("basic"))
    end_periods(now=end - DAY)
    assert plan_slug(company) == "pro"
    end_periods(now=end)
    assert plan_slug(company) == "basic"


@pytest.mark.parametrize("status", ["paused", "past_due"])
def test_a_downgrade_that_waited_gives_no_plan_to_who_does_not_pay(company: Company, status: str) -> None:
    end = BEGIN + relativedelta(months=1)
    waiting = subscription_of(company, "basic", keeps=plan("pro"), keeps_until=end)
    follow_subscription(replace(waiting, status=status))
    end_graces(now=BEGIN + settings.PAST_DUE_GRACE + DAY)
    assert plan_slug(company) == "free"
    end_periods(now=end)
    subscription = Subscription.objects.get(company=company)
    assert (subscription.plan.slug, subscription.next_plan) == ("free", None)
    follow_subscription(subscription_of(company, "basic", asked_at=end + DAY))
    assert plan_slug(company) == "basic"


def test_an_upgrade_gives_its_share_to_the_credit(company: Company) -> None:
    follow_subscription(subscription_of(company))
    end = BEGIN + relativedelta(months=1)
    for hours in range(24, 28 * 24, 24):
        upgrade = period_of(
            company, "pro", start=end - timedelta(hours=hours), end=end, anchor=BEGIN, replaces=plan("basic")
        )
        follow_payment(invoice_of(company, upgrade))
        assert grants_of(company)[-1] == 700 * hours // (28 * 24)


def test_a_paused_subscription_has_the_free_plans_limits(company: Company) -> None:
    follow_subscription(subscription_of(company))
    follow_subscription(subscription_of(company, status="paused", asked_at=BEGIN + DAY))
    assert plan_slug(company) == "free"
    follow_subscription(subscription_of(company, asked_at=BEGIN + 2 * DAY))
    assert plan_slug(company) == "basic"


def test_unlimited_credits_come_and_go_with_the_plan(company: Company) -> None:
    follow_subscription(subscription_of(company, "enterprise"))
    assert wallet_of(company).unlimited
    follow_subscription(subscription_of(company, "enterprise", status="cancelled", asked_at=BEGIN + DAY))
    assert not wallet_of(company).unlimited


def test_of_two_subscriptions_the_dearer_is_followed(company: Company) -> None:
    follow_subscription(subscription_of(company, "pro"))
    cheaper = subscription_of(company, "basic", reference="sub_other", asked_at=BEGIN + DAY)
    assert not follow_subscription(cheaper)
    assert plan_slug(company) == "pro"
    # The end of one that nobody follows says nothing about the plan.
    assert not follow_subscription(replace(cheaper, status="cancelled"))
    follow_subscription(subscription_of(company, "pro", status="cancelled", asked_at=BEGIN + 2 * DAY))
    assert follow_subscription(replace(cheaper, asked_at=BEGIN + 3 * DAY))
    assert plan_slug(company) == "basic"


def test_a_pack_is_granted_once_and_does_not_expire(company: Company) -> None:
    fact = pack_of(company)
    for _time in range(2):
        follow_payment(fact)
    entry = LedgerEntry.objects.get(wallet_id=company.pk)
    assert (entry.kind, entry.amount, entry.cause) == ("purchase", 500, "500 credits")
    assert wallet_of(company).lots.get().expires_at is None


def test_a_bank_that_pays_later_is_waited_for(company: Company) -> None:
    fact = pack_of(company, state="open", paid_at=None)
    follow_payment(fact)
    assert wallet_of(company).balance == 0
    follow_payment(replace(fact, state="paid", asked_at=BEGIN + DAY))
    # An older answer that arrives late.
    follow_payment(fact)
    assert wallet_of(company).balance == 500
    assert Payment.objects.get(company=company).state == "paid"


@pytest.mark.parametrize(
    ("refunded", "taken"), [(1999, 500), (1000, 251), (1, 1), (0, 0)], ids=["all", "half", "a cent", "nothing"]
)
def test_a_refund_takes_back_its_share_rounded_up(company: Company, refunded: int, taken: int) -> None:
    fact = pack_of(company)
    follow_payment(fact)
    for _time in range(2):
        follow_payment(replace(fact, refunded_cents=refunded, asked_at=BEGIN + DAY))
    assert wallet_of(company).balance == 500 - taken
    assert Payment.objects.get(company=company).reversed_credits == taken
    assert broken_of(company) == []


def test_what_was_spent_becomes_debt_and_is_paid_from_what_comes(company: Company) -> None:
    fact = pack_of(company)
    follow_payment(fact)
    spend(company, 450)
    follow_payment(replace(fact, refunded_cents=1999, asked_at=BEGIN + DAY))
    wallet = wallet_of(company)
    assert (wallet.balance, wallet.debt) == (0, 450)
    follow_payment(pack_of(company))
    wallet = wallet_of(company)
    assert (wallet.balance, wallet.debt) == (50, 0)
    assert broken_of(company) == []


def test_what_is_held_is_not_taken_but_owed_until_it_returns(company: Company) -> None:
    fact = pack_of(company)
    follow_payment(fact)
    key = f"held:{company.pk}"
    hold_credits(company=company, amount=200, key=key, cause="a fox")
    follow_payment(replace(fact, refunded_cents=1999, asked_at=BEGIN + DAY))
    wallet = wallet_of(company)
    assert (wallet.balance, wallet.held, wallet.debt) == (200, 200, 200)
    release_hold(key=key, reason="nothing came")
    collect_debts()
    wallet = wallet_of(company)
    assert (wallet.balance, wallet.debt) == (0, 0)


def test_a_dispute_takes_and_a_won_one_gives_back(company: Company) -> None:
    fact = pack_of(company)
    follow_payment(fact)
    spend(company, 100)
    follow_payment(replace(fact, disputed_cents=1999, asked_at=BEGIN + DAY))
    wallet = wallet_of(company)
    assert (wallet.balance, wallet.debt) == (0, 100)
    follow_payment(replace(fact, disputed_cents=0, asked_at=BEGIN + 9 * DAY))
    wallet = wallet_of(company)
    assert (wallet.balance, wallet.debt) == (400, 0)
    kinds = LedgerEntry.objects.filter(wallet_id=company.pk).order_by("number").values_list("kind", "amount")
    assert list(kinds) == [("purchase", 500), ("settle", -100), ("dispute", -400), ("dispute", 400)]
    assert broken_of(company) == []


def test_a_year_that_was_refunded_grants_no_more_and_a_won_dispute_lets_it_go_on(company: Company) -> None:
    year = period_of(company, interval="year")
    follow_subscription(subscription_of(company, interval="year", period_end=year.end))
    fact = invoice_of(company, year, amount_cents=9990)
    follow_payment(fact)
    follow_payment(replace(fact, disputed_cents=9990, asked_at=BEGIN + DAY))
    grant_due(now=BEGIN + relativedelta(months=2))
    assert (grants_of(company), wallet_of(company).balance) == ([300], 0)
    follow_payment(replace(fact, disputed_cents=0, asked_at=BEGIN + relativedelta(months=3)))
    grant_due(now=BEGIN + relativedelta(months=3))
    assert grants_of(company) == [300] * 4
    follow_payment(replace(fact, refunded_cents=9990, asked_at=BEGIN + relativedelta(months=4)))
    grant_due(now=BEGIN + relativedelta(months=6))
    assert wallet_of(company).balance == 0
    assert BillingPeriod.objects.get(company=company).stopped_at is not None


def test_a_payment_of_one_company_is_never_anothers(company: Company) -> None:
    fact = pack_of(company)
    follow_payment(fact)
    other: Any = AccountFactory(balance=0)
    with pytest.raises(WrongCompany):
        follow_payment(replace(fact, company=other))
    assert wallet_of(other).balance == 0
