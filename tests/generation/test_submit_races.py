"""Many submissions at the same moment: as many jobs as the credits, or the plan, have room for, and not one more."""

from collections import Counter
from typing import Any

import pytest
from rest_framework.test import APIClient

from accounts.viewer import Viewer
from billing.models import Hold, Plan, Wallet
from billing.selectors import generations_today
from billing.services import InsufficientCredits, hold_credits, settle_hold
from billing.usage import LimitReached, midnight_after
from config.base.ids import uuid7
from config.base.refusal import Refusal
from generation.models import Job
from tests.billing.test_races import at_once
from tests.factories.billing import broken_of
from tests.factories.generation import submit
from tests.factories.teams import put_on


def leave(maker: Viewer, amount: int) -> None:
    """Spend all but so many credits, as a job does: these rows stay, and other tests audit them."""
    wallet = Wallet.objects.get(company=maker.company)
    key, spent = f"test:{uuid7()}", wallet.balance - amount
    hold_credits(company=maker.company, amount=spent, key=key, cause="x")
    settle_hold(key=key, amount=spent)


def outcomes(maker: Viewer, number: int) -> Counter[str]:
    """Submit as often at once; how many were taken, and the codes of the refusals."""

    def ask(turn: int) -> str:
        try:
            submit(maker, seed=turn)
        except Refusal as refusal:
            return refusal.problem_code
        return "taken"

    return Counter(at_once(number, ask))


def test_of_50_submissions_with_credits_for_7_exactly_7_are_held(maker: Viewer) -> None:
    put_on(maker.company, "basic")
    leave(maker, 7)
    assert outcomes(maker, 50) == {"taken": 7, InsufficientCredits.code: 43}
    wallet = Wallet.objects.get(company=maker.company)
    assert (wallet.balance, wallet.held) == (7, 7)
    assert Hold.objects.filter(wallet=wallet, state="open", amount=1).count() == 7
    assert Job.objects.filter(company=maker.company).count() == 7
    # Who was refused has taken nothing of the day either.
    assert generations_today(maker.company)[0] == 7
    assert broken_of(maker.company) == []


def test_of_32_submissions_on_a_plan_of_10_a_day_exactly_10_are_taken(maker: Viewer) -> None:
    assert outcomes(maker, 32) == {"taken": 10, LimitReached.code: 22}
    assert generations_today(maker.company) == (10, 10)
    assert Job.objects.filter(company=maker.company).count() == 10
    assert Wallet.objects.get(company=maker.company).held == 10


def test_at_most_as_many_jobs_go_at_a_time_as_the_plan_has_and_the_rest_waits(maker: Viewer) -> None:
    put_on(maker.company, "basic")
    parallel = Plan.objects.get(slug="basic").parallel_jobs
    assert outcomes(maker, 32) == {"taken": 32}
    jobs = Job.objects.filter(company=maker.company)
    assert jobs.filter(dispatched_at__isnull=False).count() == parallel == 4


@pytest.mark.parametrize("way", ["page", "api"])
def test_a_refusal_by_the_days_limit_says_how_much_and_until_when(
    way: str, maker: Viewer, alice_client: Any, alice_api: APIClient
) -> None:
    outcomes(maker, 10)
    asked = {"model": "studio-scenes", "task": "text-to-image", "prompt": "a fox"}
    if way == "page":
        page = alice_client.post("/generate", asked | {"num_images": "1"})
        assert page.status_code == 429
        assert "10 are used and this needs 1" in page.content.decode()
        assert "midnight UTC" in page.content.decode()
        return
    answer = alice_api.post("/api/v1/jobs", asked, headers={"Idempotency-Key": str(uuid7())})
    body = answer.json()
    job = Job.objects.filter(company=maker.company).latest("created_at")
    until = midnight_after(job.created_at).isoformat().replace("+00:00", "Z")
    assert (answer.status_code, body["code"]) == (429, "daily_limit")
    assert (body["used"], body["limit"], body["resets_at"]) == (10, 10, until)
    assert 0 < int(answer.headers["Retry-After"]) <= 86_401
