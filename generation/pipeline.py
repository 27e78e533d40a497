"""The way of one job through a worker, from waiting to its end.

A worker holds a job by a token and a lease. Whoever finds at any step that the token is no longer the job's stops
without a trace: another worker has it, or it has ended. What an attempt writes into storage lies at keys that the next
attempt overwrites, so a worker may die anywhere.
"""

import logging
from datetime import timedelta
from random import uniform
from uuid import UUID

from django.db.models import F, Q
from django.utils import timezone
from django.utils.translation import gettext as _
from dramatiq.middleware import Interrupt

from config.base.limited import DecoderFailed
from config.base.media import MediaError
from generation import alerts, breaker, ending, failover, remote
from generation.alerts import provider_is_well
from generation.collecting import collect
from generation.models import Job, ProviderCall
from generation.providers import registry
from generation.providers.base import (
    DirectProvider,
    ProviderError,
    QueuedProvider,
    Retryable,
    SubmitUnknown,
)
from generation.work import CancelAsked, NotOurs, Work, call_of, lease, take

# A job whose provider has a passing fault is tried this often.
TRIES = 4
# A job is claimed this often at most: one that kills every worker that touches it ends here.
CLAIMS = 12
# How much longer than its own time a provider that answers in one go is given.
GRACE = timedelta(seconds=15)
# Seconds: the first pause before another attempt; doubles, with full jitter.
RETRY_PAUSE = 2.0

logger = logging.getLogger(__name__)


def start(*, job_id: UUID) -> None:
    """Do a job that waits: to its end, or until a provider elsewhere has it. Nothing happens when it does not wait."""
    work = _claim(job_id)
    if work is None:
        return
    try:
        _begin(work)
    except NotOurs:
        logger.info("job %s is no longer ours", job_id)
    except CancelAsked:
        ending.cancel_running(job_id=job_id, token=work.token)
    except Interrupt:
        # The worker is told to stop: what may be sent twice goes on elsewhere at once, the rest the clock sorts out.
        if work.job.model.resubmittable:
            work.end_call(ProviderCall.State.LOST)
            _put_back(work, pause=0)
        raise
    except Retryable as error:
        breaker.failed(work.job.model.provider)
        _try_again(work, error)
    except ProviderError as error:
        alerts.sound_for(error, provider=work.job.model.provider)
        if isinstance(error, SubmitUnknown):
            breaker.failed(work.job.model.provider)
        ending.fail(job_id=job_id, token=work.token, code=error.code, sentence=str(error))
    except DecoderFailed as error:
        _try_again(work, Retryable(str(error)))
    except MediaError as error:
        ending.fail(job_id=job_id, token=work.token, code=error.code, sentence=str(error))


def _claim(job_id: UUID) -> Work | None:
    """Take a waiting job, then record the call that will be sent."""
    now = timezone.now()
    waiting = Job.objects.filter(pk=job_id, state=Job.State.QUEUED, dispatched_at__isnull=False)
    work = take(
        waiting.filter(Q(not_before=None) | Q(not_before__lte=now)),
        state=Job.State.SUBMITTING,
        attempts=F("attempts") + 1,
        started_at=now,
        not_before=None,
        progress=0,
    )
    if work is None:
        return None
    job = work.job
    if job.attempts > CLAIMS:
        sentence = _("It failed %(count)d times. Nothing was charged; try again with other settings.")
        ending.fail(job_id=job_id, token=work.token, code="gave_up", sentence=sentence % {"count": CLAIMS})
        return None
    pause = breaker.seconds_open(job.model.provider)
    if pause:
        if failover.hand_over(work):
            return None
        Job.objects.filter(pk=job_id, token=work.token).update(attempts=F("attempts") - 1)
        _put_back(work, pause=pause)
        return None
    ProviderCall.objects.create(job=job, attempt=job.attempts, provider=job.model.provider)
    return work


def _begin(work: Work) -> None:
    job = work.job
    provider = registry.provider(job.model.provider)
    if isinstance(provider, QueuedProvider):
        remote.submit(work, provider)
        return
    assert isinstance(provider, DirectProvider)  # noqa: S101 - tells the type checker what registry.provider promises
    # Some more than the provider has for one exchange: it is the one to say that its time is over.
    allowed = timedelta(seconds=job.model.seconds_allowed)
    deadline = timezone.now() + allowed * job.count + GRACE
    if not job.model.resubmittable:
        work.patience = allowed + GRACE
    changes = {"state": Job.State.RUNNING, "deadline": deadline, "lease_until": lease(work.patience)}
    if not work.own(Job.State.SUBMITTING).update(**changes):
        raise NotOurs
    work.tell()
    collect(work, provider.make(call_of(job), work.report), is_direct=True)
    provider_is_well(job.model.provider)


def _try_again(work: Work, error: Retryable) -> None:
    """After a passing fault: wait and queue again, or give up after the last try."""
    work.end_call(ProviderCall.State.FAILED, str(error))
    faults = work.job.calls.filter(state=ProviderCall.State.FAILED).count()
    if faults >= TRIES:
        ending.fail(job_id=work.job.pk, token=work.token, code=error.code, sentence=str(error))
        return
    # Full jitter, and never sooner than the provider asked for; its wish is capped where it is read.
    _put_back(work, pause=max(error.retry_after or 0, uniform(0, RETRY_PAUSE * 2**faults)))


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
