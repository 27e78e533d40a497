"""A job through a worker: made once, paid once, whatever fails on the way."""

from collections.abc import Callable
from datetime import timedelta

import pytest
from django.utils import timezone
from dramatiq.middleware import Shutdown

from accounts.viewer import Viewer
from billing.models import Hold, LedgerEntry, UsageCounter, Wallet
from gallery.models import Asset
from generation import ending, pipeline, sweeper
from generation.models import Job, ProviderCall
from generation.providers.base import Call, InvalidInput, Report, Retryable
from generation.services import cancel_job
from tests.factories.generation import submit
from tests.generation.conftest import files_of
from tests.generation.scripted import Scripted, picture

Install = Callable[..., Scripted]


def money(viewer: Viewer) -> tuple[int, int]:
    wallet = Wallet.objects.get(company=viewer.company)
    return wallet.balance, wallet.held


def used(viewer: Viewer) -> int:
    return UsageCounter.objects.get(company=viewer.company, name="generations").used


def fresh(job: Job) -> Job:
    return Job.objects.get(pk=job.pk)


def expire_lease(job: Job) -> None:
    Job.objects.filter(pk=job.pk).update(lease_until=timezone.now() - timedelta(seconds=1))


def test_the_studio_makes_what_was_asked_and_it_is_paid(maker: Viewer) -> None:
    job = submit(
        maker, prompt="calm lake with mountains", count=2, seed=5, params={"detail": "draft", "aspect_ratio": "16:9"}
    )

    pipeline.start(job_id=job.pk)

    done = fresh(job)
    assert (done.state, done.progress, done.failure) == (Job.State.SUCCEEDED, 100, "")
    assets = list(Asset.objects.filter(company=maker.company).order_by("seed"))
    assert [asset.pk for asset in assets] == list(job.outputs.values_list("asset_id", flat=True))
    assert [asset.seed for asset in assets] == [5, 6]
    assert len({asset.sha256 for asset in assets}) == 2
    assert all(asset.width > asset.height and asset.prompt == "calm lake with mountains" for asset in assets)
    assert money(maker) == (98, 0)
    assert used(maker) == 2
    assert ProviderCall.objects.get(job=job).state == ProviderCall.State.ANSWERED


def test_a_message_delivered_twice_makes_it_once(maker: Viewer, scripted: Install) -> None:
    provider = scripted()
    job = submit(maker)

    pipeline.start(job_id=job.pk)
    pipeline.start(job_id=job.pk)

    assert len(provider.calls) == 1
    assert money(maker) == (99, 0)
    assert LedgerEntry.objects.filter(wallet=maker.company.wallet, kind="settle").count() == 1


def test_part_of_the_outputs_settles_the_part(maker: Viewer, scripted: Install) -> None:
    scripted(outputs={0: picture(1), 1: b"this is no picture", 2: picture(3)})
    job = submit(maker, count=4)

    pipeline.start(job_id=job.pk)

    assert fresh(job).state == Job.State.SUCCEEDED
    assert list(job.outputs.values_list("state", flat=True)) == ["delivered", "failed", "delivered", "failed"]
    assert Asset.objects.filter(company=maker.company).count() == 2
    assert money(maker) == (98, 0)
    assert used(maker) == 2


def test_a_provider_that_refuses_the_input_ends_the_job_and_everything_comes_back(
    maker: Viewer, scripted: Install
) -> None:
    def refuse(call: Call, report: Report) -> None:
        raise InvalidInput("The picture is too small.")

    scripted(before=refuse)
    job = submit(maker)

    pipeline.start(job_id=job.pk)

    failed = fresh(job)
    assert (failed.state, failed.failure_code, failed.failure) == (
        "failed",
        "invalid_input",
        "The picture is too small.",
    )
    assert money(maker) == (100, 0)
    assert used(maker) == 0
    hold = Hold.objects.get(key=job.hold_key)
    assert (hold.state, hold.reason) == ("released", "The picture is too small.")


def test_outputs_that_are_no_pictures_fail_the_job_and_leave_no_file(maker: Viewer, scripted: Install) -> None:
    scripted(outputs={0: b"<html>error</html>"})
    job = submit(maker)

    pipeline.start(job_id=job.pk)

    assert fresh(job).state == Job.State.FAILED
    assert money(maker) == (100, 0)
    assert files_of(maker.company) == []


def test_a_passing_fault_is_tried_again_later_and_charged_once(maker: Viewer, scripted: Install) -> None:
    faults = iter([True, True, False])

    def stumble(call: Call, report: Report) -> None:
        if next(faults):
            raise Retryable("Busy.", retry_after=30)

    scripted(before=stumble)
    job = submit(maker)

    for attempt in (1, 2):
        pipeline.start(job_id=job.pk)
        waiting = fresh(job)
        assert (waiting.state, waiting.attempts) == (Job.State.QUEUED, attempt)
        assert waiting.not_before is not None
        assert waiting.not_before > timezone.now() + timedelta(seconds=25)
        pipeline.start(job_id=job.pk)  # Too early: nothing happens.
        assert fresh(job).attempts == attempt
        Job.objects.filter(pk=job.pk).update(not_before=timezone.now())
    pipeline.start(job_id=job.pk)

    assert fresh(job).state == Job.State.SUCCEEDED
    assert money(maker) == (99, 0)
    assert list(ProviderCall.objects.filter(job=job).order_by("attempt").values_list("state", flat=True)) == [
        "failed",
        "failed",
        "answered",
    ]


