"""Providers elsewhere that answer in one go: paid, so never asked twice; silent, so waited for."""

import io
import time
from collections.abc import Callable, Iterator
from datetime import timedelta
from typing import Any

import dramatiq
import pytest
from django.utils import timezone

from accounts.models import User
from accounts.viewer import Viewer, viewer_for
from billing.models import UsageCounter, Wallet
from billing.selectors import plan_of
from config.base import realtime
from gallery.models import Asset
from generation import actors, breaker, collecting, ending, pipeline, queue, sweeper
from generation.models import AIModel, Job
from generation.providers import registry
from generation.providers.base import Artifact, Call, ContentRejected, Report, Retryable, SubmitUnknown
from tests.factories.generation import submit
from tests.factories.teams import put_on
from tests.generation.conftest import files_of
from tests.generation.scripted import Scripted, picture

Install = Callable[..., Scripted]


class Piecemeal(Scripted):
    """Makes the first output, then fails."""

    def __init__(self, error: Exception) -> None:
        super().__init__()
        self.error = error

    def make(self, call: Call, report: Report) -> Iterator[Artifact]:
        self.calls.append(call)
        yield Artifact(index=0, stream=io.BytesIO(picture(1)), mime="image/png")
        raise self.error


@pytest.fixture(autouse=True)
def _paid_for(committed_db: None) -> Iterator[None]:
    breaker.close("local")
    AIModel.objects.filter(slug="studio-scenes").update(resubmittable=False)
    yield
    AIModel.objects.filter(slug="studio-scenes").update(resubmittable=True)
    breaker.close("local")


def fresh(job: Job) -> Job:
    return Job.objects.get(pk=job.pk)


def wait_until(is_so: Callable[[], bool], seconds: float = 20) -> None:
    """Wait for what other threads do. Fails when it does not come."""
    deadline = time.monotonic() + seconds
    while not is_so():
        assert time.monotonic() < deadline
        time.sleep(0.02)


def balance(viewer: Viewer) -> tuple[int, int]:
    wallet = Wallet.objects.get(company=viewer.company)
    return wallet.balance, wallet.held


@pytest.mark.parametrize(
    "error",
    [ContentRejected("Refused."), Retryable("Busy."), SubmitUnknown("Nobody knows.")],
    ids=["rejected", "busy", "unknown"],
)
def test_a_part_is_delivered_and_only_that_is_paid(
    maker: Viewer, monkeypatch: pytest.MonkeyPatch, error: Exception
) -> None:
    provider = Piecemeal(error)
    monkeypatch.setitem(registry._PROVIDERS, "local", provider)
    job = submit(maker, count=3)
    pipeline.start(job_id=job.pk)

    assert fresh(job).state == Job.State.SUCCEEDED
    assert [output.state for output in job.outputs.all()] == ["delivered", "failed", "failed"]
    assert Asset.objects.filter(company=maker.company).count() == 1
    assert balance(maker) == (99, 0)
    assert UsageCounter.objects.get(company=maker.company, name="generations").used == 1
    assert len(provider.calls) == 1


def test_an_unknown_submit_fails_pays_back_and_is_never_sent_again(maker: Viewer, scripted: Install) -> None:
    def lost(call: Call, report: Report) -> None:
        raise SubmitUnknown("The provider did not answer.")

    provider = scripted(before=lost)
    job = submit(maker)
    pipeline.start(job_id=job.pk)
    pipeline.start(job_id=job.pk)
    sweeper.sweep()

    assert (fresh(job).state, fresh(job).failure_code) == (Job.State.FAILED, "submit_unknown")
    assert balance(maker) == (100, 0)
    assert len(provider.calls) == 1


def test_its_worker_is_believed_to_live_for_as_long_as_it_may_be_silent(maker: Viewer, scripted: Install) -> None:
    leases = []

    def slow(call: Call, report: Report) -> None:
        report(0.5)
        leases.append(fresh(job).lease_until)

    scripted(before=slow)
    AIModel.objects.filter(slug="studio-scenes").update(seconds_allowed=300)
    job = submit(maker)
    pipeline.start(job_id=job.pk)
    AIModel.objects.filter(slug="studio-scenes").update(seconds_allowed=60)

    assert leases[0] is not None
    assert leases[0] > timezone.now() + timedelta(seconds=300)


