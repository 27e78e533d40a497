"""Messages leave by the actor's *name*, so that services and pipeline need not import the actors above them."""

import logging
from collections.abc import Iterable
from uuid import UUID

import dramatiq
from redis.exceptions import RedisError

from billing.models import Plan
from config.base.realtime import connection
from generation.models import AIModel
from generation.providers import names, registry

START_JOB = "start_job"
# The same of jobs that go before others, so that a worker takes them before what it has fetched already.
START_FIRST = "start_job_first"
CHECK_JOB = "check_job"

# The line that goes before another; workers of the one serve both.
FIRST = {"default": "priority", "blocking": "blocking-first", "direct": "direct-first"}

logger = logging.getLogger(__name__)


def queue_of(model: AIModel, plan: Plan) -> str:
    """Where its messages go. Whoever answers in one go holds a thread meanwhile, so has threads of its own.

    A plan with a priority queue goes before the others in each line, also where a line is long.
    """
    line = "default"
    if registry.is_direct(model.provider):
        # The studio works on this machine's processor, the others on the network.
        line = "blocking" if model.provider == names.LOCAL else "direct"
    return FIRST[line] if plan.has_priority_queue else line


def send_start(job_ids: Iterable[tuple[UUID, str]]) -> None:
    """Ask a worker to start each `(job, queue)`. A queue that is down is not an error: the clock sends again."""
    for job_id, line in job_ids:
        _send(START_FIRST if line in FIRST.values() else START_JOB, [(job_id, line)])


def send_check(job_ids: Iterable[tuple[UUID, str]]) -> None:
    """Ask a worker to look at each `(job, queue)` that a provider has."""
    _send(CHECK_JOB, job_ids)


def _send(actor_name: str, job_ids: Iterable[tuple[UUID, str]]) -> None:
    broker = dramatiq.get_broker()
    for job_id, queue in job_ids:
        message: dramatiq.Message[None] = dramatiq.Message(
            queue_name=queue, actor_name=actor_name, args=(str(job_id),), kwargs={}, options={}
        )
        try:
            broker.enqueue(message)
        except (dramatiq.BrokerConnectionError, RedisError) as error:
            logger.warning("job %s not sent, the clock will: %s", job_id, error)


def is_empty(queue: str) -> bool:
    """Whether no message waits on a queue (those that a worker already took do not count). Raises `RedisError`."""
    return connection().llen(f"dramatiq:{queue}") == 0
