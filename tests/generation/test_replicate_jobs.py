"""Whole jobs on Replicate: our engine, Replicate's real client, its protocol on loopback, picture and money."""

from collections.abc import Iterator
from contextlib import closing
from typing import Any, cast

import pytest
from django.test import Client
from pytest_django.fixtures import Settings

from accounts.viewer import Viewer
from billing.models import Subscription, Wallet
from billing.plans import plan_with_slug
from gallery.models import Asset
from generation import breaker, pipeline, remote
from generation.catalogue.replicate import REPLICATE
from generation.models import Job
from generation.providers import registry
from generation.providers.replicate import Replicate
from generation.selectors import offered_models
from tests.emulators.replicate import ReplicateDouble
from tests.factories.generation import submit
from tests.generation.conftest import files_of
from tests.generation.row_calls import put_into_catalogue


@pytest.fixture
def replicate(settings: Settings, maker: Viewer) -> Iterator[ReplicateDouble]:
    """Replicate on loopback, set up as an operator would; Alice may use every model."""
    Subscription.objects.filter(company=maker.company).update(plan=plan_with_slug("pro"))
    breaker.close("replicate")
    for row in REPLICATE:
        put_into_catalogue(row)
    with ReplicateDouble() as double, closing(cast(Replicate, registry.provider("replicate"))):
        settings.REPLICATE_API_TOKEN, settings.REPLICATE_BASE_URL = double.key, double.url
        settings.PROVIDER_WEBHOOKS = False
        yield double


def begun(viewer: Viewer, model: str = "flux-schnell", **fields: Any) -> Job:
    job = submit(viewer, model=f"replicate-{model}", **{"params": {}} | fields)
    pipeline.start(job_id=job.pk)
    return Job.objects.get(pk=job.pk)


def looked_at(job: Job, *, looks: int = 3) -> Job:
    for _look in range(looks):
        remote.check(job_id=job.pk)
    return Job.objects.get(pk=job.pk)


def money(viewer: Viewer) -> tuple[int, int]:
    wallet = Wallet.objects.get(company=viewer.company)
    return 100 - wallet.balance, wallet.held


def test_its_models_appear_with_its_token_alone(replicate: ReplicateDouble, settings: Settings) -> None:
    assert offered_models().filter(provider="replicate").count() == len(REPLICATE)
    settings.REPLICATE_API_TOKEN = ""
    assert not offered_models().filter(provider="replicate").exists()


def test_a_job_is_made_once_stored_here_and_paid_once(replicate: ReplicateDouble, maker: Viewer) -> None:
    job = looked_at(begun(maker, count=2, seed=5))
    assert (job.state, job.failure) == (Job.State.SUCCEEDED, "")
    assert Asset.objects.filter(company=maker.company, kind="image").count() == 2
    assert money(maker) == (job.credits, 0)
    assert (replicate.posts, replicate.accepted, replicate.leaks) == (1, 1, 0)


def test_a_picture_is_carried_on_beyond_its_edges_and_then_set_in_motion(
    replicate: ReplicateDouble, maker: Viewer
) -> None:
    looked_at(begun(maker))
    source = Asset.objects.get(company=maker.company)
    grown = looked_at(begun(maker, "flux-fill-outpaint", params={"right": 64}, prompt="", inputs=[source.pk]))
    assert (grown.state, grown.failure) == (Job.State.SUCCEEDED, "")
    wider = Asset.objects.get(company=maker.company, task="outpaint")
    assert (wider.width, wider.height) == (source.width + 64, source.height)
    film = looked_at(begun(maker, "wan-image", prompt="", inputs=[wider.pk]))
    assert (film.state, film.failure) == (Job.State.SUCCEEDED, "")
    assert Asset.objects.get(company=maker.company, task="image-to-video").kind == "video"
    assert money(maker)[1] == 0


@pytest.mark.parametrize(
    ("fault", "code"),
    [("nsfw", "content_rejected"), ("model_timeout", "timed_out"), ("model_error", "provider_error")],
)
def test_work_that_failed_costs_nothing(replicate: ReplicateDouble, maker: Viewer, fault: str, code: str) -> None:
    replicate.fail_next(fault)
    job = looked_at(begun(maker))
    assert (job.state, job.failure_code) == (Job.State.FAILED, code)
    assert (money(maker), files_of(maker.company)) == ((0, 0), [])


def test_a_part_is_paid_as_a_part(replicate: ReplicateDouble, maker: Viewer) -> None:
    replicate.fail_next("nsfw_first")
    job = looked_at(begun(maker, count=2))
    assert (job.state, money(maker)) == (Job.State.SUCCEEDED, (job.credits // 2, 0))


@pytest.mark.parametrize("fault", ["accept_then_drop", "500", "garbled"])
def test_a_submit_that_may_have_been_taken_is_never_sent_again(
    replicate: ReplicateDouble, maker: Viewer, fault: str
) -> None:
    replicate.fail_next(fault)
    job = begun(maker)
    for _again in range(2):
        pipeline.start(job_id=job.pk)
    assert (job.state, replicate.posts) == (Job.State.UNKNOWN, 1)


def test_a_submit_whose_answer_was_lost_is_found_by_its_webhook(
    replicate: ReplicateDouble, maker: Viewer, settings: Settings, client: Client
) -> None:
    settings.PROVIDER_WEBHOOKS = True
    replicate.fail_next("accept_then_drop")
    replicate.fail_next("webhook_lost")
    job = begun(maker)
    assert job.state == Job.State.UNKNOWN

    taken = next(iter(replicate.jobs.values()))
    path = taken.webhook.removeprefix(settings.PUBLIC_URL)
    for fault in ("webhook_badly_signed", "webhook_replayed_late"):
        taken.faults.add(fault)
        assert delivered(client, replicate, path) == 403
        taken.faults.discard(fault)
    assert Job.objects.get(pk=job.pk).state == Job.State.UNKNOWN
    assert delivered(client, replicate, path) == 200
    assert looked_at(job).state == Job.State.SUCCEEDED
    assert (replicate.posts, money(maker)) == (1, (job.credits, 0))


def delivered(client: Client, replicate: ReplicateDouble, path: str) -> int:
    headers, body = replicate.postman.signed(next(iter(replicate.jobs.values())))
    return client.post(path, body, content_type=headers.pop("Content-Type"), headers=headers).status_code


def test_a_cancel_reaches_replicate(replicate: ReplicateDouble, maker: Viewer) -> None:
    replicate.rendering = 60
    job = looked_at(begun(maker), looks=1)
    Job.objects.filter(pk=job.pk).update(cancel_requested_at=job.created_at)
    assert looked_at(job).state == Job.State.CANCELLED
    assert next(iter(replicate.jobs.values())).status == "canceled"
    assert money(maker) == (0, 0)
