"""Calls to fal as the engine makes them, for the tests of the adapter."""

import io
from contextlib import nullcontext
from typing import Any
from uuid import uuid4

from generation.providers.base import Call, InputFile, Submitted
from generation.providers.downloads import DownloadLimits
from generation.providers.fal import Account, Fal
from generation.providers.fal_endpoints import ENDPOINTS
from generation.providers.transport import Limits
from tests.emulators.fal import FalEmulator
from tests.emulators.fal_files import picture

QUICK = Limits(connect=0.5, read=0.4, write=0.5, total=0.8)
SMALL = DownloadLimits(size=200_000, connect=0.5, read=0.4, total=0.8)
ROLES = {name: tuple(endpoint.inputs) for name, endpoint in ENDPOINTS.items()}


def account_at(fal: FalEmulator, key: str = "") -> Account:
    """An account whose fal is the double."""
    return Account(key=key or fal.key, queue_url=fal.url, rest_url=fal.url, cdn_url=fal.url)


def provider_at(fal: FalEmulator) -> Fal:
    """The adapter with little patience."""
    return Fal(account_at(fal), limits=QUICK, download_limits=SMALL)


def call(endpoint: str = "fal-ai/flux/schnell", *, count: int = 1, **changes: Any) -> Call:
    """A call that the endpoint can do, but for `changes`."""
    values: dict[str, Any] = {
        "job_id": uuid4(),
        "task": "text-to-image",
        "endpoint": endpoint,
        "prompt": "a red fox",
        "params": {},
        "seeds": tuple(range(41, 41 + count)),
        "inputs": tuple(an_input(role) for role in ROLES.get(endpoint, ())),
    }
    return Call(**values | changes)


def an_input(role: str = "image") -> InputFile:
    """A picture to work from."""
    return InputFile(role=role, mime="image/png", open=lambda: nullcontext(io.BytesIO(picture(1))))


def made(provider: Fal, wanted: Call) -> Submitted:
    """A request that was submitted and is done."""
    submitted = provider.submit(wanted)
    assert provider.poll(submitted).state == "done"
    return submitted


def fetched(provider: Fal, wanted: Call) -> dict[int, bytes]:
    """What was made of a call, by index."""
    artifacts = provider.fetch(made(provider, wanted), wanted)
    return {artifact.index: artifact.stream.read() for artifact in artifacts}
