"""Plans and prices for everybody, letters to sales, and the way past a limit."""

import pytest
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext
from pytest_django.fixtures import Settings

from accounts.models import Company, User
from billing.lifting import upgrade_for
from billing.models import CreditPack, Plan, SalesEnquiry, Subscription
from tests.factories.teams import put_on

pytestmark = pytest.mark.django_db
LETTER = {"name": "Ada", "email": "ada@example.com", "organisation": "Fox & Sons", "message": "We are forty people."}


@pytest.fixture
def company(alice: User) -> Company:
    return Company.objects.get(memberships__user=alice)


def text_of(client: Client, path: str = "/pricing") -> str:
    answer = client.get(path)
    assert answer.status_code == 200
    page: str = answer.content.decode()
    assert "style=" not in page
    return " ".join(page.split())


def test_visitors_see_plans_packs_and_the_comparison(client: Client) -> None:
    page = text_of(client)
    for words in ("$9.99", "$29.99", "By agreement", "$4.99", "Side by side", "Start free", "1,000 a month"):
        assert words in page


def test_the_year_is_a_link_and_says_what_it_saves(client: Client) -> None:
    assert 'href="/pricing?interval=year"' in text_of(client)
    page = text_of(client, "/pricing?interval=year")
    for words in ("$99.90", "a year", "$19.98 less than twelve months"):
        assert words in page


def test_one_page_for_any_number_of_plans_and_packs_costs_two_queries(client: Client) -> None:
    with CaptureQueriesContext(connection) as queries:
        client.get("/pricing")
    assert len(queries.captured_queries) == 2


def test_ones_own_plan_is_marked_and_others_can_be_chosen(
    alice_client: Client, company: Company, settings: Settings
) -> None:
    settings.DEBUG = True
    put_on(company, "basic")
    page = text_of(alice_client)
    assert page.count("Your plan") == 1
    assert "Choose Pro" in page


def test_who_pays_changes_instead_of_buying_a_second_plan(
    alice_client: Client, company: Company, settings: Settings
) -> None:
    settings.DEBUG = True
    alice_client.post(alice_client.post("/billing/plan", {"plan": "basic"})["Location"], {"answer": "pay"})
    page = text_of(alice_client)
    assert "Change to Pro" in page
    assert "Go back to free" in page
    assert "Choose Pro" not in page
    assert "Pay by the year" in text_of(alice_client, "/pricing?interval=year")
    answer = alice_client.post("/billing/plan", {"plan": "pro"})
    assert answer.status_code == 409
    assert b"Change that plan instead" in answer.content
    assert Subscription.objects.get(company=company).plan.slug == "basic"


def test_what_an_operator_gave_is_not_replaced_by_buying_less(
    alice_client: Client, company: Company, settings: Settings
) -> None:
    settings.DEBUG = True
    put_on(company, "pro")
    Subscription.objects.filter(company=company).update(source="manual")
    assert "Choose Basic" not in text_of(alice_client)
    assert alice_client.post("/billing/plan", {"plan": "basic"}).status_code == 409


def test_a_trial_is_named_with_what_follows(client: Client) -> None:
    Plan.objects.filter(slug="basic").update(trial_days=14)
    assert "14 days free" in text_of(client)


def test_plans_without_a_years_price_and_no_packs_at_all_leave_no_holes(client: Client) -> None:
    Plan.objects.update(yearly_price_cents=None)
    CreditPack.objects.update(is_active=False)
    page = text_of(client, "/pricing?interval=year")
    assert "By the year" not in page
    assert "Credits without a plan" not in page
    assert "$9.99" in page


def test_a_letter_to_sales_is_kept_with_who_sent_it(alice_client: Client, company: Company) -> None:
    assert 'value="enterprise" selected' in text_of(alice_client, "/contact-sales?plan=enterprise")
    answer = alice_client.post("/contact-sales", LETTER | {"plan": "enterprise"})
    assert (answer.status_code, answer["Location"]) == (302, "/pricing")
    letter = SalesEnquiry.objects.get(company=company)
    assert (letter.name, letter.plan and letter.plan.slug, letter.message) == ("Ada", "enterprise", LETTER["message"])


@pytest.mark.parametrize("wrong", [{"email": "ada"}, {"message": ""}, {"name": ""}, {"plan": "basic"}])
def test_a_letter_that_cannot_be_answered_is_told_and_not_kept(client: Client, wrong: dict[str, str]) -> None:
    before = SalesEnquiry.objects.count()
    answer = client.post("/contact-sales", LETTER | wrong)
    assert answer.status_code == 422
    assert b"field-error" in answer.content
    assert SalesEnquiry.objects.count() == before


def test_a_machine_that_fills_in_everything_is_thanked_and_forgotten(client: Client) -> None:
    before = SalesEnquiry.objects.count()
    assert client.post("/contact-sales", LETTER | {"website": "https://spam.example"}).status_code == 302
    assert SalesEnquiry.objects.count() == before


def test_letters_are_limited(client: Client, settings: Settings) -> None:
    settings.RATE_LIMITS = settings.RATE_LIMITS | {"enquiries": (2, 3600)}
    before = SalesEnquiry.objects.count()
    statuses = [client.post("/contact-sales", LETTER).status_code for _number in range(4)]
    assert statuses == [302, 302, 429, 429]
    assert SalesEnquiry.objects.count() == before + 2


@pytest.mark.parametrize(
    ("limit", "here", "there"),
    [
        ("insufficient_credits", "free", "basic"),
        ("daily_limit", "basic", "pro"),
        ("storage", "pro", "enterprise"),
        ("company_full", "free", "pro"),
        ("api", "free", "pro"),
        ("watermark", "free", "basic"),
        ("not_in_plan", "pro", "enterprise"),
    ],
)
def test_the_smallest_plan_that_lifts_a_limit_is_named(limit: str, here: str, there: str) -> None:
    found = upgrade_for(limit, Plan.objects.get(slug=here))
    assert found is not None
    assert found.plan.slug == there


def test_a_model_is_unlocked_by_the_smallest_plan_that_has_its_tier() -> None:
    found = upgrade_for("models", Plan.objects.get(slug="free"), tier="premium")
    assert found is not None
    assert found.plan.slug == "pro"


@pytest.mark.parametrize("limit", ["too_many_requests", "watermark", ""])
def test_what_no_plan_lifts_has_no_prompt(limit: str) -> None:
    assert upgrade_for(limit, Plan.objects.get(slug="basic")) is None


def test_the_way_past_a_limit_stands_where_it_is_met(alice_client: Client) -> None:
    assert "Pro</strong> has API keys, for $29.99 a month." in text_of(alice_client, "/api-keys")
