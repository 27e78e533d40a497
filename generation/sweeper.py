"""What the clock does for jobs, each second: find what was lost, late or left behind. No HTTP, no waiting.

Every step is a conditional UPDATE, so any number of clocks may run.
"""

import logging
from datetime import timedelta
from typing import Any

from django.conf import settings
from django.db.models import Q, QuerySet
from django.utils import timezone
from django.utils.translation import gettext as _
from redis.exceptions import RedisError

from config.base import realtime
from generation import ending, queue
from generation.dispatching import dispatch
from generation.models import Job, ProviderCall

# A message that nobody took for this long, while its queue is empty, was lost.
LOST_AFTER = timedelta(seconds=10)
# How long after its deadline a job at a provider may wait for the last look: workers may have a long line before them.
LAST_LOOK = timedelta(minutes=5)
BATCH = 200

logger = logging.getLogger(__name__)


def sweep() -> None:
    """Run every step once."""
    recover_leases()
    look_at_due()
    enforce_deadlines()
    send_again()
    dispatch_forgotten()


def recover_leases() -> int:
    """Find what dead workers held, and let each go on from where that is safe."""
    held = Job.objects.filter(
        state__in=(Job.State.SUBMITTING, Job.State.RUNNING, Job.State.COLLECTING), lease_until__lt=timezone.now()
    )
    expired = list(held.select_related("model").order_by("lease_until")[:BATCH])
    for job in expired:
        logger.warning("job %s was left by its worker while %s", job.pk, job.state)
        _recover(job, held.filter(pk=job.pk, token=job.token))
    return len(expired)


def _recover(job: Job, mine: QuerySet[Job]) -> None:
    """Look again at what a provider has; make again what costs nothing; a submit of unknown outcome is not repeated."""
    free: dict[str, Any] = {"token": None, "lease_until": None}
    now = timezone.now()
    if job.next_poll_at is not None and job.state != Job.State.SUBMITTING:
        mine.update(state=Job.State.RUNNING, next_poll_at=now, **free)
    elif job.cancel_requested_at and job.state != Job.State.SUBMITTING and job.token:
        ending.cancel_running(job_id=job.pk, token=job.token)
    elif job.model.resubmittable:
        if mine.update(state=Job.State.QUEUED, deadline=None, progress=0, sent_at=None, **free):
            _lose_call(job)
    elif job.state == Job.State.SUBMITTING:
        if mine.update(state=Job.State.UNKNOWN, deadline=now + settings.JOB_UNKNOWN, **free):
            realtime.publish(company_id=job.company_id, name="job", ids={"id": str(job.pk)})
    else:
        sentence = _("Making it was interrupted. Nothing was charged; try again.")
        ending.fail(job_id=job.pk, token=job.token, code="worker_lost", sentence=sentence)


def _lose_call(job: Job) -> None:
    ProviderCall.objects.filter(job=job, state=ProviderCall.State.SENT).update(
        state=ProviderCall.State.LOST, ended_at=timezone.now()
    )
    realtime.publish(company_id=job.company_id, name="job", ids={"id": str(job.pk)})


def look_at_due() -> int:
    """Ask for a look at the jobs at providers whose time has come; a lost request is made again a little later."""
    now = timezone.now()
    due = Job.objects.filter(state=Job.State.RUNNING, next_poll_at__lte=now).filter(
        Q(lease_until=None) | Q(lease_until__lt=now)
    )
    chosen = [
        (job_id, queue_name)
        for job_id, queue_name, at in due.order_by("next_poll_at").values_list("pk", "queue", "next_poll_at")[:BATCH]
        if due.filter(pk=job_id, next_poll_at=at).update(next_poll_at=now + LOST_AFTER)
    ]
    queue.send_check(chosen)
    return len(chosen)


def enforce_deadlines() -> int:
    """Fail what takes longer than allowed, and give the credits back.

    A job at a provider gets one last look first, which ends it; only if nobody can look for a while it ends here.
    """
    now = timezone.now()
    late = Job.objects.active().filter(deadline__lt=now).exclude(state=Job.State.COLLECTING)
    at_provider = Q(state=Job.State.RUNNING, next_poll_at__isnull=False)
    late.filter(at_provider, next_poll_at__gt=now, token=None, deadline__gt=now - LAST_LOOK).update(next_poll_at=now)
    ended = 0
    overdue = late.exclude(at_provider & Q(deadline__gt=now - LAST_LOOK))
    for job in overdue.select_related("model").order_by("deadline")[:BATCH]:
        sentence = _("It took longer than allowed. Nothing was charged; try again.")
        ended += ending.fail(job_id=job.pk, code="timed_out", sentence=sentence)
    return ended


def send_again() -> int:
    """Send the start message of waiting jobs whose message was lost, or whose pause is over."""
    now = timezone.now()
    waiting = Job.objects.filter(state=Job.State.QUEUED, dispatched_at__isnull=False)
    due = waiting.filter(Q(not_before=None) | Q(not_before__lte=now)).filter(
        # Not sent since it was put back, or sent and not taken.
        Q(sent_at=None) | Q(sent_at__lt=now - LOST_AFTER)
    )
    chosen = []
    for job_id, queue_name, sent_at in due.order_by("id").values_list("pk", "queue", "sent_at")[:BATCH]:
        if sent_at is not None and not _queue_is_empty(queue_name):
            # Its message still stands in line behind others.
            continue
        if waiting.filter(pk=job_id, sent_at=sent_at).update(sent_at=now):
            chosen.append((job_id, queue_name))
    queue.send_start(chosen)
    return len(chosen)


def _queue_is_empty(queue_name: str) -> bool:
    try:
        return queue.is_empty(queue_name)
    except RedisError:
        return False


def dispatch_forgotten() -> int:
    """Let jobs go whose process died between commit and dispatch, or whose company has room again."""
    companies = (
        Job.objects.filter(state=Job.State.QUEUED, dispatched_at=None).order_by().values("company_id").distinct()
    )
    return sum(dispatch(company_id=row["company_id"]) for row in companies[:BATCH])
