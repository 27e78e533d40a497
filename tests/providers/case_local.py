"""The local studio: no double, since there is nobody to stand in for."""

import io
from contextlib import nullcontext
from dataclasses import replace
from typing import Any

from generation.catalogue.studio import STUDIO
from generation.providers.base import Call, InputFile
from generation.providers.downloads import DownloadLimits
from generation.providers.local import LocalStudio
from generation.providers.transport import Limits
from tests.providers.case import Case


def _local(double: Any, key: str, limits: Limits, download_limits: DownloadLimits) -> LocalStudio:
    del double, key, limits, download_limits
    return LocalStudio()


def _draft(call: Call) -> Call:
    """As quick as it can."""
    return replace(call, params=call.params | ({"detail": "draft"} if "detail" in call.params else {}))


_BROKEN = InputFile(role="image", mime="image/png", open=lambda: nullcontext(io.BytesIO(b"broken")), width=8, height=8)

LOCAL_CASE = Case(
    name="local",
    title="Local studio",
    kind="direct",
    settings=(),
    start=nullcontext,
    adapter=_local,
    rows=STUDIO,
    usual="studio-scenes",
    posts_per="output",
    is_paid=False,
    changes=_draft,
    refused={"task": "upscale", "endpoint": "upscale", "params": {}, "inputs": (_BROKEN,)},
    cause="picture",
)
