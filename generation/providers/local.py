"""The local studio as a provider: classical image synthesis on this machine. Not AI, and never called so."""

import io
import logging
from collections.abc import Iterator
from typing import ClassVar

from django.utils.translation import gettext as _

from generation.providers.base import Artifact, Call, InvalidInput, Report
from generation.providers.studio import ASPECTS, StudioRequest, render

logger = logging.getLogger(__name__)


class LocalStudio:
    """Needs no key and no network; its work costs nothing, so it may be done again after a crash."""

    name: ClassVar[str] = "local"
    source_type: ClassVar[str] = "algorithmicMedia"

    def make(self, call: Call, report: Report) -> Iterator[Artifact]:
        """Yield one PNG for every seed, in order, with true progress over the whole batch."""
        source = _read(call)
        # A picture that is worked on keeps its own ratio.
        width, height = (0, 0) if source else ASPECTS[call.params.get("aspect_ratio", "1:1")]
        for index, seed in enumerate(call.seeds):
            request = StudioRequest(
                task=call.task,
                prompt=call.prompt,
                width=width,
                height=height,
                seed=seed,
                style=call.params.get("style", "auto"),
                detail=call.params.get("detail", "standard"),
                strength=call.params.get("strength", 0.6),
                source=source,
            )
            try:
                picture = render(request, _part(report, index, len(call.seeds)))
            except ValueError as error:
                logger.warning("the studio cannot do %s: %s", call.job_id, error)
                raise InvalidInput(_("The studio cannot work with this picture. Try another one.")) from error
            report((index + 1) / len(call.seeds))
            yield Artifact(index=index, stream=io.BytesIO(picture), mime="image/png")


def _read(call: Call) -> bytes | None:
    """The input picture's bytes, if there is one."""
    if not call.inputs:
        return None
    with call.inputs[0].open() as file:
        return file.read()


def _part(report: Report, index: int, count: int) -> Report:
    """The report of one picture as a part of the whole batch's."""
    return lambda fraction: report((index + fraction) / count)
