"""The ends of a job: succeeded, failed, cancelled. Each moves the state once and the money once, in one transaction.

Locks are taken in one order everywhere: job, usage counter, wallet.
"""

import logging
from collections.abc import Mapping
from typing import Any
from uuid import UUID

from django.db import transaction
from django.db.models import QuerySet
from django.utils import timezone
from django.utils.translation import gettext as _

from billing.caps import give_back_caps
from billing.services import release_hold, settle_hold
from billing.usage import give_back_generations
from config.base import realtime
from gallery.files import StoredAsset
from gallery.making import discard_files, keep_made
from generation.dispatching import dispatch
from generation.models import Job, JobOutput, ProviderCall

logger = logging.getLogger(__name__)


def succeed(*, job: Job, token: UUID, stored: Mapping[int, StoredAsset]) -> bool:
    """Keep what lies in storage, by output index, and pay for it; what is missing is given back.

    False when the job is no longer this worker's: nothing changed then.
    """
    with transaction.atomic():
        now = timezone.now()
        moved = Job.objects.filter(pk=job.pk, token=token, state=Job.State.COLLECTING).update(
            state=Job.State.SUCCEEDED, progress=100, finished_at=now, token=None, lease_until=None, deadline=None
        )
        if not moved:
            return False
        _keep(job, stored, elapsed_ms=_milliseconds_since(job, now))
        missing = job.count - len(stored)
        if missing and job.day:
            give_back_generations(company=job.company, count=missing, period=job.day)
        spent = job.credits // job.count * len(stored)
        _give_back_caps(job, job.credits - spent)
        settle_hold(key=job.hold_key, amount=spent)
        _after(job)
    return True


def _keep(job: Job, stored: Mapping[int, StoredAsset], *, elapsed_ms: int) -> None:
    parents = [row.asset_id for row in job.inputs.all() if row.asset_id and row.role == "image"]
    for output in job.outputs.all():
        if output.index not in stored:
            continue
        keep_made(
            stored=stored[output.index],
            company=job.company,
            user=job.user,
            prompt=job.prompt,
            task=job.task,
            model_name=job.model.name,
            params=job.params,
            seed=output.seed,
            credits=job.credits // job.count,
            elapsed_ms=elapsed_ms,
            parents=parents,
        )
    JobOutput.objects.filter(job=job, index__in=stored).update(state=JobOutput.State.DELIVERED)
    if len(stored) < job.count:
        JobOutput.objects.filter(job=job).exclude(index__in=stored).update(state=JobOutput.State.FAILED)
    ProviderCall.objects.filter(job=job, state=ProviderCall.State.SENT).update(
        state=ProviderCall.State.ANSWERED, ended_at=timezone.now(), cost=job.unit_cost * len(stored)
    )


def _milliseconds_since(job: Job, now: Any) -> int:
    return int((now - (job.started_at or now)).total_seconds() * 1000)


def fail(*, job_id: UUID, code: str, sentence: str, token: UUID | None = None) -> bool:
    """End an active job as failed and give everything back. With `token`, only while the job is that worker's."""
    jobs = Job.objects.active().filter(pk=job_id)
    if token is not None:
        jobs = jobs.filter(token=token)
    return _end(jobs, job_id, state=Job.State.FAILED, code=code, sentence=sentence)


def cancel_waiting(*, job_id: UUID) -> bool:
    """End a job that no worker has, as cancelled. False when there is none."""
    jobs = Job.objects.filter(pk=job_id, state=Job.State.QUEUED)
    return _end(jobs, job_id, state=Job.State.CANCELLED, code="cancelled", sentence=_("Cancelled."))


def cancel_running(*, job_id: UUID, token: UUID) -> bool:
    """End the worker's own job because somebody asked for it."""
    jobs = Job.objects.filter(pk=job_id, token=token, cancel_requested_at__isnull=False)
    jobs = jobs.filter(state__in=(Job.State.SUBMITTING, Job.State.RUNNING))
    return _end(jobs, job_id, state=Job.State.CANCELLED, code="cancelled", sentence=_("Cancelled."))


def request_cancel(*, job_id: UUID) -> bool:
    """Note that a started job should stop. True also when that was noted before; False when it is too late."""
    jobs = Job.objects.filter(pk=job_id, state__in=(Job.State.SUBMITTING, Job.State.RUNNING, Job.State.UNKNOWN))
    if jobs.filter(cancel_requested_at=None).update(cancel_requested_at=timezone.now()):
        return True
    return jobs.exists()


def _end(jobs: QuerySet[Job], job_id: UUID, *, state: str, code: str, sentence: str) -> bool:
    with transaction.atomic():
        moved = jobs.update(
            state=state,
            failure_code=code,
            failure=sentence[:300],
            finished_at=timezone.now(),
            token=None,
            lease_until=None,
            deadline=None,
        )
        if not moved:
            return False
        job = Job.objects.select_related("company").get(pk=job_id)
        JobOutput.objects.filter(job=job).update(state=JobOutput.State.FAILED)
        ProviderCall.objects.filter(job=job, state=ProviderCall.State.SENT).update(
            state=ProviderCall.State.FAILED, error=sentence[:300], ended_at=timezone.now()
        )
        if job.day:
            give_back_generations(company=job.company, count=job.count, period=job.day)
        _give_back_caps(job, job.credits)
        release_hold(key=job.hold_key, reason=sentence)
        _after(job)
        if job.attempts:
            # What a worker stored before it stopped belongs to nobody now.
            transaction.on_commit(lambda: discard_outputs(job), robust=True)
    return True


def _give_back_caps(job: Job, amount: int) -> None:
    """What was not spent counts against nobody's cap."""
    give_back_caps(company=job.company, user_id=job.user_id, key_id=job.api_key_id, amount=amount, at=job.created_at)


def discard_outputs(job: Job) -> None:
    """Take away what was stored for a job that ended without it."""
    for output in job.outputs.all():
        discard_files(company_id=job.company_id, folder=str(job.pk), asset_id=output.asset_id)


def _after(job: Job) -> None:
    """Once the end is committed: tell the pages, and let the company's next job go."""
    realtime.publish(company_id=job.company_id, name="job", ids={"id": str(job.pk)})
    transaction.on_commit(lambda: dispatch(company_id=job.company_id), robust=True)
