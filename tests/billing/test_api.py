"""Credits over HTTP."""

from uuid import uuid4

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext
from drf_spectacular.generators import SchemaGenerator
from pytest_django import DjangoAssertNumQueries
from rest_framework.test import APIClient

from accounts.models import Company, User
from billing.services import grant_credits, hold_credits, settle_hold

BALANCE, HISTORY = "/api/v1/credits/balance", "/api/v1/credits/history"


@pytest.fixture
def company(alice: User) -> Company:
    return Company.objects.get(memberships__user=alice)


@pytest.mark.parametrize("path", [BALANCE, HISTORY])
def test_a_program_that_did_not_sign_in_is_refused(db: None, path: str) -> None:
    answer = APIClient().get(path)
    assert answer.status_code == 401
    assert answer["Content-Type"] == "application/problem+json"


@pytest.mark.parametrize("path", [BALANCE, HISTORY])
def test_credits_are_only_read(alice_api: APIClient, path: str) -> None:
    for method in (alice_api.post, alice_api.put, alice_api.patch, alice_api.delete):
        assert method(path, {"balance": 1_000_000}).status_code == 405
    assert alice_api.get(BALANCE).json()["balance"] == 100


def test_the_balance_tells_what_is_held_and_what_is_left(alice_api: APIClient, company: Company) -> None:
    hold_credits(company=company, amount=4, key="api:1", cause="x")
    assert alice_api.get(BALANCE).json() == {"balance": 100, "held": 4, "available": 96, "unlimited": False}


def test_the_history_is_the_ledger_latest_first(alice_api: APIClient, company: Company) -> None:
    hold_credits(company=company, amount=4, key="api:2", cause="red fox")
    settle_hold(key="api:2", amount=3)
    rows = alice_api.get(HISTORY).json()["results"]
    assert [(row["kind"], row["amount"], row["balance_after"], row["cause"]) for row in rows] == [
        ("settle", -3, 97, "red fox"),
        ("grant", 100, 100, "Welcome to Darkroom"),
    ]
    assert set(rows[0]) == {"id", "kind", "amount", "balance_after", "cause", "created_at"}


def test_the_history_goes_on_by_cursor(alice_api: APIClient, company: Company) -> None:
    for number in range(5):
        grant_credits(company=company, amount=1, kind="grant", key=f"api:{company.pk}:{number}", cause="x")
    address, seen = f"{HISTORY}?page_size=2", []
    while address:
        page = alice_api.get(address).json()
        seen += [row["balance_after"] for row in page["results"]]
        address = page["next"]
    assert seen == [105, 104, 103, 102, 101, 100]


def test_a_stranger_reads_only_the_strangers_own(bob_api: APIClient, company: Company) -> None:
    hold_credits(company=company, amount=4, key="api:3", cause="secret fox")
    settle_hold(key="api:3", amount=4)
    assert bob_api.get(BALANCE).json()["balance"] == 100
    assert "secret" not in bob_api.get(HISTORY).content.decode()


def test_the_history_asks_the_same_number_of_queries_for_one_and_for_fifty_rows(
    alice_api: APIClient, company: Company, django_assert_num_queries: DjangoAssertNumQueries
) -> None:
    address = f"{HISTORY}?page_size=60"
    alice_api.get(address)
    with CaptureQueriesContext(connection) as at_one:
        assert len(alice_api.get(address).json()["results"]) == 1
    for _number in range(49):
        grant_credits(company=company, amount=1, kind="grant", key=str(uuid4()), cause="x")
    with django_assert_num_queries(len(at_one.captured_queries)):
        assert len(alice_api.get(address).json()["results"]) == 50


def test_the_document_describes_both_with_examples() -> None:
    paths = SchemaGenerator().get_schema(request=None, public=True)["paths"]
    for path in (BALANCE, HISTORY):
        content = paths[path]["get"]["responses"]["200"]["content"]["application/json"]
        assert content["examples"]
