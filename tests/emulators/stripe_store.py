"""What the double of Stripe keeps: objects by kind, the clock, what is due when, and the events that tell of changes.

All of it is touched under `Store.lock` only. Objects are plain dicts in the shape that the API answers with; what is
known of an object but never shown lies in `Store.private`.
"""

import heapq
import itertools
import json
import secrets
import threading
from collections import defaultdict
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any, Literal

Thing = dict[str, Any]

API_VERSION = "2026-05-27.dahlia"
ACCOUNT = "acct_1DoubleOfStripe00"
DAY = 86_400
# How long Stripe's API shows events.
EVENTS_KEPT = 30 * DAY
# The beginnings of ids by kind; those of sessions differ from the rest.
PREFIXES: dict[str, str] = {
    "balance_transaction": "txn",
    "billing_portal.configuration": "bpc",
    "billing_portal.session": "bps",
    "charge": "ch",
    "checkout.session": "cs_test",
    "coupon": "coupon",
    "customer": "cus",
    "discount": "di",
    "dispute": "du",
    "event": "evt",
    "invoice": "in",
    "invoice_payment": "inpay",
    "invoiceitem": "ii",
    "item": "li",
    "line_item": "il",
    "payment_intent": "pi",
    "payment_method": "pm",
    "price": "price",
    "product": "prod",
    "promotion_code": "promo",
    "refund": "re",
    "setup_intent": "seti",
    "subscription": "sub",
    "subscription_item": "si",
    "subscription_schedule": "sub_sched",
    "tax_rate": "txr",
    "webhook_endpoint": "we",
}


class Refused(Exception):
    """An answer in Stripe's error shape; what the double has done until then must be nothing."""

    def __init__(
        self,
        message: str,
        *,
        status: int = 400,
        kind: str = "invalid_request_error",
        code: str | None = None,
        param: str | None = None,
        **more: Any,
    ) -> None:
        super().__init__(message)
        self.status = status
        found = {"message": message, "type": kind, "code": code, "param": param} | more
        self.error = {name: value for name, value in found.items() if value is not None}


def missing(kind: str, thing_id: str, *, param: str = "id", status: int = 404) -> Refused:
    """No such thing: 404 where the address names it, 400 where a parameter does."""
    words = {"checkout.session": "checkout session", "payment_method": "PaymentMethod"}.get(kind, kind)
    return Refused(f"No such {words}: '{thing_id}'", status=status, code="resource_missing", param=param)


def copied(value: Any) -> Any:
    """A deep copy of JSON."""
    if isinstance(value, dict):
        return {name: copied(part) for name, part in value.items()}
    return [copied(part) for part in value] if isinstance(value, list) else value


@dataclass(frozen=True, slots=True)
class Event:
    """One event; `body` is what webhooks deliver, byte for byte."""

    id: str
    type: str
    created: int
    body: bytes

    @property
    def thing(self) -> Thing:
        """The event as the API shows it."""
        shown: Thing = json.loads(self.body)
        return shown

    @property
    def object(self) -> Thing:
        """What it tells of, as it was then."""
        shown: Thing = self.thing["data"]["object"]
        return shown

    @property
    def previous(self) -> Thing:
        """What the changed attributes were before; {} where nothing changed."""
        shown: Thing = self.thing["data"].get("previous_attributes", {})
        return shown


