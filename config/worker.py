"""What every Dramatiq worker process does beside its work: say that it lives, and which queues it serves."""

import logging
import threading
import time
from typing import Any, cast

import dramatiq
import redis

from config.base import logs
from config.base.realtime import connection

WORKERS = "darkroom:workers"
BEAT_SECONDS = 3
# A queue whose worker has said nothing for this long counts as unserved.
SILENCE_SECONDS = 12
# The queues that a complete installation serves.
QUEUES = ("priority", "default", "bulk", "blocking-first", "blocking", "direct-first", "direct")

logger = logging.getLogger(__name__)


class HeartbeatMiddleware(dramatiq.Middleware):
    """Writes the time under each queue's name while the worker runs."""

    def after_worker_boot(self, broker: dramatiq.Broker, worker: Any) -> None:
        """Start the beat with the worker's threads."""
        queues = worker.consumer_whitelist or broker.get_declared_queues()
        threading.Thread(target=_beat, args=(sorted(queues),), name="heartbeat", daemon=True).start()


class LogsMiddleware(dramatiq.Middleware):
    """What a worker writes names the message and its actor; the next message starts with a clean sheet."""

    def before_process_message(self, broker: dramatiq.Broker, message: Any) -> None:
        """Runs in the thread that does the work."""
        logs.forget()
        logs.bind(message=message.message_id, actor=message.actor_name)

    def after_process_message(
        self, broker: dramatiq.Broker, message: Any, *, result: Any = None, exception: BaseException | None = None
    ) -> None:
        """Also after a failure; what Dramatiq itself says of that comes first."""
        logs.forget()

    after_skip_message = after_process_message


def _beat(queues: list[str]) -> None:
    while True:
        try:
            connection().zadd(WORKERS, {queue: time.time() for queue in queues})
        except redis.RedisError as error:
            logger.warning("heartbeat not written: %s", error)
        time.sleep(BEAT_SECONDS)


def unserved_queues() -> list[str]:
    """Names of the queues that no living worker serves. Raises `redis.RedisError`."""
    # redis-py types its answers for every protocol at once; with scores this one is a list of pairs.
    rows = cast(list[tuple[bytes, float]], connection().zrange(WORKERS, 0, -1, withscores=True))
    beats = {name.decode(): at for name, at in rows}
    oldest = time.time() - SILENCE_SECONDS
    return [queue for queue in QUEUES if beats.get(queue, 0) < oldest]
