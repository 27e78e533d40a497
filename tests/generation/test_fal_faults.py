"""Whole jobs through the engine and fal's real SDK against the double: what each fault means for picture and money."""

from collections.abc import Iterator
from contextlib import closing
from typing import cast

import pytest
from django.test import Client
from pytest_django.fixtures import Settings

from accounts.viewer import Viewer
from billing.models import Wallet
from gallery.models import Asset
from generation import pipeline, remote
from generation.models import Job
from generation.providers import registry
from generation.providers.fal import Fal
from tests.emulators.fal import FalEmulator
from tests.factories.generation import submit
from tests.generation.conftest import files_of


@pytest.fixture
def fal(settings: Settings) -> Iterator[FalEmulator]:
    """The double in fal's place for the whole product."""
    with FalEmulator() as double, closing(cast(Fal, registry.provider("fal"))):
        settings.FAL_KEY = double.key
        settings.FAL_QUEUE_URL = settings.FAL_REST_URL = settings.FAL_CDN_URL = double.url
        settings.PROVIDER_WEBHOOKS = False
        yield double


def begun(viewer: Viewer, count: int = 2) -> Job:
    job = submit(viewer, model="flux-schnell", params={}, count=count)
    pipeline.start(job_id=job.pk)
    return Job.objects.get(pk=job.pk)


def looked_at(job: Job) -> Job:
    remote.check(job_id=job.pk)
    return Job.objects.get(pk=job.pk)


def spent(viewer: Viewer) -> int:
    """Credits that are gone for good; none may be held."""
    wallet = Wallet.objects.get(company=viewer.company)
    assert wallet.held == 0
    return 100 - wallet.balance


def pictures(viewer: Viewer) -> int:
    return Asset.objects.filter(company=viewer.company).count()


def test_a_job_is_made_by_fal_and_paid(fal: FalEmulator, maker: Viewer) -> None:
    job = looked_at(begun(maker))
    assert (job.state, pictures(maker), spent(maker)) == (Job.State.SUCCEEDED, 2, job.credits)
    assert (fal.posts, fal.leaks) == (1, 0)


def test_half_of_what_was_flagged_is_paid_for_half(fal: FalEmulator, maker: Viewer) -> None:
    fal.fail_next("nsfw_first")
    job = looked_at(begun(maker))
    assert (job.state, pictures(maker), spent(maker)) == (Job.State.SUCCEEDED, 1, job.credits // 2)


@pytest.mark.parametrize("fault", ["truncated", "html", "500@download", "500@status", "500@result", "drop@result"])
def test_a_stumble_after_the_submit_costs_a_look_and_no_second_request(
    fal: FalEmulator, maker: Viewer, fault: str
) -> None:
    name, _at, place = fault.partition("@")
    job = begun(maker)
    fal.fail_next(name, on=place)
    assert looked_at(job).state == Job.State.RUNNING
    assert looked_at(job).state == Job.State.SUCCEEDED
    assert (fal.posts, pictures(maker), spent(maker)) == (1, 2, job.credits)


@pytest.mark.parametrize(
    ("fault", "code"),
    [("nsfw", "content_rejected"), ("content_policy", "content_rejected"), ("model_timeout", "timed_out")],
)
def test_work_that_failed_at_fal_costs_nothing(fal: FalEmulator, maker: Viewer, fault: str, code: str) -> None:
    fal.fail_next(fault)
    job = looked_at(begun(maker))
    assert (job.state, job.failure_code) == (Job.State.FAILED, code)
    assert (pictures(maker), spent(maker), files_of(maker.company)) == (0, 0, [])


@pytest.mark.parametrize(
    ("fault", "code"), [("key_refused", "provider_refused_key"), ("balance_exhausted", "provider_out_of_quota")]
)
def test_a_refusal_of_our_account_costs_nothing_and_is_not_repeated(
    fal: FalEmulator, maker: Viewer, fault: str, code: str
) -> None:
    fal.fail_next(fault, times=5)
    job = begun(maker)
    assert (job.state, job.failure_code, spent(maker), fal.posts) == (Job.State.FAILED, code, 0, 1)


@pytest.mark.parametrize("fault", ["429", "503"])
def test_a_busy_fal_is_asked_again_later(fal: FalEmulator, maker: Viewer, fault: str) -> None:
    fal.fail_next(fault)
    assert (begun(maker).state, fal.posts) == (Job.State.QUEUED, 1)


def test_a_submit_whose_answer_was_lost_is_found_by_its_webhook(
    fal: FalEmulator, maker: Viewer, settings: Settings, client: Client
) -> None:
    settings.PROVIDER_WEBHOOKS = True
    fal.fail_next("accept_then_drop")
    fal.fail_next("webhook_lost")
    job = begun(maker)
    assert job.state == Job.State.UNKNOWN

    taken = next(iter(fal.jobs.values()))
    headers, body = fal.postman.signed(taken)
    path = taken.webhook.removeprefix(settings.PUBLIC_URL)
    mime = headers.pop("Content-Type")
    assert client.post(path, body, content_type=mime, headers=headers).status_code == 200
    assert looked_at(job).state == Job.State.SUCCEEDED
    assert (fal.posts, pictures(maker), spent(maker)) == (1, 2, job.credits)


def test_a_forged_or_late_webhook_changes_nothing(
    fal: FalEmulator, maker: Viewer, settings: Settings, client: Client
) -> None:
    settings.PROVIDER_WEBHOOKS = True
    fal.fail_next("accept_then_drop")
    fal.fail_next("webhook_lost")
    job = begun(maker)
    taken = next(iter(fal.jobs.values()))
    path = taken.webhook.removeprefix(settings.PUBLIC_URL)
    for fault in ("webhook_badly_signed", "webhook_replayed_late"):
        taken.faults.add(fault)
        headers, body = fal.postman.signed(taken)
        mime = headers.pop("Content-Type")
        assert client.post(path, body, content_type=mime, headers=headers).status_code == 403
        taken.faults.discard(fault)
    assert Job.objects.get(pk=job.pk).state == Job.State.UNKNOWN
