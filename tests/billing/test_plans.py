"""Plans, and what a new company, a verified person and the demo get."""

from uuid import uuid4

import pytest

from accounts.models import Company
from billing import hooks
from billing.corrections import change_plan
from billing.models import LedgerEntry, Plan
from billing.plans import FIGURES, seed_plans
from billing.selectors import credits_of, plan_of
from config.base import registry
from tests.factories.accounts import PersonFactory
from tests.factories.billing import AccountFactory

pytestmark = pytest.mark.django_db


def test_the_seed_writes_four_plans() -> None:
    plans = {plan.slug: plan for plan in Plan.objects.all()}
    assert set(plans) == set(FIGURES)
    assert [plans[slug].parallel_jobs for slug in FIGURES] == [1, 4, 8, 20]
    assert [plans[slug].daily_generations for slug in FIGURES] == [10, 100, 1000, None]
    assert [plans[slug].has_watermark for slug in FIGURES] == [True, False, False, False]
    assert [plans[slug].monthly_price_cents for slug in FIGURES] == [0, 999, 2999, None]


def test_the_seed_keeps_what_an_operator_changed() -> None:
    Plan.objects.filter(slug="basic").update(daily_generations=123)
    seed_plans()
    assert Plan.objects.get(slug="basic").daily_generations == 123
    assert Plan.objects.count() == 4


def test_the_seed_is_registered() -> None:
    assert seed_plans in registry.seeds.listeners


def test_a_plan_says_what_it_costs_and_gives() -> None:
    labels = [plan.price_label for plan in Plan.objects.order_by("position")]
    assert labels == ["Free", "$9.99 a month", "$29.99 a month", "By agreement"]
    free = " / ".join(Plan.objects.get(slug="free").summary)
    assert "100 credits" in free
    assert "10 generations a day" in free
    assert "1 job at a time" in free
    assert "watermark" in free
    basic = " / ".join(Plan.objects.get(slug="basic").summary)
    assert "Basic and advanced models" in basic
    assert "No watermark" in basic
    enterprise = " / ".join(Plan.objects.get(slug="enterprise").summary)
    assert "Unlimited" in enterprise
    assert "All models" in enterprise


def test_a_verified_person_has_the_welcome_credits_on_the_free_plan() -> None:
    person = PersonFactory()
    company = Company.objects.get(memberships__user=person)
    assert plan_of(company).slug == "free"
    assert credits_of(company).balance == 100
    assert LedgerEntry.objects.get(wallet_id=company.pk).key == f"welcome:{person.pk}"


def test_nobody_is_welcomed_twice() -> None:
    company, person = AccountFactory(balance=0), uuid4()
    hooks.welcome(person, company.pk)
    hooks.welcome(person, company.pk)
    assert credits_of(company).balance == 100


def test_a_plan_without_welcome_credits_grants_none() -> None:
    company = AccountFactory(balance=0)
    Plan.objects.filter(slug="free").update(welcome_credits=0)
    hooks.welcome(uuid4(), company.pk)
    assert not LedgerEntry.objects.filter(wallet_id=company.pk).exists()


def test_the_demo_company_is_on_pro_with_a_thousand_credits_however_often_it_is_made() -> None:
    company = AccountFactory(balance=100)
    for _attempt in range(2):
        hooks.furnish_demo(company.pk)
        assert credits_of(company).balance == 1000
        assert plan_of(company).slug == "pro"


def test_a_plan_with_unlimited_credits_lifts_the_wallets_limit() -> None:
    operator = PersonFactory(is_operator=True)
    company = AccountFactory()
    assert change_plan(company=company, plan=Plan.objects.get(slug="enterprise"), actor=operator)
    assert credits_of(company).unlimited
    assert not change_plan(company=company, plan=Plan.objects.get(slug="enterprise"), actor=operator)
    assert change_plan(company=company, plan=Plan.objects.get(slug="pro"), actor=operator)
    assert not credits_of(company).unlimited
    assert company.audit_entries.filter(action="plan.changed").count() == 2