class Store:
    """The state of one account in test mode. `address` gives where the double is reached."""

    def __init__(self, address: Callable[[], str], now: int) -> None:
        self.address = address
        self.now = now
        self.lock = threading.RLock()
        self.tables: defaultdict[str, dict[str, Thing]] = defaultdict(dict)
        self.private: defaultdict[str, Thing] = defaultdict(dict)
        self.events: dict[str, Event] = {}
        # Told of each event as it happens.
        self.tell: Callable[[Event], None] = lambda event: None
        # Whose cards are declined.
        self.failing: set[str] = set()
        # Per cent that automatic tax adds; None where tax is not set up.
        self.tax_rate: float | None = None
        # How long a renewal's invoice stays a draft, and after how many days each retry follows the attempt before it.
        self.draft_seconds = 3_600
        self.retry_days: tuple[int, ...] = (3, 5, 7)
        # Id and idempotency key of the request that is being answered.
        self.cause: tuple[str | None, str | None] = (None, None)
        self._by_customer: defaultdict[tuple[str, str], dict[str, Thing]] = defaultdict(dict)
        self._due: list[tuple[int, int, str, str]] = []
        self._order = itertools.count()

    # --- Objects ------------------------------------------------------------------------------------------------------

    def new_id(self, kind: str) -> str:
        """An id that nothing else has, in this double or in another."""
        return f"{PREFIXES[kind]}_{secrets.token_hex(24 if kind == 'checkout.session' else 12)}"

    def put(self, thing: Thing) -> Thing:
        """Keep an object."""
        self.tables[thing["object"]][thing["id"]] = thing
        customer = thing.get("customer")
        if isinstance(customer, str):
            self._by_customer[thing["object"], customer][thing["id"]] = thing
        return thing

    def make(
        self,
        kind: Literal[
            "balance_transaction",
            "billing_portal.configuration",
            "billing_portal.session",
            "charge",
            "checkout.session",
            "coupon",
            "customer",
            "discount",
            "dispute",
            "invoice",
            "invoice_payment",
            "invoiceitem",
            "payment_intent",
            "payment_method",
            "price",
            "product",
            "promotion_code",
            "refund",
            "subscription",
            "subscription_item",
            "subscription_schedule",
            "tax_rate",
            "webhook_endpoint",
        ],
        **values: Any,
    ) -> Thing:
        """Keep a new object; `id` and `created` are given to it unless they are among the values."""
        begun: Thing = {"id": self.new_id(kind), "object": kind, "created": self.now, "livemode": False}
        return self.put(begun | values)

    def find(self, kind: str, thing_id: str, *, param: str = "") -> Thing:
        """An object by its id. Raises `Refused`; `param` names the parameter that asked for it, if one did."""
        thing = self.tables[kind].get(thing_id)
        if thing is None or (param and thing.get("deleted")):
            raise missing(kind, thing_id, param=param or "id", status=400 if param else 404)
        return thing

    def anything(self, thing_id: str) -> Thing | None:
        """An object of any kind by its id."""
        return next((table[thing_id] for table in self.tables.values() if thing_id in table), None)

    def all_of(self, kind: str, customer: str | None = None) -> list[Thing]:
        """Those of a kind, the oldest first."""
        return list((self.tables[kind] if customer is None else self._by_customer[kind, customer]).values())

    def forget(self, thing: Thing) -> None:
        """Let go of a deleted object."""
        del self.tables[thing["object"]][thing["id"]]
        customer = thing.get("customer")
        if isinstance(customer, str):
            self._by_customer[thing["object"], customer].pop(thing["id"], None)

    # --- Events -------------------------------------------------------------------------------------------------------

    def emit(self, name: str, thing: Thing, previous: Thing | None = None) -> Event:
        """Say that something happened, with the object as it is now."""
        data: Thing = {"object": thing} | ({} if previous is None else {"previous_attributes": previous})
        shown: Thing = {"id": self.new_id("event"), "object": "event", "api_version": API_VERSION, "created": self.now}
        shown |= {"data": data, "livemode": False, "pending_webhooks": len(self.endpoints(name)), "type": name}
        shown["request"] = {"id": self.cause[0], "idempotency_key": self.cause[1]}
        event = Event(shown["id"], name, self.now, json.dumps(shown).encode())
        self.events[event.id] = event
        self.tell(event)
        return event

    def let_events_go(self) -> None:
        """Stripe's API shows no events that are older than 30 days."""
        while self.events and (oldest := next(iter(self.events.values()))).created < self.now - EVENTS_KEPT:
            del self.events[oldest.id]

    def endpoints(self, name: str) -> list[Thing]:
        """The endpoints that want to be told of events of this type."""
        wanted = ({"*", name}, "enabled")
        return [
            endpoint
            for endpoint in self.tables["webhook_endpoint"].values()
            if wanted[0] & set(endpoint["enabled_events"]) and endpoint["status"] == wanted[1]
        ]

    @contextmanager
    def changing(self, thing: Thing, name: str) -> Iterator[Thing]:
        """Change an object, and say so with what it was before; nothing is said where nothing changed."""
        before = copied(thing)
        yield thing
        changed = {key: before.get(key) for key, value in thing.items() if before.get(key) != value}
        if changed:
            self.emit(name, thing, changed)

    # --- Time ---------------------------------------------------------------------------------------------------------

    def schedule(self, at: int, what: str, thing_id: str) -> None:
        """Let something be looked at once it is due; whether it still is, is for `take_due`'s caller to see."""
        heapq.heappush(self._due, (at, next(self._order), what, thing_id))

    def take_due(self, until: int) -> tuple[int, str, str] | None:
        """When, what and whose is due next, not after `until`."""
        if not self._due or self._due[0][0] > until:
            return None
        at, _order, what, thing_id = heapq.heappop(self._due)
        return at, what, thing_id
