"""Jobs that a provider renders elsewhere: submitted once, looked at, fetched, paid once."""

from datetime import timedelta
from uuid import uuid4

import pytest
from django.db.models import F
from django.test import Client
from django.utils import timezone

from accounts.viewer import Viewer
from billing.models import LedgerEntry, UsageCounter, Wallet
from config.base import realtime
from gallery.models import Asset
from generation import breaker, pipeline, remote, sweeper, webhooks
from generation.models import Job, ProviderCall, WebhookReceipt
from generation.providers.base import (
    AuthFailed,
    ContentRejected,
    Gone,
    Progress,
    Retryable,
    SubmitUnknown,
)
from generation.services import cancel_job
from tests.factories.generation import submit
from tests.generation.conftest import files_of
from tests.generation.scripted import ScriptedQueue


def money(viewer: Viewer) -> tuple[int, int]:
    wallet = Wallet.objects.get(company=viewer.company)
    return wallet.balance, wallet.held


def fresh(job: Job) -> Job:
    return Job.objects.get(pk=job.pk)


def is_paid_back(viewer: Viewer) -> bool:
    used = UsageCounter.objects.get(company=viewer.company, name="generations").used
    return money(viewer) == (100, 0) and used == 0 and files_of(viewer.company) == []


def begun(viewer: Viewer, **fields: object) -> Job:
    job = submit(viewer, **fields)
    pipeline.start(job_id=job.pk)
    return fresh(job)


def change(job: Job, **values: object) -> None:
    Job.objects.filter(pk=job.pk).update(**values)


PAST = timedelta(seconds=-1)


def test_a_job_is_submitted_once_looked_at_and_fetched(maker: Viewer, elsewhere: ScriptedQueue) -> None:
    elsewhere.answers = [Progress(state="waiting", position=3), Progress(state="running", percent=50)]
    job = begun(maker, count=2)
    assert (job.state, job.token, job.queue) == (Job.State.RUNNING, None, "default")

    remote.check(job_id=job.pk)
    assert (fresh(job).position, fresh(job).rendering_at) == (3, None)
    remote.check(job_id=job.pk)
    assert fresh(job).progress == 45
    assert fresh(job).rendering_at is not None
    remote.check(job_id=job.pk)

    assert fresh(job).state == Job.State.SUCCEEDED
    assert len(elsewhere.submits) == 1
    assert Asset.objects.filter(company=maker.company).count() == 2
    assert money(maker) == (98, 0)
    call = ProviderCall.objects.get(job=job)
    assert (call.state, call.external_id) == (ProviderCall.State.ANSWERED, f"r-{job.pk}")


def test_a_submit_of_unknown_outcome_is_never_repeated(maker: Viewer, elsewhere: ScriptedQueue) -> None:
    elsewhere.submit_error = SubmitUnknown("dropped")
    job = begun(maker)
    assert job.state == Job.State.UNKNOWN

    for _ in range(3):
        sweeper.sweep()
        pipeline.start(job_id=job.pk)
        remote.check(job_id=job.pk)
    assert len(elsewhere.submits) == 1
    assert money(maker) == (100, 1), "nobody knows yet"

    change(job, deadline=timezone.now() + PAST)
    sweeper.enforce_deadlines()
    assert fresh(job).state == Job.State.FAILED
    assert is_paid_back(maker)


@pytest.mark.parametrize("worker_died", [False, True])
def test_a_webhook_finds_a_submit_of_unknown_outcome(
    maker: Viewer, elsewhere: ScriptedQueue, worker_died: bool
) -> None:
    elsewhere.submit_error = KeyboardInterrupt() if worker_died else SubmitUnknown("dropped")
    job = submit(maker)
    if worker_died:
        with pytest.raises(KeyboardInterrupt):
            pipeline.start(job_id=job.pk)
        change(job, lease_until=timezone.now() + PAST)
        sweeper.recover_leases()
    else:
        pipeline.start(job_id=job.pk)
    assert fresh(job).state == Job.State.UNKNOWN

    answer = deliver(job)
    remote.check(job_id=job.pk)

    assert answer == 200
    assert fresh(job).state == Job.State.SUCCEEDED
    assert money(maker) == (99, 0)
    assert len(elsewhere.submits) == 1


