"""fal."""

from collections.abc import Mapping
from typing import Any

from generation.catalogue.fal import FAL
from generation.providers.base import Submitted
from generation.providers.downloads import DownloadLimits
from generation.providers.fal import Account, Fal
from generation.providers.transport import Limits
from tests.emulators.fal import FalEmulator
from tests.providers.case import Case, Fault, Webhooks


def _fal(double: Any, key: str, limits: Limits, download_limits: DownloadLimits) -> Fal:
    account = Account(key=key, queue_url=double.url, rest_url=double.url, cdn_url=double.url)
    return Fal(account, limits=limits, download_limits=download_limits)


def _delivery(double: Any, submitted: Submitted, kind: str) -> tuple[Mapping[str, str], bytes]:
    job = double.jobs[submitted.external_id]
    fault = f"webhook_{kind}"
    job.faults.add(fault)
    headers, body = double.postman.signed(job)
    job.faults.discard(fault)
    return headers, body


FAL_CASE = Case(
    name="fal",
    title="fal",
    kind="queued",
    settings=("FAL_KEY", "FAL_QUEUE_URL", "FAL_REST_URL", "FAL_CDN_URL"),
    start=FalEmulator,
    adapter=_fal,
    rows=FAL,
    usual="flux-schnell",
    accepted=lambda double: len(double.jobs),
    refused={"prompt": ""},
    cause="required",
    oversized=Fault(name="oversized"),
    truncated=Fault(name="truncated"),
    no_picture=Fault(name="html"),
    slowness=("waiting", "rendering"),
    webhooks=Webhooks(of_kind=_delivery),
)
