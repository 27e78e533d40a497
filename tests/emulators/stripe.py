"""A double of Stripe with a memory, a clock, a Checkout page, a customer portal and signed webhooks.

It speaks the shapes of version "2026-05-27.dahlia" to the real SDK (`stripe.api_base = double.url`, or
STRIPE_API_HOST) and answers all that dj-stripe fetches when it syncs. As of that version: periods are on a
subscription's *items*; an invoice's subscription is `parent.subscription_details.subscription`; a line's price is
`pricing.price_details.price`; `invoice.payments`, `session.line_items`, `charge.refunds` and `customer.sources` are
there only where `expand` asks. An invoice of a renewal has the *past* period in `period_start/end`; the one that is
paid for is in its lines.

    with StripeDouble() as double:
        double.url; double.key                       # STRIPE_API_HOST, STRIPE_SECRET_KEY
        double.endpoint(url, secret="whsec_…", events=["*"])   # or by the API; the dict that comes back has `secret`
        double.forget()                              # begin anew: nothing is kept, endpoints included

Paying. Pages are at a session's `url` (fields "Email", "Card number", "Promotion code"; radios "Card", "PayPal",
"Bank (pays later)"; buttons "Pay" or "Start trial", "Apply"; link "Back"), at a portal session's `url` (buttons
"Cancel plan", "Resume plan", "Switch plan" with the list "Plan", "Update card"; the list "Invoices"; link "Back") and
at `hosted_invoice_url` (button "Pay"). Cards: 4242 4242 4242 4242; declined 4000 0000 0000 0002 and …9995; declined
only once it is charged 4000 0000 0000 0341. Without a page: `double.pay(session_id, way="card"|"paypal"|"bank",
card="4242424242424242", email="payer@example.com", code="")`; `double.settle_later(session_id, succeeded=True)` says
what the bank of a session paid by "bank" says. An SDK payment method: "pm_card_visa", "pm_card_chargeCustomerFail".

The clock. `double.now` (datetime in UTC) begins at the real time and stands still; `double.advance(seconds, days=,
hours=, to=datetime)` lets all happen in order: trials end, renewals (`invoice.created` at the period's end, finalized
and paid `double.draft_seconds` = 3600 later, as at Stripe), retries `double.retry_days` = (3, 5, 7) days after the
attempt before, then `customer.subscription.deleted`; `invoice.upcoming` and `trial_will_end` three days before;
sessions expire after 24 hours, first payments lapse after 23. With `double.ticking = True` (as a process) the clock
goes on by itself as well.

Steering. `cards_fail(customer_id, True)`, `dispute(charge_id, amount=None)`, `close_dispute(dispute_id, won=…)`,
`refund(charge_id, amount=None)`, `fail_refund(refund_id)`, `dashboard_change(subscription_id, price_id, behavior=
"create_prorations")`, `delete_customer(id)`, `void(invoice_id)`, `mark_pause(subscription_id, paused)`; each returns
the object. `double.tax_rate = 20` is what automatic tax adds, in per cent. `double.find(id)` and
`double.all_of("invoice")` are copies of what is kept; `double.happened("invoice.*")` are events.

Webhooks. An `Event` has `id`, `type`, `created`, `body` (bytes), `thing`, `object`, `previous`. With `double.delivery
= "auto"` a thread delivers in order and repeats what is not answered with 2xx; `double.wait_delivered(timeout=5)`
waits for it. With "manual" events gather in `double.undelivered`: `deliver(event, times=1)` gives the statuses,
`deliver_all(order= None|"reversed"|callable)`, `drop(event)`. `double.signed(event)` gives (headers, body).
`double.receiver = lambda body, headers: client.post(…).status_code` takes the place of HTTP. `double.attempts` are
(event id, type, status).

Faults, by `fail_next(fault, times=1, on="")` and `rates = {"fault": 0.1, "fault@endpoint id": 1}` as with every
double: for the API (POST and DELETE) "429", "409", "500", "502", "503", "latency", "hang", "drop_before_accept",
"accept_then_drop", "accept_then_hang" (what was accepted is replayed to the same Idempotency-Key), on="look" for GET;
for deliveries, in auto mode, "duplicate", "reorder", "delay", "drop", "badly_signed", "late" (a signature too old).

As a process: `python -m tests.emulators.stripe --port 8420 --control --webhook URL --secret whsec_…`; `/_control`
takes POST of {"do": {"advance": {"days": 31}}} (or a list of such; every method named above, results come back),
beside "rates", "fail_next" and "set"; GET tells what there is.
"""

