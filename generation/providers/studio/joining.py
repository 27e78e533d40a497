"""Two pictures into one: side by side, over each other, one in the colours of the other."""

import cv2
import numpy as np

from generation.providers.studio.colour import from_oklab, luminance, to_oklab
from generation.providers.studio.noise import Floats, as_floats, blur
from generation.providers.studio.pixels import Pixels, cover, resize, shrink, to_floats
from generation.providers.studio.sheet import Sheet

# Long side of the copy that colours are counted on.
COUNTED_AT = 400
# A joined sheet's side is at most so many pixels.
SIDE = 4_096


def join(sheet: Sheet, other: Pixels, joint: str) -> None:
    """Do `joint` ("side", "stack", "look" or "blend") with the second picture, RGB; in place."""
    {"side": _beside, "stack": _below, "look": _in_colours_of, "blend": _blended}[joint](sheet, other)


def _beside(sheet: Sheet, other: Pixels) -> None:
    """Both at one height, with a narrow gap of white."""
    first = _opaque(sheet)
    height = min(first.shape[0], SIDE)
    widths = [max(1, round(part.shape[1] * height / part.shape[0])) for part in (first, other)]
    second = to_floats(resize(other, (widths[1], height)))
    gap = np.ones((height, max(2, round(height * 0.015)), 3), np.float32)
    scaled = first if first.shape[0] == height else as_floats(cv2.resize(first, (widths[0], height)))
    joined = np.concatenate([scaled, gap, second], axis=1)
    factor = min(1.0, 2 * SIDE / joined.shape[1])
    if factor < 1:
        joined = as_floats(cv2.resize(joined, None, fx=factor, fy=factor, interpolation=cv2.INTER_AREA))
    sheet.image = joined


def _below(sheet: Sheet, other: Pixels) -> None:
    """Both at one width, with a narrow gap of white."""
    turned = Sheet(np.ascontiguousarray(_opaque(sheet).transpose(1, 0, 2)), None, sheet.seed, sheet.progress)
    _beside(turned, np.ascontiguousarray(other.transpose(1, 0, 2)))
    sheet.image = np.ascontiguousarray(turned.image.transpose(1, 0, 2))


def _blended(sheet: Sheet, other: Pixels) -> None:
    """A double exposure: the second shines through the first, most where the first is plain."""
    first = _opaque(sheet)
    second = to_floats(cover(other, sheet.size))
    sheet.progress.tick()
    grey = luminance(first)
    busy = blur(np.abs(grey - blur(grey, sheet.unit * 0.02)), sheet.unit * 0.03)
    plain = 1 - np.clip(busy / max(1e-3, float(np.quantile(busy, 0.9))), 0, 1)
    share = (0.32 + 0.36 * plain)[..., None]
    screened = 1 - (1 - first) * (1 - second)
    multiplied = first * second
    soft = np.where(grey[..., None] > 0.5, multiplied, screened)
    sheet.image = np.clip(first * (1 - share) + share * (0.6 * second + 0.4 * soft), 0, 1)


def _in_colours_of(sheet: Sheet, other: Pixels) -> None:
    """Colour transfer (Reinhard 2001) in OKLab: mean and spread of each channel; forms stay."""
    lab = to_oklab(np.clip(sheet.image, 0, 1))
    sheet.progress.tick()
    model = to_oklab(to_floats(shrink(other, side=COUNTED_AT)))
    small = as_floats(cv2.resize(lab, (200, 200), interpolation=cv2.INTER_AREA))
    for channel in range(3):
        mine, theirs = small[..., channel], model[..., channel]
        # A flat picture must not be torn apart, and lightness keeps half of its own.
        spread = float(np.clip(theirs.std() / max(1e-3, float(mine.std())), 0.45, 2.4))
        middle = float(theirs.mean())
        if channel == 0:
            spread, middle = 0.5 + 0.5 * spread, 0.45 * float(mine.mean()) + 0.55 * middle
        lab[..., channel] = (lab[..., channel] - float(mine.mean())) * spread + middle
    sheet.image = from_oklab(lab)


def _opaque(sheet: Sheet) -> Floats:
    """The sheet on white: two pictures that are joined leave nothing open."""
    if sheet.alpha is None:
        return sheet.image
    alpha, sheet.alpha = sheet.alpha[..., None], None
    sheet.image = as_floats(sheet.image * alpha + (1 - alpha))
    return sheet.image
