"""Pictures as the OpenAI images protocol wants them: sizes, masks, and canvases with room to grow."""

import io
import math
from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType

from django.utils.translation import gettext as _
from PIL import Image

from generation.providers.base import Call, InputFile, InvalidInput

# What a file of a form is to the SDK: name, content, type.
Upload = tuple[str, bytes, str]

# The shapes that every model of the family makes.
STANDARD: Mapping[str, str] = MappingProxyType({"1:1": "1024x1024", "3:2": "1536x1024", "2:3": "1024x1536"})
# Models that make any size in steps of 16 pixels, at about the same number of pixels.
FLEXIBLE: Mapping[str, str] = MappingProxyType(
    {
        **STANDARD,
        "16:9": "1536x864",
        "9:16": "864x1536",
        "21:9": "1568x672",
        "4:3": "1280x960",
        "3:4": "960x1280",
    }
)
STEP = 16
# Pixels of an output whose shape is its input's; the model refuses fewer than 655 360.
AREA = 1_228_800
# Neither side may be longer than this many times the other.
STRETCH = 3
# A canvas is scaled down to this long edge before it is sent: the model sees no more of it.
CANVAS_EDGE = 2048
SIDES = ("left", "top", "right", "bottom")


@dataclass(frozen=True, slots=True)
class Canvas:
    """A picture with empty margins, and the mask that lets only these be painted. PNG; width and height in pixels."""

    picture: Upload
    mask: Upload
    width: int
    height: int


def uploads(call: Call) -> list[Upload]:
    """The pictures of a call, in their order, as they are."""
    return [_upload(file, index) for index, file in enumerate(pictures(call))]


def pictures(call: Call) -> list[InputFile]:
    """The inputs that are pictures. Raises `InvalidInput` when there is none."""
    found = [file for file in call.inputs if file.role == "image"]
    if not found:
        raise InvalidInput(_("This model works from a picture, and none was given."))
    return found


def size_of(file: InputFile) -> tuple[int, int]:
    """Width and height of an input in pixels."""
    if file.width and file.height:
        return file.width, file.height
    with file.open() as stream, Image.open(stream) as image:
        return image.size


def mask_of(call: Call) -> Upload:
    """The mask as the protocol wants it: transparent where it may change, where ours is white.

    Raises `InvalidInput` when there is none, or it is not of the picture's size.
    """
    mask = next((file for file in call.inputs if file.role == "mask"), None)
    if mask is None:
        raise InvalidInput(_("Paint over what may change: this model needs a mask."))
    with mask.open() as stream, Image.open(stream) as image:
        grey = image.convert("L")
    if grey.size != size_of(pictures(call)[0]):
        raise InvalidInput(_("The mask is not of the size of the picture. Paint it on the picture itself."))
    return _mask(grey)


def nearest_size(width: int, height: int, *, is_flexible: bool) -> str:
    """The size of an output that comes closest to a shape. Raises `InvalidInput` for shapes that are too long."""
    ratio = width / height
    if not is_flexible:
        return min(STANDARD.values(), key=lambda size: abs(math.log(_ratio(size) / ratio)))
    if not 1 / STRETCH <= ratio <= STRETCH:
        raise InvalidInput(
            _("This model makes pictures at most %d times as long as wide. Choose a shorter one.") % STRETCH
        )
    across = _stepped(math.sqrt(AREA * ratio))
    # Rounding may not push the shape over the limit.
    down = min(max(_stepped(math.sqrt(AREA / ratio)), -(-across // STRETCH)), across * STRETCH)
    return f"{across}x{_stepped(down)}"


def widened(call: Call) -> Canvas:
    """The picture on a canvas with the margins that were asked for, in pixels of the picture."""
    margins = [int(call.params.get(side) or 0) for side in SIDES]
    if not any(margins):
        raise InvalidInput(_("Say on which side the picture should grow, and by how many pixels."))
    with pictures(call)[0].open() as stream, Image.open(stream) as image:
        scale = min(
            1.0, CANVAS_EDGE / max(image.width + margins[0] + margins[2], image.height + margins[1] + margins[3])
        )
        # Scaled first: the whole canvas at full size could be half a gigabyte.
        source = image.convert("RGBA")
    if scale < 1:
        size = (max(1, round(source.width * scale)), max(1, round(source.height * scale)))
        source = source.resize(size, Image.Resampling.LANCZOS)
        margins = [round(margin * scale) for margin in margins]
    left, top, right, bottom = margins
    width, height = source.width + left + right, source.height + top + bottom
    canvas = Image.new("RGBA", (width, height), (0, 0, 0, 0))
    canvas.paste(source, (left, top))
    change = Image.new("L", (width, height), 255)
    change.paste(0, (left, top, left + source.width, top + source.height))
    return Canvas(("image.png", _png(canvas), "image/png"), _mask(change), width, height)


def _mask(change: Image.Image) -> Upload:
    """From "white may change" to "transparent may change"."""
    alpha = change.point(lambda value: 255 - value)
    mask = Image.new("RGBA", change.size, (0, 0, 0, 255))
    mask.putalpha(alpha)
    return "mask.png", _png(mask), "image/png"


def _upload(file: InputFile, index: int) -> Upload:
    with file.open() as stream:
        return f"image-{index}.{file.mime.rpartition('/')[2]}", stream.read(), file.mime


def _png(image: Image.Image) -> bytes:
    buffer = io.BytesIO()
    image.save(buffer, "PNG", compress_level=4)
    return buffer.getvalue()


def _ratio(size: str) -> float:
    width, _x, height = size.partition("x")
    return int(width) / int(height)


def _stepped(length: float) -> int:
    return max(STEP, round(length / STEP) * STEP)
