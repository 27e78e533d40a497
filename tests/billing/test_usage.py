"""Limits of a plan: what is taken, what is refused and what it says."""

from datetime import UTC, datetime, timedelta

import pytest

from accounts.models import Company
from billing.models import Plan, UsageCounter
from billing.selectors import generations_today, today
from billing.usage import (
    GENERATIONS,
    LimitReached,
    give_back_generations,
    seconds_left,
    take_generations,
    take_usage,
)
from tests.factories.billing import AccountFactory

pytestmark = pytest.mark.django_db


@pytest.fixture
def company() -> Company:
    return AccountFactory()


def test_generations_are_taken_from_the_utc_day(company: Company) -> None:
    assert take_generations(company=company, count=4) == today()
    assert generations_today(company) == (4, 10)


def test_the_limit_can_be_used_up_and_not_passed(company: Company) -> None:
    take_generations(company=company, count=8)
    before = list(UsageCounter.objects.values_list())
    with pytest.raises(LimitReached) as refusal:
        take_generations(company=company, count=3)
    assert "Free" in refusal.value.sentence
    assert "10 generations a day" in refusal.value.sentence
    assert "8 are used and this needs 3" in refusal.value.sentence
    assert "midnight UTC" in refusal.value.sentence
    assert (refusal.value.status, refusal.value.problem_code) == (429, "daily_limit")
    assert refusal.value.retry_after
    assert list(UsageCounter.objects.values_list()) == before
    take_generations(company=company, count=2)
    assert generations_today(company) == (10, 10)


def test_more_than_the_whole_limit_is_refused_on_a_fresh_day(company: Company) -> None:
    with pytest.raises(LimitReached):
        take_generations(company=company, count=11)
    assert not UsageCounter.objects.filter(company=company).exists()


def test_a_plan_without_a_limit_counts_all_the_same(company: Company) -> None:
    company.subscription.plan = Plan.objects.get(slug="enterprise")
    company.subscription.save()
    take_generations(company=company, count=10_000)
    assert generations_today(company) == (10_000, None)


def test_generations_go_back_to_their_own_day(company: Company) -> None:
    take_usage(company=company, name=GENERATIONS, amount=4, period="2020-01-01", limit=10)
    take_generations(company=company, count=4)
    give_back_generations(company=company, count=3, period="2020-01-01")
    used = dict(UsageCounter.objects.filter(company=company).values_list("period", "used"))
    assert used == {"2020-01-01": 1, today(): 4}


def test_nothing_is_given_back_below_zero_or_to_a_day_without_a_count(company: Company) -> None:
    take_generations(company=company, count=2)
    give_back_generations(company=company, count=5, period=today())
    give_back_generations(company=company, count=5, period="2020-01-01")
    assert list(UsageCounter.objects.filter(company=company).values_list("used", flat=True)) == [0]


def test_a_negative_amount_is_a_mistake(company: Company) -> None:
    with pytest.raises(ValueError, match="give_back_usage"):
        take_usage(company=company, name="pictures", amount=-1, period="", limit=10)
    assert not UsageCounter.objects.filter(company=company).exists()


def test_one_companys_use_is_not_anothers(company: Company) -> None:
    take_generations(company=company, count=10)
    assert generations_today(AccountFactory()) == (0, 10)


@pytest.mark.parametrize(
    ("time", "seconds"),
    [((0, 0, 0), 86_401), ((23, 59, 59), 2), ((12, 0, 0), 43_201)],
)
def test_the_wait_ends_after_midnight(time: tuple[int, int, int], seconds: int) -> None:
    now = datetime(2026, 11, 20, *time, tzinfo=UTC)
    assert seconds_left(now) == seconds
    assert (now + timedelta(seconds=seconds)).date() > now.date()
