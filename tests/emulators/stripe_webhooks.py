"""How the double of Stripe tells of events: endpoints with secrets, signed deliveries, repeats, faults.

Deliveries are made outside the store's lock, so that whoever is told may ask the API about it at once.
"""

import hashlib
import heapq
import hmac
import http.client
import itertools
import secrets
import threading
import time
from collections.abc import Callable
from typing import Any
from urllib.parse import urlsplit

from tests.emulators.stripe_store import Event, Refused, Store, Thing
from tests.emulators.stripe_wire import Asked

# Seconds between attempts at a receiver that does not answer with success (Stripe waits hours).
PAUSES = (0.05, 0.1, 0.2, 0.5, 1.0, 2.0)
# How far an event that is told out of order falls behind.
LAG = 0.3
# How old the signature of a delivery that comes too late is.
TOO_OLD = 900
# Given a body and its headers, the status that a receiver answers with.
Receiver = Callable[[bytes, dict[str, str]], int]


def create_endpoint(store: Store, asked: Asked) -> Thing:
    """An endpoint; its secret is shown this once."""
    url, events = asked.needed("url"), asked.texts("enabled_events")
    if urlsplit(url).scheme not in ("http", "https"):
        raise Refused(
            "Invalid URL: An explicit scheme (such as https) must be provided.", code="url_invalid", param="url"
        )
    if not events:
        raise Refused("Missing required param: enabled_events.", code="parameter_missing", param="enabled_events")
    more: Thing = {"api_version": asked.text("api_version"), "description": asked.text("description")}
    return new_endpoint(store, url, events, **more, metadata=asked.metadata())


def new_endpoint(store: Store, url: str, events: list[str], secret: str = "", **values: Any) -> Thing:
    """An endpoint with a secret, as it is shown to whoever made it."""
    given: Thing = {"api_version": None, "application": None, "description": None, "metadata": {}, "status": "enabled"}
    endpoint = store.make("webhook_endpoint", **(given | {"enabled_events": events, "url": url} | values))
    store.private[endpoint["id"]]["secret"] = secret or f"whsec_{secrets.token_hex(16)}"
    return endpoint | {"secret": store.private[endpoint["id"]]["secret"]}


def modify_endpoint(store: Store, asked: Asked, endpoint_id: str) -> Thing:
    """Change an endpoint."""
    endpoint = store.find("webhook_endpoint", endpoint_id)
    if "enabled_events" in asked:
        endpoint["enabled_events"] = asked.texts("enabled_events")
    for word in ("url", "description"):
        endpoint[word] = asked.text(word) if word in asked else endpoint[word]
    if "disabled" in asked:
        endpoint["status"] = "disabled" if asked.flag("disabled") else "enabled"
    endpoint["metadata"] = asked.metadata(endpoint["metadata"])
    return endpoint


def delete_endpoint(store: Store, asked: Asked, endpoint_id: str) -> Thing:
    """Delete an endpoint."""
    store.forget(store.find("webhook_endpoint", endpoint_id))
    return {"id": endpoint_id, "object": "webhook_endpoint", "deleted": True}


def find_events(store: Store, asked: Asked) -> list[Thing]:
    """Ids and times of events of the last 30 days, of a type (which may end in a star) or of some types."""
    kinds = {*asked.texts("types"), *filter(None, [asked.text("type")])}
    stars = tuple(kind[:-1] for kind in kinds if kind.endswith("*"))
    return [
        {"id": event.id, "created": event.created}
        for event in store.events.values()
        if not kinds or event.type in kinds or (stars and event.type.startswith(stars))
    ]


def retrieve_event(store: Store, asked: Asked, event_id: str) -> Thing:
    """One event."""
    event = store.events.get(event_id)
    if event is None:
        raise Refused(f"No such event: '{event_id}'", status=404, code="resource_missing", param="id")
    return event.thing


def sign(body: bytes, secret: str, *, age: int = 0) -> dict[str, str]:
    """The headers of a delivery; the signature is `age` seconds old."""
    moment = int(time.time()) - age
    digest = hmac.new(secret.encode(), f"{moment}.".encode() + body, hashlib.sha256).hexdigest()
    headers = {"Content-Type": "application/json; charset=utf-8", "User-Agent": "Stripe/1.0 (double)"}
    return headers | {"Stripe-Signature": f"t={moment},v1={digest}"}


