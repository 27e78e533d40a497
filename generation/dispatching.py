"""Fair share: how many jobs of one company are under way at a time, and which goes next."""

from uuid import UUID

from django.db import connection, transaction
from django.utils import timezone

from billing.models import Plan
from generation import queue
from generation.models import Job


def dispatch(*, company_id: UUID) -> int:
    """Let go as many of the company's oldest waiting jobs as its plan allows beside those under way; return how many.

    Called after each submit, after each end and by the clock. A lock on the company's name makes "count, then let
    go" one step; see docs/adr/0001 for why no counter is kept.
    """
    with transaction.atomic():
        with connection.cursor() as cursor:
            cursor.execute("SELECT pg_advisory_xact_lock(hashtextextended(%s, 0))", [f"dispatch:{company_id}"])
        plans = Plan.objects.filter(subscriptions__company_id=company_id, subscriptions__company__is_active=True)
        parallel_jobs = plans.values_list("parallel_jobs", flat=True).first()
        if parallel_jobs is None:
            return 0
        # A submit of unknown outcome is only looked for: it keeps nobody's place.
        let_go = Job.objects.active().filter(company_id=company_id, dispatched_at__isnull=False)
        under_way = let_go.exclude(state=Job.State.UNKNOWN).count()
        room = max(0, parallel_jobs - under_way)
        waiting = Job.objects.filter(company_id=company_id, state=Job.State.QUEUED, dispatched_at=None).order_by("id")
        chosen = list(waiting.values_list("pk", "queue")[:room])
        now = timezone.now()
        Job.objects.filter(pk__in=[job_id for job_id, _queue in chosen], state=Job.State.QUEUED).update(
            dispatched_at=now, sent_at=now
        )
        transaction.on_commit(lambda: queue.send_start(chosen), robust=True)
    return len(chosen)
