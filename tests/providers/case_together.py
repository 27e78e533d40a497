"""Together AI."""

from typing import Any

from generation.catalogue.together import TOGETHER
from generation.providers.downloads import DownloadLimits
from generation.providers.together import Account, Together
from generation.providers.transport import Limits
from tests.emulators.together import TogetherDouble
from tests.providers.case import Case, Fault


def _together(double: Any, key: str, limits: Limits, download_limits: DownloadLimits) -> Together:
    return Together(Account(base_url=double.url, key=key), limits=limits, download_limits=download_limits)


TOGETHER_CASE = Case(
    name="together",
    title="Together",
    kind="direct",
    settings=("TOGETHER_API_KEY", "TOGETHER_BASE_URL"),
    start=TogetherDouble,
    adapter=_together,
    rows=TOGETHER,
    usual="together-flux-schnell",
    posts_per="output",
    refused={"params": {"steps": 99}},
    cause="steps",
    partial=Fault(name="500"),
    as_url=Fault(name="as_url"),
)
