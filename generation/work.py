"""A worker's hold on one job: token, lease, progress."""

import time
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from functools import partial
from uuid import UUID, uuid4

from django.conf import settings
from django.db.models import QuerySet
from django.utils import timezone
from django.utils.translation import gettext as _

from config.base import realtime
from gallery.delivery import open_original
from generation.models import Job, JobInput, ProviderCall
from generation.providers.base import Call, InputFile, InvalidInput

# Seconds: progress is written, and the lease renewed, at most this often.
BEAT_SECONDS = 0.4
# How much of the way the making is; the rest is storing.
MADE = 90


class NotOurs(Exception):
    """The token is no longer the job's: another worker has it, or it has ended."""


class CancelAsked(Exception):
    """Somebody asked for the job to stop."""


def lease(patience: timedelta = timedelta(0)) -> datetime:
    """Until when a worker that takes or renews a job now is believed to live; `patience`: how long it may be silent."""
    return timezone.now() + max(settings.JOB_LEASE, patience)


@dataclass
class Work:
    """What a worker that took a job may do with its row."""

    job: Job
    token: UUID
    taken_at: datetime = field(default_factory=timezone.now)
    beaten_at: float = field(default=0.0)
    # How long it may say nothing: a provider that answers in one go is waited for in silence.
    patience: timedelta = field(default=timedelta(0))

    def own(self, *states: str) -> QuerySet[Job]:
        """The job's row while it is this worker's and in one of `states`."""
        return Job.objects.filter(pk=self.job.pk, token=self.token, state__in=states)

    def report(self, fraction: float) -> None:
        """Write how far the making is, and renew the lease. Raises `NotOurs`, `CancelAsked`."""
        if time.monotonic() - self.beaten_at < BEAT_SECONDS:
            return
        self.beaten_at = time.monotonic()
        percent = max(0, min(MADE, int(fraction * MADE)))
        row = self.own(Job.State.RUNNING)
        if not row.filter(cancel_requested_at=None).update(progress=percent, lease_until=lease(self.patience)):
            raise CancelAsked if row.exists() else NotOurs
        self.tell()

    def end_call(self, state: str, error: str = "") -> None:
        """Note how the call of this attempt ended."""
        calls = ProviderCall.objects.filter(job=self.job, attempt=self.job.attempts)
        calls.update(state=state, error=error[:300], ended_at=timezone.now())

    def tell(self) -> None:
        """Let open pages know that the job changed."""
        realtime.publish(company_id=self.job.company_id, name="job", ids={"id": str(self.job.pk)})


def take(jobs: QuerySet[Job], **changes: object) -> Work | None:
    """Take the one job in `jobs`, if it is still there, with a new token and lease; one conditional UPDATE."""
    token = uuid4()
    if not jobs.update(token=token, lease_until=lease(), **changes):
        return None
    # By the token alone: what was taken may no longer be among `jobs`, whose state it has left.
    rows = Job.objects.select_related("model", "asked_model", "company", "user").prefetch_related(
        "outputs", "inputs__asset"
    )
    job = rows.filter(token=token).first()
    return Work(job=job, token=token) if job is not None else None


def call_of(job: Job, *, webhook_url: str = "") -> Call:
    """What to ask the provider for. Raises `InvalidInput` when an input was deleted for good."""
    return Call(
        job_id=job.pk,
        task=job.task,
        endpoint=job.model.endpoint,
        prompt=job.wording,
        params=job.params,
        seeds=tuple(output.seed for output in job.outputs.all()),
        inputs=tuple(_input_file(row) for row in sorted(job.inputs.all(), key=lambda row: row.position)),
        webhook_url=webhook_url,
        seconds_allowed=job.model.seconds_allowed,
    )


def _input_file(row: JobInput) -> InputFile:
    asset = row.asset
    if asset is None:
        raise InvalidInput(_("The picture that this was to be made from was deleted. Nothing was charged."))
    return InputFile(
        role=row.role, mime=asset.mime, width=asset.width, height=asset.height, open=partial(open_original, asset)
    )