import argparse
import secrets
import sys
import time
from collections import Counter
from collections.abc import Callable, Iterator
from datetime import datetime
from typing import Any, ClassVar

from tests.emulators import stripe_pages as pages
from tests.emulators import stripe_routes as routes
from tests.emulators.double import PLACES
from tests.emulators.messages import Reply, Request
from tests.emulators.stripe_steering import Steering
from tests.emulators.stripe_store import API_VERSION, Event, Refused, Store, Thing
from tests.emulators.stripe_webhooks import Postman, Receiver, new_endpoint
from tests.emulators.stripe_wire import Asked

TELLING = ("duplicate", "reorder", "delay", "drop", "badly_signed", "late")
ACTIONS = (
    *("advance", "cards_fail", "close_dispute", "dashboard_change", "delete_customer", "deliver_all", "dispute"),
    *("endpoint", "fail_refund", "find", "forget", "mark_pause", "pay", "refund", "settle_later", "void"),
)
REFUSALS: dict[str, tuple[int, str, str, str]] = {
    "key_refused": (401, "invalid_request_error", "", "Invalid API Key provided."),
    "balance_exhausted": (402, "card_error", "card_declined", "Your card was declined."),
    "content_policy": (403, "invalid_request_error", "account_invalid", "The provided key does not have access."),
    "409": (409, "idempotency_error", "idempotency_key_in_use", "There is currently another in-progress request."),
    "429": (429, "invalid_request_error", "rate_limit", "Request rate limit exceeded."),
    "500": (500, "api_error", "", "An unknown error occurred."),
    "502": (502, "api_error", "", "Bad gateway."),
    "503": (503, "api_error", "", "Service unavailable."),
}


