"""fal.ai through its own SDK: submit to the queue, look, download.

The SDK runs over our transport, so it sends each request once, and over a route of ours, so that a gateway (or a
double on this machine) can stand in fal's place.
"""

import json
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any, ClassVar

import httpx
from django.conf import settings
from django.utils.translation import gettext as _
from fal_client import StorageSettings, SyncClient
from fal_client.client import QUEUE_URL_FORMAT, REST_URL

from generation.providers import fal_webhooks
from generation.providers.base import (
    Artifact,
    AuthFailed,
    Call,
    ContentRejected,
    InputFile,
    Progress,
    ProviderError,
    Retryable,
    Submitted,
    SubmitUnknown,
    WebhookEvent,
)
from generation.providers.downloads import Downloader, DownloadLimits
from generation.providers.fal_endpoints import arguments_for, endpoint_of, outputs_of
from generation.providers.fal_errors import exchange_error, result_error, submit_error, upload_error
from generation.providers.transport import Answered, Limits, OnceTransport

OFFICIAL_QUEUE = QUEUE_URL_FORMAT.rstrip("/")
OFFICIAL_CDN = "https://v3.fal.media"
# Where fal serves outputs from.
OFFICIAL_SOURCES = ("https://fal.media", "https://*.fal.media", "https://storage.googleapis.com/falserverless/")
# What goes up, and what fal keeps of the outputs, need not outlive the job for long.
KEPT_AT_FAL = StorageSettings(expires_in="1d")
KEPT_HEADER = {"X-Fal-Object-Lifecycle-Preference": json.dumps({"expiration_duration_seconds": 86_400})}
# A film may be many times larger than a picture, and comes as slowly.
LARGE_FILES = {
    "video": DownloadLimits(size=256 * 1024 * 1024, total=240.0),
    "model_mesh": DownloadLimits(size=128 * 1024 * 1024, total=120.0),
    "model_glb": DownloadLimits(size=128 * 1024 * 1024, total=120.0),
}
PERCENT = re.compile(r"(\d{1,3})%")
STATES = {"IN_QUEUE": "waiting", "IN_PROGRESS": "running", "COMPLETED": "done"}


@dataclass(frozen=True, slots=True, kw_only=True)
class Account:
    """Whose account, and where fal is. The addresses have no slash at the end."""

    key: str = field(repr=False)
    queue_url: str = OFFICIAL_QUEUE
    rest_url: str = REST_URL
    cdn_url: str = OFFICIAL_CDN

    @classmethod
    def from_settings(cls) -> "Account":
        """The one that the operator set up."""
        queue_url, rest_url, cdn_url = settings.FAL_QUEUE_URL, settings.FAL_REST_URL, settings.FAL_CDN_URL
        return cls(
            key=settings.FAL_KEY,
            queue_url=queue_url.rstrip("/"),
            rest_url=rest_url.rstrip("/"),
            cdn_url=cdn_url.rstrip("/"),
        )

    @property
    def sources(self) -> tuple[str, ...]:
        """Where outputs may be downloaded from."""
        return OFFICIAL_SOURCES if self.cdn_url == OFFICIAL_CDN else (str(httpx.URL(self.cdn_url).join("/")),)


class Route(httpx.BaseTransport):
    """Leads what is meant for fal's own addresses to the account's, and gives the key to nobody else."""

    def __init__(self, account: Account, way: httpx.BaseTransport) -> None:
        self._routes = ((OFFICIAL_QUEUE, account.queue_url), (REST_URL, account.rest_url))
        self._way = way

    def handle_request(self, request: httpx.Request) -> httpx.Response:
        """Send it to where it belongs, by the way that was given."""
        address = str(request.url)
        for official, actual in self._routes:
            if address.startswith(f"{official}/"):
                request.url = httpx.URL(actual + address.removeprefix(official))
                request.headers["Host"] = request.url.netloc.decode("ascii")
                return self._way.handle_request(request)
        # Where an upload goes, for example: its address is all that it needs.
        request.headers.pop("Authorization", None)
        return self._way.handle_request(request)

    def close(self) -> None:
        """Close the way."""
        self._way.close()


