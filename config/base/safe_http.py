"""Fetching what an address of a person's names, without being led where only we can go.

An address comes from outside, so nothing of it is trusted: its host must be on the operator's list, every IP address of
that host must be a public one, and the connection goes to the very address that was judged (TLS and `Host` still name
the host). A redirect is judged afresh. Bytes and seconds are limited, whatever the other side says or withholds.
"""

import ipaddress
import socket
import ssl
import time
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path

import certifi
import httpcore
import httpx
from django.utils.translation import gettext as _

REDIRECTS = (301, 302, 303, 307, 308)
MOST_REDIRECTS = 3
# The part of IPv6 that is routed as addresses of single machines; all else is private, special or of tomorrow.
ROUTED_V6 = ipaddress.IPv6Network("2000::/3")
# For protocols, not for machines; not every Python counts all of it as private.
PROTOCOL_V4 = ipaddress.IPv4Network("192.0.0.0/24")
HEADERS = [("User-Agent", "darkroom"), ("Accept", "image/*"), ("Accept-Encoding", "identity"), ("Connection", "close")]


class FetchError(Exception):
    """Nothing was fetched. `str()` is a sentence for people; `code` is for programs."""

    code = "import_failed"


class AddressRefused(FetchError):
    """An address that we do not fetch from. Why is not told in detail: the answer must not map our network."""

    code = "import_refused"


class TooLarge(FetchError):
    """More bytes than allowed."""

    code = "upload_too_large"


class TooSlow(FetchError):
    """Not all of it came within the time allowed."""

    code = "import_timed_out"


def resolve(host: str, port: int) -> list[str]:
    """IP addresses of a host, in the system's order. Raises `OSError`."""
    return [str(row[4][0]) for row in socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)]


@dataclass(frozen=True, slots=True, kw_only=True)
class Rules:
    """What may be fetched. `hosts`: names, `*.` in front for all below one. `seconds` are for everything together.

    `is_loopback_allowed` also allows http and this machine's own addresses: for tests, never in production.
    """

    hosts: Sequence[str]
    bytes: int
    seconds: float = 15.0
    is_loopback_allowed: bool = False
    resolve: Callable[[str, int], Sequence[str]] = resolve


def is_public(text: str) -> bool:
    """Whether an IP address belongs to one machine on the public network.

    False for private, loopback, link-local (where clouds keep their secrets), shared, multicast and reserved addresses,
    and for every IPv6 address that carries an IPv4 one inside.
    """
    try:
        address = ipaddress.ip_address(text.partition("%")[0])
    except ValueError:
        return False
    if isinstance(address, ipaddress.IPv6Address):
        is_tunnel = address.ipv4_mapped or address.sixtofour or address.teredo
        return address in ROUTED_V6 and address.is_global and not is_tunnel
    return address.is_global and not (address.is_multicast or address.is_reserved or address in PROTOCOL_V4)


def fetch(address: str, target: Path, rules: Rules) -> str:
    """Write what `address` gives to the file `target`; return the address it finally came from. Raises `FetchError`."""
    deadline = time.monotonic() + rules.seconds
    url = _judge(address, rules)
    try:
        for _hop in range(MOST_REDIRECTS + 1):
            following = _fetch_once(url, target, rules, deadline)
            if following is None:
                return str(url)
            url = _judge(following, rules, base=url)
    except httpcore.TimeoutException as error:
        raise _too_slow() from error
    except (httpcore.NetworkError, httpcore.ProtocolError, OSError) as error:
        sentence = _("The picture could not be fetched from that address. Check it, or upload the file.")
        raise FetchError(sentence) from error
    raise AddressRefused(_("That address leads on too many times. Use the address of the picture itself."))


def _judge(address: str, rules: Rules, base: httpx.URL | None = None) -> httpx.URL:
    """Return the address if its scheme, host and port may be fetched from. What host means is httpx's reading of it."""
    try:
        url = base.join(address) if base else httpx.URL(address.strip())
    except (httpx.InvalidURL, ValueError) as error:
        raise AddressRefused(_("This is no address of a picture. It begins with https://.")) from error
    if url.scheme != "https" and not (url.scheme == "http" and rules.is_loopback_allowed):
        raise AddressRefused(_("Only addresses that begin with https:// are fetched."))
    if url.userinfo or not is_listed(url.host, rules.hosts):
        raise AddressRefused(
            _("Pictures are not fetched from that site. These are allowed: %(hosts)s. Or upload the file.")
            % {"hosts": ", ".join(rules.hosts)}
        )
    if url.port not in (None, 443) and not rules.is_loopback_allowed:
        raise AddressRefused(_("Addresses with a port of their own are not fetched."))
    return url