def post(url: str, body: bytes, headers: dict[str, str]) -> int:
    """Send a delivery; the status of the answer, 0 where there is none."""
    parts = urlsplit(url)
    kind = http.client.HTTPSConnection if parts.scheme == "https" else http.client.HTTPConnection
    connection = kind(parts.hostname or "", parts.port, timeout=10)
    try:
        connection.request("POST", f"{parts.path}?{parts.query}" if parts.query else parts.path, body, headers)
        return connection.getresponse().status
    except (OSError, http.client.HTTPException):
        return 0
    finally:
        connection.close()


class Postman:
    """Delivers events in their order, one at a time, at the moments that are due; `faults_of` gives what strikes."""

    def __init__(self, faults_of: Callable[[str], set[str]]) -> None:
        self._faults_of = faults_of
        self._due: list[tuple[float, int, Event, str, int, set[str]]] = []
        self._order = itertools.count()
        self._changed = threading.Condition()
        self._busy = 0
        self._closing = False
        self.forget(Store(lambda: "", 0))
        self._thread = threading.Thread(target=self._run, daemon=True)
        self._thread.start()

    def forget(self, store: Store) -> None:
        """Begin anew with another store."""
        with self._changed:
            self.store = store
            self._due.clear()
            self.receiver: Receiver | None = None
            # Seconds that the fault "delay" adds.
            self.delay = 0.5
            # (event id, event type, status) of every attempt.
            self.attempts: list[tuple[str, str, int]] = []

    def send(self, event: Event) -> None:
        """Have an event delivered to all endpoints that want it, as soon as may be."""
        for endpoint in self.store.endpoints(event.type):
            faults = self._faults_of(endpoint["id"])
            if "drop" in faults:
                continue
            wait = (self.delay if "delay" in faults else 0) + (LAG if "reorder" in faults else 0)
            for _copy in range(2 if "duplicate" in faults else 1):
                self._put(time.monotonic() + wait, event, endpoint["id"], 0, faults)

    def headers(
        self, event: Event, endpoint_id: str, faults: frozenset[str] | set[str] = frozenset()
    ) -> dict[str, str]:
        """The headers of a delivery made now."""
        secret = self.store.private[endpoint_id]["secret"]
        if "badly_signed" in faults:
            secret = f"whsec_{secrets.token_hex(16)}"
        return sign(event.body, secret, age=TOO_OLD if "late" in faults else 0)

    def deliver(self, event: Event, endpoint_id: str, faults: frozenset[str] | set[str] = frozenset()) -> int:
        """Deliver once, now, in this thread; the status of the answer, 0 where there is none."""
        endpoint = self.store.tables["webhook_endpoint"].get(endpoint_id)
        if endpoint is None:
            return 0
        headers = self.headers(event, endpoint_id, faults)
        receiver = self.receiver
        status = receiver(event.body, headers) if receiver else post(endpoint["url"], event.body, headers)
        self.attempts.append((event.id, event.type, status))
        return status

    def wait(self, timeout: float) -> bool:
        """Wait until nothing is to be delivered; whether that came to be."""
        with self._changed:
            return self._changed.wait_for(lambda: not self._due and not self._busy, timeout)

    def close(self) -> None:
        """Stop delivering."""
        with self._changed:
            self._closing = True
            self._changed.notify_all()
        self._thread.join(timeout=11)

    def _put(self, due: float, event: Event, endpoint_id: str, attempt: int, faults: set[str]) -> None:
        with self._changed:
            heapq.heappush(self._due, (due, next(self._order), event, endpoint_id, attempt, faults))
            self._changed.notify_all()

    def _next(self) -> tuple[Event, str, int, set[str]] | None:
        with self._changed:
            while not self._closing:
                now = time.monotonic()
                if self._due and self._due[0][0] <= now:
                    self._busy += 1
                    return heapq.heappop(self._due)[2:]
                self._changed.wait(self._due[0][0] - now if self._due else None)
        return None

    def _run(self) -> None:
        while (found := self._next()) is not None:
            event, endpoint_id, attempt, faults = found
            store = self.store
            status = self.deliver(event, endpoint_id, faults)
            if not 200 <= status < 300 and attempt < len(PAUSES) and store is self.store:
                self._put(time.monotonic() + PAUSES[attempt], event, endpoint_id, attempt + 1, set())
            with self._changed:
                self._busy -= 1
                self._changed.notify_all()
