"""Stability."""

from typing import Any

from generation.catalogue.stability import STABILITY
from generation.providers.downloads import DownloadLimits
from generation.providers.stability import Account, Stability
from generation.providers.transport import Limits
from tests.emulators.stability import StabilityDouble
from tests.providers.case import Case, Fault


def _stability(double: Any, key: str, limits: Limits, _download_limits: DownloadLimits) -> Stability:
    return Stability(Account(key=key, base_url=double.url), limits=limits)


STABILITY_CASE = Case(
    name="stability",
    title="Stability AI",
    kind="direct",
    settings=("STABILITY_API_KEY", "STABILITY_BASE_URL"),
    start=StabilityDouble,
    adapter=_stability,
    rows=STABILITY,
    usual="stability-core",
    posts_per="output",
    refused={"params": {"aspect_ratio": "7:1"}},
    cause="aspect_ratio",
    partial=Fault(name="500"),
    not_checked={
        "keeps_its_key_from_file_hosts": "Outputs come in the answer itself: nothing is downloaded from anywhere.",
    },
)
