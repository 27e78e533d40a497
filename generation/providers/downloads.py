"""Fetching what a provider made, without credentials and only from where that provider serves.

The address comes out of a provider's answer, so it is not trusted: not its host, not where it redirects to, not how
much it sends or how long that takes.
"""

import tempfile
import time
from collections.abc import Iterable
from dataclasses import dataclass
from typing import BinaryIO, cast
from urllib.parse import urljoin

import httpx
from django.utils.translation import gettext as _

from generation.providers.base import Gone, ProviderError, Retryable
from generation.providers.transport import seconds_of, tls

REDIRECTS = 3
# Beyond this many bytes a download is moved from memory to disk.
KEPT_IN_MEMORY = 1024 * 1024


@dataclass(frozen=True, slots=True)
class Source:
    """Somewhere to download from: a scheme, a host (`*.` in front: also below it), a port, how the path begins."""

    scheme: str
    host: str
    port: int
    path: str = "/"

    @classmethod
    def of(cls, pattern: str) -> "Source":
        """From an address such as `https://*.fal.media` or `http://127.0.0.1:9000/files/`."""
        url = httpx.URL(pattern.replace("://*.", "://wildcard."))
        host = url.host.replace("wildcard.", "*.", 1) if "://*." in pattern else url.host
        return cls(url.scheme, host, _port(url), url.path)

    def serves(self, url: httpx.URL) -> bool:
        """Whether an address lies here."""
        at_home = url.host == self.host or (self.host.startswith("*.") and url.host.endswith(self.host[1:]))
        return (
            at_home
            and (url.scheme, _port(url)) == (self.scheme, self.port)
            and url.path.startswith(self.path)
            and not url.userinfo
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class DownloadLimits:
    """Bytes, and seconds for connecting, for each read and for everything."""

    size: int = 64 * 1024 * 1024
    connect: float = 5.0
    read: float = 10.0
    total: float = 60.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Download:
    """A whole file, at its beginning; whoever takes it closes it. `mime` is what the server called it."""

    stream: BinaryIO
    mime: str
    size: int


class Downloader:
    """Downloads from `sources` alone. One for a provider; safe to share between threads."""

    def __init__(self, sources: Iterable[str], limits: DownloadLimits | None = None) -> None:
        self.sources = tuple(Source.of(pattern) for pattern in sources)
        self.limits = limits or DownloadLimits()

    def download(self, address: str) -> Download:
        """Fetch one file whole. Raises `Retryable`, `Gone`, or `ProviderError` where trying again does not help."""
        deadline = time.monotonic() + self.limits.total
        timeout = httpx.Timeout(self.limits.read, connect=self.limits.connect)
        # Files come packed already; compression on the way would only hide how long they are.
        headers = {"User-Agent": "darkroom", "Accept": "*/*", "Accept-Encoding": "identity"}
        try:
            with httpx.Client(timeout=timeout, headers=headers, follow_redirects=False, verify=tls()) as client:
                return self._follow(client, address, deadline)
        except httpx.HTTPError as error:
            # A body that ends before its announced length arrives here as well.
            raise Retryable(_("What the provider made could not be downloaded at the moment.")) from error

    def _follow(self, client: httpx.Client, address: str, deadline: float) -> Download:
        url = self._checked(address)
        for _hop in range(REDIRECTS + 1):
            with client.stream("GET", url) as response:
                if not response.is_redirect:
                    return self._receive(response, deadline)
                target = self._checked(urljoin(str(url), response.headers["location"]))
            if (target.host, _port(target)) != (url.host, _port(url)):
                raise ProviderError(_("The provider's file server sends downloads on to another host."))
            url = target
        raise ProviderError(_("The provider's file server sends downloads in circles."))

    def _checked(self, address: str) -> httpx.URL:
        try:
            url = httpx.URL(address)
        except httpx.InvalidURL as error:
            raise ProviderError(_("The provider named no usable address for what it made.")) from error
        if not any(source.serves(url) for source in self.sources):
            raise ProviderError(_("The provider named an address that it does not serve from."))
        return url

    def _receive(self, response: httpx.Response, deadline: float) -> Download:
        _check_status(response)
        mime = response.headers.get("content-type", "").partition(";")[0].strip().lower()
        if mime.startswith("text/"):
            # An error page of a cache or proxy, served as if all were well.
            raise Retryable(_("The provider's file server answered with a page instead of a file."))
        announced = int(response.headers.get("content-length") or 0)
        file = cast(BinaryIO, tempfile.SpooledTemporaryFile(max_size=KEPT_IN_MEMORY))  # noqa: SIM115 - the taker closes it
        try:
            size = self._copy(response, file, announced, deadline)
            if announced and size != announced:
                raise Retryable(_("What the provider made could not be downloaded whole."))
            file.seek(0)
        except BaseException:
            file.close()
            raise
        return Download(stream=file, mime=mime or "application/octet-stream", size=size)

    def _copy(self, response: httpx.Response, file: BinaryIO, announced: int, deadline: float) -> int:
        too_large = ProviderError(_("The provider delivered a file that is too large."))
        if announced > self.limits.size:
            raise too_large
        size = 0
        for part in response.iter_raw():
            size += len(part)
            if size > self.limits.size:
                raise too_large
            if time.monotonic() > deadline:
                raise Retryable(_("The provider's file server is too slow at the moment."))
            file.write(part)
        return size


def _check_status(response: httpx.Response) -> None:
    status = response.status_code
    if status in (403, 404, 410):
        raise Gone(_("The provider no longer has what it made."))
    if status in (408, 425, 429) or status >= 500:
        sentence = _("The provider's file server is not available at the moment.")
        raise Retryable(sentence, retry_after=seconds_of(response.headers.get("retry-after", "")))
    if status != 200:
        raise ProviderError(_("The provider's file server refused the download."))


def _port(url: httpx.URL) -> int:
    return url.port or {"http": 80, "https": 443}.get(url.scheme, 0)