def test_a_fault_that_does_not_pass_ends_after_four_attempts(maker: Viewer, scripted: Install) -> None:
    def stumble(call: Call, report: Report) -> None:
        raise Retryable("Busy.")

    provider = scripted(before=stumble)
    job = submit(maker)

    for _ in range(6):
        pipeline.start(job_id=job.pk)
        Job.objects.filter(pk=job.pk, state=Job.State.QUEUED).update(not_before=timezone.now())

    assert len(provider.calls) == pipeline.TRIES
    assert fresh(job).state == Job.State.FAILED
    assert money(maker) == (100, 0)


def test_cancelling_a_running_job_stops_it_and_gives_back(maker: Viewer, scripted: Install) -> None:
    def cancelled_meanwhile(call: Call, report: Report) -> None:
        cancel_job(job=Job.objects.get(pk=call.job_id))
        report(0.5)
        raise AssertionError("The report should have stopped the work.")

    scripted(before=cancelled_meanwhile)
    job = submit(maker)

    pipeline.start(job_id=job.pk)

    assert fresh(job).state == Job.State.CANCELLED
    assert money(maker) == (100, 0)
    assert used(maker) == 0
    assert files_of(maker.company) == []


def test_a_cancel_just_before_storing_still_counts(maker: Viewer, scripted: Install) -> None:
    scripted(before=lambda call, report: cancel_job(job=Job.objects.get(pk=call.job_id)))
    job = submit(maker)

    pipeline.start(job_id=job.pk)

    assert fresh(job).state == Job.State.CANCELLED
    assert money(maker) == (100, 0)


def test_a_dead_workers_job_is_made_by_the_next_and_charged_once(maker: Viewer, scripted: Install) -> None:
    job = submit(maker)

    def die(call: Call, report: Report) -> None:
        raise RuntimeError("killed")

    scripted(before=die)
    with pytest.raises(RuntimeError, match="killed"):
        pipeline.start(job_id=job.pk)
    assert fresh(job).state == Job.State.RUNNING
    sweeper.recover_leases()
    assert fresh(job).state == Job.State.RUNNING, "its lease still stands"

    expire_lease(job)
    sweeper.recover_leases()
    assert fresh(job).state == Job.State.QUEUED
    scripted()
    pipeline.start(job_id=job.pk)

    assert fresh(job).state == Job.State.SUCCEEDED
    assert money(maker) == (99, 0)
    assert Asset.objects.filter(company=maker.company).count() == 1


def test_a_worker_that_is_told_to_stop_gives_the_job_back(maker: Viewer, scripted: Install) -> None:
    def stop(call: Call, report: Report) -> None:
        raise Shutdown

    scripted(before=stop)
    job = submit(maker)

    with pytest.raises(Shutdown):
        pipeline.start(job_id=job.pk)

    assert fresh(job).state == Job.State.QUEUED
    scripted()
    pipeline.start(job_id=job.pk)
    assert fresh(job).state == Job.State.SUCCEEDED
    assert money(maker) == (99, 0)


def test_a_slow_worker_whose_job_was_taken_over_changes_nothing(maker: Viewer, scripted: Install) -> None:
    job = submit(maker)

    def overtaken(call: Call, report: Report) -> None:
        if not overtakers:
            return
        overtakers.pop()
        expire_lease(job)
        sweeper.recover_leases()
        pipeline.start(job_id=job.pk)

    overtakers = [1]
    provider = scripted(before=overtaken)

    pipeline.start(job_id=job.pk)

    assert len(provider.calls) == 2
    assert fresh(job).state == Job.State.SUCCEEDED
    assert money(maker) == (99, 0)
    assert Asset.objects.filter(company=maker.company).count() == 1
    assert LedgerEntry.objects.filter(wallet=maker.company.wallet, kind="settle").count() == 1


def test_a_job_that_kills_every_worker_is_given_up(maker: Viewer, scripted: Install) -> None:
    job = submit(maker)
    scripted()
    Job.objects.filter(pk=job.pk).update(attempts=pipeline.CLAIMS)

    pipeline.start(job_id=job.pk)

    assert (fresh(job).state, fresh(job).failure_code) == (Job.State.FAILED, "gave_up")
    assert money(maker) == (100, 0)


def test_a_job_past_its_deadline_fails_and_its_worker_delivers_nothing(maker: Viewer, scripted: Install) -> None:
    job = submit(maker)

    def late(call: Call, report: Report) -> None:
        Job.objects.filter(pk=job.pk).update(deadline=timezone.now() - timedelta(seconds=1))
        sweeper.enforce_deadlines()

    scripted(before=late)
    pipeline.start(job_id=job.pk)

    assert (fresh(job).state, fresh(job).failure_code) == (Job.State.FAILED, "timed_out")
    assert money(maker) == (100, 0)
    assert Asset.objects.filter(company=maker.company).count() == 0


def test_a_terminal_job_never_moves(maker: Viewer, scripted: Install) -> None:
    scripted()
    job = submit(maker)
    pipeline.start(job_id=job.pk)
    row = Job.objects.filter(pk=job.pk).values().get()

    assert not ending.fail(job_id=job.pk, code="x", sentence="x")
    assert not ending.cancel_waiting(job_id=job.pk)
    assert not ending.request_cancel(job_id=job.pk)
    sweeper.sweep()

    assert Job.objects.filter(pk=job.pk).values().get() == row
    assert money(maker) == (99, 0)