def test_a_dead_worker_is_not_followed_by_a_second_call(maker: Viewer, scripted: Install) -> None:
    class Killed(BaseException):
        pass

    def die(call: Call, report: Report) -> None:
        raise Killed

    provider = scripted(before=die)
    job = submit(maker)
    with pytest.raises(Killed):
        pipeline.start(job_id=job.pk)
    Job.objects.filter(pk=job.pk).update(lease_until=timezone.now() - timedelta(seconds=1))
    sweeper.recover_leases()

    assert (fresh(job).state, fresh(job).failure_code) == (Job.State.FAILED, "worker_lost")
    assert balance(maker) == (100, 0)
    assert len(provider.calls) == 1


def test_the_studio_and_the_others_have_queues_of_their_own(maker: Viewer, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(registry._PROVIDERS, "elsewhere", Scripted())
    plan = plan_of(maker.company)

    assert queue.queue_of(AIModel(provider="local"), plan) == "blocking"
    assert queue.queue_of(AIModel(provider="elsewhere"), plan) == "direct"
    plan.has_priority_queue = True
    assert queue.queue_of(AIModel(provider="local"), plan) == "blocking-first"
    assert queue.queue_of(AIModel(provider="elsewhere"), plan) == "direct-first"


def test_whose_plan_goes_first_is_made_before_what_a_worker_has_fetched_already(
    maker: Viewer, bob: User, scripted: Callable[..., Scripted]
) -> None:
    put_on(maker.company, "basic")
    guest = viewer_for(bob)
    assert guest is not None
    put_on(guest.company, "pro")
    late: list[Job] = []
    broker = actors.start_job_first.broker

    def during_the_first(call: Call, _report: Report) -> None:
        if not late:
            # The worker has fetched the next of the same line by now; it takes two at a time.
            wait_until(lambda: realtime.connection().llen("dramatiq:blocking") == 1)
            late.append(submit(guest))
            wait_until(lambda: realtime.connection().llen("dramatiq:blocking-first") == 0)
            time.sleep(0.2)

    provider = scripted(before=during_the_first)
    jobs = [submit(maker) for _number in range(3)]
    worker = dramatiq.Worker(broker, queues={"blocking", "blocking-first"}, worker_threads=1, worker_timeout=50)
    worker.start()
    try:
        wait_until(lambda: len(provider.calls) == 4 and not Job.objects.active().filter(pk=jobs[-1].pk).exists())
    finally:
        worker.stop()

    assert [call.job_id for call in provider.calls] == [jobs[0].pk, late[0].pk, jobs[1].pk, jobs[2].pk]


def test_faults_and_successes_of_an_operators_own_endpoint_are_counted_under_its_own_name(
    maker: Viewer, monkeypatch: pytest.MonkeyPatch
) -> None:
    provider = Scripted()
    monkeypatch.setitem(registry._PROVIDERS, "own", provider)
    AIModel.objects.filter(slug="studio-scenes").update(provider="own")
    try:
        for _fault in range(breaker.FAULTS - 1):
            breaker.failed("own")
        pipeline.start(job_id=submit(maker).pk)
        breaker.failed("own")
    finally:
        AIModel.objects.filter(slug="studio-scenes").update(provider="local")

    # The adapter calls itself otherwise; its success made the count begin anew.
    assert provider.name != "own"
    assert breaker.seconds_open("own") == 0


def test_what_is_stored_after_somebody_ended_the_job_leaves_no_file(
    maker: Viewer, scripted: Install, monkeypatch: pytest.MonkeyPatch
) -> None:
    scripted()
    job = submit(maker, count=2)
    stored = collecting.store_made
    calls = []

    def ended_meanwhile(**wish: Any) -> Any:
        found = stored(**wish)
        calls.append(wish)
        if len(calls) == 1:
            # The clock took the worker for dead, and tidied up; then the second output is stored.
            ending.fail(job_id=job.pk, code="worker_lost", sentence="Interrupted.")
            stored(**wish)
        return found

    monkeypatch.setattr(collecting, "store_made", ended_meanwhile)
    pipeline.start(job_id=job.pk)

    assert fresh(job).failure_code == "worker_lost"
    assert balance(maker) == (100, 0)
    assert files_of(maker.company) == []
