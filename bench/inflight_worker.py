"""What the worker of `bench.inflight` loads: the product's actors, with stopwatches."""

import time
from typing import Any

import dramatiq

from bench.names import BUSY
from config import broker
from config.base.realtime import connection
from generation import remote

__all__ = ["broker"]


class Stopwatch(dramatiq.Middleware):
    """Adds up how long threads are busy and how many messages they take, by actor."""

    def __init__(self) -> None:
        self._begun: dict[str, float] = {}

    def before_process_message(self, broker: dramatiq.Broker, message: Any) -> None:
        """A thread takes a message."""
        self._begun[message.message_id] = time.perf_counter()

    def after_process_message(
        self, broker: dramatiq.Broker, message: Any, *, result: Any = None, exception: BaseException | None = None
    ) -> None:
        """The thread is free again."""
        _add(message.actor_name, time.perf_counter() - self._begun.pop(message.message_id))


def _add(what: str, seconds: float) -> None:
    pipe = connection().pipeline()
    pipe.hincrbyfloat(BUSY, f"{what}:seconds", seconds)
    pipe.hincrby(BUSY, f"{what}:times", 1)
    pipe.execute()


def _timed_collect(*args: Any, **kwargs: Any) -> None:
    begun = time.perf_counter()
    try:
        _collect(*args, **kwargs)
    finally:
        _add("collect", time.perf_counter() - begun)


# Fetching and storing is work, whoever waits: it is told apart from the waiting.
_collect, remote.collect = remote.collect, _timed_collect
dramatiq.get_broker().add_middleware(Stopwatch())
