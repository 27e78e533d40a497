"""Webhooks of fal: what the double signs and delivers in every wrong way, and what is believed of it."""

import hashlib
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from uuid import uuid4

import pytest
from django.core.cache import cache

from generation.providers.base import BadSignature, Call, Retryable
from generation.providers.fal import Account, Fal
from generation.providers.transport import Limits
from tests.emulators.fal import FalEmulator
from tests.emulators.fal_jobs import FalJob


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
        return f"http://127.0.0.1:{self.server_address[1]}/hooks/fal/1?t=2"

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


@pytest.fixture(scope="module")
def double() -> Iterator[FalEmulator]:
    with FalEmulator() as fal:
        yield fal


@pytest.fixture
def fal(double: FalEmulator) -> FalEmulator:
    double.forget()
    return double


@pytest.fixture
def provider(fal: FalEmulator) -> Iterator[Fal]:
    limits = Limits(connect=0.5, read=0.5, write=0.5, total=1)
    provider = Fal(Account(key=fal.key, queue_url=fal.url, rest_url=fal.url, cdn_url=fal.url), limits=limits)
    yield provider
    provider.close()


def a_job(*faults: str) -> FalJob:
    return FalJob("fal-ai/flux/dev", {"prompt": "a fox"}, "", 0, 0, set(faults))


def submit(provider: Fal, receiver: Receiver) -> str:
    call = Call(
        job_id=uuid4(),
        task="text-to-image",
        endpoint="fal-ai/flux/schnell",
        prompt="a red fox",
        params={},
        seeds=(1,),
        webhook_url=receiver.url,
    )
    return provider.submit(call).external_id


# --- What is believed -------------------------------------------------------------------------------------------------


def test_what_fal_signed_is_believed_and_its_key_is_asked_for_once(fal: FalEmulator, provider: Fal) -> None:
    first, second = a_job(), a_job()
    events = [provider.verify_webhook(*fal.postman.signed(job)) for job in (first, second)]
    assert [event.external_id for event in events] == [first.id, second.id]
    assert events[0].delivery_id != events[1].delivery_id
    assert fal.counts["keys"] == 1
    assert fal.leaks == 0


def test_the_same_delivery_has_the_same_id(fal: FalEmulator, provider: Fal) -> None:
    headers, body = fal.postman.signed(a_job())
    upper = {name.upper(): value for name, value in headers.items()}
    assert provider.verify_webhook(headers, body) == provider.verify_webhook(upper, body)


@pytest.mark.parametrize("fault", ["webhook_badly_signed", "webhook_replayed_late"])
def test_what_fal_did_not_sign_just_now_is_refused(fal: FalEmulator, provider: Fal, fault: str) -> None:
    with pytest.raises(BadSignature):
        provider.verify_webhook(*fal.postman.signed(a_job(fault)))


@pytest.mark.parametrize("header", ["Request-Id", "User-Id", "Timestamp", "Signature"])
@pytest.mark.parametrize("value", [None, "", "é", "0", "../admin", "9" * 400])
def test_a_delivery_without_its_own_headers_is_refused(
    fal: FalEmulator, provider: Fal, header: str, value: str | None
) -> None:
    headers, body = fal.postman.signed(a_job())
    del headers[f"X-Fal-Webhook-{header}"]
    if value is not None:
        headers[f"X-Fal-Webhook-{header}"] = value
    with pytest.raises(BadSignature):
        provider.verify_webhook(headers, body)


def test_a_changed_body_is_refused(fal: FalEmulator, provider: Fal) -> None:
    headers, body = fal.postman.signed(a_job())
    with pytest.raises(BadSignature):
        provider.verify_webhook(headers, body + b" ")


def test_junk_does_not_make_us_ask_for_keys(fal: FalEmulator, provider: Fal) -> None:
    with pytest.raises(BadSignature):
        provider.verify_webhook({}, b"{}")
    with pytest.raises(BadSignature):
        provider.verify_webhook(*fal.postman.signed(a_job("webhook_replayed_late")))
    assert fal.counts["keys"] == 0


def test_forged_signatures_make_us_ask_no_more_than_once_a_minute(fal: FalEmulator, provider: Fal) -> None:
    for _each in range(5):
        with pytest.raises(BadSignature):
            provider.verify_webhook(*fal.postman.signed(a_job("webhook_badly_signed")))
    assert fal.counts["keys"] == 1


def test_a_new_key_of_fals_is_found(fal: FalEmulator, provider: Fal) -> None:
    provider.verify_webhook(*fal.postman.signed(a_job()))
    fal.postman.rotate_key()
    with pytest.raises(BadSignature):
        provider.verify_webhook(*fal.postman.signed(a_job()))
    # A minute later.
    name = hashlib.sha256(f"{fal.url}/.well-known/jwks.json".encode()).hexdigest()[:16]
    assert cache.delete(f"fal:keys:{name}:asked")
    provider.verify_webhook(*fal.postman.signed(a_job()))
    assert fal.counts["keys"] == 2


def test_without_keys_nothing_is_decided(fal: FalEmulator, provider: Fal) -> None:
    fal.fail_next("500", on="keys")
    delivery = fal.postman.signed(a_job())
    for _each in range(2):
        with pytest.raises(Retryable):
            provider.verify_webhook(*delivery)
    assert fal.counts["keys"] == 1


# --- What the double delivers -----------------------------------------------------------------------------------------


def test_the_end_of_a_request_is_delivered_and_believed(fal: FalEmulator, provider: Fal, receiver: Receiver) -> None:
    request_id = submit(provider, receiver)
    headers, body = receiver.wait_for(1)[0]
    assert provider.verify_webhook(headers, body).external_id == request_id
    assert fal.jobs[request_id].state == "COMPLETED"


def test_a_refused_delivery_comes_again(fal: FalEmulator, provider: Fal, receiver: Receiver) -> None:
    receiver.refusals = 1
    submit(provider, receiver)
    assert len(receiver.wait_for(2)) == 2


def test_one_delivery_comes_before_the_answer_to_the_submit(
    fal: FalEmulator, provider: Fal, receiver: Receiver
) -> None:
    fal.rendering = 60
    fal.fail_next("webhook_early")
    request_id = submit(provider, receiver)
    assert len(receiver.deliveries) == 1
    assert provider.verify_webhook(*receiver.deliveries[0]).external_id == request_id


def test_one_delivery_comes_twice(fal: FalEmulator, provider: Fal, receiver: Receiver) -> None:
    fal.fail_next("webhook_duplicate")
    request_id = submit(provider, receiver)
    events = [provider.verify_webhook(*delivery) for delivery in receiver.wait_for(2)]
    assert {event.external_id for event in events} == {request_id}


def test_one_delivery_is_overtaken_and_one_is_lost(fal: FalEmulator, provider: Fal, receiver: Receiver) -> None:
    fal.fail_next("webhook_lost")
    submit(provider, receiver)
    fal.fail_next("webhook_out_of_order")
    held_back = submit(provider, receiver)
    overtaking = submit(provider, receiver)
    ids = [headers["X-Fal-Webhook-Request-Id"] for headers, _body in receiver.wait_for(2)]
    assert ids == [overtaking, held_back]


def test_a_dropped_submit_is_told_all_the_same(fal: FalEmulator, provider: Fal, receiver: Receiver) -> None:
    fal.fail_next("accept_then_drop")
    with pytest.raises(Exception, match="not known"):
        submit(provider, receiver)
    event = provider.verify_webhook(*receiver.wait_for(1)[0])
    assert list(fal.jobs) == [event.external_id]
