"""What the clock does for jobs, each second: find what was lost, late or left behind. No HTTP, no waiting.

Every step is a conditional UPDATE, so any number of clocks may run.
"""

import logging
from datetime import timedelta

from django.db.models import Q
from django.utils import timezone
from django.utils.translation import gettext as _
from redis.exceptions import RedisError

from config.base import realtime
from generation import ending, queue
from generation.dispatching import dispatch
from generation.models import Job, ProviderCall

# A message that nobody took for this long, while its queue is empty, was lost.
LOST_AFTER = timedelta(seconds=10)
# How long a submit with an unknown outcome is looked for before the credits return.
UNKNOWN_FOR = timedelta(minutes=10)
BATCH = 200

logger = logging.getLogger(__name__)


def sweep() -> None:
    """Run every step once."""
    recover_leases()
    enforce_deadlines()
    send_again()
    dispatch_forgotten()


def recover_leases() -> int:
    """Queue again what a dead worker held, where sending twice costs nothing; the rest becomes `unknown`."""
    now = timezone.now()
    held = Job.objects.filter(
        state__in=(Job.State.SUBMITTING, Job.State.RUNNING, Job.State.COLLECTING), lease_until__lt=now
    )
    expired = list(held.select_related("model").order_by("lease_until")[:BATCH])
    for job in expired:
        mine = held.filter(pk=job.pk, token=job.token)
        if job.cancel_requested_at and job.token:
            ending.cancel_running(job_id=job.pk, token=job.token)
        elif job.model.resubmittable:
            moved = mine.update(
                state=Job.State.QUEUED, token=None, lease_until=None, deadline=None, progress=0, sent_at=None
            )
            if moved:
                _lose_call(job)
        elif mine.filter(state=Job.State.SUBMITTING).update(
            state=Job.State.UNKNOWN, token=None, lease_until=None, deadline=now + UNKNOWN_FOR
        ):
            _lose_call(job)
        else:
            ending.fail(job_id=job.pk, token=job.token, code="worker_lost", sentence=_("Making it was interrupted."))
        logger.warning("job %s was left by its worker", job.pk)
    return len(expired)


def _lose_call(job: Job) -> None:
    ProviderCall.objects.filter(job=job, state=ProviderCall.State.SENT).update(
        state=ProviderCall.State.LOST, ended_at=timezone.now()
    )
    realtime.publish(company_id=job.company_id, name="job", ids={"id": str(job.pk)})


def enforce_deadlines() -> int:
    """Fail what takes longer than allowed, and give the credits back."""
    late = Job.objects.active().filter(deadline__lt=timezone.now()).exclude(state=Job.State.COLLECTING)
    ended = 0
    for job in late.select_related("model").order_by("deadline")[:BATCH]:
        sentence = _("It took longer than the %(seconds)d seconds allowed. Nothing was charged; try again.")
        seconds = job.model.seconds_allowed * job.count
        ended += ending.fail(job_id=job.pk, code="timed_out", sentence=sentence % {"seconds": seconds})
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
