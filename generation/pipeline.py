"""The way of one job through a worker: claim, make, store, keep.

A worker holds a job by a token and a lease. Whoever finds at any step that the token is no longer the job's stops
without a trace: another worker has it, or it has ended. What an attempt writes into storage lies at keys that the next
attempt overwrites, so a worker may die anywhere.
"""

import logging
import shutil
import tempfile
import time
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from functools import partial
from pathlib import Path
from random import uniform
from uuid import UUID, uuid4

from django.conf import settings
from django.db.models import F, Q, QuerySet
from django.utils import timezone
from django.utils.translation import gettext as _
from dramatiq.middleware import Interrupt

from config.base import realtime
from config.base.imaging import DecoderFailed, PictureError
from gallery.delivery import open_original
from gallery.files import StoredPicture
from gallery.services import store_picture
from generation import ending
from generation.models import Job, ProviderCall
from generation.providers import registry
from generation.providers.base import Artifact, Call, InputFile, InvalidInput, ProviderError, Retryable

# A job whose provider has a passing fault is tried this often.
TRIES = 4
# A job is claimed this often at most: one that kills every worker that touches it ends here.
CLAIMS = 12
# Seconds: progress is written, and the lease renewed, at most this often.
BEAT_SECONDS = 0.4
# How much of the way the making is; the rest is storing.
MADE = 90
# Seconds: the first pause before another attempt; doubles, with full jitter.
RETRY_PAUSE = 2.0

logger = logging.getLogger(__name__)


class NotOurs(Exception):
    """The token is no longer the job's: another worker has it, or it has ended."""


class CancelAsked(Exception):
    """Somebody asked for the job to stop."""


@dataclass
class Work:
    """A worker's hold on one job."""

    job: Job
    token: UUID
    beaten_at: float = field(default=0.0)

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
        if not row.filter(cancel_requested_at=None).update(progress=percent, lease_until=_lease()):
            raise CancelAsked if row.exists() else NotOurs
        self.tell()

    def tell(self) -> None:
        """Let open pages know that the job changed."""
        realtime.publish(company_id=self.job.company_id, name="job", ids={"id": str(self.job.pk)})


def _lease() -> datetime:
    return timezone.now() + settings.JOB_LEASE


def start(*, job_id: UUID) -> None:
    """Do a job that waits, from claim to end. Nothing happens when it does not wait (any more)."""
    work = _claim(job_id)
    if work is None:
        return
    try:
        _make(work)
    except NotOurs:
        logger.info("job %s is no longer ours", job_id)
    except CancelAsked:
        ending.cancel_running(job_id=job_id, token=work.token)
    except Interrupt:
        # The worker is told to stop: the job goes on elsewhere at once.
        _end_call(work, ProviderCall.State.LOST, "")
        _put_back(work, pause=0)
        raise
    except Retryable as error:
        _try_again(work, error)
    except ProviderError as error:
        ending.fail(job_id=job_id, token=work.token, code=error.code, sentence=str(error))
    except DecoderFailed as error:
        _try_again(work, Retryable(str(error)))
    except PictureError as error:
        ending.fail(job_id=job_id, token=work.token, code=error.code, sentence=str(error))


def _claim(job_id: UUID) -> Work | None:
    """Take a waiting job: one conditional UPDATE, then the record of the call that will be sent."""
    token = uuid4()
    now = timezone.now()
    taken = (
        Job.objects.filter(pk=job_id, state=Job.State.QUEUED, dispatched_at__isnull=False)
        .filter(Q(not_before=None) | Q(not_before__lte=now))
        .update(
            state=Job.State.SUBMITTING,
            token=token,
            lease_until=_lease(),
            attempts=F("attempts") + 1,
            started_at=now,
            not_before=None,
            progress=0,
        )
    )
    if not taken:
        return None
    job = Job.objects.select_related("model", "company", "user").get(pk=job_id)
    if job.token != token:
        return None
    if job.attempts > CLAIMS:
        sentence = _("It failed %(count)d times. Nothing was charged; try again with other settings.")
        ending.fail(job_id=job_id, token=token, code="gave_up", sentence=sentence % {"count": CLAIMS})
        return None
    ProviderCall.objects.create(job=job, attempt=job.attempts, provider=job.model.provider)
    return Work(job=job, token=token)


