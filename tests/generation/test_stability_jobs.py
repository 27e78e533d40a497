"""Whole jobs on Stability: our engine, its protocol on loopback, picture and money."""

from collections.abc import Iterator
from typing import Any

import pytest
from pytest_django.fixtures import Settings

from accounts.viewer import Viewer
from billing.models import Subscription, Wallet
from billing.plans import plan_with_slug
from gallery.models import Asset
from generation import breaker, pipeline
from generation.catalogue.stability import STABILITY
from generation.models import Job
from generation.selectors import offered_models
from tests.emulators.stability import StabilityDouble
from tests.factories.generation import submit
from tests.generation.conftest import files_of
from tests.generation.row_calls import put_into_catalogue


@pytest.fixture
def stability(settings: Settings, maker: Viewer) -> Iterator[StabilityDouble]:
    """Stability on loopback, set up as an operator would; Alice may use every model."""
    Subscription.objects.filter(company=maker.company).update(plan=plan_with_slug("pro"))
    breaker.close("stability")
    for row in STABILITY:
        put_into_catalogue(row)
    with StabilityDouble() as double:
        settings.STABILITY_API_KEY, settings.STABILITY_BASE_URL = double.key, double.url
        yield double


def done(viewer: Viewer, model: str = "core", **fields: Any) -> Job:
    job = submit(viewer, model=f"stability-{model}", **{"params": {}} | fields)
    pipeline.start(job_id=job.pk)
    return Job.objects.get(pk=job.pk)


def money(viewer: Viewer) -> tuple[int, int]:
    wallet = Wallet.objects.get(company=viewer.company)
    return 100 - wallet.balance, wallet.held


def test_its_models_appear_with_its_key_alone(stability: StabilityDouble, settings: Settings) -> None:
    assert offered_models().filter(provider="stability").count() == len(STABILITY)
    settings.STABILITY_API_KEY = ""
    assert not offered_models().filter(provider="stability").exists()


def test_a_job_is_made_stored_and_paid_once(stability: StabilityDouble, maker: Viewer) -> None:
    job = done(maker, count=2, seed=5)
    assert (job.state, job.failure) == (Job.State.SUCCEEDED, "")
    assert Asset.objects.filter(company=maker.company, kind="image").count() == 2
    assert money(maker) == (job.credits, 0)
    assert stability.posts == stability.accepted == 2


def test_a_picture_becomes_a_mesh(stability: StabilityDouble, maker: Viewer) -> None:
    done(maker)
    source = Asset.objects.get(company=maker.company)
    job = done(maker, "fast-3d", prompt="", inputs=[source.pk])
    assert (job.state, job.failure, job.credits) == (Job.State.SUCCEEDED, "", 35)
    assert Asset.objects.get(company=maker.company, task="image-to-3d").kind == "mesh"


def test_what_came_before_a_fault_is_delivered_and_it_alone_is_paid(stability: StabilityDouble, maker: Viewer) -> None:
    stability.fail_next("nsfw")
    job = done(maker, count=2)
    assert (job.state, money(maker)) == (Job.State.SUCCEEDED, (job.credits // 2, 0))
    assert Asset.objects.filter(company=maker.company).count() == 1


@pytest.mark.parametrize(
    ("fault", "code"),
    [
        ("content_policy", "content_rejected"),
        ("key_refused", "provider_refused_key"),
        ("balance_exhausted", "provider_out_of_quota"),
        ("accept_then_drop", "submit_unknown"),
        ("500", "submit_unknown"),
    ],
)
def test_what_was_not_made_costs_nothing_and_is_not_asked_for_again(
    stability: StabilityDouble, maker: Viewer, fault: str, code: str
) -> None:
    stability.fail_next(fault)
    job = done(maker, count=2)
    pipeline.start(job_id=job.pk)
    assert (job.state, job.failure_code, stability.posts) == (Job.State.FAILED, code, 1)
    assert (money(maker), files_of(maker.company)) == ((0, 0), [])


@pytest.mark.parametrize("fault", ["429", "503"])
def test_a_busy_stability_is_asked_again_later(stability: StabilityDouble, maker: Viewer, fault: str) -> None:
    stability.fail_next(fault)
    assert (done(maker).state, stability.posts, stability.accepted) == (Job.State.QUEUED, 1, 0)
