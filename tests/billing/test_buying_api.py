"""Plans, subscriptions and payments over HTTP."""

from collections.abc import Callable
from typing import Any
from uuid import uuid4

import pytest
from django.test import Client
from pytest_django.fixtures import Settings
from rest_framework.test import APIClient

from accounts.models import Company, User
from accounts.viewer import Viewer
from billing.models import Payment, Wallet
from billing.standing import standing_of
from tests.factories.buying import buy_plan_with_test_money
from tests.factories.teams import acting, make_team
from tests.personas import key_of, program_with

pytestmark = pytest.mark.django_db
API = "/api/v1"


@pytest.fixture(autouse=True)
def _in_development(settings: Settings) -> None:
    settings.DEBUG = True


@pytest.fixture
def company(alice: User) -> Company:
    return Company.objects.get(memberships__user=alice)


def post(program: APIClient, path: str, body: dict[str, Any] | None = None, key: str = "") -> Any:
    return program.post(f"{API}/{path}", body or {}, headers={"Idempotency-Key": key or uuid4().hex})


def test_what_is_sold_is_told_to_everybody(db: None) -> None:
    sold = APIClient().get(f"{API}/subscriptions/plans").json()
    assert [plan["slug"] for plan in sold["plans"]] == ["free", "basic", "pro", "enterprise"]
    assert sold["plans"][1]["monthly_price_cents"] == 999
    assert sold["packs"][0] == {"slug": "pack-100", "credits": 100, "price_cents": 499, "currency": "USD"}


def test_the_subscription_is_told_by_both_names(
    alice_api: APIClient, alice: User, viewer: Callable[..., Viewer]
) -> None:
    buy_plan_with_test_money(viewer(alice))
    for path in ("subscriptions/current", "users/me/subscription"):
        told = alice_api.get(f"{API}/{path}").json()
        assert (told["plan"], told["status"], told["source"], told["interval"]) == ("basic", "active", "test", "month")
        assert told["renews_at"] == told["period_end"]


@pytest.mark.parametrize(
    ("path", "body"),
    [
        ("subscriptions/checkout", {"plan": "pro", "interval": "year"}),
        ("subscriptions/checkout", {"pack": "pack-500"}),
        ("credits/purchase", {"pack": "pack-500"}),
    ],
)
def test_buying_answers_a_page_to_pay_at_and_buys_nothing_yet(
    alice_api: APIClient, company: Company, path: str, body: dict[str, str]
) -> None:
    answer = post(alice_api, path, body)
    assert answer.status_code == 201
    assert answer.json()["url"].startswith("http://testserver/billing/test-money/")
    assert not Payment.objects.filter(company=company).exists()
    assert Wallet.objects.get(company=company).balance == 100


def test_the_same_key_gets_the_same_answer_and_another_body_a_refusal(alice_api: APIClient) -> None:
    first, again = (post(alice_api, "credits/purchase", {"pack": "pack-500"}, "k1").json() for _time in range(2))
    assert first == again
    other = post(alice_api, "credits/purchase", {"pack": "pack-100"}, "k1")
    assert (other.status_code, other.json()["code"]) == (422, "idempotency_key_reused")
    assert post(alice_api, "credits/purchase", {"pack": "pack-500"}, "k2").json() != first


@pytest.mark.parametrize("key", [None, "", "k" * 81])
def test_buying_needs_a_key_of_a_decent_length(alice_api: APIClient, key: str | None) -> None:
    headers = {} if key is None else {"Idempotency-Key": key}
    answer = alice_api.post(f"{API}/credits/purchase", {"pack": "pack-500"}, headers=headers)
    assert (answer.status_code, answer.json()["code"]) == (400, "invalid_idempotency_key")


@pytest.mark.parametrize(
    "body", [{}, {"plan": "pro", "pack": "pack-500"}, {"plan": "no-such"}, {"plan": "pro", "interval": "week"}]
)
def test_what_makes_no_sense_is_told_by_field(alice_api: APIClient, body: dict[str, str]) -> None:
    answer = post(alice_api, "subscriptions/checkout", body)
    assert (answer.status_code, answer["Content-Type"]) == (422, "application/problem+json")