def is_listed(host: str, hosts: Iterable[str]) -> bool:
    """Whether a host is on the list; `*.example.com` names all hosts below `example.com`, not itself."""
    name = host.lower().rstrip(".")
    return any(name == rule or (rule.startswith("*.") and name.endswith(rule[1:])) for rule in map(str.lower, hosts))


def _fetch_once(url: httpx.URL, target: Path, rules: Rules, deadline: float) -> str | None:
    """One request. Return where a redirect leads, or None when the file is written."""
    raw = httpcore.URL(scheme=url.raw_scheme, host=url.raw_host, port=url.port, target=url.raw_path)
    backend = _JudgedNetwork(rules, deadline)
    # Timeouts are the streams' own business, which know the deadline.
    with (
        httpcore.ConnectionPool(ssl_context=_trust(), max_connections=1, network_backend=backend) as pool,
        pool.stream("GET", raw, headers=[("Host", url.netloc.decode()), *HEADERS]) as response,
    ):
        if response.status in REDIRECTS:
            return _header(response, b"location").decode("latin-1")
        if response.status != 200:
            raise FetchError(
                _("The site answered %(status)d instead of a picture. Check the address, or upload the file.")
                % {"status": response.status}
            )
        _receive(response, target, rules)
        return None


def _header(response: httpcore.Response, name: bytes) -> bytes:
    return next((value for key, value in response.headers if key.lower() == name), b"")


def _receive(response: httpcore.Response, target: Path, rules: Rules) -> None:
    announced = _header(response, b"content-length")
    if announced.isdigit() and int(announced[:18]) > rules.bytes:
        raise _too_large(rules)
    received = 0
    with target.open("wb") as out:
        for chunk in response.iter_stream():
            received += len(chunk)
            if received > rules.bytes:
                raise _too_large(rules)
            out.write(chunk)


def _too_large(rules: Rules) -> TooLarge:
    return TooLarge(
        _("The picture at that address is larger than %(megabytes)d MB.") % {"megabytes": rules.bytes // (1024 * 1024)}
    )


def _too_slow() -> TooSlow:
    return TooSlow(_("The site took too long to send the picture. Try again, or upload the file."))


def _trust() -> ssl.SSLContext:
    return ssl.create_default_context(cafile=certifi.where())


class _JudgedNetwork(httpcore.NetworkBackend):
    """Connects to addresses that were judged, in the same step: between look-up and connection nothing can change."""

    def __init__(self, rules: Rules, deadline: float) -> None:
        self._rules = rules
        self._deadline = deadline
        self._network = httpcore.SyncBackend()

    def connect_tcp(
        self,
        host: str,
        port: int,
        timeout: float | None = None,
        local_address: str | None = None,
        socket_options: Iterable[httpcore.SOCKET_OPTION] | None = None,
    ) -> httpcore.NetworkStream:
        """Resolve, judge every answer, connect to the first."""
        found = list(self._rules.resolve(host, port))
        if not found or not all(self._is_allowed(address) for address in found):
            # One private answer among public ones is an attempt, too.
            raise AddressRefused(_("That address does not lead to a public site. Upload the file instead."))
        stream = self._network.connect_tcp(found[0], port, _left(self._deadline), local_address, socket_options)
        return _TimedStream(stream, self._deadline)

    def _is_allowed(self, address: str) -> bool:
        if is_public(address):
            return True
        return self._rules.is_loopback_allowed and address in ("127.0.0.1", "::1")


class _TimedStream(httpcore.NetworkStream):
    """A connection that ends at a moment, however little and often the other side sends."""

    def __init__(self, stream: httpcore.NetworkStream, deadline: float) -> None:
        self._stream = stream
        self._deadline = deadline

    def read(self, max_bytes: int, timeout: float | None = None) -> bytes:
        """Bytes as they come."""
        return self._stream.read(max_bytes, _left(self._deadline))

    def write(self, buffer: bytes, timeout: float | None = None) -> None:
        """Send all of `buffer`."""
        self._stream.write(buffer, _left(self._deadline))

    def close(self) -> None:
        """End the connection."""
        self._stream.close()

    def start_tls(
        self, ssl_context: ssl.SSLContext, server_hostname: str | None = None, timeout: float | None = None
    ) -> httpcore.NetworkStream:
        """Encrypt; the certificate must be the host's, which is not the address that we connected to."""
        stream = self._stream.start_tls(ssl_context, server_hostname, _left(self._deadline))
        return _TimedStream(stream, self._deadline)

    def get_extra_info(self, info: str) -> object:
        """What the connection below knows."""
        return self._stream.get_extra_info(info)


def _left(deadline: float) -> float:
    left = deadline - time.monotonic()
    if left <= 0:
        raise httpcore.ReadTimeout
    return left
