"""OpenAI, and endpoints of an operator's own that speak its protocol."""

from typing import Any

from generation.catalogue.openai import OPENAI
from generation.catalogue.schema import file_format, schema
from generation.models import Task
from generation.providers.downloads import DownloadLimits
from generation.providers.openai_images import Account, CustomImages, OpenAIImages
from generation.providers.transport import Limits
from tests.emulators.openai import CompatibleDouble, OpenAIDouble
from tests.providers.case import Case, Fault

# Rows as an operator would write them.
_OWN = [
    {"slug": "own-sdxl", "task": Task.TEXT_TO_IMAGE, "endpoint": "sdxl", "parameters": schema()},
    {
        "slug": "own-edit",
        "task": Task.EDIT,
        "endpoint": "qwen-edit",
        "parameters": schema(output_format=file_format("png", "jpeg")),
    },
]


def _openai(double: Any, key: str, limits: Limits, download_limits: DownloadLimits) -> OpenAIImages:
    return OpenAIImages(Account(base_url=double.url, key=key), limits=limits, download_limits=download_limits)


def _custom(double: Any, key: str, limits: Limits, download_limits: DownloadLimits) -> CustomImages:
    account = Account(
        title="The cellar", remedy="its key", base_url=double.url, key=key, needs_key=False, is_official=False
    )
    return CustomImages(account, limits=limits, download_limits=download_limits)


OPENAI_CASE = Case(
    name="openai",
    title="OpenAI",
    kind="direct",
    settings=("OPENAI_API_KEY", "OPENAI_BASE_URL"),
    start=OpenAIDouble,
    adapter=_openai,
    rows=OPENAI,
    usual="gpt-image-mini",
    refused={"prompt": ""},
    cause="prompt",
    partial=Fault(name="part"),
    not_checked={
        "keeps_its_key_from_file_hosts": "It sends outputs inside its answer, always: nothing is downloaded.",
    },
)
CUSTOM_CASE = Case(
    name="custom",
    title="The cellar",
    kind="direct",
    settings=("in the admin: name, address, key",),
    start=CompatibleDouble,
    adapter=_custom,
    rows=_OWN,
    usual="own-sdxl",
    is_paid=False,
    refused={"prompt": ""},
    cause="prompt",
    partial=Fault(name="part"),
    as_url=Fault(name="as_url"),
    not_checked={"tells_a_missing_key": "An endpoint of one's own may need none: it is asked without."},
)
