"""An equivalent makes the job while the provider is out of order: told, no dearer, never a second submit."""

from collections.abc import Callable, Iterator
from decimal import Decimal
from typing import Any

import pytest
from django.test import override_settings

from accounts.viewer import Viewer
from billing.models import Hold, Wallet
from config.base import realtime
from gallery.models import Asset
from generation import breaker, pipeline, sweeper
from generation.models import AIModel, Job, ProviderCall
from tests.factories.generation import submit
from tests.generation.scripted import Scripted

Install = Callable[..., Scripted]
OWN = {"type": "object", "properties": {"steps": {"type": "integer", "default": 4}}, "additionalProperties": False}


def row(slug: str, **values: Any) -> AIModel:
    usual = {
        "name": slug,
        "task": "text-to-image",
        "endpoint": "scenes",
        "parameters": OWN,
        "provider_cost": Decimal("0.02"),
        "is_active": True,
    }
    return AIModel.objects.create(slug=slug, **usual | values)


@pytest.fixture
def asked(committed_db: None, scripted: Install) -> Iterator[AIModel]:
    """A model whose provider is out of order, with an equivalent that is cheaper and well."""
    scripted()
    model = row("asked-for", provider="fal", fails_over=True)
    model.equivalents.add(
        row("stand-in", provider="local", parameters={"type": "object"}, provider_cost=Decimal("0.01"))
    )
    with override_settings(FAL_KEY="a:b"):
        for _fault in range(breaker.FAULTS):
            breaker.failed("fal")
        yield model
    breaker.close("fal")
    Job.objects.filter(model__slug__in=("asked-for", "stand-in")).update(
        model=AIModel.objects.get(slug="studio-scenes")
    )
    Job.objects.filter(asked_model=model).update(asked_model=None)
    AIModel.objects.filter(slug__in=("asked-for", "stand-in", "dearer")).delete()


def fresh(job: Job) -> Job:
    return Job.objects.select_related("model", "asked_model").get(pk=job.pk)


def test_the_equivalent_makes_it_is_named_and_costs_no_more(maker: Viewer, asked: AIModel) -> None:
    job = submit(maker, model="asked-for", params={}, count=2)
    assert job.credits == 14
    pipeline.start(job_id=job.pk)
    handed = fresh(job)
    assert (handed.state, handed.model.slug, handed.queue) == (Job.State.QUEUED, "stand-in", "blocking")
    pipeline.start(job_id=job.pk)

    done = fresh(job)
    assert (done.state, done.model.slug, done.credits) == (Job.State.SUCCEEDED, "stand-in", 6)
    assert done.asked_model == asked
    assert Hold.objects.get(key=job.hold_key).settled == 6
    wallet = Wallet.objects.get(company=maker.company)
    assert (wallet.balance, wallet.held) == (94, 0)
    assert Asset.objects.filter(company=maker.company, model_name="stand-in", credits=3).count() == 2
    assert [call.provider for call in ProviderCall.objects.filter(job=job)] == ["local"]


def test_a_dearer_equivalent_costs_the_person_no_more(maker: Viewer, asked: AIModel) -> None:
    AIModel.objects.filter(slug="stand-in").update(provider_cost=Decimal("0.03"))
    job = submit(maker, model="asked-for", params={})
    pipeline.start(job_id=job.pk)
    pipeline.start(job_id=job.pk)

    assert (fresh(job).state, fresh(job).credits) == (Job.State.SUCCEEDED, 7)


@pytest.mark.parametrize(
    "change",
    [
        {"fails_over": False},
        {"stand_in": {"is_active": False}},
        {"stand_in": {"provider_cost": Decimal("5")}},
        {"stand_in": {"outputs_allowed": 1}},
        {"stand_in": {"parameters": {"type": "object", "properties": {"steps": {"type": "integer", "maximum": 2}}}}},
    ],
    ids=["not allowed", "switched off", "at a loss", "too few outputs", "other parameters"],
)
def test_it_waits_where_no_equivalent_may_or_can(maker: Viewer, asked: AIModel, change: dict[str, Any]) -> None:
    AIModel.objects.filter(slug="stand-in").update(**change.pop("stand_in", {"position": 100}))
    AIModel.objects.filter(pk=asked.pk).update(**change or {"position": 100})
    job = submit(maker, model="asked-for", params={}, count=2)

    pipeline.start(job_id=job.pk)

    waiting = fresh(job)
    assert (waiting.state, waiting.model.slug, waiting.asked_model) == (Job.State.QUEUED, "asked-for", None)
    assert waiting.not_before is not None
    assert ProviderCall.objects.filter(job=job).count() == 0


def test_it_is_never_asked_for_elsewhere_once_a_provider_may_have_it(maker: Viewer, asked: AIModel) -> None:
    job = submit(maker, model="asked-for", params={})
    ProviderCall.objects.create(job=job, attempt=1, provider="fal", state=ProviderCall.State.LOST)
    Job.objects.filter(pk=job.pk).update(attempts=1)

    pipeline.start(job_id=job.pk)

    assert fresh(job).model.slug == "asked-for"


def test_the_message_for_the_equivalent_is_sent_by_the_clock(maker: Viewer, asked: AIModel) -> None:
    job = submit(maker, model="asked-for", params={})
    pipeline.start(job_id=job.pk)
    realtime.connection().delete("dramatiq:blocking")

    sweeper.send_again()

    assert realtime.connection().llen("dramatiq:blocking") >= 1
