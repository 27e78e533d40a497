"""What Dramatiq calls. Retries belong to the database, so no message is retried by the queue."""

from typing import Any
from uuid import UUID

import dramatiq

from config.base import logs
from generation import pipeline, queue, remote
from generation.providers import registry

for name in ("bulk", *queue.FIRST, *queue.FIRST.values()):
    # Messages are sent to these by actor name (see `generation.queue`); a worker must know the queues.
    dramatiq.get_broker().declare_queue(name)

# A worker takes, of the messages it has fetched, that of the lowest number; others have 0.
FIRST_OF_ALL = -10


class Preload(dramatiq.Middleware):
    """Loads the adapters that a worker's queues need, before the first job does."""

    def after_worker_boot(self, broker: dramatiq.Broker, worker: Any) -> None:
        """Called in each worker process once its threads stand."""
        queues = set(worker.consumer_whitelist or broker.get_declared_queues())
        if "blocking" in queues:
            registry.load(is_direct=True, is_local=True)
        if "direct" in queues:
            registry.load(is_direct=True)
        if queues & {"default", "priority", "bulk"}:
            registry.load(is_direct=False)


dramatiq.get_broker().add_middleware(Preload())


@dramatiq.actor(actor_name=queue.START_JOB, max_retries=0, time_limit=3_600_000, notify_shutdown=True)
def start_job(job_id: str) -> None:
    """Do a waiting job."""
    logs.bind(job=job_id)
    pipeline.start(job_id=UUID(job_id))


@dramatiq.actor(
    actor_name=queue.START_FIRST, max_retries=0, time_limit=3_600_000, notify_shutdown=True, priority=FIRST_OF_ALL
)
def start_job_first(job_id: str) -> None:
    """Do a waiting job whose plan goes before others."""
    logs.bind(job=job_id)
    pipeline.start(job_id=UUID(job_id))


@dramatiq.actor(actor_name=queue.CHECK_JOB, max_retries=0, time_limit=600_000)
def check_job(job_id: str) -> None:
    """Look at a job that a provider has."""
    logs.bind(job=job_id)
    remote.check(job_id=UUID(job_id))
