"""A double of fal.ai on loopback: queue, uploads, file server, keys, webhooks, schemas, prices; with faults.

`with FalEmulator() as fal:` gives one on a free port; FAL_QUEUE_URL, FAL_REST_URL, FAL_CDN_URL, FAL_WEB_URL and
FAL_API_URL are all `fal.url`.
`python -m tests.emulators.fal --port 0 --control` is one as a process: it prints its address, and `/_control` answers
GET with what happened so far and takes POST of {"rates": {…}, "fail_next": {"fault", "times", "on"}, "set": {…}}.
"""

import argparse
import sys
import threading
import time
from collections import Counter, deque
from collections.abc import Mapping
from random import Random
from types import TracebackType
from typing import Any

from tests.emulators.fal_http import FalServer
from tests.emulators.fal_jobs import FalJob
from tests.emulators.fal_listing import Listing
from tests.emulators.fal_webhooks import Postman

# Where each fault happens when the caller does not say.
PLACES: dict[str, str] = {
    "latency": "submit",
    "429": "submit",
    "500": "submit",
    "502": "submit",
    "503": "submit",
    "redirect_post": "submit",
    "garbled": "submit",
    "hang": "submit",
    "accept_then_hang": "submit",
    "accept_then_drop": "submit",
    "drop_before_accept": "submit",
    "key_refused": "submit",
    "balance_exhausted": "submit",
    "missing_logs": "status",
    "truncated": "download",
    "html": "download",
    "oversized": "download",
    "redirect": "download",
    "gone": "download",
    "dribble": "download",
    # The rest goes with the job: what becomes of the work, and how it is told.
    "nsfw": "job",
    "nsfw_first": "job",
    "content_policy": "job",
    "model_error": "job",
    "model_timeout": "job",
    "never": "job",
    "webhook_lost": "job",
    "webhook_early": "job",
    "webhook_duplicate": "job",
    "webhook_out_of_order": "job",
    "webhook_badly_signed": "job",
    "webhook_replayed_late": "job",
}
ADJUSTABLE = ("waiting", "rendering", "latency", "hang", "retry_after", "oversized_bytes")


class FalEmulator:
    """The double. What happened is in `posts`, `jobs`, `downloads`, `cancels`, `uploads`, `leaks` and `log`."""

    def __init__(self, *, key: str = "test-key-id:test-key-secret", port: int = 0, control: bool = False) -> None:
        self.key = key
        self.control = control
        self.uploads: dict[str, bytes] = {}
        self.closing = threading.Event()
        self.forget()
        self._lock = threading.Lock()
        self._random = Random(20_260)
        self._server = FalServer(self, port)
        self.url = f"http://127.0.0.1:{self._server.server_address[1]}"
        self.postman = Postman(lambda job: job.outcome(f"{self.url}/files"))
        self._thread = threading.Thread(target=self._server.serve_forever, kwargs={"poll_interval": 0.05}, daemon=True)

    def forget(self) -> None:
        """Begin anew: no jobs, no counts, no faults, the usual times."""
        # Seconds in the queue and in the making; of added latency; of a hang; that a 429 asks to wait.
        self.waiting = 0.0
        self.rendering = 0.0
        self.latency = 0.3
        self.hang = 30.0
        self.retry_after = 2
        self.oversized_bytes = 1024 * 1024 * 1024
        # Chance of a fault at each occasion, by "fault" or "fault@place".
        self.rates: dict[str, float] = {}
        # Where "redirect" sends a download.
        self.redirect_to = "http://localhost:9/stolen.png"
        self.jobs: dict[str, FalJob] = {}
        self.listing = Listing()
        self.counts: Counter[str] = Counter()
        self.log: deque[tuple[str, str]] = deque(maxlen=20_000)
        self._planned: deque[tuple[str, str]] = deque()

    @property
    def posts(self) -> int:
        """How many POSTs reached the queue, whatever came of them."""
        return self.counts["posts"]

    @property
    def downloads(self) -> int:
        """How many times an output was asked for."""
        return self.counts["downloads"]

    @property
    def cancels(self) -> int:
        """How many times a cancel was asked for."""
        return self.counts["cancels"]

    @property
    def leaks(self) -> int:
        """How many requests carried the key to where it has no business."""
        return self.counts["leaks"]

    def fail_next(self, fault: str, *, times: int = 1, on: str = "") -> None:
        """Let the next `times` occasions fail in this way; `on` names the place (submit, status, result, cancel,
        upload, keys, download, job, schema, pricing) where it is not the usual one.
        """
        with self._lock:
            self._planned.extend([(fault, on or PLACES[fault])] * times)

    def faults(self, place: str) -> set[str]:
        """The faults that strike now: for a request the first that was planned, for a job all of different kinds."""
        with self._lock:
            struck: set[str] = set()
            for planned in list(self._planned):
                if planned[1] == place and planned[0] not in struck and (place == "job" or not struck):
                    struck.add(planned[0])
                    self._planned.remove(planned)
            for name, rate in self.rates.items():
                fault, _at, where = name.partition("@")
                if (where or PLACES[fault]) == place and self._random.random() < rate:
                    struck.add(fault)
            return struck

    def count(self, what: str) -> None:
        """Count an event."""
        with self._lock:
            self.counts[what] += 1

    def take(self, job: FalJob) -> None:
        """A request enters the queue, and its webhook the post."""
        with self._lock:
            self.jobs[job.id] = job
        self.postman.announce(job)

    def adjust(self, wishes: Mapping[str, Any]) -> None:
        """What `/_control` can change."""
        if "rates" in wishes:
            self.rates = {str(name): float(rate) for name, rate in wishes["rates"].items()}
        if "fail_next" in wishes:
            self.fail_next(**wishes["fail_next"])
        for name, value in wishes.get("set", {}).items():
            if name not in ADJUSTABLE:
                raise KeyError(name)
            setattr(self, name, value)

    def summary(self) -> dict[str, Any]:
        """What happened so far, for `/_control`."""
        states = Counter("cancelled" if job.cancelled else job.state for job in list(self.jobs.values()))
        told = Counter(str(status) for _job, status in list(self.postman.attempts))
        return {"jobs": len(self.jobs), "states": states, "counts": self.counts, "webhooks": told, "rates": self.rates}

    def start(self) -> "FalEmulator":
        """Begin to answer."""
        self._thread.start()
        return self

    def close(self) -> None:
        """Let go of everything, hanging requests included."""
        self.closing.set()
        self._server.shutdown()
        self._server.server_close()
        self.postman.close()
        self._thread.join(timeout=5)

    def __enter__(self) -> "FalEmulator":
        return self.start()

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()


def main() -> None:
    """Run until told to stop."""
    parser = argparse.ArgumentParser(description="A double of fal.ai on loopback.")
    parser.add_argument("--port", type=int, default=0)
    parser.add_argument("--key", default="test-key-id:test-key-secret")
    parser.add_argument("--rendering", type=float, default=0.5, help="seconds that an output takes")
    parser.add_argument("--control", action="store_true", help="answer at /_control")
    options = parser.parse_args()
    with FalEmulator(key=options.key, port=options.port, control=options.control) as fal:
        fal.rendering = options.rendering
        sys.stdout.write(f"{fal.url}\n")
        sys.stdout.flush()
        try:
            while True:
                time.sleep(3600)
        except KeyboardInterrupt:
            pass


if __name__ == "__main__":
    main()
