"""Calls to Replicate as the engine makes them, for the tests of the adapter."""

from typing import Any

from generation.catalogue.replicate import REPLICATE
from generation.providers.base import Call, Submitted
from generation.providers.replicate import Account, Replicate
from tests.emulators.replicate import ReplicateDouble
from tests.generation.row_calls import DOWNLOADS, LIMITS, call_of_row, row_named


def account_at(replicate: ReplicateDouble, token: str = "") -> Account:
    """An account whose Replicate is the double."""
    return Account(token=token or replicate.key, base_url=replicate.url)


def call(slug: str = "flux-schnell", given: dict[str, Any] | None = None, **changes: Any) -> Call:
    return call_of_row(row_named(REPLICATE, f"replicate-{slug}"), given, **changes)


def made(provider: Replicate, wanted: Call) -> Submitted:
    submitted = provider.submit(wanted)
    assert provider.poll(submitted).state == "done"
    return submitted


def fetched(provider: Replicate, wanted: Call) -> dict[int, bytes]:
    return {artifact.index: artifact.stream.read() for artifact in provider.fetch(made(provider, wanted), wanted)}


def provider_at(replicate: ReplicateDouble) -> Replicate:
    """The adapter with little patience."""
    return Replicate(account_at(replicate), limits=LIMITS, download_limits=DOWNLOADS)
