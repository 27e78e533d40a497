"""Test money: a provider as small as can be, whose facts go the product's own way."""

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest
from dateutil.relativedelta import relativedelta
from django.core import signing
from django.db import connections
from django.utils import timezone
from pytest_django.fixtures import Settings

from accounts.companies import create_team
from accounts.models import User
from accounts.viewer import Viewer
from billing import buying, test_money
from billing.following import follow_payment
from billing.lifecycle import end_periods
from billing.models import LedgerEntry, Payment, Plan, Subscription
from billing.refusals import AlreadySubscribed, NotForSale
from billing.selectors import credits_of
from billing.standing import standing_of
from tests.billing.test_races import at_once
from tests.factories.billing import broken_of
from tests.factories.buying import buy_pack_with_test_money, buy_plan_with_test_money
from tests.factories.payments import invoice_of, period_of
from tests.factories.teams import acting

BEGIN = timezone.now()


@pytest.fixture(autouse=True)
def _in_development(settings: Settings) -> None:
    settings.DEBUG = True


@pytest.fixture
def buyer(alice: User, viewer: Callable[[User], Viewer]) -> Viewer:
    return viewer(alice)


def order_of(viewer: Viewer, slug: str = "basic", interval: str = "month") -> test_money.Order:
    plan = Plan.objects.get(slug=slug)
    token = test_money.order_token(company=viewer.company, plan=plan, interval=interval)
    order = test_money.find_order(company=viewer.company, token=token)
    assert order is not None
    return order


def state_of(viewer: Viewer) -> tuple[str, str, int]:
    """Plan in force, the one that waits, credits available."""
    standing = standing_of(viewer.company)
    waits = standing.next_plan.slug if standing.next_plan else ""
    return standing.plan.slug, waits, credits_of(viewer.company).available


def change(viewer: Viewer, slug: str, interval: str = "month", days: float = 0) -> None:
    plan = Plan.objects.get(slug=slug)
    test_money.change(company=viewer.company, plan=plan, interval=interval, now=BEGIN + timedelta(days=days))


@pytest.mark.usefixtures("committed_db")
def test_one_order_paid_by_ten_at_once_is_paid_and_granted_once(buyer: Viewer) -> None:
    order = order_of(buyer)

    def pay(_number: int) -> None:
        try:
            test_money.pay(order=order, now=BEGIN)
        finally:
            connections.close_all()

    with ThreadPoolExecutor(10) as pool:
        list(pool.map(pay, range(10)))
    assert Payment.objects.filter(company=buyer.company).count() == 1
    assert state_of(buyer) == ("basic", "", 400)
    assert broken_of(buyer.company) == []


@pytest.mark.usefixtures("committed_db")
def test_two_tabs_buy_one_subscription(buyer: Viewer) -> None:
    orders = [order_of(buyer, slug) for slug in ("basic", "pro") for _tab in range(4)]

    def pay(order: test_money.Order) -> bool:
        try:
            test_money.pay(order=order, now=BEGIN)
        except AlreadySubscribed:
            return False
        finally:
            connections.close_all()
        return True

    with ThreadPoolExecutor(8) as pool:
        assert sum(pool.map(pay, orders)) == 1
    assert Payment.objects.filter(company=buyer.company).count() == 1
    assert broken_of(buyer.company) == []


@pytest.mark.usefixtures("committed_db")
def test_clocks_that_renew_at_once_renew_once(buyer: Viewer) -> None:
    buy_plan_with_test_money(buyer, now=BEGIN)
    later = BEGIN + relativedelta(months=1)

    def renew(_number: int) -> None:
        try:
            test_money._renew(buyer.company.pk, later)
        finally:
            connections.close_all()

    with ThreadPoolExecutor(6) as pool:
        list(pool.map(renew, range(6)))
    assert Payment.objects.filter(company=buyer.company).count() == 2
    assert standing_of(buyer.company).subscription.period_end == later + relativedelta(months=1)
    assert broken_of(buyer.company) == []