@dataclass(frozen=True)
class _Client(SyncClient):
    """fal's client over our transport."""

    account: Account = field(kw_only=True)
    limits: Limits = field(kw_only=True)

    @cached_property
    def _client(self) -> httpx.Client:
        transport = Route(self.account, OnceTransport(self.limits))
        headers = {"Authorization": f"Key {self.key}", "User-Agent": "darkroom"}
        return httpx.Client(transport=transport, headers=headers, follow_redirects=False)

    def close(self) -> None:
        """Close the connections."""
        self._client.close()

    def exchange(self, method: str, address: str, **params: Any) -> tuple[int, dict[str, Any]]:
        """One request; status and JSON object of a successful answer. Raises `Answered`, `ProviderError`."""
        try:
            response = self._client.request(method, address, params=params or None)
        except SubmitUnknown as error:
            # Nothing is billed for any of these.
            raise Retryable(_("fal did not answer in time.")) from error
        try:
            body = response.json() if response.content else {}
        except ValueError as error:
            raise Retryable(_("fal's answer cannot be read.")) from error
        return response.status_code, body if isinstance(body, dict) else {}


class Fal:
    """The queue of fal.ai. Takes its account from the settings each time, unless it was given one."""

    name: ClassVar[str] = "fal"
    source_type: ClassVar[str] = "trainedAlgorithmicMedia"

    def __init__(
        self,
        account: Account | None = None,
        *,
        limits: Limits | None = None,
        download_limits: DownloadLimits | None = None,
    ) -> None:
        self._account = account
        self._limits = limits or Limits()
        # Given ones hold for every kind of file.
        self._download_limits = download_limits
        # With their connections, by account: the settings may change under a test, not under a process.
        self._clients: dict[Account, _Client] = {}

    @property
    def account(self) -> Account:
        """The account in use."""
        return self._account or Account.from_settings()

    @property
    def _client(self) -> _Client:
        account = self.account
        if not account.key:
            raise AuthFailed(_("This installation has no key for fal. The operator must set FAL_KEY."))
        if account not in self._clients:
            self._clients[account] = _Client(key=account.key, account=account, limits=self._limits)
        return self._clients[account]

    def close(self) -> None:
        """Close the connections; the next request opens new ones."""
        while self._clients:
            self._clients.popitem()[1].close()

    def submit(self, call: Call) -> Submitted:
        """Upload the inputs, then send the one POST.

        The reference holds the addresses that fal gave and the `endpoint`, which alone is enough.
        """
        client = self._client
        arguments = arguments_for(call, lambda file: _upload(client, file))
        try:
            handle = client.submit(
                call.endpoint, arguments, webhook_url=call.webhook_url or None, headers=dict(KEPT_HEADER)
            )
        except Answered as answer:
            raise submit_error(answer) from answer
        except (ValueError, KeyError, TypeError) as error:
            # A success whose body is not what it should be.
            raise SubmitUnknown(_("fal's answer cannot be read, so it is not known whether it took this.")) from error
        reference = {
            "endpoint": call.endpoint,
            "status_url": handle.status_url,
            "response_url": handle.response_url,
            "cancel_url": handle.cancel_url,
        }
        return Submitted(external_id=str(handle.request_id), reference=reference)

    def poll(self, submitted: Submitted) -> Progress:
        """One look at the status. A failed request is done as well: only its result says what went wrong."""
        try:
            _status, body = self._client.exchange("GET", self._address(submitted, "status"), logs=1)
        except Answered as answer:
            raise exchange_error(answer) from answer
        state = STATES.get(str(body.get("status")))
        if state is None:
            raise Retryable(_("fal's answer cannot be read."))
        position = body.get("queue_position")
        return Progress(
            state=state,
            percent=_percent(body.get("logs")) if state == "running" else None,
            position=position if state == "waiting" and isinstance(position, int) else None,
        )

    def fetch(self, submitted: Submitted, call: Call) -> Iterator[Artifact]:
        """Ask for the result once and download one output after the other; those that are flagged are left out."""
        try:
            status, answer = self._client.exchange("GET", self._address(submitted, "response"))
        except Answered as error:
            raise result_error(error) from error
        if status == 202:
            raise Retryable(_("fal is not done yet."))
        chosen = _unflagged(outputs_of(call.endpoint, answer)[: len(call.seeds)], answer.get("has_nsfw_concepts"))
        limits = self._download_limits or LARGE_FILES.get(endpoint_of(call.endpoint).output)
        downloader = Downloader(self.account.sources, limits)
        seed = answer.get("seed")
        for index, file in chosen.items():
            download = downloader.download(file["url"])
            meta = {"bytes": download.size} | ({"seed": seed} if isinstance(seed, int) else {})
            with download.stream:
                yield Artifact(index=index, stream=download.stream, mime=download.mime, meta=meta)

    def cancel(self, submitted: Submitted) -> bool:
        """True when fal has taken note; a request that runs may still be finished, and billed."""
        try:
            _status, body = self._client.exchange("PUT", self._address(submitted, "cancel"))
        except Answered as answer:
            if answer.status in (400, 404, 409, 410):
                return False
            raise exchange_error(answer) from answer
        return body.get("status") not in ("ALREADY_COMPLETED", "NOT_FOUND")

    def verify_webhook(self, headers: Mapping[str, str], body: bytes) -> WebhookEvent:
        """See `fal_webhooks.verify`: raises `BadSignature`, and `Retryable` when fal's keys cannot be had."""
        return fal_webhooks.verify(headers, body, keys_url=f"{self.account.rest_url}/.well-known/jwks.json")

    def _address(self, submitted: Submitted, what: str) -> str:
        """The address that fal gave, if it is fal's; the usual one otherwise, and when only a webhook told of it."""
        given = str(submitted.reference.get(f"{what}_url", ""))
        for queue_url in (OFFICIAL_QUEUE, self.account.queue_url):
            if given.startswith(f"{queue_url}/"):
                return OFFICIAL_QUEUE + given.removeprefix(queue_url)
        handle = self._client.get_handle(str(submitted.reference.get("endpoint", "")), submitted.external_id)
        return str(getattr(handle, f"{what}_url"))


