"""Plans, and what a new company, a verified person and the demo get."""

from uuid import uuid4

import pytest

from accounts.models import Company
from billing import hooks
from billing.catalogues import CATALOGUES, DARKROOM
from billing.corrections import change_plan
from billing.models import CreditPack, LedgerEntry, Plan
from billing.plans import default_plan, load_catalogue, seed_plans
from billing.selectors import credits_of, plan_of
from config.base import registry
from tests.factories.accounts import PersonFactory
from tests.factories.billing import AccountFactory

pytestmark = pytest.mark.django_db


def test_the_seed_writes_four_plans() -> None:
    plans = {plan.slug: plan for plan in Plan.objects.all()}
    assert set(plans) == set(DARKROOM.plans)
    assert [plans[slug].parallel_jobs for slug in DARKROOM.plans] == [1, 4, 8, 20]
    assert [plans[slug].daily_generations for slug in DARKROOM.plans] == [10, 100, 1000, None]
    assert [plans[slug].has_watermark for slug in DARKROOM.plans] == [True, False, False, False]
    assert [plans[slug].monthly_price_cents for slug in DARKROOM.plans] == [0, 999, 2999, None]


def test_the_seed_keeps_what_an_operator_changed() -> None:
    Plan.objects.filter(slug="basic").update(daily_generations=123)
    seed_plans()
    assert Plan.objects.get(slug="basic").daily_generations == 123
    assert Plan.objects.count() == 4
    assert list(CreditPack.objects.values_list("credits", "price_cents")) == [(100, 499), (500, 1999), (2000, 6999)]


def test_a_year_costs_ten_months() -> None:
    for plan in Plan.objects.exclude(yearly_price_cents=None):
        assert plan.yearly_price_cents == 10 * (plan.monthly_price_cents or 0)


def test_another_catalogue_takes_the_first_out_of_the_offer_and_leaves_companies_where_they_are() -> None:
    company = AccountFactory(balance=0)
    Plan.objects.filter(slug="basic").update(monthly_credits=301)
    assert load_catalogue("creator") == (4, 3)
    assert set(Plan.objects.filter(is_active=True).values_list("slug", flat=True)) == set(CATALOGUES["creator"].plans)
    assert default_plan().slug == "creator-free"
    assert plan_of(company).slug == "free"
    assert plan_of(AccountFactory(balance=0)).slug == "creator-free"
    # Again, and the seed of the next start: nothing changes.
    assert load_catalogue("creator") == (0, 7)
    seed_plans()
    assert default_plan().slug == "creator-free"
    load_catalogue("darkroom")
    assert default_plan().slug == "free"
    assert Plan.objects.get(slug="basic").monthly_credits == 301


def test_a_plan_that_an_operator_took_out_of_the_offer_stays_out() -> None:
    Plan.objects.filter(slug="basic").update(is_active=False)
    seed_plans()
    assert not Plan.objects.get(slug="basic").is_active


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
    entry = LedgerEntry.objects.get(wallet_id=company.pk)
    assert entry.key.startswith("welcome:")
    assert person.email not in entry.key


def test_nobody_is_welcomed_twice() -> None:
    person = PersonFactory()
    company = Company.objects.get(memberships__user=person)
    hooks.welcome(person.pk, company.pk)
    assert credits_of(company).balance == 100


@pytest.mark.parametrize("again", ["{name}+2@gmail.com", "{dotted}@gmail.com", "{name}@googlemail.com"])
def test_a_mailbox_is_welcomed_once_however_its_address_is_written(again: str) -> None:
    name = uuid4().hex[:12]
    PersonFactory(email=f"{name}@gmail.com")
    other = PersonFactory(email=again.format(name=name, dotted=".".join(name)))
    assert credits_of(Company.objects.get(memberships__user=other)).balance == 0


def test_a_plan_without_welcome_credits_grants_none() -> None:
    Plan.objects.filter(slug="free").update(welcome_credits=0)
    company = Company.objects.get(memberships__user=PersonFactory())
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