def test_a_nul_in_a_name_names_nothing(alice_api: APIClient, alice_client: Client) -> None:
    bodies = {"subscriptions/checkout": {"plan": "pro\0"}, "credits/purchase": {"pack": "pack-100\0"}}
    assert [post(alice_api, path, body).status_code for path, body in bodies.items()] == [422, 422]
    assert alice_client.post("/billing/pack", {"pack": "\0"}).status_code == 404
    assert alice_client.post("/billing/plan", {"plan": "\0"}).status_code == 404
    assert alice_client.get("/billing/change?plan=%00").status_code == 404
    assert alice_client.get("/billing/thanks?session=test_%00").status_code == 404


def test_an_upgrade_is_done_once_and_a_smaller_plan_waits(
    alice_api: APIClient, alice: User, company: Company, viewer: Callable[..., Viewer]
) -> None:
    buy_plan_with_test_money(viewer(alice))
    for _time in range(2):
        done = post(alice_api, "subscriptions/upgrade", {"plan": "pro"}, "up").json()
        assert (done["plan"], done["is_now"]) == ("pro", True)
    assert Payment.objects.filter(company=company).count() == 2
    again = post(alice_api, "subscriptions/upgrade", {"plan": "pro"})
    assert (again.status_code, again.json()["code"]) == (409, "not_for_sale")
    assert post(alice_api, "subscriptions/upgrade", {"plan": "basic"}).json()["is_now"] is False
    assert alice_api.get(f"{API}/subscriptions/current").json()["next_plan"] == "basic"


def test_cancelling_keeps_what_is_paid_for_and_may_be_repeated(
    alice_api: APIClient, alice: User, company: Company, viewer: Callable[..., Viewer]
) -> None:
    assert alice_api.post(f"{API}/subscriptions/cancel").json()["code"] == "not_subscribed"
    buy_plan_with_test_money(viewer(alice))
    told = [alice_api.post(f"{API}/subscriptions/cancel").json() for _time in range(2)]
    assert told[0] == told[1]
    assert (told[0]["plan"], told[0]["renews_at"]) == ("basic", None)
    assert told[0]["ends_at"] == told[0]["period_end"]


def test_payments_are_told_to_owners_and_admins_only(alice: User, bob: User) -> None:
    team = make_team(alice, bob)
    buy = {"company": team, "kind": "pack", "state": "paid", "amount_cents": 499, "currency": "USD"}
    Payment.objects.create(key=f"session:{team.pk}", description="100 credits", **buy)
    owner, member = (
        program_with(key_of(acting(person, team), "read", *more)[1])
        for person, more in (
            (alice, ("manage",)),
            (bob, ()),
        )
    )
    assert [row["description"] for row in owner.get(f"{API}/billing/history").json()["results"]] == ["100 credits"]
    assert member.get(f"{API}/billing/history").status_code == 403
    assert member.get(f"{API}/subscriptions/current").json()["plan"] == "pro"
    assert post(member, "subscriptions/checkout", {"pack": "pack-100"}).status_code == 403


def test_a_key_that_only_generates_buys_nothing(alice: User, viewer: Callable[..., Viewer], company: Company) -> None:
    program = program_with(key_of(viewer(alice), "read", "generate")[1])
    for path in ("subscriptions/checkout", "subscriptions/upgrade", "subscriptions/cancel", "credits/purchase"):
        assert post(program, path, {"pack": "pack-100", "plan": "pro"}).status_code == 403
    assert standing_of(company).plan.slug == "free"


def test_without_a_way_to_pay_programs_are_told_so(alice_api: APIClient, settings: Settings) -> None:
    settings.DEBUG = False
    answer = post(alice_api, "credits/purchase", {"pack": "pack-100"})
    assert (answer.status_code, answer.json()["code"]) == (503, "payments_not_set_up")


def test_no_field_of_a_request_sets_a_price_or_a_plan(alice_api: APIClient, company: Company) -> None:
    body = {"pack": "pack-100", "price_cents": 1, "credits": 9999, "plan_id": "pro", "unlimited": True}
    assert post(alice_api, "credits/purchase", body).status_code == 201
    wallet = Wallet.objects.get(company=company)
    assert (wallet.balance, wallet.unlimited, standing_of(company).plan.slug) == (100, False, "free")
