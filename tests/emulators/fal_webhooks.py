"""How the double of fal delivers webhooks: signed as fal signs, by a thread of its own, with every way of failing."""

import base64
import hashlib
import heapq
import http.client
import itertools
import json
import threading
import time
from collections.abc import Callable
from typing import Any
from urllib.parse import urlsplit

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from tests.emulators.fal_jobs import FalJob

USER_ID = "user-of-the-double"
# Seconds between attempts at a receiver that does not answer with success.
PAUSES = (0.5, 1.0, 2.0)
# Seconds that a delivery is held back so that a later one overtakes it; how old a replayed one is.
HELD_BACK = 0.6
REPLAYED_AFTER = 600


class Postman:
    """Delivers at the times it is told. One thread; each delivery is bounded by a time-out of five seconds."""

    def __init__(self, result_of: Callable[[FalJob], tuple[int, dict[str, Any]]]) -> None:
        self._result_of = result_of
        self._key = Ed25519PrivateKey.generate()
        self._other_key = Ed25519PrivateKey.generate()
        self._due: list[tuple[float, int, FalJob, int]] = []
        self._order = itertools.count()
        self._changed = threading.Condition()
        self._closing = False
        # (job id, HTTP status or 0) of every attempt.
        self.attempts: list[tuple[str, int]] = []
        self._threads = [threading.Thread(target=self._run, daemon=True) for _each in range(4)]
        for thread in self._threads:
            thread.start()

    @property
    def jwks(self) -> dict[str, Any]:
        """The public key as fal publishes its own."""
        raw = self._key.public_key().public_bytes_raw()
        x = base64.urlsafe_b64encode(raw).rstrip(b"=").decode()
        return {"keys": [{"kty": "OKP", "crv": "Ed25519", "use": "sig", "kid": "double", "x": x}]}

    def rotate_key(self) -> None:
        """From now on another key signs."""
        self._key = Ed25519PrivateKey.generate()

    def announce(self, job: FalJob) -> None:
        """See to it that a job's end is told, in the way its faults want."""
        if not job.webhook or "webhook_lost" in job.faults:
            return
        if "webhook_early" in job.faults:
            self.deliver(job)
            return
        if job.done_at == float("inf"):
            return
        due = job.done_at + (HELD_BACK if "webhook_out_of_order" in job.faults else 0)
        self._put(due, job, 0)
        if "webhook_duplicate" in job.faults:
            self._put(due, job, 0)

    def signed(self, job: FalJob) -> tuple[dict[str, str], bytes]:
        """Headers and body of a delivery, as they would be sent now."""
        status, payload = self._result_of(job)
        body = {"request_id": job.id, "gateway_request_id": job.id, "payload": payload, "error": None}
        body |= {"status": "OK"} if status == 200 else {"status": "ERROR", "error": f"Unexpected status code: {status}"}
        content = json.dumps(body).encode()
        moment = int(time.time()) - (REPLAYED_AFTER if "webhook_replayed_late" in job.faults else 0)
        message = "\n".join((job.id, USER_ID, str(moment), hashlib.sha256(content).hexdigest())).encode()
        key = self._other_key if "webhook_badly_signed" in job.faults else self._key
        headers = {
            "Content-Type": "application/json",
            "X-Fal-Webhook-Request-Id": job.id,
            "X-Fal-Webhook-User-Id": USER_ID,
            "X-Fal-Webhook-Timestamp": str(moment),
            "X-Fal-Webhook-Signature": key.sign(message).hex(),
        }
        return headers, content

    def deliver(self, job: FalJob) -> bool:
        """Send once; whether the receiver answered with success."""
        headers, content = self.signed(job)
        url = urlsplit(job.webhook)
        kind = http.client.HTTPSConnection if url.scheme == "https" else http.client.HTTPConnection
        connection = kind(url.hostname or "", url.port, timeout=5)
        try:
            connection.request("POST", f"{url.path}?{url.query}" if url.query else url.path, content, headers)
            status = connection.getresponse().status
        except (OSError, http.client.HTTPException):
            status = 0
        finally:
            connection.close()
        self.attempts.append((job.id, status))
        job.told.set()
        return 200 <= status < 300

    def close(self) -> None:
        """Stop delivering."""
        with self._changed:
            self._closing = True
            self._changed.notify_all()
        for thread in self._threads:
            thread.join(timeout=6)

    def _put(self, due: float, job: FalJob, attempt: int) -> None:
        with self._changed:
            heapq.heappush(self._due, (due, next(self._order), job, attempt))
            self._changed.notify()

    def _next(self) -> tuple[FalJob, int] | None:
        """Wait for what is due; None at the end."""
        with self._changed:
            while not self._closing:
                now = time.monotonic()
                if self._due and self._due[0][0] <= now:
                    _due, _order, job, attempt = heapq.heappop(self._due)
                    return job, attempt
                self._changed.wait(self._due[0][0] - now if self._due else None)
        return None

    def _run(self) -> None:
        while (found := self._next()) is not None:
            job, attempt = found
            if not self.deliver(job) and attempt < len(PAUSES):
                self._put(time.monotonic() + PAUSES[attempt], job, attempt + 1)
