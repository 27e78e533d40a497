"""What every provider of pictures looks like to the engine. Adapters take and return these; they import no model."""

from collections.abc import Callable, Iterator, Mapping
from contextlib import AbstractContextManager
from dataclasses import dataclass, field
from typing import IO, Any, BinaryIO, ClassVar, Protocol, runtime_checkable
from uuid import UUID

# Called with the fraction done, 0 to 1; may raise to stop the work.
Report = Callable[[float], None]


@dataclass(frozen=True, slots=True, kw_only=True)
class InputFile:
    """A picture that the work starts from; `open` gives its bytes, clean and upright.

    `role` is "image" (several come in the order in which they were chosen) or "mask": a greyscale PNG of the size of
    the first image, white where it may change. Width and height are in pixels.
    """

    role: str
    mime: str
    open: Callable[[], AbstractContextManager[IO[bytes]]]
    width: int = 0
    height: int = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class Call:
    """One request to a provider: make an output for every seed."""

    job_id: UUID
    task: str
    endpoint: str
    prompt: str
    params: dict[str, Any]
    seeds: tuple[int, ...]
    inputs: tuple[InputFile, ...] = ()
    # Where the provider may tell that it is done; "" where it cannot reach us.
    webhook_url: str = ""
    # How long one output may take, in seconds: what an answer in one go is waited for.
    seconds_allowed: int = 60


@dataclass(frozen=True, slots=True, kw_only=True)
class Artifact:
    """One output as a stream; `index` is its place among the call's seeds."""

    index: int
    stream: BinaryIO
    mime: str
    meta: dict[str, Any] = field(default_factory=dict)


@dataclass(frozen=True, slots=True, kw_only=True)
class Submitted:
    """The provider has taken the call. `reference` is what later requests need (addresses), as JSON."""

    external_id: str
    reference: dict[str, Any] = field(default_factory=dict)


@dataclass(frozen=True, slots=True, kw_only=True)
class Progress:
    """How far the provider is. `state` is waiting, running or done; a failure is raised, not returned."""

    state: str
    percent: int | None = None
    position: int | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class WebhookEvent:
    """What a delivery whose signature is right speaks of. Its body is a hint to look, never believed."""

    external_id: str
    delivery_id: str


class Provider(Protocol):
    """A source of outputs; either a `DirectProvider` or a `QueuedProvider`."""

    name: ClassVar[str]
    # How its pictures come about, as IPTC's digital source types name it (`config.base.provenance`).
    source_type: ClassVar[str]


@runtime_checkable
class DirectProvider(Provider, Protocol):
    """Answers in one go: works as long as it takes. Its jobs have a queue, a process and threads of their own."""

    def make(self, call: Call, report: Report) -> Iterator[Artifact]:
        """Yield the outputs in any order. Raises `ProviderError`; what `report` raises passes through.

        What was yielded before an error is delivered: a part is better than nothing, and paid for.
        """
        ...


@runtime_checkable
class QueuedProvider(Provider, Protocol):
    """Takes a call and renders elsewhere; no thread of ours waits. Each method is one bounded exchange."""

    def submit(self, call: Call) -> Submitted:
        """Send the call with exactly one POST. Raises `SubmitUnknown` when it may or may not have arrived."""
        ...

    def poll(self, submitted: Submitted) -> Progress:
        """Ask once how far it is. Raises the error with which the provider's work ended."""
        ...

    def fetch(self, submitted: Submitted, call: Call) -> Iterator[Artifact]:
        """Download what was made, by a client that carries no credentials, from hosts that the provider serves from."""
        ...

    def cancel(self, submitted: Submitted) -> bool:
        """Ask the provider to stop; False when it is too late or it cannot."""
        ...

    def verify_webhook(self, headers: Mapping[str, str], body: bytes) -> WebhookEvent:
        """Check signature and age. Raises `BadSignature`."""
        ...


class ProviderError(Exception):
    """The provider did not deliver. The message is a sentence for people; `code` is for programs."""

    code: ClassVar[str] = "provider_error"


class InvalidInput(ProviderError):
    """The provider cannot work with this input; sending it again does not help."""

    code = "invalid_input"


class ContentRejected(ProviderError):
    """The provider's safety check refused the prompt, the input or the output."""

    code = "content_rejected"


class Retryable(ProviderError):
    """A passing fault; `retry_after` seconds until it is worth another try, if the provider said so."""

    code = "provider_unavailable"

    def __init__(self, message: str, *, retry_after: float | None = None) -> None:
        super().__init__(message)
        self.retry_after = retry_after


class SubmitUnknown(ProviderError):
    """The POST may or may not have been taken: it must never be sent again."""

    code = "submit_unknown"


class AuthFailed(ProviderError):
    """The provider refused our key: a matter for the operator."""

    code = "provider_refused_key"


class QuotaExceeded(ProviderError):
    """Our account at the provider is out of money or quota: a matter for the operator."""

    code = "provider_out_of_quota"


class TimedOut(ProviderError):
    """The provider gave the work up for lack of time."""

    code = "timed_out"


class Gone(ProviderError):
    """The provider knows nothing of the request, or no longer has its outputs."""

    code = "provider_lost_it"


class BadSignature(Exception):
    """A webhook that the provider did not sign, or too long ago."""
