"""The local studio as a provider: classical graphics on this machine. Not AI, and never called so."""

import io
import logging
from collections.abc import Callable, Iterator
from typing import ClassVar

from django.utils.translation import gettext as _

from generation.providers.base import Artifact, Call, InvalidInput, ProviderError, Report, TimedOut
from generation.providers.studio import ASPECTS, MIMES, Margins, Refused, StudioRequest, render

logger = logging.getLogger(__name__)

# What the studio's refusals are to people. The functions run when the language is known.
SENTENCES: dict[str, Callable[[], str]] = {
    "undecodable": lambda: _("The studio cannot work with this picture. Try another one."),
    "enlarged-too-far": lambda: _(
        "%(scale)d× this picture would have %(megapixels)d megapixels; the limit is %(limit)d. "
        "Choose a smaller picture or a smaller scale."
    ),
    "grown-too-far": lambda: _(
        "With these margins the picture would have %(megapixels)d megapixels; the limit is %(limit)d. "
        "Choose smaller margins."
    ),
    "no-margin": lambda: _("Say by how many pixels the picture is to grow, on one side at least."),
    "no-mask": lambda: _("Paint over the part of the picture that may change."),
    "empty-mask": lambda: _("The mask is empty. Paint over the part of the picture that may change."),
    "full-mask": lambda: _(
        "The mask covers the whole picture. Leave some of it free, so that there is something to go by."
    ),
    "no-subject": lambda: _(
        "Nothing stands out clearly from its background here. Try a picture of one thing or person on a calm ground."
    ),
    "no-instruction": lambda: _(
        "The studio follows plain instructions only, for it is not AI. It knows: brighter, darker, warmer, cooler, "
        "more or less contrast or colour, black and white, sepia, vintage, invert, a colour (“make it blue”, “replace "
        "red with blue”), blur, sharpen, smooth, grain, vignette, frame, rotate, flip, crop, zoom in, night, golden "
        "hour, autumn, fog, snow, rain, neon, sketch, watercolour, oil, pixel art, poster, and “blur / remove / white "
        "background”."
    ),
    "needs-second": lambda: _(
        "This needs a second picture: add it, or ask for something that one picture is enough for."
    ),
    "needs-joint": lambda: _(
        "Say what to do with the two pictures: “blend”, “side by side”, “one above the other” or “in the colours of "
        "the second”."
    ),
}


class LocalStudio:
    """Needs no key and no network; its work costs nothing, so it may be done again after a crash."""

    name: ClassVar[str] = "local"
    source_type: ClassVar[str] = "algorithmicMedia"

    def make(self, call: Call, report: Report) -> Iterator[Artifact]:
        """Yield one PNG, MP4 or GLB for every seed, in order, with true progress over the whole batch."""
        pictures, mask = _read(call)
        for index, seed in enumerate(call.seeds):
            try:
                request = _request(call, seed, pictures, mask)
                made = render(request, _part(report, index, len(call.seeds)))
            except ValueError as error:
                logger.warning("the studio cannot do %s: %s", call.job_id, error)
                raise InvalidInput(_sentence(error)) from error
            except TimeoutError as error:
                raise TimedOut(_("The studio needed too long. Nothing was charged; try a shorter film.")) from error
            except OSError as error:
                logger.exception("the studio failed at %s", call.job_id)
                raise ProviderError(_("The studio could not finish this. Nothing was charged; try again.")) from error
            report((index + 1) / len(call.seeds))
            yield Artifact(index=index, stream=io.BytesIO(made), mime=MIMES[call.task])


def _request(call: Call, seed: int, pictures: list[bytes], mask: bytes | None) -> StudioRequest:
    """The call in the studio's own words; what the row does not offer keeps the studio's default."""
    params = call.params
    # A picture that is worked on keeps its own ratio.
    width, height = ASPECTS[params.get("aspect_ratio", "1:1")] if call.task == "text-to-image" else (0, 0)
    names = ("style", "detail", "strength", "scale", "aspect_ratio", "duration", "resolution", "motion", "quality")
    return StudioRequest(
        task=call.task,
        prompt=call.prompt,
        width=width,
        height=height,
        seed=seed,
        source=pictures[0] if pictures else None,
        second=pictures[1] if len(pictures) > 1 else None,
        mask=mask,
        margins=Margins(**{side: params.get(side, 0) for side in ("left", "right", "top", "bottom")}),
        seconds_allowed=call.seconds_allowed,
        **{name: params[name] for name in names if name in params},
    )


def _sentence(error: ValueError) -> str:
    if isinstance(error, Refused):
        sentence = SENTENCES[error.reason]()
        return sentence % error.facts if error.facts else sentence
    return SENTENCES["undecodable"]()


def _read(call: Call) -> tuple[list[bytes], bytes | None]:
    """The pictures' bytes in their order, and the mask's."""
    pictures: list[bytes] = []
    mask: bytes | None = None
    for given in call.inputs:
        with given.open() as file:
            if given.role == "mask":
                mask = file.read()
            else:
                pictures.append(file.read())
    return pictures, mask


def _part(report: Report, index: int, count: int) -> Report:
    """The report of one output as a part of the whole batch's."""
    return lambda fraction: report((index + fraction) / count)
