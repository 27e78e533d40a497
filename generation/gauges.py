"""What `/metrics` tells about jobs. Each figure comes from a partial index or from the newest rows alone."""

from collections.abc import Iterator
from datetime import timedelta
from uuid import UUID

from django.db.models import Count, Min
from django.utils import timezone

from config.base.registry import Gauge
from generation.models import Job

RECENT = timedelta(hours=1)


def job_gauges() -> Iterator[Gauge]:
    """Yield jobs under way and of the last hour by state and provider, and how long the oldest waits in each queue."""
    yield from _by_state("darkroom_jobs_active", "Jobs under way.", {"state__in": Job.ACTIVE})
    first = UUID(int=int((timezone.now() - RECENT).timestamp() * 1000) << 80)
    # Keys are in the order of time, so this reads the newest rows only.
    yield from _by_state("darkroom_jobs_recent", "Jobs asked for within the last hour.", {"pk__gte": first})
    waiting = Job.objects.filter(state=Job.State.QUEUED).order_by().values("queue").annotate(since=Min("created_at"))
    for row in waiting:
        yield Gauge(
            "darkroom_oldest_waiting_job_seconds",
            "How long the oldest waiting job waits.",
            (timezone.now() - row["since"]).total_seconds(),
            {"queue": row["queue"]},
        )


def _by_state(name: str, help_: str, which: dict[str, object]) -> Iterator[Gauge]:
    rows = Job.objects.filter(**which).order_by().values("state", "model__provider").annotate(number=Count("pk"))
    for row in rows:
        yield Gauge(name, help_, row["number"], {"state": row["state"], "provider": row["model__provider"]})