def _make(work: Work) -> None:
    """Let the provider make the outputs, store them, and end the job."""
    job = work.job
    provider = registry.provider(job.model.provider)
    deadline = timezone.now() + timedelta(seconds=job.model.seconds_allowed * job.count)
    if not work.own(Job.State.SUBMITTING).update(state=Job.State.RUNNING, deadline=deadline):
        raise NotOurs
    work.tell()
    with tempfile.TemporaryDirectory(prefix="job-") as folder:
        made = _receive(provider.make(_call(job), work.report), Path(folder))
        _enter_collecting(work)
        stored = _store(work, made)
    if ending.succeed(job=job, token=work.token, stored=stored):
        logger.info("job %s succeeded with %d of %d", job.pk, len(stored), job.count)


def _call(job: Job) -> Call:
    inputs = [row.asset for row in job.inputs.select_related("asset").order_by("position")]
    present = [asset for asset in inputs if asset is not None]
    if len(present) < len(inputs):
        raise InvalidInput(_("The picture that this was to be made from was deleted. Nothing was charged."))
    return Call(
        job_id=job.pk,
        task=job.task,
        endpoint=job.model.endpoint,
        prompt=job.prompt,
        params=job.params,
        seeds=tuple(job.outputs.values_list("seed", flat=True)),
        inputs=tuple(InputFile(role="image", mime=asset.mime, open=partial(open_original, asset)) for asset in present),
    )


def _receive(artifacts: Iterator[Artifact], folder: Path) -> dict[int, Path]:
    """Write each output to a file of its own as it comes; return the files by output index."""
    made: dict[int, Path] = {}
    for artifact in artifacts:
        made[artifact.index] = folder / str(artifact.index)
        with artifact.stream, made[artifact.index].open("wb") as file:
            shutil.copyfileobj(artifact.stream, file)
    if not made:
        raise InvalidInput(_("The provider delivered nothing. Nothing was charged; try again with another prompt."))
    return made


def _enter_collecting(work: Work) -> None:
    """From here on it is too late to cancel: what was made will be delivered."""
    row = work.own(Job.State.RUNNING)
    if not row.filter(cancel_requested_at=None).update(
        state=Job.State.COLLECTING, progress=MADE, lease_until=_lease(), deadline=None
    ):
        raise CancelAsked if row.exists() else NotOurs
    work.tell()


def _store(work: Work, made: Mapping[int, Path]) -> dict[int, StoredPicture]:
    """Put the outputs into storage; one that is no usable picture is left out, unless none is usable."""
    stored: dict[int, StoredPicture] = {}
    broken: PictureError | None = None
    asset_ids = dict(work.job.outputs.values_list("index", "asset_id"))
    for index, source in made.items():
        try:
            stored[index] = store_picture(
                source=source,
                company_id=work.job.company_id,
                folder=str(work.job.pk),
                asset_id=asset_ids[index],
                # Also on plans that do not mark: a company may change its plan, the pictures are made once.
                marked=True,
            )
        except PictureError as error:
            logger.warning("job %s output %d is unusable: %s", work.job.pk, index, error)
            broken = error
        percent = MADE + (100 - MADE) * (index + 1) // (len(made) + 1)
        if not work.own(Job.State.COLLECTING).update(progress=percent, lease_until=_lease()):
            raise NotOurs
        work.tell()
    if broken is not None and not stored:
        raise broken
    return stored


def _try_again(work: Work, error: Retryable) -> None:
    """After a passing fault: wait and queue again, or give up after the last attempt."""
    _end_call(work, ProviderCall.State.FAILED, str(error))
    faults = work.job.calls.filter(state=ProviderCall.State.FAILED).count()
    if faults >= TRIES:
        ending.fail(job_id=work.job.pk, token=work.token, code=error.code, sentence=str(error))
        return
    _put_back(work, pause=max(error.retry_after or 0, uniform(0, RETRY_PAUSE * 2**faults)))


def _end_call(work: Work, state: str, error: str) -> None:
    """Note how the call of this attempt ended."""
    calls = ProviderCall.objects.filter(job=work.job, attempt=work.job.attempts)
    calls.update(state=state, error=error[:300], ended_at=timezone.now())


def _put_back(work: Work, *, pause: float) -> None:
    """Let the job wait again; the clock sends it when the pause is over."""
    work.own(Job.State.SUBMITTING, Job.State.RUNNING, Job.State.COLLECTING).update(
        state=Job.State.QUEUED,
        token=None,
        lease_until=None,
        deadline=None,
        progress=0,
        sent_at=None,
        not_before=timezone.now() + timedelta(seconds=pause),
    )
    work.tell()