@pytest.mark.django_db
def test_an_order_is_its_companys_only_and_cannot_be_made_up(buyer: Viewer, bob: User) -> None:
    stranger = Viewer(bob, bob.memberships.get().company, "owner")
    token = test_money.order_token(company=buyer.company, plan=Plan.objects.get(slug="pro"), interval="month")
    assert test_money.find_order(company=stranger.company, token=token) is None
    forged = signing.dumps({"n": "1", "c": str(stranger.company.pk), "i": "month"}, salt="another")
    for made_up in ("", "x", token + "x", forged):
        assert test_money.find_order(company=stranger.company, token=made_up) is None


@pytest.mark.django_db
def test_a_pack_is_credited_once_and_does_not_expire(buyer: Viewer) -> None:
    payment = buy_pack_with_test_money(buyer)
    assert (payment.state, payment.amount_cents, payment.currency) == ("paid", 1999, "USD")
    entry = LedgerEntry.objects.get(wallet_id=buyer.company.pk, kind="purchase")
    assert (entry.amount, state_of(buyer)) == (500, ("free", "", 600))
    assert not buyer.company.wallet.lots.filter(amount=500).exclude(expires_at=None).exists()


@pytest.mark.django_db
def test_a_larger_plan_begins_at_once_for_the_difference_of_what_is_left(buyer: Viewer) -> None:
    buy_plan_with_test_money(buyer, now=BEGIN)
    half = (standing_of(buyer.company).subscription.period_end or BEGIN) - BEGIN
    change(buyer, "pro", days=half.days / 2)
    assert state_of(buyer)[:2] == ("pro", "")
    payment = Payment.objects.get(company=buyer.company, description__startswith="Change to")
    assert payment.amount_cents == pytest.approx(1000, abs=20)
    assert payment.credits == pytest.approx(350, abs=8)
    change(buyer, "pro", days=half.days / 2)
    assert Payment.objects.filter(company=buyer.company).count() == 2
    assert broken_of(buyer.company) == []


@pytest.mark.django_db
def test_a_year_instead_of_the_month_gives_no_day_twice(buyer: Viewer) -> None:
    buy_plan_with_test_money(buyer, now=BEGIN)
    whole = (standing_of(buyer.company).subscription.period_end or BEGIN) - BEGIN
    change(buyer, "basic", "year", days=whole.days / 2)
    # Half of the month's 300 were given for the days that are counted as money.
    assert state_of(buyer) == ("basic", "", 100 + 300 + 150)
    assert broken_of(buyer.company) == []


@pytest.mark.django_db
def test_a_smaller_plan_waits_for_the_end_and_is_renewed_at_its_price(buyer: Viewer) -> None:
    buy_plan_with_test_money(buyer, "pro", now=BEGIN)
    change(buyer, "basic", days=1)
    assert state_of(buyer)[:2] == ("pro", "basic")
    later = BEGIN + relativedelta(months=1)
    end_periods(now=later)
    test_money.renew_due(now=later)
    assert state_of(buyer)[:2] == ("basic", "")
    assert list(
        Payment.objects.filter(company=buyer.company).order_by("pk").values_list("amount_cents", flat=True)
    ) == [
        2999,
        999,
    ]
    assert broken_of(buyer.company) == []


@pytest.mark.django_db
def test_who_cancels_keeps_the_plan_until_its_end_and_may_go_on(buyer: Viewer) -> None:
    buy_plan_with_test_money(buyer, now=BEGIN)
    test_money.end_at_period_end(company=buyer.company, now=BEGIN + timedelta(days=1))
    assert standing_of(buyer.company).ends_at == BEGIN + relativedelta(months=1)
    test_money.go_on(company=buyer.company, now=BEGIN + timedelta(days=2))
    assert standing_of(buyer.company).ends_at is None
    test_money.end_at_period_end(company=buyer.company, now=BEGIN + timedelta(days=3))
    test_money.renew_due(now=BEGIN + relativedelta(months=1))
    subscription = Subscription.objects.get(company=buyer.company)
    assert (subscription.plan.slug, subscription.source, subscription.reference) == ("free", "free", "")
    assert Payment.objects.filter(company=buyer.company).count() == 1
    assert broken_of(buyer.company) == []


