"""What the conformance suite has to know of a provider. `tests/providers/cases.py` says how to add one."""

from collections.abc import Callable, Mapping, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass, field
from typing import Any, Literal, Protocol

from generation.providers.base import Call, DirectProvider, QueuedProvider, Submitted, SubmitUnknown
from generation.providers.downloads import DownloadLimits
from generation.providers.transport import Limits

Adapter = DirectProvider | QueuedProvider
# Seconds that a double's added latency takes: within these limits.
LATENCY = 0.2
# For a machine that does other things as well; answers of the doubles are a few kilobytes.
STEADY = Limits(connect=5.0, read=5.0, write=5.0, total=8.0, body=400_000)
SMALL = DownloadLimits(size=200_000, connect=5.0, read=5.0, total=8.0)
# Little patience, where a fault is waited for.
QUICK = Limits(connect=2.0, read=0.4, write=2.0, total=0.8, body=400_000)
# What no patience of ours may exceed, in seconds, on a busy machine.
PATIENCE = 2.5
# A key that no double knows.
WRONG_KEY = "wrong-key-of-nobody:wrong-secret"


class Service(Protocol):
    """What the suite asks of a double; every `Double` has it, and fal's."""

    url: str
    key: str
    latency: float
    rates: dict[str, float]

    @property
    def posts(self) -> int: ...
    @property
    def downloads(self) -> int: ...
    @property
    def cancels(self) -> int: ...
    @property
    def leaks(self) -> int: ...
    def fail_next(self, fault: str, *, times: int = 1, on: str = "") -> None: ...


@dataclass(frozen=True, slots=True, kw_only=True)
class Fault:
    """A fault of a double by its own name, the place where it strikes, and how often in a row."""

    name: str
    on: str = ""
    times: int = 1

    def strike(self, double: Service) -> None:
        """Let it happen next."""
        double.fail_next(self.name, on=self.on, times=self.times)


@dataclass(frozen=True, slots=True, kw_only=True)
class Webhooks:
    """How a queued provider's double makes the delivery for a submitted call: headers and body.

    `of_kind` gets the kind "good", "badly_signed" or "replayed_late".
    """

    of_kind: Callable[[Any, Submitted, str], tuple[Mapping[str, str], bytes]]


@dataclass(frozen=True, slots=True, kw_only=True)
class Case:
    """One provider. Callables get the running double; `None` where there is none."""

    name: str
    title: str
    kind: Literal["direct", "queued"]
    # The environment variables by which an operator sets it up, for the docs.
    settings: Sequence[str]
    start: Callable[[], AbstractContextManager[Any]]
    # (double, key, limits, download limits) to the adapter under test.
    adapter: Callable[[Any, str, Limits, DownloadLimits], Adapter]
    # Rows of the catalogue (or such as an operator would write): each is made once, with its defaults.
    rows: Sequence[Mapping[str, Any]]
    # The row, by its slug, with which everything else is checked: from words, cheap, several at a time.
    usual: str
    # How many submissions the double would bill.
    accepted: Callable[[Any], int] = lambda double: int(double.accepted)
    # Whether one POST asks for all outputs of a call, or each output is asked for by its own.
    posts_per: Literal["call", "output"] = "call"
    # Whether this provider sends a bill: then it is in the count of double billing.
    is_paid: bool = True
    # Changes that make the usual call one which the provider itself refuses, and a word by which it names the cause.
    refused: Mapping[str, Any] = field(default_factory=dict)
    cause: str = ""
    # What an error page with 500 means here.
    server_error: type[Exception] = SubmitUnknown
    content_policy: Fault = Fault(name="content_policy")
    oversized: Fault = Fault(name="endless")
    truncated: Fault = Fault(name="truncated_picture")
    no_picture: Fault = Fault(name="not_a_picture")
    # Direct: a fault by which one of two outputs is missing; it strikes at the first or, if `posts_per` output, second.
    partial: Fault | None = None
    # Direct: the double's attribute for the seconds that the making takes. Queued: of waiting, and of the making.
    slowness: Sequence[str] = ("rendering",)
    # How an answer is given that names an address to download from; None: outputs are always downloaded.
    as_url: Fault | None = None
    webhooks: Webhooks | None = None
    # Names of checks that make no sense here, and why, as a sentence for the docs.
    not_checked: Mapping[str, str] = field(default_factory=dict)
    # Changes to each call, such as parameters that keep the local studio quick.
    changes: Callable[[Call], Call] = lambda call: call
