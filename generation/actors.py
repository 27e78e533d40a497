"""What Dramatiq calls. Retries belong to the database, so no message is retried by the queue."""

from uuid import UUID

import dramatiq

from config.base import logs
from generation import pipeline, queue, remote

for name in ("priority", "bulk", "blocking", "direct"):
    # Messages are sent to these by actor name (see `generation.queue`); a worker must know the queues.
    dramatiq.get_broker().declare_queue(name)


@dramatiq.actor(actor_name=queue.START_JOB, max_retries=0, time_limit=3_600_000, notify_shutdown=True)
def start_job(job_id: str) -> None:
    """Do a waiting job."""
    logs.bind(job=job_id)
    pipeline.start(job_id=UUID(job_id))


@dramatiq.actor(actor_name=queue.CHECK_JOB, max_retries=0, time_limit=600_000)
def check_job(job_id: str) -> None:
    """Look at a job that a provider has."""
    logs.bind(job=job_id)
    remote.check(job_id=UUID(job_id))
