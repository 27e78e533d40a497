"""What the loopback doubles of paid services share: a threaded server, counts, and faults that can be switched on.

A double is a subclass with a `handle` that leads each request to one of the four occasions below, and a `refusal` that
says each refusal in its vendor's own words:

- `submission(request, take)`: what the vendor bills. `take(faults)` is called once the request is taken and returns the
  answer; a status of 400 and above means that it was looked at and refused, which nobody bills.
- `exchange(request, place, answer)`: any other request with the key: a look, a cancel, an upload.
- `download(request, content, mime)`: a file that everybody may fetch, so nobody should show the key.
- `public(request, what)`: counts any other request that needs no key.

`with OpenAIDouble() as double:` gives one on a free port at `double.url`, whose key is `double.key`. As a process
(`python -m tests.emulators.openai --port 0 --control`) it prints its address, and `/_control` answers GET with what
happened so far and takes POST of {"rates": {…}, "fail_next": {"fault", "times", "on"}, "set": {…}}.
"""

import argparse
import socket
import sys
import threading
import time
from collections import Counter, deque
from collections.abc import Callable, Mapping
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from random import Random
from types import TracebackType
from typing import Any, ClassVar, Self
from urllib.parse import urlsplit

from tests.emulators.messages import Dropped, Reply, Request

# Where each fault happens when the caller does not say. A subclass adds its own with `PLACES | {…}`.
PLACES: dict[str, str] = {
    "latency": "submit",
    "429": "submit",
    "500": "submit",
    "502": "submit",
    "503": "submit",
    "redirect_post": "submit",
    "hang": "submit",
    "drop_before_accept": "submit",
    "key_refused": "submit",
    "balance_exhausted": "submit",
    "content_policy": "submit",
    # The vendor takes the work, and bills it, before these strike.
    "accept_then_hang": "submit",
    "accept_then_drop": "submit",
    "garbled": "submit",
    "endless": "submit",
    "truncated": "download",
    "html": "download",
    "oversized": "download",
    "redirect": "download",
    "gone": "download",
}
AFTER_ACCEPTING = frozenset({"accept_then_hang", "accept_then_drop", "garbled", "endless"})
REFUSALS = ("key_refused", "balance_exhausted", "content_policy")


