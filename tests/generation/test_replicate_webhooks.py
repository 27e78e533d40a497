"""Webhooks of Replicate: what the double signs and delivers in every wrong way, and what is believed of it."""

import hashlib
import json
import threading
from collections.abc import Iterator
from contextlib import closing
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

import pytest
from django.core.cache import cache

from generation.providers.base import BadSignature, Retryable, SubmitUnknown
from generation.providers.replicate import Replicate
from tests.emulators.replicate import ReplicateDouble
from tests.emulators.replicate_models import Prediction
from tests.generation.replicate_calls import account_at, call, provider_at
from tests.generation.row_calls import HANG


class Receiver(ThreadingHTTPServer):
    """Takes deliveries as our web server would; refuses the first `refusals` of them."""

    def __init__(self) -> None:
        self.refusals = 0
        self.deliveries: list[tuple[dict[str, str], bytes]] = []
        self._came = threading.Condition()
        super().__init__(("127.0.0.1", 0), _Handler)

    @property
    def url(self) -> str:
        """Where deliveries go."""
        return f"http://127.0.0.1:{self.server_address[1]}/hooks/replicate/1?t=2"

    def note(self, headers: dict[str, str], body: bytes) -> int:
        """Keep one; the status to answer with."""
        with self._came:
            self.deliveries.append((headers, body))
            self._came.notify_all()
            self.refusals -= 1
            return 500 if self.refusals >= 0 else 200

    def wait_for(self, count: int) -> list[tuple[dict[str, str], bytes]]:
        """The deliveries, once there are so many."""
        with self._came:
            assert self._came.wait_for(lambda: len(self.deliveries) >= count, timeout=20)
        return self.deliveries


class _Handler(BaseHTTPRequestHandler):
    server: Receiver

    def do_POST(self) -> None:
        body = self.rfile.read(int(self.headers["content-length"]))
        self.send_response(self.server.note(dict(self.headers), body))
        self.send_header("Content-Length", "0")
        self.end_headers()

    def log_message(self, format: str, *args: Any) -> None:  # noqa: A002 - the name is the base class's
        """Quiet."""


@pytest.fixture
def receiver() -> Iterator[Receiver]:
    with Receiver() as server:
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02})
        thread.start()
        yield server
        server.shutdown()
        thread.join()


@pytest.fixture
def replicate() -> Iterator[ReplicateDouble]:
    # A port of its own for each test, and so a signing secret that nobody remembers yet.
    with ReplicateDouble() as double:
        yield double


@pytest.fixture
def provider(replicate: ReplicateDouble) -> Iterator[Replicate]:
    account = account_at(replicate)
    name = hashlib.sha256(f"{account.base_url} {account.token}".encode()).hexdigest()[:16]
    cache.delete_many([f"replicate:secret:{name}", f"replicate:secret:{name}:asked"])
    with closing(provider_at(replicate)) as provider:
        yield provider


def a_minute_later(replicate: ReplicateDouble) -> None:
    account = account_at(replicate)
    name = hashlib.sha256(f"{account.base_url} {account.token}".encode()).hexdigest()[:16]
    assert cache.delete(f"replicate:secret:{name}:asked")


def a_prediction(*faults: str) -> Prediction:
    return Prediction("black-forest-labs/flux-dev", "hidden", {"prompt": "a fox"}, "", (), 0, 0, set(faults))


def submit(provider: Replicate, receiver: Receiver) -> str:
    return provider.submit(call(webhook_url=receiver.url)).external_id


# --- What is believed -------------------------------------------------------------------------------------------------


def test_what_replicate_signed_is_believed_and_its_secret_is_asked_for_once(
    replicate: ReplicateDouble, provider: Replicate
) -> None:
    first, second = a_prediction(), a_prediction()
    events = [provider.verify_webhook(*replicate.postman.signed(one)) for one in (first, second)]
    assert [event.external_id for event in events] == [first.id, second.id]
    assert events[0].delivery_id != events[1].delivery_id
    assert replicate.counts["secret"] == 1


def test_a_delivery_is_known_by_its_own_id(replicate: ReplicateDouble, provider: Replicate) -> None:
    headers, body = replicate.postman.signed(a_prediction(), "msg_7")
    upper = {name.upper(): value for name, value in headers.items()}
    assert provider.verify_webhook(headers, body) == provider.verify_webhook(upper, body)
    assert provider.verify_webhook(headers, body).delivery_id == "msg_7"


@pytest.mark.parametrize("fault", ["webhook_badly_signed", "webhook_replayed_late"])
def test_what_replicate_did_not_sign_just_now_is_refused(
    replicate: ReplicateDouble, provider: Replicate, fault: str
) -> None:
    with pytest.raises(BadSignature):
        provider.verify_webhook(*replicate.postman.signed(a_prediction(fault)))


@pytest.mark.parametrize("header", ["Id", "Timestamp", "Signature"])
@pytest.mark.parametrize("value", [None, "", "é", "0", "../admin", "9" * 400, "v1,AAAA", "v1"])
def test_a_delivery_without_its_own_headers_is_refused(
    replicate: ReplicateDouble, provider: Replicate, header: str, value: str | None
) -> None:
    headers, body = replicate.postman.signed(a_prediction())
    del headers[f"Webhook-{header}"]
    if value is not None:
        headers[f"Webhook-{header}"] = value
    with pytest.raises(BadSignature):
        provider.verify_webhook(headers, body)