def deliver(job: Job, *, signature: str = "good", delivery: str = "", token: str = "") -> int:
    path = f"/hooks/local/{job.pk}/{token or webhooks._token(job.pk)}"
    headers = {"X-Signature": signature, "X-Request": f"r-{job.pk}", "X-Delivery": delivery or uuid4().hex}
    return Client().post(path, b"{}", content_type="application/json", headers=headers).status_code


def checks_sent() -> int:
    return int(realtime.connection().llen("dramatiq:default"))


def test_a_delivery_counts_once_and_a_strangers_never(maker: Viewer, elsewhere: ScriptedQueue) -> None:
    job = begun(maker)
    realtime.connection().flushdb()

    assert deliver(job, signature="bad") == 403
    assert deliver(job, token="0" * 32) == 404
    assert Client().get(f"/hooks/local/{job.pk}/{webhooks._token(job.pk)}").status_code == 405
    assert Client().post(f"/hooks/nobody/{job.pk}/{webhooks._token(job.pk)}").status_code == 404
    assert (checks_sent(), WebhookReceipt.objects.filter(job=job).count()) == (0, 0)

    for _ in range(3):
        assert deliver(job, delivery=f"one-{job.pk}") == 200
    assert checks_sent() == 1
    assert fresh(job).state == Job.State.RUNNING, "the body is never believed"


def test_what_was_told_in_time_is_not_given_up_while_the_look_stands_in_line(
    maker: Viewer, elsewhere: ScriptedQueue
) -> None:
    job = begun(maker)
    Job.objects.filter(pk=job.pk).update(deadline=timezone.now() + timedelta(seconds=1))
    assert deliver(job) == 200
    # Long after its deadline, and nobody has looked yet.
    Job.objects.filter(pk=job.pk).update(deadline=F("deadline") - timedelta(minutes=9))
    sweeper.enforce_deadlines()
    assert fresh(job).state == Job.State.RUNNING

    remote.check(job_id=job.pk)
    assert fresh(job).state == Job.State.SUCCEEDED


def test_a_delivery_during_a_look_that_came_too_early_is_not_lost(maker: Viewer, elsewhere: ScriptedQueue) -> None:
    elsewhere.answers = [Progress(state="running")]
    job = begun(maker)

    def told_meanwhile() -> None:
        elsewhere.on_poll = None
        assert deliver(job) == 200
        remote.check(job_id=job.pk)

    elsewhere.on_poll = told_meanwhile
    remote.check(job_id=job.pk)
    assert elsewhere.polls == 1, "the delivery found somebody looking"

    due_at = fresh(job).next_poll_at
    assert due_at is not None
    assert due_at <= timezone.now(), "the next look is put off by nobody"
    remote.check(job_id=job.pk)
    assert fresh(job).state == Job.State.SUCCEEDED


def test_a_delivery_after_the_end_changes_nothing(maker: Viewer, elsewhere: ScriptedQueue) -> None:
    job = begun(maker)
    remote.check(job_id=job.pk)
    row = Job.objects.filter(pk=job.pk).values().get()

    assert deliver(job) == 200
    remote.check(job_id=job.pk)

    assert Job.objects.filter(pk=job.pk).values().get() == row
    assert LedgerEntry.objects.filter(wallet=maker.company.wallet, kind="settle").count() == 1


