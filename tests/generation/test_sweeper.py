"""What was lost is found again."""

from collections.abc import Callable
from datetime import timedelta

from django.utils import timezone

from accounts.viewer import Viewer
from billing.models import Wallet
from config.base import realtime
from generation import pipeline, sweeper
from generation.models import AIModel, Job
from tests.factories.generation import submit
from tests.generation.scripted import Scripted


def age(job: Job, **ago: int) -> None:
    past = timezone.now() - timedelta(**ago)
    Job.objects.filter(pk=job.pk).update(sent_at=past)


def messages(job: Job) -> int:
    """How many start messages for the job stand in its queue."""
    valkey = realtime.connection()
    ids = valkey.lrange("dramatiq:blocking", 0, -1)
    bodies = valkey.hmget("dramatiq:blocking.msgs", ids) if ids else []
    return sum(str(job.pk).encode() in body for body in bodies)


def test_a_lost_message_is_sent_again(maker: Viewer) -> None:
    job = submit(maker)
    realtime.connection().flushdb()
    sweeper.send_again()
    assert messages(job) == 0, "it may still be on its way"

    realtime.connection().flushdb()  # What other tests left behind was sent again.
    age(job, seconds=11)
    sweeper.send_again()
    sweeper.send_again()

    assert messages(job) == 1


def test_a_message_that_stands_in_line_is_not_sent_again(maker: Viewer) -> None:
    job = submit(maker)
    age(job, seconds=60)

    sweeper.send_again()

    assert messages(job) == 1


def test_a_pause_that_is_over_sends_again_and_one_that_is_not_does_not(maker: Viewer) -> None:
    job = submit(maker)
    realtime.connection().flushdb()
    Job.objects.filter(pk=job.pk).update(not_before=timezone.now() + timedelta(seconds=30))
    sweeper.send_again()
    assert messages(job) == 0

    Job.objects.filter(pk=job.pk).update(not_before=timezone.now(), sent_at=None)
    sweeper.send_again()

    assert messages(job) == 1


def test_a_job_whose_process_died_before_dispatch_goes(maker: Viewer) -> None:
    job = submit(maker)
    realtime.connection().flushdb()
    Job.objects.filter(pk=job.pk).update(dispatched_at=None, sent_at=None)

    sweeper.dispatch_forgotten()

    assert Job.objects.get(pk=job.pk).dispatched_at is not None
    assert messages(job) == 1


def test_a_submit_with_unknown_outcome_is_never_sent_again_and_pays_back_at_its_deadline(
    maker: Viewer, scripted: Callable[..., Scripted]
) -> None:
    provider = scripted()
    AIModel.objects.filter(slug="studio-upscale").update(resubmittable=True)
    job = submit(maker)
    model = AIModel.objects.create(
        slug=f"once-{job.pk.hex[:20]}", name="Once", provider="local", endpoint="x", task="text-to-image"
    )
    Job.objects.filter(pk=job.pk).update(
        model=model,
        state=Job.State.SUBMITTING,
        token="01931d0e-7d2c-7a31-8d44-1a2b3c4d5e6f",
        lease_until=timezone.now() - timedelta(seconds=1),
        attempts=1,
    )

    sweeper.recover_leases()
    assert Job.objects.get(pk=job.pk).state == Job.State.UNKNOWN
    sweeper.send_again()
    pipeline.start(job_id=job.pk)
    assert provider.calls == []

    Job.objects.filter(pk=job.pk).update(deadline=timezone.now() - timedelta(seconds=1))
    sweeper.enforce_deadlines()

    assert Job.objects.get(pk=job.pk).state == Job.State.FAILED
    wallet = Wallet.objects.get(company=maker.company)
    assert (wallet.balance, wallet.held) == (100, 0)
