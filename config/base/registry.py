"""What a lower app must cause above it, without importing it.

Each app fills these hooks in its `AppConfig.ready()`; the app below calls them. There are few and each is typed, so a
reader finds every listener by searching for the hook's name.
"""

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from typing import Generic, ParamSpec, TypeVar
from uuid import UUID

from django.http import HttpRequest

from config.base.rotation import Rotation

P = ParamSpec("P")
R = TypeVar("R")


@dataclass(frozen=True)
class Hook(Generic[P, R]):
    """An ordered list of functions with one signature, called one after the other in the caller's transaction."""

    name: str
    listeners: list[Callable[P, R]] = field(default_factory=list)

    def register(self, listener: Callable[P, R]) -> None:
        """Add a listener; adding the same one again changes nothing."""
        if listener not in self.listeners:
            self.listeners.append(listener)

    def __call__(self, *args: P.args, **kwargs: P.kwargs) -> list[R]:
        return [listener(*args, **kwargs) for listener in self.listeners]


@dataclass(frozen=True)
class Periodic:
    """Work that the clock does every `every` seconds; it must be safe to run twice at a time."""

    name: str
    every: float
    run: Callable[[], object]


@dataclass(frozen=True)
class Gauge:
    """One figure of `/metrics`; gauges of one name have the same labels, and no label ever names a person or a row."""

    name: str
    help: str
    value: float
    labels: dict[str, str]


@dataclass(frozen=True)
class MemberUsage:
    """Credits that one member of a company has spent or promised to jobs, in this UTC day and month."""

    day: int
    month: int


@dataclass(frozen=True)
class ExportDocument:
    """A JSON document of a person's export: `path` in the archive, and a list of rows, read while they are written."""

    path: str
    rows: Iterable[Mapping[str, object]]


@dataclass(frozen=True)
class ExportFile:
    """A stored file of a person's export: `path` in the archive, `key` in the storage."""

    path: str
    key: str


@dataclass(frozen=True)
class ErasedPerson:
    """Who is being deleted: the id, and every address that was theirs, in small letters."""

    id: UUID
    addresses: frozenset[str]


# A company was made; called with its id inside the transaction that made it.
company_created: Hook[[UUID], None] = Hook("company_created")
# A person proved the address for the first time; called with the ids of the user and of the personal company.
person_verified: Hook[[UUID, UUID], None] = Hook("person_verified")
# The grace period of a company is over: stop what is under way. Called with its id, by the clock, again and again until
# every listener says True: nothing is under way any more.
company_closing: Hook[[UUID], bool] = Hook("company_closing")
# A closed company is deleted: erase what is its people's own, one batch a call. Called like the one above, until every
# listener says True: nothing is left.
company_deleted: Hook[[UUID], bool] = Hook("company_deleted")
# How much of what a company has, in words for programs ("pictures"): called once, before it goes with its only person.
company_counted: Hook[[UUID], Mapping[str, int]] = Hook("company_counted")
# A person wants a copy of everything: what an app has of theirs, by the user's id, document by document, file by file.
# Nobody else's rows or files are among it.
person_exported: Hook[[UUID], Iterable[ExportDocument | ExportFile]] = Hook("person_exported")
# A person is deleted, after the companies that were theirs alone: erase what is left of them elsewhere and is no
# company's. Called again and again until every listener says True: nothing is left.
person_deleted: Hook[[ErasedPerson], bool] = Hook("person_deleted")
# How many times the usual limits a request may count on, by the plan of the company that it acts for; at least 1.
rate_factor: Hook[[HttpRequest], int] = Hook("rate_factor")
# What the members of a company have used, by the user's id; one app fills it.
member_usage: Hook[[UUID], Mapping[UUID, MemberUsage]] = Hook("member_usage")
# How many things a person has made, by the user's id.
pictures_made: Hook[[UUID], int] = Hook("pictures_made")
# Whether a stored file is known to an app by another row than an asset's; the sweep asks before it removes one.
is_file_kept: Hook[[str], bool] = Hook("is_file_kept")
# What the clock does.
periodic: list[Periodic] = []
# Proofs for `audit_ledger`: each returns one sentence for every row that breaks an invariant.
audit_checks: Hook[[], Iterable[str]] = Hook("audit_checks")
# `make_demo` fills the demo company: called with its id.
demo_made: Hook[[UUID], None] = Hook("demo_made")
# `seed` writes what a fresh installation needs (plans, catalogue); can be run again.
seeds: Hook[[], str] = Hook("seeds")
# `rotate_secrets` has each app write what it keeps encrypted anew, under the newest key; can be run again.
rotations: Hook[[], Rotation] = Hook("rotations")
# What `/metrics` shows of each app; must be cheap, it is asked every few seconds.
gauges: Hook[[], Iterable[Gauge]] = Hook("gauges")