class StripeDouble(Steering):
    """Stripe, one account in test mode; see the head of this module."""

    places: ClassVar[dict[str, str]] = PLACES | dict.fromkeys(TELLING, "webhook") | {"409": "submit"}
    adjustable: ClassVar[tuple[str, ...]] = (
        *Steering.adjustable,
        "delivery",
        "draft_seconds",
        "retry_days",
        "tax_rate",
        "ticking",
        "delay",
    )

    def __init__(self, *, key: str = "", port: int = 0, control: bool = False) -> None:
        self.postman = Postman(lambda endpoint: self.faults("webhook") | self.faults(endpoint))
        super().__init__(key=key or f"sk_test_{secrets.token_hex(16)}", port=port, control=control)

    def forget(self) -> None:
        """Begin anew: an empty account, the clock at the real time, nothing to deliver, no faults."""
        super().forget()
        self.store = Store(lambda: self.url, int(time.time()))
        self.store.tell = self._told
        self.postman.forget(self.store)
        self.delivery = "auto"
        self.ticking = False
        self.undelivered: list[Event] = []
        self._offset = 0
        self._answered: dict[str, tuple[tuple[str, str, bytes], Reply]] = {}

    def close(self) -> None:
        """Let go of everything."""
        super().close()
        self.postman.close()

    # --- The API ------------------------------------------------------------------------------------------------------

    def handle(self, request: Request) -> Reply:
        """Lead each request to what it asks for."""
        if request.path.startswith("/v1/"):
            if request.method == "GET":
                return self.exchange(request, "look", lambda _faults: self._call(request))
            return self.submission(request, lambda _faults: self._call(request))
        self.public(request, "pages")
        with self._moment():
            return self._page(request)

    def shows_key(self, request: Request) -> bool:
        """Whether the key comes as a bearer's or as the name of basic authentication."""
        return super().shows_key(request) or request.carries(self.key)

    def refusal(self, fault: str) -> Reply:
        """In Stripe's words."""
        status, kind, code, message = REFUSALS[fault]
        return _refused(Refused(message, status=status, kind=kind, code=code or None), _request_id())

    def _call(self, request: Request) -> Reply:
        key = request.headers.get("idempotency-key") if request.method == "POST" else None
        mark, request_id = (request.method, request.path, request.body), _request_id()
        with self._moment(request_id, key):
            known = self._answered.get(key or "")
            if known is not None:
                return _replayed(known, mark, request_id)
            try:
                asked = Asked.of(request.body.decode() or request.query)
                path = request.path.removeprefix("/v1/")
                shown = routes.answer(self.store, request.method, path, asked)
                reply = Reply.of(200, shown, _headers(request_id, key))
            except Refused as refused:
                reply = _refused(refused, request_id, key)
            # What was refused before anything was done may be asked for anew.
            if key and reply.status in (200, 402):
                self._answered[key] = (mark, reply)
            return reply

    def _page(self, request: Request) -> Reply:
        match request.path.strip("/").split("/"):
            case ["c", "pay", session_id]:
                return pages.checkout(self.store, request, session_id)
            case ["p", "session", session_id]:
                return pages.portal(self.store, request, session_id)
            case ["i", _account, invoice_id]:
                return pages.invoice_page(self.store, request, invoice_id)
            case ["i", _account, invoice_id, "pdf"]:
                return self.download(request, pages.invoice_pdf(self.store, invoice_id), "application/pdf")
            case ["receipts", charge_id]:
                return pages.receipt(self.store, charge_id)
        return pages.shown("Page not found", "", status=404)

    # --- Telling ------------------------------------------------------------------------------------------------------

    @property
    def receiver(self) -> Receiver | None:
        """What takes deliveries in place of HTTP."""
        return self.postman.receiver

    @receiver.setter
    def receiver(self, receiver: Receiver | None) -> None:
        self.postman.receiver = receiver

    @property
    def delay(self) -> float:
        """Seconds that the fault "delay" adds to a delivery."""
        return self.postman.delay

    @delay.setter
    def delay(self, seconds: float) -> None:
        self.postman.delay = seconds

    @property
    def attempts(self) -> list[tuple[str, str, int]]:
        """Event id, type and status of every attempt at a delivery."""
        return self.postman.attempts

    def endpoint(self, url: str, secret: str = "", events: tuple[str, ...] | list[str] = ("*",)) -> Thing:
        """Tell an address of events from now on; the endpoint with its `secret`."""
        with self._moment() as store:
            return new_endpoint(store, url, list(events), secret)

    def _told(self, event: Event) -> None:
        if self.delivery == "auto":
            self.postman.send(event)
        elif self.store.endpoints(event.type):
            self.undelivered.append(event)

    def deliver(self, event: Event, *, times: int = 1) -> list[int]:
        """Deliver an event now, to each endpoint that wants it, so many times; the statuses of the answers."""
        endpoints = [endpoint["id"] for endpoint in self.store.endpoints(event.type)]
        statuses = [self.postman.deliver(event, endpoint) for _time in range(times) for endpoint in endpoints]
        if statuses and all(200 <= status < 300 for status in statuses[-len(endpoints) :]):
            self.drop(event)
        return statuses

    def deliver_all(self, order: str | Callable[[list[Event]], list[Event]] | None = None) -> list[int]:
        """Deliver what gathered until now, in its order, "reversed" or in one of your own."""
        events = list(self.undelivered)
        if order is not None:
            events = events[::-1] if isinstance(order, str) else order(events)
        return [status for event in events for status in self.deliver(event)]

    def drop(self, event: Event) -> None:
        """Never deliver an event."""
        with self.store.lock:
            if event in self.undelivered:
                self.undelivered.remove(event)

    def signed(self, event: Event, endpoint_id: str = "") -> tuple[dict[str, str], bytes]:
        """Headers and body of a delivery made now, to an endpoint or to the first there is."""
        endpoint = endpoint_id or next(iter(self.store.tables["webhook_endpoint"]))
        return self.postman.headers(event, endpoint), event.body

    def wait_delivered(self, timeout: float = 5) -> bool:
        """Wait until all is delivered or given up; whether that came to be."""
        return self.postman.wait(timeout)

    # --- Steering from outside ----------------------------------------------------------------------------------------

    def summary(self) -> dict[str, Any]:
        """What happened so far, for `/_control`."""
        with self.store.lock:
            kinds = ("customer", "price", "checkout.session", "subscription", "invoice", "charge", "dispute", "refund")
            states = {kind: {it["id"]: _state(it) for it in self.store.all_of(kind)} for kind in kinds}
            waiting = [(event.id, event.type) for event in self.undelivered]
        told = Counter(str(status) for _id, _type, status in list(self.attempts))
        more = {"now": self.now.isoformat(), "key": self.key, "undelivered": waiting, "webhooks": told}
        return super().summary() | more | {"things": states}

    def _answer(self, request: Request) -> Reply:
        if request.path == "/_control" and request.method == "POST" and self.control:
            wishes = request.json()
            self.adjust(wishes)
            try:
                return Reply.of(200, {"results": list(map(_shown, self._do(wishes.get("do", []))))})
            except (Refused, KeyError, TypeError, ValueError) as error:
                return Reply.of(400, {"error": str(error)})
        return super()._answer(request)

    def _do(self, wanted: dict[str, Any] | list[dict[str, Any]]) -> Iterator[Any]:
        for act in [wanted] if isinstance(wanted, dict) else wanted:
            for name, values in act.items():
                if name not in ACTIONS:
                    raise KeyError(name)
                yield getattr(self, name)(**values)


