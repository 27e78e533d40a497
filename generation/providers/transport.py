"""The one way by which SDKs of providers reach the network: a single attempt, in bounded time, answers of bounded size.

SDKs send again after time-outs, dropped connections and some status codes, and each sending may be billed. Under this
transport they cannot: whatever goes wrong is raised as an exception that no SDK knows, so none takes it for a reason
to try again. What the engine does about it is the engine's decision.
"""

import math
import ssl
import time
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from functools import cache

import httpx
from django.utils.translation import gettext as _

from generation.providers.base import ProviderError, Retryable, SubmitUnknown

# Asking for these changes nothing, so asking again does no harm.
SAFE_METHODS = ("GET", "HEAD", "OPTIONS")
# Nothing of the request left this machine, or no further than a proxy that refused it.
NOT_SENT = (
    httpx.ConnectError,
    httpx.ConnectTimeout,
    httpx.PoolTimeout,
    httpx.ProxyError,
    httpx.UnsupportedProtocol,
    httpx.LocalProtocolError,
    httpx.InvalidURL,
)
# Seconds: a provider that asks for more patience than this is not waited for any longer.
LONGEST_RETRY_AFTER = 3600.0
# The body is handed on decoded and whole.
_HEADERS_OF_THE_WIRE = ("content-encoding", "content-length", "transfer-encoding", "connection")


@dataclass(frozen=True, slots=True, kw_only=True)
class Limits:
    """Seconds, and bytes of the decoded body. `total` is checked between two parts of the body.

    Short, because a job's lease runs meanwhile: queues answer within a second, or are not well.
    """

    connect: float = 3.0
    read: float = 8.0
    write: float = 8.0
    total: float = 12.0
    body: int = 4 * 1024 * 1024


class Answered(Exception):
    """The provider answered, but not with success. For an adapter to translate; it never leaves the adapters."""

    def __init__(self, status: int, headers: Mapping[str, str], body: bytes) -> None:
        super().__init__(f"HTTP {status}")
        self.status = status
        self.headers = httpx.Headers(dict(headers))
        self.body = body

    @property
    def text(self) -> str:
        """The body as text, whatever it is."""
        return self.body.decode("utf-8", "replace")

    @property
    def retry_after(self) -> float | None:
        """Seconds until the provider wants to be asked again, if it said so."""
        return seconds_of(self.headers.get("retry-after", ""))


def seconds_of(retry_after: str) -> float | None:
    """What a `Retry-After` header means in seconds from now: a number or a date; None where it is neither."""
    try:
        seconds = float(retry_after)
    except ValueError:
        try:
            moment = parsedate_to_datetime(retry_after)
        except ValueError:
            return None
        seconds = (moment.replace(tzinfo=moment.tzinfo or UTC) - datetime.now(UTC)).total_seconds()
    if math.isnan(seconds):
        return None
    return min(max(0.0, seconds), LONGEST_RETRY_AFTER)


class OnceTransport(httpx.BaseTransport):
    """Sends each request exactly once and reads the whole answer.

    Raises `Retryable` when nothing was sent or the request was one that changes nothing, `SubmitUnknown` when it may
    have arrived, `Answered` for every status that is not a success, redirects included.
    """

    def __init__(self, limits: Limits | None = None) -> None:
        self.limits = limits or Limits()
        # A connection that is kept may have been closed at the other end, and a request lost on it looks just like
        # one that was taken. What must arrive once therefore gets a connection of its own.
        self._fresh = _client(httpx.Limits(max_connections=100, max_keepalive_connections=0))
        self._kept = _client(httpx.Limits(max_connections=100, max_keepalive_connections=20, keepalive_expiry=30))

    def handle_request(self, request: httpx.Request) -> httpx.Response:
        """Send once. The response that is returned has a status of 200 to 299 and its body read."""
        is_safe = request.method in SAFE_METHODS
        request.extensions = {**request.extensions, "timeout": self._clamped(request.extensions.get("timeout") or {})}
        try:
            response, body = self._send(self._kept if is_safe else self._fresh, request)
        except NOT_SENT as error:
            raise Retryable(_("The provider cannot be reached at the moment.")) from error
        except httpx.HTTPError as error:
            if is_safe:
                raise Retryable(_("The provider did not answer in time.")) from error
            raise SubmitUnknown(_("The provider did not answer, so it is not known whether it took this.")) from error
        headers = [(name, value) for name, value in response.headers.multi_items() if name not in _HEADERS_OF_THE_WIRE]
        if not response.is_success:
            raise Answered(response.status_code, dict(headers), body)
        return httpx.Response(response.status_code, headers=headers, content=body, request=request)

    def _send(self, client: httpx.Client, request: httpx.Request) -> tuple[httpx.Response, bytes]:
        deadline = time.monotonic() + self.limits.total
        response = client.send(request, stream=True)
        try:
            body = bytearray()
            for part in response.iter_bytes():
                body += part
                if len(body) > self.limits.body:
                    raise _unreadable(request, response)
                if time.monotonic() > deadline:
                    raise httpx.ReadTimeout("The answer dribbles.", request=request)
        finally:
            response.close()
        return response, bytes(body)

    def _clamped(self, wanted: Mapping[str, float | None]) -> dict[str, float]:
        """The time-outs that a caller wants, none longer than ours; "no time-out" means ours."""
        ours = {"connect": self.limits.connect, "read": self.limits.read, "write": self.limits.write}
        clamped = {name: min(limit, wanted.get(name) or limit) for name, limit in ours.items()}
        return clamped | {"pool": self.limits.connect}

    def close(self) -> None:
        """Close the connections."""
        self._fresh.close()
        self._kept.close()


def _client(limits: httpx.Limits) -> httpx.Client:
    # A client and not a bare transport, so that the environment's proxies are used.
    return httpx.Client(limits=limits, follow_redirects=False, verify=tls())


@cache
def tls() -> ssl.SSLContext:
    """The certificates that are trusted; reading them takes tens of milliseconds, so once a process."""
    return httpx.create_ssl_context()


def _unreadable(request: httpx.Request, response: httpx.Response) -> ProviderError:
    """The error for an answer that is too large to be one."""
    if request.method in SAFE_METHODS or not response.is_success:
        return ProviderError(_("The provider's answer is too large to be one."))
    return SubmitUnknown(_("The provider's answer is too large to be one."))