def test_only_one_looks_at_a_time(maker: Viewer, elsewhere: ScriptedQueue) -> None:
    job = begun(maker)
    looked: list[int] = []
    poll = elsewhere.poll

    def look_twice(submitted: object) -> Progress:
        looked.append(elsewhere.polls)
        if len(looked) == 1:
            remote.check(job_id=job.pk)
        return poll(submitted)  # type: ignore[arg-type]

    elsewhere.poll = look_twice  # type: ignore[method-assign]
    remote.check(job_id=job.pk)

    assert len(looked) == 1
    assert money(maker) == (99, 0)


def test_a_delivery_during_a_look_is_followed_by_another_look(maker: Viewer, elsewhere: ScriptedQueue) -> None:
    job = begun(maker)
    realtime.connection().flushdb()

    def told_meanwhile(submitted: object) -> Progress:
        assert deliver(job) == 200
        # What the delivery asked for comes while this look still holds the job.
        remote.check(job_id=job.pk)
        realtime.connection().flushdb()
        return Progress(state="running")

    elsewhere.poll = told_meanwhile  # type: ignore[method-assign]
    remote.check(job_id=job.pk)

    assert fresh(job).state == Job.State.RUNNING
    assert checks_sent() == 1


def test_passing_faults_while_looking_or_fetching_only_delay(maker: Viewer, elsewhere: ScriptedQueue) -> None:
    elsewhere.answers = [Retryable("busy", retry_after=40)]
    elsewhere.fetch_errors = [Retryable("truncated"), Retryable("truncated")]
    job = begun(maker)

    remote.check(job_id=job.pk)
    waits = fresh(job).next_poll_at
    assert waits is not None
    assert waits > timezone.now() + timedelta(seconds=35)
    for _ in range(3):
        remote.check(job_id=job.pk)

    assert fresh(job).state == Job.State.SUCCEEDED
    assert len(elsewhere.submits) == 1
    assert money(maker) == (99, 0)


def test_what_cannot_be_fetched_in_time_is_paid_back(maker: Viewer, elsewhere: ScriptedQueue) -> None:
    elsewhere.fetch_errors = [Retryable("truncated") for _ in range(5)]
    job = begun(maker)
    remote.check(job_id=job.pk)

    change(job, deadline=timezone.now() + PAST)
    remote.check(job_id=job.pk)

    assert fresh(job).state == Job.State.FAILED
    assert is_paid_back(maker)


@pytest.mark.parametrize("error", [ContentRejected("Not this."), Gone("Lost."), AuthFailed("Key.")])
def test_a_failure_at_the_provider_ends_the_job_and_pays_back(
    maker: Viewer, elsewhere: ScriptedQueue, error: Exception
) -> None:
    elsewhere.answers = [error]
    job = begun(maker)

    remote.check(job_id=job.pk)

    assert (fresh(job).state, fresh(job).failure) == (Job.State.FAILED, str(error))
    assert is_paid_back(maker)


def test_a_refused_key_fails_at_once(maker: Viewer, elsewhere: ScriptedQueue) -> None:
    elsewhere.submit_error = AuthFailed("The key was refused.")

    job = begun(maker)

    assert (job.state, job.failure_code) == (Job.State.FAILED, "provider_refused_key")
    assert len(elsewhere.submits) == 1
    assert is_paid_back(maker)


def test_cancelling_reaches_the_provider_before_the_credits_return(maker: Viewer, elsewhere: ScriptedQueue) -> None:
    job = begun(maker)

    cancel_job(job=job)
    assert money(maker) == (100, 1)
    remote.check(job_id=job.pk)

    assert elsewhere.cancels == 1
    assert fresh(job).state == Job.State.CANCELLED
    assert is_paid_back(maker)


def test_a_cancel_that_comes_too_late_for_the_provider_delivers(maker: Viewer, elsewhere: ScriptedQueue) -> None:
    elsewhere.can_cancel = False
    job = begun(maker)

    cancel_job(job=job)
    remote.check(job_id=job.pk)

    assert fresh(job).state == Job.State.SUCCEEDED
    assert money(maker) == (99, 0)


