"""Replicate."""

from collections.abc import Mapping
from typing import Any

from generation.catalogue.replicate import REPLICATE
from generation.providers.base import Submitted
from generation.providers.downloads import DownloadLimits
from generation.providers.replicate import Account, Replicate
from generation.providers.transport import Limits
from tests.emulators.replicate import ReplicateDouble
from tests.providers.case import Case, Fault, Webhooks


def _replicate(double: Any, key: str, limits: Limits, download_limits: DownloadLimits) -> Replicate:
    return Replicate(Account(token=key, base_url=double.url), limits=limits, download_limits=download_limits)


def _delivery(double: Any, submitted: Submitted, kind: str) -> tuple[Mapping[str, str], bytes]:
    prediction = double.jobs[submitted.external_id]
    fault = f"webhook_{kind}"
    prediction.faults.add(fault)
    headers, body = double.postman.signed(prediction)
    prediction.faults.discard(fault)
    return headers, body


REPLICATE_CASE = Case(
    name="replicate",
    title="Replicate",
    kind="queued",
    settings=("REPLICATE_API_TOKEN", "REPLICATE_BASE_URL"),
    start=ReplicateDouble,
    adapter=_replicate,
    rows=REPLICATE,
    usual="replicate-flux-schnell",
    refused={"prompt": ""},
    cause="prompt",
    oversized=Fault(name="oversized"),
    truncated=Fault(name="truncated"),
    no_picture=Fault(name="html"),
    slowness=("waiting", "rendering"),
    webhooks=Webhooks(of_kind=_delivery),
)