@pytest.mark.django_db
def test_a_trial_costs_nothing_is_had_once_and_then_paid_for(buyer: Viewer) -> None:
    Plan.objects.filter(slug="basic").update(trial_days=14, trial_credits=50)
    assert buy_plan_with_test_money(buyer, now=BEGIN).amount_cents == 0
    assert standing_of(buyer.company).is_trial
    assert state_of(buyer) == ("basic", "", 150)
    assert not order_of(buyer).is_trial
    test_money.renew_due(now=BEGIN + timedelta(days=14))
    assert not standing_of(buyer.company).is_trial
    assert Payment.objects.filter(company=buyer.company).latest("pk").amount_cents == 999
    assert broken_of(buyer.company) == []


@pytest.mark.django_db
def test_people_try_a_plan_out_once_however_many_companies_they_make(alice: User, bob: User) -> None:
    Plan.objects.filter(slug="pro").update(trial_days=7, trial_credits=200)
    teams = [acting(alice, create_team(user=alice, name=f"Team {number}")) for number in range(3)]
    # All begun before the first is confirmed.
    orders = [order_of(team, "pro") for team in teams]
    for order in orders:
        test_money.pay(order=order, now=BEGIN)
    assert [credits_of(team.company).balance for team in teams] == [200, 0, 0]
    assert not order_of(acting(alice, create_team(user=alice, name="Team 4")), "pro").is_trial
    another = acting(bob, create_team(user=bob, name="Bob's"))
    assert order_of(another, "pro").is_trial


@pytest.mark.usefixtures("committed_db")
def test_trials_of_one_owner_that_begin_at_the_same_moment_give_credits_once(alice: User) -> None:
    pro = Plan.objects.get(slug="pro")
    pro.trial_days, pro.trial_credits = 7, 200
    teams = [create_team(user=alice, name=f"Team {number}") for number in range(4)]

    def begin(number: int) -> int:
        company = teams[number]
        period = period_of(company, is_trial=True, start=BEGIN, end=BEGIN + timedelta(days=7))
        follow_payment(invoice_of(company, replace(period, plan=pro), amount_cents=0))
        return credits_of(company).balance

    assert sorted(at_once(4, begin)) == [0, 0, 0, 200]
    assert [sentence for company in teams for sentence in broken_of(company)] == []


@pytest.mark.django_db
@pytest.mark.parametrize("real", [{"DEBUG": False}, {"STRIPE_SECRET_KEY": "sk_test_" + "1" * 32}])
def test_once_test_money_is_closed_it_pays_for_no_change_either(
    buyer: Viewer, settings: Settings, real: dict[str, Any]
) -> None:
    buy_plan_with_test_money(buyer, now=BEGIN)
    before = state_of(buyer), standing_of(buyer.company).subscription.period_end
    for name, value in real.items():
        setattr(settings, name, value)
    for slug, interval in [("pro", "month"), ("basic", "year")]:
        with pytest.raises(NotForSale):
            buying.change_plan(viewer=buyer, plan=Plan.objects.get(slug=slug), interval=interval)
    assert (state_of(buyer), standing_of(buyer.company).subscription.period_end) == before
    assert buying.cancel(viewer=buyer).ends_at


@pytest.mark.django_db
def test_once_there_is_a_real_way_to_pay_test_money_ends_with_its_period(buyer: Viewer, settings: Settings) -> None:
    buy_plan_with_test_money(buyer, now=BEGIN)
    settings.STRIPE_SECRET_KEY = "sk_test_" + "1" * 32
    test_money.renew_due(now=BEGIN + timedelta(days=1))
    assert standing_of(buyer.company).plan.slug == "basic"
    test_money.renew_due(now=BEGIN + relativedelta(months=1))
    assert standing_of(buyer.company).plan.slug == "free"
