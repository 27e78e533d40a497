"""Jobs that a provider renders elsewhere: submit once, look now and then, fetch when done. No thread waits.

Between two looks nobody holds the job: it has no token and no lease, only the time of the next look. A look takes it
like any worker does, so of a webhook, the clock and a second clock only one looks at a time.
"""

import logging
from datetime import timedelta
from typing import Any
from uuid import UUID

from django.conf import settings
from django.db.models import Case, F, Q, Value, When
from django.utils import timezone
from django.utils.translation import gettext as _

from config.base.limited import DecoderFailed
from config.base.media import MediaError
from generation import alerts, breaker, ending, queue, webhooks
from generation.collecting import collect
from generation.models import Job, ProviderCall, WebhookReceipt
from generation.providers import registry
from generation.providers.base import Gone, ProviderError, QueuedProvider, Retryable, Submitted, SubmitUnknown
from generation.references import SOONEST, keep_reference
from generation.work import MADE, CancelAsked, NotOurs, Work, call_of, take

# How long storing what was made may take, with all its attempts.
COLLECTING = timedelta(minutes=10)
# Seconds between two looks: a quarter of the time that the call is under way, within half a second and this.
LATEST = 5.0
# Where the provider tells by itself, looks are only the net below.
NET = 15.0

logger = logging.getLogger(__name__)


def submit(work: Work, provider: QueuedProvider) -> None:
    """Send the call, once, and keep what finds it again. Raises what the provider raises."""
    # Sending inputs up takes several exchanges.
    if not work.own(Job.State.SUBMITTING).update(lease_until=timezone.now() + 3 * settings.JOB_LEASE):
        raise NotOurs
    try:
        submitted = provider.submit(call_of(work.job, webhook_url=webhooks.address_of(work.job)))
    except SubmitUnknown as error:
        breaker.failed(work.job.model.provider)
        logger.warning("job %s may or may not have reached %s: %s", work.job.pk, provider.name, error)
        work.own(Job.State.SUBMITTING).update(
            state=Job.State.UNKNOWN, token=None, lease_until=None, deadline=timezone.now() + settings.JOB_UNKNOWN
        )
        work.tell()
        return
    alerts.provider_is_well(work.job.model.provider)
    keep_reference(job_id=work.job.pk, attempt=work.job.attempts, submitted=submitted)
    work.tell()


def check(*, job_id: UUID) -> None:
    """Look once at a job that a provider has, and do what follows. Nothing happens when somebody else looks."""
    now = timezone.now()
    free = Job.objects.filter(pk=job_id, state=Job.State.RUNNING, next_poll_at__isnull=False)
    work = take(free.filter(Q(lease_until=None) | Q(lease_until__lt=now)))
    if work is None:
        return
    provider = registry.provider(work.job.model.provider)
    call = work.job.calls.filter(attempt=work.job.attempts).exclude(external_id="").first()
    if call is None or not isinstance(provider, QueuedProvider):
        ending.fail(job_id=job_id, token=work.token, code="provider_lost_it", sentence=_("The provider lost it."))
        return
    submitted = Submitted(external_id=call.external_id, reference=call.reference)
    try:
        _look(work, provider, submitted)
    except NotOurs:
        logger.info("job %s is no longer ours", job_id)
    except CancelAsked:
        _look_again(work, call)
    except (Retryable, DecoderFailed) as error:
        if isinstance(error, Retryable):
            breaker.failed(work.job.model.provider)
        _look_again(work, call, wait=getattr(error, "retry_after", None))
    except ProviderError as error:
        alerts.sound_for(error, provider=work.job.model.provider)
        ending.fail(job_id=job_id, token=work.token, code=error.code, sentence=str(error))
    except MediaError as error:
        ending.fail(job_id=job_id, token=work.token, code=error.code, sentence=str(error))


def _look(work: Work, provider: QueuedProvider, submitted: Submitted) -> None:
    if work.job.cancel_requested_at and _cancel(work, provider, submitted):
        return
    progress = provider.poll(submitted)
    breaker.succeeded(work.job.model.provider)
    if progress.state == "done":
        _note_made(work)
        collect(work, provider.fetch(submitted, call_of(work.job)), is_direct=False)
        return
    if work.job.deadline and work.job.deadline < timezone.now():
        _give_up(work, provider, submitted)
        return
    changes: dict[str, Any] = {"position": progress.position}
    if progress.state == "running" and work.job.rendering_at is None:
        allowed = timedelta(seconds=work.job.model.seconds_allowed * work.job.count)
        changes |= {"rendering_at": timezone.now(), "deadline": timezone.now() + allowed}
    if progress.percent is not None:
        changes["progress"] = max(0, min(MADE, progress.percent * MADE // 100))
    call = work.job.calls.get(attempt=work.job.attempts)
    _look_again(work, call, **changes)


def _note_made(work: Work) -> None:
    """It is paid for, so it is delivered, even if somebody asked for it to stop; but not tried for ever."""
    now = timezone.now()
    if work.job.made_at is None:
        work.own(Job.State.RUNNING).update(cancel_requested_at=None, made_at=now, deadline=now + COLLECTING)
        return
    work.own(Job.State.RUNNING).update(cancel_requested_at=None)
    if work.job.deadline and work.job.deadline < now:
        raise Gone(_("What the provider made could not be fetched in time. Nothing was charged; try again."))


def _look_again(work: Work, call: ProviderCall, *, wait: float | None = None, **changes: Any) -> None:
    """Let go of the job until the next look; at once, when a delivery came while we looked."""
    under_way = (timezone.now() - call.created_at).total_seconds()
    pause = NET if settings.PROVIDER_WEBHOOKS else min(LATEST, max(SOONEST, under_way / 4))
    later = timezone.now() + timedelta(seconds=max(pause, wait or 0))
    changed = work.own(Job.State.RUNNING, Job.State.COLLECTING).update(
        state=Job.State.RUNNING,
        token=None,
        lease_until=None,
        next_poll_at=Case(When(next_poll_at=work.job.next_poll_at, then=Value(later)), default=F("next_poll_at")),
        **changes,
    )
    if changed and changes:
        work.tell()
    # A delivery during this look asked for another, which found the job taken: its wish is granted now. One that comes
    # after the release above finds the job free.
    if changed and WebhookReceipt.objects.filter(job=work.job, received_at__gte=work.taken_at).exists():
        queue.send_check([(work.job.pk, work.job.queue)])


def _cancel(work: Work, provider: QueuedProvider, submitted: Submitted) -> bool:
    """Stop the provider, then give the credits back; False when it is too late."""
    try:
        stopped = provider.cancel(submitted)
    except Gone:
        stopped = True
    return stopped and ending.cancel_running(job_id=work.job.pk, token=work.token)


def _give_up(work: Work, provider: QueuedProvider, submitted: Submitted) -> None:
    """The deadline passed and a last look found nothing: stop the provider, give the credits back."""
    try:
        provider.cancel(submitted)
    except ProviderError as error:
        logger.warning("job %s not cancelled at %s: %s", work.job.pk, provider.name, error)
    sentence = _("The provider took longer than allowed. Nothing was charged; try again, or choose another model.")
    ending.fail(job_id=work.job.pk, token=work.token, code="timed_out", sentence=sentence)
