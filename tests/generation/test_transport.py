"""The transport under all SDKs, against plain sockets: one attempt whatever happens, bounded time, bounded answers."""

import gzip
import socket
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from email.utils import format_datetime

import httpx
import pytest

from generation.providers.base import ProviderError, Retryable, SubmitUnknown
from generation.providers.transport import LONGEST_RETRY_AFTER, Answered, Limits, OnceTransport, seconds_of

QUICK = Limits(connect=0.5, read=0.3, write=0.5, total=0.6, body=1000)
Script = Callable[[socket.socket], None]


class Server:
    """Counts connections and does the same with each."""

    def __init__(self, script: Script) -> None:
        self.connections = 0
        self.requests: list[bytes] = []
        self._script = script
        self._closing = threading.Event()
        self._socket = socket.create_server(("127.0.0.1", 0))
        self._socket.settimeout(0.05)
        self._thread = threading.Thread(target=self._run)
        self._thread.start()

    @property
    def url(self) -> str:
        """Where it listens."""
        return f"http://127.0.0.1:{self._socket.getsockname()[1]}/"

    def _run(self) -> None:
        while not self._closing.is_set():
            try:
                connection, _address = self._socket.accept()
            except TimeoutError:
                continue
            self.connections += 1
            with connection:
                connection.settimeout(2)
                self.requests.append(connection.recv(65536))
                try:
                    self._script(connection)
                except OSError:
                    continue

    def wait(self) -> None:
        """Say nothing until the test is over."""
        self._closing.wait(5)

    def close(self) -> None:
        """Stop."""
        self._closing.set()
        self._thread.join()
        self._socket.close()


@contextmanager
def serving(script: Script | None = None, *, answer: bytes = b"") -> Iterator[Server]:
    server = Server(script or (lambda connection: connection.sendall(answer)))
    try:
        yield server
    finally:
        server.close()


@pytest.fixture
def client() -> Iterator[httpx.Client]:
    with httpx.Client(transport=OnceTransport(QUICK), timeout=None) as client:  # noqa: S113 - the transport clamps it
        yield client


def response(status: str, body: bytes = b"", *headers: str) -> bytes:
    lines = [f"HTTP/1.1 {status}", f"Content-Length: {len(body)}", "Connection: close", *headers, "", ""]
    return "\r\n".join(lines).encode() + body


def test_a_success_is_returned_whole(client: httpx.Client) -> None:
    with serving(answer=response("200 OK", b'{"a": 1}', "Content-Type: application/json")) as server:
        assert client.post(server.url, json={}).json() == {"a": 1}


@pytest.mark.parametrize("status", ["302 Found", "307 Again", "408 Slow", "409 No", "429 Many", "500 Oops", "503 Busy"])
def test_any_other_status_is_raised_after_one_attempt(client: httpx.Client, status: str) -> None:
    with serving(answer=response(status, b"why", "Retry-After: 7", "Location: /again")) as server:
        with pytest.raises(Answered) as caught:
            client.post(server.url, json={})
        assert server.connections == 1
    assert (caught.value.status, caught.value.text, caught.value.retry_after) == (int(status[:3]), "why", 7.0)
    assert not isinstance(caught.value, httpx.HTTPError)


def test_a_post_that_reached_nobody_may_be_sent_again(client: httpx.Client) -> None:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        port = listener.getsockname()[1]
    with pytest.raises(Retryable):
        client.post(f"http://127.0.0.1:{port}/", json={})


def test_a_post_whose_connection_is_dropped_is_unknown_and_sent_once(client: httpx.Client) -> None:
    with serving(lambda connection: None) as server:
        with pytest.raises(SubmitUnknown):
            client.post(server.url, json={})
        assert server.connections == 1


def test_a_post_without_an_answer_is_unknown_after_our_time_not_the_callers(client: httpx.Client) -> None:
    with serving(lambda connection: server.wait()) as server:
        with pytest.raises(SubmitUnknown):
            client.post(server.url, json={}, timeout=3600)
        assert server.connections == 1


def test_a_get_without_an_answer_may_be_asked_again(client: httpx.Client) -> None:
    with serving(lambda connection: server.wait()) as server:
        with pytest.raises(Retryable):
            client.get(server.url)
        assert server.connections == 1


def test_a_post_whose_answer_breaks_off_is_unknown(client: httpx.Client) -> None:
    with serving(answer=b"HTTP/1.1 200 OK\r\nContent-Length: 50\r\n\r\n{") as server, pytest.raises(SubmitUnknown):
        client.post(server.url, json={})


def test_an_answer_that_dribbles_ends_in_time(client: httpx.Client) -> None:
    def dribble(connection: socket.socket) -> None:
        connection.sendall(b"HTTP/1.1 200 OK\r\nContent-Length: 900\r\n\r\n")
        pause = threading.Event()
        for _byte in range(900):
            connection.sendall(b"x")
            pause.wait(0.1)

    with serving(dribble) as server, pytest.raises(Retryable):
        client.get(server.url)


def test_an_answer_that_is_too_large_is_not_read_to_the_end(client: httpx.Client) -> None:
    large = response("200 OK", b"x" * 200_000)
    with serving(answer=large) as server, pytest.raises(SubmitUnknown):
        client.post(server.url, json={})
    with serving(answer=large) as server, pytest.raises(ProviderError):
        client.get(server.url)


def test_a_small_answer_that_unpacks_to_a_large_one_is_refused(client: httpx.Client) -> None:
    packed = gzip.compress(b"x" * 500_000)
    with serving(answer=response("200 OK", packed, "Content-Encoding: gzip")) as server, pytest.raises(ProviderError):
        client.get(server.url)


def test_posts_never_share_a_connection_that_may_have_gone_stale(client: httpx.Client) -> None:
    kept = b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\n{}"
    with serving(answer=kept) as server:
        client.post(server.url, json={})
        client.post(server.url, json={})
        assert server.connections == 2


def test_retry_after_is_read_as_seconds_or_as_a_date() -> None:
    assert seconds_of("2.5") == 2.5
    soon = format_datetime(datetime.now(UTC) + timedelta(seconds=60), usegmt=True)
    assert 50 < (seconds_of(soon) or 0) <= 60
    assert seconds_of(format_datetime(datetime.now(UTC) - timedelta(days=1))) == 0
    assert seconds_of("1e9") == LONGEST_RETRY_AFTER
    assert seconds_of("-3") == 0
    assert (seconds_of(""), seconds_of("soon"), seconds_of("nan")) == (None, None, None)