class Double:
    """The base. What happened is in `counts`, `log` and `submissions`.

    `counts` has posts (billed submissions that reached it, whatever came of them), accepted (what it would bill),
    downloads, cancels, and leaks (requests that carried the key to where it has no business).
    """

    places: ClassVar[dict[str, str]] = PLACES
    adjustable: ClassVar[tuple[str, ...]] = ("latency", "hang", "retry_after", "oversized_bytes")

    def __init__(self, *, key: str = "test-key-of-a-double", port: int = 0, control: bool = False) -> None:
        self.key = key
        self.control = control
        self.closing = threading.Event()
        self._lock = threading.Lock()
        # How many requests are being answered, and word of the last one's end.
        self._under_way = 0
        self._quiet = threading.Condition(self._lock)
        self._random = Random(20_260)
        self.forget()
        self._server = _Server(self, port)
        self.url = f"http://127.0.0.1:{self._server.server_address[1]}"
        self._thread = threading.Thread(target=self._server.serve_forever, kwargs={"poll_interval": 0.05}, daemon=True)

    def forget(self) -> None:
        """Begin anew: no counts, no faults, the usual times. A subclass that keeps jobs forgets them here too.

        Requests that somebody gave up waiting for end first, so that none is counted among those to come.
        """
        self.closing.set()
        with self._quiet:
            self._quiet.wait_for(lambda: not self._under_way, timeout=5)
        self.closing = threading.Event()
        # Seconds of added latency and of a hang; seconds that a 429 asks to wait.
        self.latency = 0.3
        self.hang = 30.0
        self.retry_after = 2
        self.oversized_bytes = 1024 * 1024 * 1024
        # Chance of a fault at each occasion, by "fault" or "fault@place".
        self.rates: dict[str, float] = {}
        # Where "redirect" sends a download.
        self.redirect_to = "http://localhost:9/stolen.png"
        self.counts: Counter[str] = Counter()
        # (method, path) of everything that was asked.
        self.log: deque[tuple[str, str]] = deque(maxlen=20_000)
        # The latest submissions, for tests of what was sent.
        self.submissions: deque[Request] = deque(maxlen=50)
        self._planned: deque[tuple[str, str]] = deque()

    # --- What a subclass says -----------------------------------------------------------------------------------------

    def handle(self, request: Request) -> Reply:
        """Answer one request."""
        raise NotImplementedError

    def refusal(self, fault: str) -> Reply:
        """The vendor's words for 429, 500, 502, 503, key_refused, balance_exhausted and content_policy."""
        raise NotImplementedError

    def shows_key(self, request: Request) -> bool:
        """Whether a request carries the right key in the vendor's way."""
        return request.headers.get("authorization") == f"Bearer {self.key}"

    def summary(self) -> dict[str, Any]:
        """What happened so far, for `/_control`."""
        return {"counts": self.counts, "rates": self.rates}

    # --- The occasions ------------------------------------------------------------------------------------------------

    def submission(self, request: Request, take: Callable[[set[str]], Reply]) -> Reply:
        """A request that is billed once it is taken; `take` gets the faults that are the subclass's own."""
        self.count("posts")
        self.submissions.append(request)
        faults = self.faults("submit")
        if not self.shows_key(request):
            return self.refusal("key_refused")
        struck = self._struck(faults - AFTER_ACCEPTING, request)
        if struck is not None:
            return struck
        reply = take(faults)
        if reply.status >= 400:
            return reply
        self.count("accepted")
        if faults & {"accept_then_hang", "accept_then_drop"}:
            if "accept_then_hang" in faults:
                self.closing.wait(self.hang)
            raise Dropped
        if "garbled" in faults:
            return Reply(200, b"<html>", "text/html")
        return Reply(200, b"", padding=self.oversized_bytes) if "endless" in faults else reply

    def exchange(self, request: Request, place: str, answer: Callable[[set[str]], Reply]) -> Reply:
        """Any other request that needs the key; `place` is what is counted and where faults strike."""
        self.count(place)
        if not self.shows_key(request):
            return self.refusal("key_refused")
        faults = self.faults(place)
        struck = self._struck(faults, request)
        return answer(faults) if struck is None else struck

    def download(self, request: Request, content: bytes | None, mime: str = "image/png") -> Reply:
        """A file; None when there is none at this address."""
        self.public(request, "downloads")
        faults = self.faults("download")
        if content is None or "gone" in faults:
            return Reply(404, b"Not Found", "text/plain")
        if "redirect" in faults:
            return Reply(302, b"", "text/plain", {"Location": self.redirect_to})
        if "html" in faults:
            return Reply(200, b"<!doctype html><title>Sorry</title>", "text/html")
        if "oversized" in faults:
            return Reply(200, b"", mime, padding=self.oversized_bytes)
        if "truncated" in faults:
            return Reply(200, content, mime, cut=True)
        return self._struck(faults, request) or Reply(200, content, mime)

    def public(self, request: Request, what: str) -> None:
        """Count a request that needs no key, and a leak if it carries one all the same."""
        self.count(what)
        if request.carries(self.key):
            self.count("leaks")

    # --- Faults -------------------------------------------------------------------------------------------------------

    def fail_next(self, fault: str, *, times: int = 1, on: str = "") -> None:
        """Let the next `times` occasions fail in this way; `on` names the place where it is not the usual one."""
        with self._lock:
            self._planned.extend([(fault, on or self.places[fault])] * times)

    def faults(self, place: str) -> set[str]:
        """The faults that strike now: the first that was planned for here, and what chance adds."""
        with self._lock:
            struck: set[str] = set()
            for planned in list(self._planned):
                # A request meets one fault; with a job go all of different kinds.
                if planned[1] == place and planned[0] not in struck and (place == "job" or not struck):
                    struck.add(planned[0])
                    self._planned.remove(planned)
            for name, rate in self.rates.items():
                fault, _at, where = name.partition("@")
                if (where or self.places[fault]) == place and self._random.random() < rate:
                    struck.add(fault)
            return struck

    def _struck(self, faults: set[str], request: Request) -> Reply | None:
        """Let a fault happen; the answer that it gives, if it gives one. May raise `Dropped`."""
        if "latency" in faults:
            self.closing.wait(self.latency)
        if "hang" in faults:
            self.closing.wait(self.hang)
            raise Dropped
        if faults & {"drop", "drop_before_accept"}:
            raise Dropped
        if "redirect_post" in faults:
            return Reply(307, b"", "text/plain", {"Location": request.path})
        for fault in REFUSALS:
            if fault in faults:
                return self.refusal(fault)
        status = next(iter(sorted(fault for fault in faults if fault.isdigit())), "")
        if not status:
            return None
        reply = self.refusal(status)
        if status in ("429", "503"):
            reply.headers["Retry-After"] = str(self.retry_after)
        return reply

    # --- Counting and steering ----------------------------------------------------------------------------------------

    @property
    def posts(self) -> int:
        """How many billed submissions reached it, whatever came of them."""
        return self.counts["posts"]

    @property
    def accepted(self) -> int:
        """How many it took and would bill."""
        return self.counts["accepted"]

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

    def count(self, what: str) -> None:
        """Count an event."""
        with self._lock:
            self.counts[what] += 1

    def adjust(self, wishes: Mapping[str, Any]) -> None:
        """What `/_control` can change."""
        if "rates" in wishes:
            self.rates = {str(name): float(rate) for name, rate in wishes["rates"].items()}
        if "fail_next" in wishes:
            self.fail_next(**wishes["fail_next"])
        for name, value in wishes.get("set", {}).items():
            if name not in self.adjustable:
                raise KeyError(name)
            setattr(self, name, value)

    def answer(self, request: Request) -> Reply:
        """Answer one request, or steer."""
        with self._lock:
            self._under_way += 1
        try:
            return self._answer(request)
        finally:
            with self._quiet:
                self._under_way -= 1
                self._quiet.notify_all()

    def _answer(self, request: Request) -> Reply:
        self.log.append((request.method, request.path))
        if request.path != "/_control" or not self.control:
            return self.handle(request)
        if request.method == "POST":
            self.adjust(request.json())
            return Reply.of(200, {})
        return Reply.of(200, self.summary())

    def start(self) -> Self:
        """Begin to answer."""
        self._thread.start()
        return self

    def close(self) -> None:
        """Let go of everything, hanging requests included."""
        self.closing.set()
        self._server.shutdown()
        self._server.server_close()
        self._thread.join(timeout=5)

    def __enter__(self) -> Self:
        return self.start()

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()


