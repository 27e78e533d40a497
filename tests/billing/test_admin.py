"""Money for operators: looked at by many, changed only with a reason and an audit entry."""

from typing import Any
from uuid import uuid4

import pytest
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext
from pytest_django import DjangoAssertNumQueries

from accounts.models import AuditEntry, Company, User
from billing.models import LedgerEntry, Plan, Wallet
from billing.selectors import credits_of, plan_of
from billing.services import hold_credits
from billing.usage import take_generations
from tests.factories.accounts import PersonFactory
from tests.factories.billing import AccountFactory, broken_of

LISTS = ["plan", "subscription", "wallet", "creditlot", "hold", "ledgerentry", "usagecounter"]


@pytest.fixture
def operator(db: None) -> User:
    return PersonFactory(is_operator=True)


@pytest.fixture
def operator_client(operator: User) -> Client:
    client = Client()
    client.force_login(operator)
    return client


@pytest.fixture
def company(db: None) -> Company:
    company = AccountFactory()
    hold_credits(company=company, amount=4, key=str(uuid4()), cause="red fox")
    take_generations(company=company, count=1)
    return company


def adjust(client: Client, company: Company, **fields: Any) -> Any:
    return client.post(f"/admin/billing/wallet/{company.pk}/adjust/", {"key": str(uuid4()), **fields})


@pytest.mark.usefixtures("company")
@pytest.mark.parametrize("name", LISTS)
def test_operators_see_every_kind_of_row(operator_client: Client, name: str) -> None:
    answer = operator_client.get(f"/admin/billing/{name}/")
    assert answer.status_code == 200
    rows = answer.context["cl"].result_list
    assert operator_client.get(f"/admin/billing/{name}/{rows[0].pk}/change/").status_code == 200


@pytest.mark.parametrize("name", LISTS)
def test_nobody_else_sees_them(alice_client: Client, company: Company, name: str) -> None:
    assert alice_client.get(f"/admin/billing/{name}/").status_code == 302
    assert adjust(alice_client, company, amount=5, reason="for me").status_code == 302
    assert credits_of(company).balance == 100


@pytest.mark.parametrize("name", ["wallet", "creditlot", "hold", "ledgerentry", "usagecounter"])
def test_rows_of_the_ledger_are_neither_added_changed_nor_deleted(
    operator_client: Client, company: Company, name: str
) -> None:
    row = operator_client.get(f"/admin/billing/{name}/").context["cl"].result_list[0]
    before = list(Wallet.objects.values_list()), list(LedgerEntry.objects.values_list())
    assert operator_client.get(f"/admin/billing/{name}/add/").status_code == 403
    assert operator_client.post(f"/admin/billing/{name}/{row.pk}/change/", {"balance": 9}).status_code == 403
    assert operator_client.post(f"/admin/billing/{name}/{row.pk}/delete/", {"post": "yes"}).status_code == 403
    assert (list(Wallet.objects.values_list()), list(LedgerEntry.objects.values_list())) == before


def test_plans_and_subscriptions_stay(operator_client: Client, company: Company) -> None:
    for name, row in (("plan", plan_of(company)), ("subscription", company.subscription)):
        assert operator_client.post(f"/admin/billing/{name}/{row.pk}/delete/", {"post": "yes"}).status_code == 403
    assert operator_client.get("/admin/billing/subscription/add/").status_code == 403
    assert plan_of(company).slug == "free"


def test_credits_are_given_with_a_reason(operator_client: Client, operator: User, company: Company) -> None:
    assert "96 available" in operator_client.get(f"/admin/billing/wallet/{company.pk}/adjust/").content.decode()
    assert adjust(operator_client, company, amount=25, reason="for the outage").status_code == 302
    entry = LedgerEntry.objects.get(wallet_id=company.pk, kind="adjust")
    assert (entry.amount, entry.balance_after, entry.cause, entry.actor) == (25, 125, "for the outage", operator.email)
    audit = AuditEntry.objects.get(company=company, action="credits.adjusted")
    assert (audit.actor, audit.detail["amount"], audit.detail["reason"]) == (operator.email, 25, "for the outage")


def test_credits_are_taken_back_as_far_as_they_are_available(operator_client: Client, company: Company) -> None:
    assert adjust(operator_client, company, amount=-96, reason="a mistake").status_code == 302
    assert (credits_of(company).balance, credits_of(company).held) == (4, 4)
    assert broken_of(company) == []


@pytest.mark.parametrize(
    "fields",
    [
        {"amount": -97, "reason": "too much"},
        {"amount": 0, "reason": "nothing"},
        {"amount": 5, "reason": ""},
        {"amount": "many", "reason": "x"},
    ],
)
def test_a_wrong_adjustment_is_explained_and_changes_nothing(
    operator_client: Client, company: Company, fields: dict[str, Any]
) -> None:
    answer = adjust(operator_client, company, **fields)
    assert answer.status_code == 200
    assert 'role="alert"' in answer.content.decode()
    assert (credits_of(company).balance, LedgerEntry.objects.filter(wallet_id=company.pk).count()) == (100, 1)
    assert not AuditEntry.objects.filter(company=company).exists()


def test_an_adjustment_that_is_sent_twice_counts_once(operator_client: Client, company: Company) -> None:
    key = str(uuid4())
    for amount in (5, 5, -5):
        assert adjust(operator_client, company, amount=amount, reason="once", key=key).status_code == 302
    assert credits_of(company).balance == 105
    assert AuditEntry.objects.filter(company=company).count() == 1


def test_staff_without_the_right_cannot_adjust(company: Company) -> None:
    person = PersonFactory()
    person.is_staff = True
    person.save(update_fields=["is_staff"])
    client = Client()
    client.force_login(person)
    assert adjust(client, company, amount=5, reason="for me").status_code == 403
    assert credits_of(company).balance == 100


def test_a_plan_is_changed_by_hand_and_written_down(operator_client: Client, company: Company) -> None:
    basic = Plan.objects.get(slug="basic")
    address = f"/admin/billing/subscription/{company.subscription.pk}/change/"
    assert operator_client.post(address, {"plan": str(basic.pk)}).status_code == 302
    company.subscription.refresh_from_db()
    assert (company.subscription.plan, company.subscription.source) == (basic, "manual")
    assert AuditEntry.objects.get(company=company, action="plan.changed").detail == {"plan": "basic", "before": "free"}


@pytest.mark.parametrize("name", ["subscription", "wallet", "creditlot", "hold", "ledgerentry", "usagecounter"])
def test_lists_ask_the_same_number_of_queries_for_many(
    operator_client: Client, company: Company, name: str, django_assert_num_queries: DjangoAssertNumQueries
) -> None:
    address = f"/admin/billing/{name}/"
    operator_client.get(address)
    with CaptureQueriesContext(connection) as before:
        operator_client.get(address)
    for number in range(49):
        other = AccountFactory()
        hold_credits(company=other, amount=1, key=f"{company.pk}:{number}", cause="x")
        take_generations(company=other, count=1)
    with django_assert_num_queries(len(before.captured_queries)):
        operator_client.get(address)