def _upload(client: _Client, file: InputFile) -> str:
    """Put an input where fal can read it; the address."""
    with file.open() as stream:
        data = stream.read()
    name = f"{file.role}.{file.mime.rpartition('/')[2]}"
    try:
        return client.upload(data, file.mime, name, repository="fal", fallback_repository="fal", lifecycle=KEPT_AT_FAL)
    except Answered as answer:
        raise upload_error(answer) from answer
    except SubmitUnknown as error:
        # Uploading is free, and nothing was submitted yet.
        raise Retryable(_("The picture could not be sent to fal at the moment.")) from error
    except (ValueError, KeyError, TypeError) as error:
        raise Retryable(_("fal's answer cannot be read.")) from error


def _percent(logs: Any) -> int | None:
    """How far the newest line of the log that names a percentage says that it is; models print progress bars."""
    rows = logs if isinstance(logs, list) else []
    for row in reversed(rows):
        found = PERCENT.findall(str(row.get("message", ""))) if isinstance(row, dict) else []
        if found:
            return min(100, int(found[-1]))
    return None


def _unflagged(files: list[Mapping[str, Any]], flags: Any) -> dict[int, Mapping[str, Any]]:
    """The files that may be delivered, by index. Raises when none may, or there is none."""
    flagged = [flag is True for flag in flags] if isinstance(flags, list) else []
    flagged += [False] * (len(files) - len(flagged))
    present = {index: file for index, file in enumerate(files) if file}
    if not present:
        raise ProviderError(_("fal delivered nothing."))
    chosen = {index: file for index, file in present.items() if not flagged[index]}
    if not chosen:
        raise ContentRejected(_("fal's safety check refused what it made. Try other words."))
    return chosen
