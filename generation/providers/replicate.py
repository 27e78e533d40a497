"""Replicate through its own SDK: make a prediction, look, download.

The SDK runs over our transport, so it sends each request once. Answers are read as they come, not into the SDK's
classes, which refuse states that they do not know; outputs are downloaded by a client of ours, because the SDK's shows
the token to whatever host an output lies on.
"""

import base64
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any, ClassVar

import httpx
from django.conf import settings
from django.utils.translation import gettext as _
from replicate.client import Client

from generation.providers import replicate_webhooks
from generation.providers.base import (
    Artifact,
    AuthFailed,
    Call,
    Gone,
    Progress,
    ProviderError,
    Retryable,
    Submitted,
    SubmitUnknown,
    WebhookEvent,
)
from generation.providers.downloads import Downloader, DownloadLimits
from generation.providers.replicate_endpoints import arguments_for, outputs_of
from generation.providers.replicate_errors import exchange_error, failure, submit_error, upload_error
from generation.providers.transport import Answered, Limits, OnceTransport

OFFICIAL_API = "https://api.replicate.com"
# Where Replicate serves outputs from, for an hour.
OFFICIAL_SOURCES = ("https://replicate.delivery", "https://*.replicate.delivery")
# Bytes up to which an input travels inside the request, as Replicate recommends.
SMALL_INPUT = 256 * 1024
PERCENT = re.compile(r"(\d{1,3})%")
# Characters of the log, which models fill with progress bars, that are read from its end.
LOG_TAIL = 2_000
STATES = {"starting": "waiting", "queued": "waiting", "processing": "running", "succeeded": "done"}
ENDED_BADLY = ("failed", "canceled", "aborted")


@dataclass(frozen=True, slots=True, kw_only=True)
class Account:
    """Whose account, and where Replicate is: an address without the version and without a slash at the end."""

    token: str = field(repr=False)
    base_url: str = OFFICIAL_API

    @classmethod
    def from_settings(cls) -> "Account":
        """The one that the operator set up."""
        return cls(
            token=settings.REPLICATE_API_TOKEN,
            base_url=settings.REPLICATE_BASE_URL.rstrip("/").removesuffix("/v1").rstrip("/"),
        )

    @property
    def sources(self) -> tuple[str, ...]:
        """Where outputs may be downloaded from: a gateway may pass Replicate's own addresses on, or name its own."""
        if self.base_url == OFFICIAL_API:
            return OFFICIAL_SOURCES
        return (*OFFICIAL_SOURCES, str(httpx.URL(self.base_url).join("/")))


class _Client(Client):
    """Replicate's client over our transport."""

    def __init__(self, account: Account, limits: Limits) -> None:
        super().__init__(
            account.token,
            base_url=account.base_url,
            transport=OnceTransport(limits),
            headers={"User-Agent": "darkroom"},
            follow_redirects=False,
        )

    def close(self) -> None:
        """Close the connections."""
        self._client.close()

    def send(self, method: str, path: str, **content: Any) -> dict[str, Any]:
        """One request; the JSON object of a successful answer. Raises `Answered`, `ProviderError`, `ValueError`."""
        body = self._request(method, path, **content).json()
        if not isinstance(body, dict):
            raise ValueError("The answer is no object.")
        return body

    def ask(self, method: str, path: str, **content: Any) -> dict[str, Any]:
        """A request for which nothing is billed, so that it may be sent again: a doubt is a `Retryable`."""
        try:
            return self.send(method, path, **content)
        except SubmitUnknown as error:
            raise Retryable(_("Replicate did not answer in time.")) from error
        except ValueError as error:
            raise Retryable(_("Replicate's answer cannot be read.")) from error


