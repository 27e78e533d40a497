"""Waiting for an answer that takes a minute, and giving signs of life meanwhile.

The engine believes that a worker which says nothing for some seconds has died, and a person may cancel at any time. So
the exchange itself runs on a thread of its own, and the thread that waits for it reports.
"""

import math
import threading
import time
from collections.abc import Callable
from concurrent.futures import Future
from contextvars import copy_context
from typing import TypeVar

from generation.providers.base import Report

Answer = TypeVar("Answer")

# Seconds between two reports.
BEAT = 0.5
# A provider that answers in one go says nothing before: what is reported is a guess, and never claims to be done.
MOST = 0.95


def await_answer(
    exchange: Callable[[], Answer], report: Report, *, usual: float, begin: float = 0.0, end: float = 1.0
) -> Answer:
    """Return what `exchange` returns, or raise what it raises; meanwhile report progress between `begin` and `end`.

    `usual` is how many seconds it takes as a rule. What `report` raises ends the waiting, not the exchange: that ends
    by its own time-out, since what was sent cannot be called back, and its answer is dropped.
    """
    future: Future[Answer] = Future()
    context = copy_context()

    def run() -> None:
        try:
            future.set_result(context.run(exchange))
        except BaseException as error:  # noqa: BLE001 - raised again where the answer is awaited
            future.set_exception(error)

    threading.Thread(target=run, name="exchange", daemon=True).start()
    begun = time.monotonic()
    while True:
        try:
            return future.result(timeout=BEAT)
        except TimeoutError:
            if future.done():
                return future.result()
        elapsed = time.monotonic() - begun
        report(begin + (end - begin) * min(MOST, 1 - math.exp(-elapsed / max(usual, 1.0))))
