"""How the double of Replicate delivers webhooks: signed as Replicate signs, by threads of its own, with all faults."""

import base64
import hashlib
import heapq
import hmac
import http.client
import itertools
import json
import secrets
import threading
import time
from collections.abc import Callable
from typing import Any
from urllib.parse import urlsplit

from tests.emulators.replicate_models import Prediction

# Seconds between attempts at a receiver that does not answer with success; how old a replayed delivery is.
PAUSES = (0.5, 1.0)
REPLAYED_AFTER = 600


def _new_secret() -> str:
    return f"whsec_{base64.b64encode(secrets.token_bytes(24)).decode()}"


class Postman:
    """Delivers at the times it is told; each delivery is bounded by a time-out of five seconds."""

    def __init__(self, body_of: Callable[[Prediction], dict[str, Any]]) -> None:
        self._body_of = body_of
        self.secret = _new_secret()
        # Signed with as well, while one secret replaces the other.
        self.older_secret = ""
        self._due: list[tuple[float, int, Prediction, str, int]] = []
        self._order = itertools.count()
        self._changed = threading.Condition()
        self._closing = False
        # (prediction id, HTTP status or 0) of every attempt.
        self.attempts: list[tuple[str, int]] = []
        self._threads = [threading.Thread(target=self._run, daemon=True) for _each in range(2)]
        for thread in self._threads:
            thread.start()

    def rotate_secret(self, *, keep_older: bool = False) -> None:
        """From now on another secret signs, and for a while perhaps the older one too."""
        self.older_secret = self.secret if keep_older else ""
        self.secret = _new_secret()

    def announce(self, prediction: Prediction) -> None:
        """See to it that a prediction's start and end are told, as it was asked and in the way its faults want."""
        if not prediction.webhook or "webhook_lost" in prediction.faults:
            return
        if "webhook_early" in prediction.faults:
            self.deliver(prediction, _delivery_id())
        elif "start" in prediction.events:
            self._put(prediction.made_at + prediction.waiting, prediction, _delivery_id(), 0)
        if "completed" in prediction.events and prediction.done_at != float("inf"):
            delivery = _delivery_id()
            for _copy in range(2 if "webhook_duplicate" in prediction.faults else 1):
                self._put(prediction.done_at, prediction, delivery, 0)

    def signed(self, prediction: Prediction, delivery: str = "") -> tuple[dict[str, str], bytes]:
        """Headers and body of a delivery, as they would be sent now."""
        content = json.dumps(self._body_of(prediction)).encode()
        delivery = delivery or _delivery_id()
        moment = str(int(time.time()) - (REPLAYED_AFTER if "webhook_replayed_late" in prediction.faults else 0))
        keys = [_new_secret()] if "webhook_badly_signed" in prediction.faults else [self.older_secret, self.secret]
        message = f"{delivery}.{moment}.".encode() + content
        headers = {
            "Content-Type": "application/json",
            "Webhook-Id": delivery,
            "Webhook-Timestamp": moment,
            "Webhook-Signature": " ".join(f"v1,{_signature(key, message)}" for key in keys if key),
        }
        return headers, content

    def deliver(self, prediction: Prediction, delivery: str) -> bool:
        """Send once; whether the receiver answered with success."""
        headers, content = self.signed(prediction, delivery)
        url = urlsplit(prediction.webhook)
        kind = http.client.HTTPSConnection if url.scheme == "https" else http.client.HTTPConnection
        connection = kind(url.hostname or "", url.port, timeout=5)
        try:
            connection.request("POST", f"{url.path}?{url.query}" if url.query else url.path, content, headers)
            status = connection.getresponse().status
        except (OSError, http.client.HTTPException):
            status = 0
        finally:
            connection.close()
        self.attempts.append((prediction.id, status))
        prediction.told.set()
        return 200 <= status < 300

    def close(self) -> None:
        """Stop delivering."""
        with self._changed:
            self._closing = True
            self._changed.notify_all()
        for thread in self._threads:
            thread.join(timeout=6)

    def _put(self, due: float, prediction: Prediction, delivery: str, attempt: int) -> None:
        with self._changed:
            heapq.heappush(self._due, (due, next(self._order), prediction, delivery, attempt))
            self._changed.notify()

    def _next(self) -> tuple[Prediction, str, int] | None:
        """Wait for what is due; None at the end."""
        with self._changed:
            while not self._closing:
                now = time.monotonic()
                if self._due and self._due[0][0] <= now:
                    return heapq.heappop(self._due)[2:]
                self._changed.wait(self._due[0][0] - now if self._due else None)
        return None

    def _run(self) -> None:
        while (found := self._next()) is not None:
            prediction, delivery, attempt = found
            if not self.deliver(prediction, delivery) and attempt < len(PAUSES):
                self._put(time.monotonic() + PAUSES[attempt], prediction, delivery, attempt + 1)


def _delivery_id() -> str:
    return f"msg_{secrets.token_hex(12)}"


def _signature(secret: str, message: bytes) -> str:
    key = base64.b64decode(secret.removeprefix("whsec_"))
    return base64.b64encode(hmac.new(key, message, hashlib.sha256).digest()).decode()
