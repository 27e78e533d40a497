"""How the double of Stripe tells of events: signed, in order, again, out of order, too late or never."""

import json
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

import pytest
import stripe

from tests.billing.stripe_double.shop import new_price, subscribed
from tests.emulators.stripe import StripeDouble


class Shop(ThreadingHTTPServer):
    """Takes deliveries; the next ones are answered with `answers` before all is well."""

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), _Handler)
        self.got: list[tuple[bytes, str]] = []
        self.answers: list[int] = []
        self.url = f"http://127.0.0.1:{self.server_address[1]}/stripe"

    def types(self, secret: str) -> list[str]:
        """The types of what came and was signed well."""
        return [stripe.Webhook.construct_event(body, mark, secret).type for body, mark in self.got]  # type: ignore[no-untyped-call]


class _Handler(BaseHTTPRequestHandler):
    server: Shop

    def do_POST(self) -> None:
        body = self.rfile.read(int(self.headers["Content-Length"]))
        status = self.server.answers.pop(0) if self.server.answers else 200
        self.server.got.append((body, self.headers["Stripe-Signature"]))
        self.send_response(status)
        self.send_header("Content-Length", "0")
        self.end_headers()

    def log_message(self, *_: Any) -> None:
        """Nothing."""


@pytest.fixture
def shop() -> Iterator[Shop]:
    with Shop() as server:
        thread = threading.Thread(target=server.serve_forever, args=(0.02,), daemon=True)
        thread.start()
        yield server
        server.shutdown()
        thread.join()


def test_an_endpoint_of_the_api_gets_what_it_asked_for_signed(double: StripeDouble, api: Any, shop: Shop) -> None:
    endpoint = api.webhook_endpoints.create({"url": shop.url, "enabled_events": ["customer.created"]})
    assert endpoint.secret.startswith("whsec_")
    assert "secret" not in api.webhook_endpoints.retrieve(endpoint.id)
    double.delivery = "auto"
    found = api.customers.create({"email": "alice@example.com"}, {"idempotency_key": "k3"})
    api.customers.update(found.id, {"name": "Alice"})
    assert double.wait_delivered()
    assert shop.types(endpoint.secret) == ["customer.created"]
    with pytest.raises(stripe.SignatureVerificationError):
        shop.types("whsec_other")
    event = api.events.list({"types": ["customer.updated"]}).data[0]
    assert event.data.previous_attributes.name is None
    assert (event.api_version, event.pending_webhooks) == ("2026-05-27.dahlia", 0)
    created = api.events.list({"type": "customer.created"}).data[0]
    assert (created["request"].idempotency_key, created.pending_webhooks) == ("k3", 1)
    assert api.events.retrieve(created.id).data.object.email == "alice@example.com"
    api.webhook_endpoints.update(endpoint.id, {"disabled": True})
    api.customers.create({})
    assert double.wait_delivered()
    assert len(shop.got) == 1
    assert api.webhook_endpoints.delete(endpoint.id).deleted
    assert not api.webhook_endpoints.list().data


def test_what_is_not_answered_well_comes_again(double: StripeDouble, api: Any, shop: Shop) -> None:
    double.endpoint(shop.url, "whsec_known")
    shop.answers = [500, 404, 200]
    double.delivery = "auto"
    api.customers.create({})
    assert double.wait_delivered()
    assert shop.types("whsec_known") == ["customer.created"] * 3
    assert [status for _id, _type, status in double.attempts] == [500, 404, 200]


@pytest.mark.parametrize(
    ("fault", "told"),
    [
        ("drop", ["b"]),
        ("duplicate", ["a", "a", "b"]),
        ("reorder", ["b", "a"]),
        ("delay", ["b", "a"]),
    ],
)
def test_deliveries_can_go_wrong(double: StripeDouble, api: Any, shop: Shop, fault: str, told: list[str]) -> None:
    endpoint = double.endpoint(shop.url)
    double.delivery = "auto"
    double.fail_next(fault, on=endpoint["id"])
    for name in ("a", "b"):
        api.customers.create({"name": name})
    assert double.wait_delivered()
    events = [stripe.Webhook.construct_event(body, mark, endpoint["secret"]) for body, mark in shop.got]
    assert [event.data.object.name for event in events] == told


@pytest.mark.parametrize("fault", ["badly_signed", "late"])
def test_signatures_can_be_wrong(double: StripeDouble, api: Any, shop: Shop, fault: str) -> None:
    endpoint = double.endpoint(shop.url)
    double.delivery = "auto"
    double.fail_next(fault)
    api.customers.create({})
    assert double.wait_delivered()
    with pytest.raises(stripe.SignatureVerificationError):
        shop.types(endpoint["secret"])


def test_by_hand_in_any_order_as_often_as_wanted(double: StripeDouble, api: Any) -> None:
    got: list[tuple[bytes, dict[str, str]]] = []
    endpoint = double.endpoint("http://shop.invalid/stripe")

    def receive(body: bytes, headers: dict[str, str]) -> int:
        got.append((body, headers))
        return 503 if len(got) == 1 else 200

    double.receiver = receive
    for name in ("a", "b", "c", "d"):
        api.customers.create({"name": name})
    first, second, *_others = double.undelivered
    assert double.deliver(first) == [503]
    assert first in double.undelivered
    assert double.deliver(first, times=2) == [200, 200]
    double.drop(second)
    assert double.deliver_all(order="reversed") == [200, 200]
    assert not double.undelivered
    names = [
        stripe.Webhook.construct_event(body, headers["Stripe-Signature"], endpoint["secret"]).data.object.name
        for body, headers in got
    ]
    assert names == ["a", "a", "a", "d", "c"]


def test_whoever_is_told_can_ask_at_once(double: StripeDouble, api: Any) -> None:
    double.endpoint("http://shop.invalid/stripe", events=["customer.created"])
    names: list[str] = []

    def receive(body: bytes, headers: dict[str, str]) -> int:
        names.append(api.customers.retrieve(json.loads(body)["data"]["object"]["id"]).name)
        return 200

    double.receiver = receive
    double.delivery = "auto"
    api.customers.create({"name": "Alice"})
    assert double.wait_delivered()
    assert names == ["Alice"]


def test_events_are_as_the_object_was_and_kept_thirty_days(
    double: StripeDouble, api: Any, month: Any, customer: Any
) -> None:
    subscription = subscribed(double, api, month, customer)
    created = double.happened("customer.subscription.created")[0]
    assert created.object["status"] == "incomplete"
    assert double.happened("customer.subscription.updated")[0].previous == {"status": "incomplete"}
    big = new_price(api, 6_000, interval="month")
    double.dashboard_change(subscription.id, big.id)
    told = double.happened("customer.subscription.updated")[-1]
    assert told.previous["items"]["data"][0]["price"]["id"] == month.id
    assert told.thing["request"] == {"id": None, "idempotency_key": None}
    double.advance(days=31)
    with pytest.raises(stripe.InvalidRequestError):
        api.events.retrieve(created.id)
