"""`manage.py clock`: the heartbeat of the installation. Does no work that takes long, and no HTTP."""

import logging
import signal
import threading
import time
from typing import Any

from django.core.management.base import BaseCommand
from django.db import close_old_connections

from config.base import registry

logger = logging.getLogger(__name__)

TICK_SECONDS = 0.5


class Command(BaseCommand):
    """Runs what each app registered in `registry.periodic`, until SIGTERM or SIGINT."""

    help = "Run periodic work: recover lost jobs, enforce deadlines, empty bins. Any number may run."

    def handle(self, *args: Any, **options: Any) -> None:
        """Loop; a piece of work that fails is logged and tried again at its next turn."""
        stop = threading.Event()
        for number in (signal.SIGTERM, signal.SIGINT):
            signal.signal(number, lambda *_: stop.set())
        due = {work.name: 0.0 for work in registry.periodic}
        while not stop.is_set():
            for work in registry.periodic:
                if time.monotonic() >= due[work.name]:
                    due[work.name] = time.monotonic() + work.every
                    _run(work)
            stop.wait(TICK_SECONDS)


def _run(work: registry.Periodic) -> None:
    try:
        work.run()
    except Exception:
        # Whatever it was (the database restarting, a bug in one piece), the clock goes on with the rest.
        logger.exception("periodic work %s failed", work.name)
    finally:
        close_old_connections()