class Replicate:
    """The predictions of Replicate. Takes its account from the settings each time, unless it was given one."""

    name: ClassVar[str] = "replicate"
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
        self._download_limits = download_limits or DownloadLimits()
        # With their connections, by account: the settings may change under a test, not under a process.
        self._clients: dict[Account, _Client] = {}

    @property
    def account(self) -> Account:
        """The account in use."""
        return self._account or Account.from_settings()

    @property
    def _client(self) -> _Client:
        account = self.account
        if not account.token:
            raise AuthFailed(
                _("This installation has no token for Replicate. The operator must set REPLICATE_API_TOKEN.")
            )
        if account not in self._clients:
            self._clients[account] = _Client(account, self._limits)
        return self._clients[account]

    def close(self) -> None:
        """Close the connections; the next request opens new ones."""
        while self._clients:
            self._clients.popitem()[1].close()

    def submit(self, call: Call) -> Submitted:
        """Upload the inputs, then send the one POST. The reference holds the `endpoint`; the id alone is enough."""
        client = self._client
        body: dict[str, Any] = {
            "input": arguments_for(call, lambda data, mime, name: _upload(client, data, mime, name))
        }
        if call.webhook_url:
            # Told of the start as well, a submit whose answer was lost is found before it is done.
            body |= {"webhook": call.webhook_url, "webhook_events_filter": ["start", "completed"]}
        model, _colon, version = call.endpoint.partition(":")
        path = "/v1/predictions" if version else f"/v1/models/{model}/predictions"
        try:
            answer = client.send("POST", path, json=body | ({"version": version} if version else {}))
            prediction_id = _id_of(answer)
        except Answered as answer_error:
            raise submit_error(answer_error) from answer_error
        except ValueError as error:
            # A success whose body is not what it should be.
            sentence = _("Replicate's answer cannot be read, so it is not known whether it took this.")
            raise SubmitUnknown(sentence) from error
        return Submitted(external_id=prediction_id, reference={"endpoint": call.endpoint})

    def poll(self, submitted: Submitted) -> Progress:
        """One look at the prediction. Raises the error with which it ended."""
        prediction = self._look(submitted)
        state = STATES.get(str(prediction.get("status")))
        if state is None:
            raise Retryable(_("Replicate's answer cannot be read."))
        return Progress(state=state, percent=_percent(prediction.get("logs")) if state == "running" else None)

    def fetch(self, submitted: Submitted, call: Call) -> Iterator[Artifact]:
        """Ask for the prediction once and download one output after the other.

        Models leave out what their safety check flags, so there may be fewer than were asked for.
        """
        prediction = self._look(submitted)
        if STATES.get(str(prediction.get("status"))) != "done":
            raise Retryable(_("Replicate is not done yet."))
        if prediction.get("data_removed"):
            raise Gone(_("Replicate no longer has what it made."))
        addresses = outputs_of(call, prediction.get("output"))[: len(call.seeds)]
        present = {index: address for index, address in enumerate(addresses) if address}
        if not present:
            raise ProviderError(_("Replicate delivered nothing."))
        downloader = Downloader(self.account.sources, self._download_limits)
        for index, address in present.items():
            download = downloader.download(address)
            with download.stream:
                meta = {"bytes": download.size}
                yield Artifact(index=index, stream=download.stream, mime=download.mime, meta=meta)

    def cancel(self, submitted: Submitted) -> bool:
        """True when Replicate has taken note; what has run until then is billed."""
        try:
            prediction = self._client.ask("POST", f"{_path(submitted)}/cancel")
        except Answered as answer:
            if answer.status in (400, 404, 409, 410, 422):
                return False
            raise exchange_error(answer) from answer
        return prediction.get("status") not in ("succeeded", "failed")

    def verify_webhook(self, headers: Mapping[str, str], body: bytes) -> WebhookEvent:
        """See `replicate_webhooks.verify`: raises `BadSignature`, and `Retryable` when the secret cannot be had."""
        account = f"{self.account.base_url} {self.account.token}"
        return replicate_webhooks.verify(headers, body, account=account, fetch_secret=self._signing_secret)

    def _signing_secret(self) -> str | None:
        """What the account's webhooks are signed with; None when it cannot be had now."""
        try:
            secret = self._client.ask("GET", "/v1/webhooks/default/secret").get("key")
        except (Answered, ProviderError):
            return None
        return secret if isinstance(secret, str) else None

    def _look(self, submitted: Submitted) -> dict[str, Any]:
        """The prediction as it is. Raises the error with which it ended."""
        try:
            prediction = self._client.ask("GET", _path(submitted))
        except Answered as answer:
            raise exchange_error(answer) from answer
        if prediction.get("status") in ENDED_BADLY:
            raise failure(prediction)
        return prediction


def _path(submitted: Submitted) -> str:
    """Where a prediction is; the id alone says it, so no address out of an answer is ever followed."""
    if not replicate_webhooks.PREDICTION_ID.fullmatch(submitted.external_id):
        raise Gone(_("Replicate knows nothing of this request."))
    return f"/v1/predictions/{submitted.external_id}"


def _id_of(prediction: Mapping[str, Any]) -> str:
    found = prediction.get("id")
    if not isinstance(found, str) or not replicate_webhooks.PREDICTION_ID.fullmatch(found):
        raise ValueError("The prediction has no id.")
    return found


def _upload(client: _Client, data: bytes, mime: str, name: str) -> str:
    """An input as an address that Replicate can read: inside the request when it is small, else uploaded for a day."""
    if len(data) < SMALL_INPUT:
        return f"data:{mime};base64,{base64.b64encode(data).decode()}"
    try:
        urls = client.ask("POST", "/v1/files", files={"content": (name, data, mime)}).get("urls")
    except Answered as answer:
        raise upload_error(answer) from answer
    address = urls.get("get") if isinstance(urls, dict) else None
    if not isinstance(address, str) or not address:
        raise Retryable(_("Replicate's answer cannot be read."))
    return address


def _percent(logs: Any) -> int | None:
    """The newest percentage in the log."""
    found = PERCENT.findall(logs[-LOG_TAIL:]) if isinstance(logs, str) else []
    return min(100, int(found[-1])) if found else None