class _Server(ThreadingHTTPServer):
    """Answers on a port of 127.0.0.1."""

    daemon_threads = True
    block_on_close = False
    request_queue_size = 256

    def __init__(self, double: Double, port: int) -> None:
        self.double = double
        super().__init__(("127.0.0.1", port), _Handler)

    def handle_error(self, request: Any, client_address: Any) -> None:
        """A client that went away is what many tests do."""
        if not isinstance(sys.exception(), (ConnectionError, TimeoutError)):
            super().handle_error(request, client_address)


class _Handler(BaseHTTPRequestHandler):
    """One connection."""

    protocol_version = "HTTP/1.1"
    # An answer leaves in one piece, at once.
    wbufsize = -1
    disable_nagle_algorithm = True
    server: _Server

    def log_message(self, format: str, *args: Any) -> None:  # noqa: A002 - the name is the base class's
        """Quiet."""

    def _answer(self) -> None:
        body = self.rfile.read(int(self.headers.get("content-length") or 0))
        url = urlsplit(self.path)
        headers = {name.lower(): value for name, value in self.headers.items()}
        request = Request(self.command, url.path, url.query, headers, body)
        try:
            self._send(self.server.double.answer(request))
        except Dropped:
            self._drop()

    do_GET = do_POST = do_PUT = do_DELETE = _answer  # noqa: N815 - as the base class looks for them

    def _send(self, reply: Reply) -> None:
        self.send_response(reply.status)
        length = str(len(reply.body) + reply.padding)
        for name, value in ({"Content-Type": reply.mime, "Content-Length": length} | reply.headers).items():
            self.send_header(name, value)
        self.end_headers()
        self.wfile.write(reply.body[: len(reply.body) // 2] if reply.cut else reply.body)
        if reply.cut:
            self.wfile.flush()
            raise Dropped
        part = b" " * 65_536
        for _begin in range(0, reply.padding, len(part)):
            if self.server.double.closing.is_set():
                raise Dropped
            self.wfile.write(part)

    def _drop(self) -> None:
        self.close_connection = True
        self.connection.shutdown(socket.SHUT_RDWR)


def run(double: type[Double], description: str) -> None:
    """Run one as a process until told to stop: what a double's module does under `__main__`."""
    parser = argparse.ArgumentParser(description=description)
    parser.add_argument("--port", type=int, default=0)
    parser.add_argument("--key", default="test-key-of-a-double")
    parser.add_argument("--control", action="store_true", help="answer at /_control")
    options = parser.parse_args()
    with double(key=options.key, port=options.port, control=options.control) as running:
        sys.stdout.write(f"{running.url}\n")
        sys.stdout.flush()
        try:
            while True:
                time.sleep(3600)
        except KeyboardInterrupt:
            pass
