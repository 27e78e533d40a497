"""A picture on a larger canvas, with the mask of what is new: how a model that fills masks is asked to paint beyond."""

import io

from django.utils.translation import gettext as _
from PIL import Image, UnidentifiedImageError

from generation.providers.base import InputFile, InvalidInput

SIDES = ("left", "right", "top", "bottom")
# Pixels of a side of the canvas: what the models that fill masks take.
LONGEST_SIDE = 4096
# Pixels of the old picture along the seam that may change with the new, so that no line shows.
OVERLAP = 8
GREY = (127, 127, 127)


def padded(file: InputFile, sides: dict[str, int]) -> tuple[bytes, bytes]:
    """The picture on a canvas that is `sides` pixels larger, and its mask (white: new), both as PNG of one size.

    Raises `InvalidInput` when nothing is to be added, or the canvas would be too large.
    """
    left, right, top, bottom = (max(0, int(sides.get(side) or 0)) for side in SIDES)
    if not any((left, right, top, bottom)):
        raise InvalidInput(_("Say on which side the picture is to grow: left, right, top or bottom."))
    with file.open() as stream:
        picture = _opened(stream.read())
    width, height = picture.width + left + right, picture.height + top + bottom
    if max(width, height) > LONGEST_SIDE:
        sentence = _("The larger picture would have a side of %(side)d pixels; %(most)d are possible. Add less.")
        raise InvalidInput(sentence % {"side": max(width, height), "most": LONGEST_SIDE})
    canvas = Image.new("RGB", (width, height), GREY)
    canvas.paste(picture, (left, top))
    mask = Image.new("L", (width, height), 255)
    kept = (
        left + min(left, OVERLAP),
        top + min(top, OVERLAP),
        left + picture.width - min(right, OVERLAP),
        top + picture.height - min(bottom, OVERLAP),
    )
    if kept[2] > kept[0] and kept[3] > kept[1]:
        mask.paste(0, kept)
    return _png(canvas), _png(mask)


def _opened(content: bytes) -> Image.Image:
    """The picture in colours that have no transparency."""
    try:
        with Image.open(io.BytesIO(content)) as image:
            picture = image.convert("RGBA")
    except (UnidentifiedImageError, OSError) as error:
        raise InvalidInput(_("This picture cannot be read. Try another one.")) from error
    ground = Image.new("RGBA", picture.size, (255, 255, 255, 255))
    return Image.alpha_composite(ground, picture).convert("RGB")


def _png(image: Image.Image) -> bytes:
    file = io.BytesIO()
    image.save(file, "PNG", compress_level=3)
    return file.getvalue()