def test_cancelling_during_the_submit_keeps_the_reference_first(maker: Viewer, elsewhere: ScriptedQueue) -> None:
    job = submit(maker)
    elsewhere.on_submit = lambda: cancel_job(job=job)

    pipeline.start(job_id=job.pk)
    assert ProviderCall.objects.get(job=job).external_id == f"r-{job.pk}"
    remote.check(job_id=job.pk)

    assert (elsewhere.cancels, fresh(job).state) == (1, Job.State.CANCELLED)
    assert is_paid_back(maker)


def test_a_worker_that_dies_while_fetching_leaves_the_job_to_the_next(maker: Viewer, elsewhere: ScriptedQueue) -> None:
    job = begun(maker)
    elsewhere.fetch_errors = [MemoryError("killed")]
    with pytest.raises(MemoryError):
        remote.check(job_id=job.pk)
    assert fresh(job).state == Job.State.COLLECTING

    change(job, lease_until=timezone.now() + PAST)
    sweeper.recover_leases()
    assert (fresh(job).state, fresh(job).token) == (Job.State.RUNNING, None)
    remote.check(job_id=job.pk)

    assert fresh(job).state == Job.State.SUCCEEDED
    assert (len(elsewhere.submits), money(maker)) == (1, (99, 0))


def test_a_submit_slower_than_its_lease_is_found_again_when_it_answers(maker: Viewer, elsewhere: ScriptedQueue) -> None:
    job = submit(maker)

    def slow() -> None:
        change(job, lease_until=timezone.now() + PAST)
        sweeper.recover_leases()
        assert fresh(job).state == Job.State.UNKNOWN

    elsewhere.on_submit = slow
    pipeline.start(job_id=job.pk)

    assert fresh(job).state == Job.State.RUNNING
    remote.check(job_id=job.pk)
    assert fresh(job).state == Job.State.SUCCEEDED


def test_a_deadline_gives_one_last_look_and_then_stops_the_provider(maker: Viewer, elsewhere: ScriptedQueue) -> None:
    elsewhere.answers = [Progress(state="running"), Progress(state="running")]
    job = begun(maker)
    remote.check(job_id=job.pk)
    change(job, deadline=timezone.now() + PAST)

    sweeper.enforce_deadlines()
    assert fresh(job).state == Job.State.RUNNING, "the last look comes first"
    remote.check(job_id=job.pk)

    assert (fresh(job).state, fresh(job).failure_code, elsewhere.cancels) == (Job.State.FAILED, "timed_out", 1)
    assert is_paid_back(maker)


def test_a_picture_that_is_ready_at_the_last_look_is_delivered(maker: Viewer, elsewhere: ScriptedQueue) -> None:
    job = begun(maker)
    change(job, deadline=timezone.now() + PAST)

    sweeper.enforce_deadlines()
    remote.check(job_id=job.pk)

    assert fresh(job).state == Job.State.SUCCEEDED


def test_the_clock_asks_for_looks_that_are_due_and_again_for_lost_ones(maker: Viewer, elsewhere: ScriptedQueue) -> None:
    job = begun(maker)
    sweeper.look_at_due()
    realtime.connection().flushdb()

    change(job, next_poll_at=timezone.now() + PAST)
    sweeper.look_at_due()
    sweeper.look_at_due()
    assert checks_sent() == 1

    realtime.connection().flushdb()
    change(job, next_poll_at=timezone.now() + PAST)
    sweeper.look_at_due()
    assert checks_sent() == 1


def test_after_many_faults_nothing_is_sent_for_a_while(maker: Viewer, elsewhere: ScriptedQueue) -> None:
    for _ in range(breaker.FAULTS):
        breaker.failed("local")

    job = begun(maker)

    assert (job.state, job.attempts) == (Job.State.QUEUED, 0)
    assert elsewhere.submits == []
    assert job.not_before is not None
    breaker.close("local")
    change(job, not_before=None)
    pipeline.start(job_id=job.pk)
    assert len(elsewhere.submits) == 1
