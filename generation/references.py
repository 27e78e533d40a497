"""What finds a job again at its provider."""

from datetime import timedelta
from uuid import UUID

from django.db import transaction
from django.utils import timezone

from generation.models import Job, ProviderCall
from generation.providers.base import Submitted

# Seconds until the first look.
SOONEST = 0.5
# How long a call may wait in the provider's own queue.
WAITING = timedelta(minutes=10)


def keep_reference(*, job_id: UUID, attempt: int, submitted: Submitted) -> bool:
    """Write down the provider's id, and let the job run; also one whose submit had been given up as unknown."""
    now = timezone.now()
    with transaction.atomic():
        jobs = Job.objects.filter(pk=job_id, attempts=attempt)
        found = jobs.filter(state__in=(Job.State.SUBMITTING, Job.State.UNKNOWN)).update(
            state=Job.State.RUNNING,
            token=None,
            lease_until=None,
            next_poll_at=now + timedelta(seconds=SOONEST),
            deadline=now + WAITING,
        )
        ProviderCall.objects.filter(job_id=job_id, attempt=attempt).update(
            external_id=submitted.external_id, reference=submitted.reference
        )
    return bool(found)
