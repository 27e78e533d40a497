"""What every provider of pictures looks like to the engine. Adapters take and return these; they import no model."""

from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager
from dataclasses import dataclass, field
from typing import IO, Any, BinaryIO, ClassVar, Protocol
from uuid import UUID

# Called with the fraction done, 0 to 1; may raise to stop the work.
Report = Callable[[float], None]


@dataclass(frozen=True, slots=True, kw_only=True)
class InputFile:
    """A picture that the work starts from; `open` gives its bytes, clean and upright."""

    role: str
    mime: str
    open: Callable[[], AbstractContextManager[IO[bytes]]]


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


@dataclass(frozen=True, slots=True, kw_only=True)
class Artifact:
    """One output as a stream; `index` is its place among the call's seeds."""

    index: int
    stream: BinaryIO
    mime: str
    meta: dict[str, Any] = field(default_factory=dict)


class Provider(Protocol):
    """A source of outputs.

    This first kind answers in one go: `make` works as long as it takes, reports how far it is, and yields each output
    when it is ready. Its jobs run on the `blocking` queue, which has its own process.
    """

    name: ClassVar[str]
    # The Dramatiq queue whose workers do its jobs.
    queue: ClassVar[str]

    def make(self, call: Call, report: Report) -> Iterator[Artifact]:
        """Yield the outputs in any order. Raises `ProviderError`; what `report` raises passes through."""
        ...


class ProviderError(Exception):
    """The provider did not deliver. The message is for people; `code` is for programs."""

    code: ClassVar[str] = "provider_error"


class InvalidInput(ProviderError):
    """The provider cannot work with this input; sending it again does not help."""

    code = "invalid_input"


class Retryable(ProviderError):
    """A passing fault; `retry_after` seconds until it is worth another try, if the provider said so."""

    code = "provider_unavailable"

    def __init__(self, message: str, *, retry_after: float | None = None) -> None:
        super().__init__(message)
        self.retry_after = retry_after