@pytest.mark.parametrize("changed", [lambda body: body + b" ", lambda _body: b"", lambda _body: b"\xff\xfe"])
def test_a_changed_body_is_refused(replicate: ReplicateDouble, provider: Replicate, changed: Any) -> None:
    headers, body = replicate.postman.signed(a_prediction())
    with pytest.raises(BadSignature):
        provider.verify_webhook(headers, changed(body))


@pytest.mark.parametrize("body", [b"{}", b"[]", b"7", b'{"id": 7}', b'{"id": "../7"}', b"x"])
def test_a_signed_body_that_names_no_prediction_is_refused(
    replicate: ReplicateDouble, provider: Replicate, monkeypatch: pytest.MonkeyPatch, body: bytes
) -> None:
    monkeypatch.setattr(json, "dumps", lambda _shown: body.decode())
    signed = replicate.postman.signed(a_prediction())
    monkeypatch.undo()
    with pytest.raises(BadSignature):
        provider.verify_webhook(*signed)


def test_junk_does_not_make_us_ask_for_the_secret(replicate: ReplicateDouble, provider: Replicate) -> None:
    with pytest.raises(BadSignature):
        provider.verify_webhook({}, b"{}")
    with pytest.raises(BadSignature):
        provider.verify_webhook(*replicate.postman.signed(a_prediction("webhook_replayed_late")))
    assert replicate.counts["secret"] == 0


def test_forged_signatures_make_us_ask_no_more_than_once_a_minute(
    replicate: ReplicateDouble, provider: Replicate
) -> None:
    for _each in range(5):
        with pytest.raises(BadSignature):
            provider.verify_webhook(*replicate.postman.signed(a_prediction("webhook_badly_signed")))
    assert replicate.counts["secret"] == 1


def test_a_new_secret_is_found_and_one_of_several_signatures_is_enough(
    replicate: ReplicateDouble, provider: Replicate
) -> None:
    provider.verify_webhook(*replicate.postman.signed(a_prediction()))
    replicate.postman.rotate_secret(keep_older=True)
    provider.verify_webhook(*replicate.postman.signed(a_prediction()))
    assert replicate.counts["secret"] == 1
    replicate.postman.rotate_secret()
    with pytest.raises(BadSignature):
        provider.verify_webhook(*replicate.postman.signed(a_prediction()))
    a_minute_later(replicate)
    provider.verify_webhook(*replicate.postman.signed(a_prediction()))
    assert replicate.counts["secret"] == 2


@pytest.mark.parametrize("fault", ["500", "key_refused", "hang"])
def test_without_the_secret_nothing_is_decided(replicate: ReplicateDouble, provider: Replicate, fault: str) -> None:
    replicate.hang = HANG
    replicate.fail_next(fault, on="secret")
    delivery = replicate.postman.signed(a_prediction())
    for _each in range(2):
        with pytest.raises(Retryable):
            provider.verify_webhook(*delivery)
    assert replicate.counts["secret"] == 1


# --- What the double delivers -----------------------------------------------------------------------------------------


def test_start_and_end_of_a_prediction_are_delivered_and_believed(
    replicate: ReplicateDouble, provider: Replicate, receiver: Receiver
) -> None:
    prediction_id = submit(provider, receiver)
    events = [provider.verify_webhook(*delivery) for delivery in receiver.wait_for(2)]
    assert {event.external_id for event in events} == {prediction_id}
    assert len({event.delivery_id for event in events}) == 2


def test_a_refused_delivery_comes_again_under_the_same_id(
    replicate: ReplicateDouble, provider: Replicate, receiver: Receiver
) -> None:
    receiver.refusals = 2
    submit(provider, receiver)
    events = [provider.verify_webhook(*delivery) for delivery in receiver.wait_for(4)]
    assert len({event.delivery_id for event in events}) == 2


def test_one_delivery_comes_before_the_answer_to_the_submit(
    replicate: ReplicateDouble, provider: Replicate, receiver: Receiver
) -> None:
    replicate.rendering = 60
    replicate.fail_next("webhook_early")
    prediction_id = submit(provider, receiver)
    assert [provider.verify_webhook(*delivery).external_id for delivery in receiver.deliveries] == [prediction_id]


def test_one_delivery_comes_twice_and_one_never(
    replicate: ReplicateDouble, provider: Replicate, receiver: Receiver
) -> None:
    replicate.fail_next("webhook_lost")
    submit(provider, receiver)
    replicate.fail_next("webhook_duplicate")
    prediction_id = submit(provider, receiver)
    events = [provider.verify_webhook(*delivery) for delivery in receiver.wait_for(3)]
    assert {event.external_id for event in events} == {prediction_id}
    assert len({event.delivery_id for event in events}) == 2


def test_a_dropped_submit_is_told_all_the_same(
    replicate: ReplicateDouble, provider: Replicate, receiver: Receiver
) -> None:
    replicate.fail_next("accept_then_drop")
    with pytest.raises(SubmitUnknown):
        submit(provider, receiver)
    event = provider.verify_webhook(*receiver.wait_for(1)[0])
    assert list(replicate.jobs) == [event.external_id]
