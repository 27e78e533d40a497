"""Submitting and cancelling: once, at the right price, or not at all."""

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from uuid import uuid4

import pytest
from django.db import connection

from accounts.models import User
from accounts.viewer import Viewer
from billing.models import Plan, UsageCounter, Wallet
from billing.services import InsufficientCredits
from billing.usage import LimitReached
from config.base import realtime
from config.base.refusal import Refusal
from generation.models import AIModel, Job
from generation.parameters import InvalidParameter
from generation.refusals import KeyReused, TierLocked, TooLateToCancel
from generation.requests import InvalidInputs, InvalidPrompt, UnknownModel
from generation.services import cancel_job
from tests.factories.generation import submit
from tests.generation.conftest import state_of


def test_a_submitted_job_holds_its_price_takes_the_limit_and_is_sent(maker: Viewer) -> None:
    job = submit(maker, count=3, seed=7)

    wallet = Wallet.objects.get(company=maker.company)
    assert (wallet.balance, wallet.held) == (100, 3)
    assert UsageCounter.objects.get(company=maker.company, name="generations").used == 3
    assert list(job.outputs.values_list("seed", flat=True)) == [7, 8, 9]
    job.refresh_from_db()
    assert job.state == Job.State.QUEUED
    assert job.dispatched_at is not None
    assert realtime.connection().llen("dramatiq:blocking") == 1


@pytest.mark.parametrize(
    ("fields", "refusal", "field"),
    [
        ({"prompt": ""}, InvalidPrompt, "prompt"),
        ({"prompt": "   "}, InvalidPrompt, "prompt"),
        ({"prompt": "x" * 4001}, InvalidPrompt, "prompt"),
        ({"model": "no-such-model"}, UnknownModel, "model"),
        ({"task": "upscale"}, UnknownModel, "task"),
        ({"params": {"aspect_ratio": "5:1"}}, InvalidParameter, "aspect_ratio"),
        ({"params": {"steps": 30}}, InvalidParameter, "steps"),
        ({"count": 0}, InvalidParameter, "num_images"),
        ({"count": 9}, InvalidParameter, "num_images"),
        ({"seed": -1}, InvalidParameter, "seed"),
        ({"seed": 2**31}, InvalidParameter, "seed"),
        ({"inputs": [uuid4()]}, InvalidInputs, "inputs"),
        ({"model": "studio-stylise"}, InvalidInputs, "inputs"),
        ({"model": "studio-stylise", "inputs": [uuid4()]}, InvalidInputs, "inputs"),
    ],
)
def test_a_wrong_request_says_what_is_wrong_and_changes_nothing(
    maker: Viewer, fields: dict[str, object], refusal: type[Refusal], field: str
) -> None:
    before = state_of(maker.company)

    with pytest.raises(refusal) as caught:
        submit(maker, **fields)

    assert caught.value.field == field
    assert len(caught.value.sentence) > 10
    assert state_of(maker.company) == before


def test_too_few_credits_change_nothing(maker: Viewer) -> None:
    AIModel.objects.filter(slug="studio-upscale").update(fixed_price=None)
    model = AIModel.objects.create(
        slug=f"dear-{uuid4().hex[:8]}",
        name="Dear",
        provider="local",
        endpoint="x",
        task="text-to-image",
        fixed_price=60,
    )
    before = state_of(maker.company)

    with pytest.raises(InsufficientCredits) as caught:
        submit(maker, model=model.slug, params={}, count=2)

    assert caught.value.status == 402
    assert state_of(maker.company) == before


def test_the_daily_limit_refuses_what_would_pass_it_and_changes_nothing(maker: Viewer) -> None:
    submit(maker, count=8)
    before = state_of(maker.company)

    with pytest.raises(LimitReached) as caught:
        submit(maker, count=3)

    assert caught.value.status == 429
    assert caught.value.retry_after
    assert "10" in caught.value.sentence
    assert state_of(maker.company) == before


def test_a_tier_that_the_plan_lacks_is_refused(maker: Viewer) -> None:
    model = AIModel.objects.create(
        slug=f"fine-{uuid4().hex[:8]}",
        name="Fine",
        provider="local",
        endpoint="x",
        task="text-to-image",
        tier="premium",
    )
    before = state_of(maker.company)

    with pytest.raises(TierLocked):
        submit(maker, model=model.slug, params={})

    assert state_of(maker.company) == before


def test_the_same_key_is_one_job_and_another_request_under_it_is_refused(maker: Viewer) -> None:
    key = str(uuid4())
    first = submit(maker, key=key, seed=1)
    before = state_of(maker.company)

    assert submit(maker, key=key, seed=1).pk == first.pk
    with pytest.raises(KeyReused):
        submit(maker, key=key, seed=2)

    assert state_of(maker.company) == before


def test_twelve_clicks_at_once_are_one_job(maker: Viewer) -> None:
    key = str(uuid4())

    def click(_number: int) -> Job:
        try:
            return submit(maker, key=key, seed=1)
        finally:
            connection.close()

    with ThreadPoolExecutor(12) as pool:
        jobs = list(pool.map(click, range(12)))

    assert len({job.pk for job in jobs}) == 1
    wallet = Wallet.objects.get(company=maker.company)
    assert (wallet.balance, wallet.held) == (100, 1)
    assert UsageCounter.objects.get(company=maker.company, name="generations").used == 1


def test_the_same_key_of_another_company_is_another_job(
    maker: Viewer, bob: User, viewer: Callable[[User], Viewer]
) -> None:
    key = str(uuid4())

    assert submit(maker, key=key).pk != submit(viewer(bob), key=key).pk


def test_cancelling_a_waiting_job_gives_everything_back_once(maker: Viewer) -> None:
    job = submit(maker, count=2)

    cancel_job(job=job)
    with pytest.raises(TooLateToCancel):
        cancel_job(job=job)

    job.refresh_from_db()
    assert job.state == Job.State.CANCELLED
    wallet = Wallet.objects.get(company=maker.company)
    assert (wallet.balance, wallet.held) == (100, 0)
    assert UsageCounter.objects.get(company=maker.company, name="generations").used == 0


def test_a_plan_runs_only_so_many_jobs_at_a_time_and_the_next_goes_when_one_ends(maker: Viewer) -> None:
    first, second, third = (submit(maker) for _ in range(3))

    def under_way() -> list[bool]:
        rows = dict(Job.objects.filter(company=maker.company).values_list("pk", "dispatched_at"))
        return [rows[job.pk] is not None for job in (first, second, third)]

    assert Plan.objects.get(slug="free").parallel_jobs == 1
    assert under_way() == [True, False, False]
    cancel_job(job=first)
    assert under_way() == [True, True, False]