def _shown(value: Any) -> Any:
    return value.isoformat() if isinstance(value, datetime) else value


def _state(thing: Thing) -> Any:
    return thing.get("status") or thing.get("email") or thing.get("lookup_key")


def _request_id() -> str:
    return f"req_{secrets.token_hex(7)}"


def _headers(request_id: str, key: str | None) -> dict[str, str]:
    return {"Request-Id": request_id, "Stripe-Version": API_VERSION} | ({"Idempotency-Key": key} if key else {})


def _refused(refused: Refused, request_id: str, key: str | None = None) -> Reply:
    return Reply.of(refused.status, {"error": refused.error}, _headers(request_id, key))


def _replayed(known: tuple[tuple[str, str, bytes], Reply], mark: tuple[str, str, bytes], request_id: str) -> Reply:
    first, reply = known
    if first != mark:
        message = "Keys for idempotent requests can only be used with the same parameters they were first used with."
        return _refused(Refused(message, kind="idempotency_error"), request_id)
    return Reply(reply.status, reply.body, reply.mime, reply.headers | {"Idempotent-Replayed": "true"})


def main() -> None:
    """Run one as a process until told to stop."""
    parser = argparse.ArgumentParser(description="A double of Stripe on loopback.")
    parser.add_argument("--port", type=int, default=0)
    parser.add_argument("--key", default="")
    parser.add_argument("--control", action="store_true", help="answer at /_control")
    parser.add_argument("--webhook", help="tell this address of events")
    parser.add_argument("--secret", default="", help="sign deliveries to it with this")
    options = parser.parse_args()
    with StripeDouble(key=options.key, port=options.port, control=options.control) as running:
        running.ticking = True
        if options.webhook:
            running.endpoint(options.webhook, options.secret)
        sys.stdout.write(f"{running.url}\n{running.key}\n")
        sys.stdout.flush()
        try:
            while True:
                time.sleep(3_600)
        except KeyboardInterrupt:
            pass


if __name__ == "__main__":
    main()
