"""Continuing a picture beyond its edges. The picture itself stays as it is, value for value, in the middle.

What is new begins as the picture's mirror image, stretched and blurred the more the farther out, so that lines go on
across the edge; then likenesses from all over the picture take its place, matched to the edge in light and colour.
"""

import cv2
import numpy as np

from config.base.pictures import MAX_PIXELS
from generation.providers.studio.cutout import clear_subject
from generation.providers.studio.exemplar import Hints
from generation.providers.studio.inpaint import fill, membrane
from generation.providers.studio.noise import Floats, as_floats, random_for, smoothstep
from generation.providers.studio.pixels import Pixels, read_picture, resize
from generation.providers.studio.request import Margins, Progress, Refused, StudioRequest

# Long side of the sheet on which the first guess is made.
GUESSED_AT = 900
# By so many levels of 256 the copied parts may be made lighter or darker: a vignette needs it.
STEP = 70
# How far the plain mirror image reaches, as a share of the picture's side, while it gives way to the likenesses.
MIRRORED = 0.16


def outpaint(request: StudioRequest, seed: int, progress: Progress) -> Pixels:
    """The source with margins added; RGBA stays RGBA. Raises `Refused` beyond what we keep."""
    pixels = read_picture(request.source)
    rows, columns = pixels.shape[:2]
    margins = request.margins
    height, width = rows + margins.top + margins.bottom, columns + margins.left + margins.right
    if width * height > MAX_PIXELS:
        raise Refused(
            "grown-too-far",
            f"{width * height} pixels are more than {MAX_PIXELS}",
            megapixels=round(width * height / 1e6),
            limit=MAX_PIXELS // 1_000_000,
        )
    progress.stage(0.85)
    middle = np.s_[margins.top : margins.top + rows, margins.left : margins.left + columns]
    hole = np.ones((height, width), bool)
    hole[middle] = False
    shown = np.ascontiguousarray(pixels[..., :3])
    subject = clear_subject(shown, progress)
    sheet = _first_guess(shown, subject, margins)
    sheet[middle] = shown
    progress.tick()
    hints = Hints(begun=True, avoid=_placed(subject, margins, (width, height)), rows=_rows(rows, margins), order=0.5)
    made = fill(sheet, hole, random_for(seed, "outpaint"), progress, hints, STEP)
    progress.tick()
    _join(made, shown, margins)
    if pixels.shape[2] == 3:
        return made
    sides = (margins.top, margins.bottom, margins.left, margins.right)
    return np.dstack([made, cv2.copyMakeBorder(pixels[..., 3], *sides, cv2.BORDER_REPLICATE)])


def _join(made: Pixels, pixels: Pixels, margins: Margins) -> None:
    """Next to the edge the picture's mirror image itself: nothing else meets it so exactly. In place."""
    rows, columns = pixels.shape[:2]
    reach = float(np.sqrt(rows * columns)) * MIRRORED
    wide = max(1, min(round(reach), rows - 1, columns - 1))
    top, bottom, left, right = (min(wide, side) for side in (margins.top, margins.bottom, margins.left, margins.right))
    mirror = cv2.copyMakeBorder(pixels, top, bottom, left, right, cv2.BORDER_REFLECT_101)
    out_y, out_x = _outside(mirror.shape[0], top, rows), _outside(mirror.shape[1], left, columns)
    strip = 256
    for first in range(0, mirror.shape[0], strip):
        part = mirror[first : first + strip]
        low = first + margins.top - top
        place = np.s_[low : low + part.shape[0], margins.left - left : margins.left - left + part.shape[1]]
        away = np.hypot(out_x[None, :], out_y[first : first + strip, None])
        share = smoothstep(0.25 * wide, wide, as_floats(away))[..., None]
        mixed = as_floats(part) * (1 - share) + made[place] * share
        made[place] = np.where(away[..., None] == 0, part, np.clip(mixed + 0.5, 0, 255).astype(np.uint8))


def _outside(count: int, before: int, inside: int) -> Floats:
    """How many pixels each of `count` lies beyond the `inside` ones that begin at `before`."""
    at = np.arange(count)
    return as_floats(np.maximum(before - at, 0) + np.maximum(at - (before + inside - 1), 0))


def _rows(rows: int, margins: Margins) -> tuple[float, float]:
    """Between which shares of the new height the old picture lies."""
    height = rows + margins.top + margins.bottom
    return margins.top / height, (margins.top + rows) / height


def _placed(subject: Floats, margins: Margins, size: tuple[int, int]) -> Floats:
    """The mask of who is in the picture, who must not appear twice, on a small sheet of the new shape."""
    factor = min(1.0, GUESSED_AT / max(size))
    top, bottom, left, right = (
        round(side * factor) for side in (margins.top, margins.bottom, margins.left, margins.right)
    )
    across, down = (round(side * factor) for side in size)
    inner = max(1, across - left - right), max(1, down - top - bottom)
    grown = cv2.dilate(cv2.resize(subject, inner, interpolation=cv2.INTER_LINEAR), np.ones((9, 9), np.uint8))
    return as_floats(cv2.copyMakeBorder(grown, top, bottom, left, right, cv2.BORDER_CONSTANT, value=0))


def _without(pixels: Pixels, subject: Floats) -> Pixels:
    """The picture with its subject smoothed away, but for where it leaves the picture at the bottom."""
    size = (pixels.shape[1], pixels.shape[0])
    mask = cv2.dilate(cv2.resize(subject, size, interpolation=cv2.INTER_LINEAR), np.ones((9, 9), np.uint8)) > 0.1
    if not mask.any():
        return pixels
    smooth = membrane(as_floats(pixels), ~mask)
    result = pixels.copy()
    result[mask] = np.clip(smooth[mask], 0, 255).astype(np.uint8)
    return result


def _first_guess(pixels: Pixels, subject: Floats, margins: Margins) -> Pixels:
    """The mirror image around the picture, made on a small sheet and enlarged to the whole."""
    rows, columns = pixels.shape[:2]
    height, width = rows + margins.top + margins.bottom, columns + margins.left + margins.right
    factor = min(1.0, GUESSED_AT / max(width, height))
    size = max(8, round(width * factor)), max(8, round(height * factor))
    small = _without(resize(pixels, (max(2, round(columns * factor)), max(2, round(rows * factor)))), subject)
    xs, out_x = _mirrored(size[0], margins.left * factor, small.shape[1], 0.5)
    ys, out_y = _mirrored(size[1], margins.top * factor, small.shape[0], 3.0)
    grid = as_floats(np.broadcast_to(xs[None, :], size[::-1])), as_floats(np.broadcast_to(ys[:, None], size[::-1]))
    mirror = as_floats(cv2.remap(small, *grid, cv2.INTER_LINEAR, borderMode=cv2.BORDER_REFLECT_101))
    away = np.hypot(out_x[None, :], out_y[:, None])
    unit = float(np.sqrt(small.shape[0] * small.shape[1]))
    for sigma, first, last in ((0.006, 0.02, 0.15), (0.03, 0.15, 0.6)):
        share = smoothstep(first * unit, last * unit, as_floats(away))[..., None]
        mirror += share * (cv2.GaussianBlur(mirror, (0, 0), max(0.6, sigma * unit)) - mirror)
    return resize(np.clip(mirror + 0.5, 0, 255).astype(np.uint8), (width, height))


def _mirrored(count: int, before: float, inside: int, stretch: float) -> tuple[Floats, Floats]:
    """Where each of `count` pixels looks in a picture of `inside` pixels, and how far beyond its edge it lies.

    One picture's width away it is stretched by `stretch` times as much again.
    """
    at = np.arange(count, dtype=np.float32) - np.float32(before)
    low, high = np.maximum(-at, 0), np.maximum(at - (inside - 1), 0)
    out = low + high
    reach = out / (1 + stretch * np.minimum(out / inside, 1))
    return as_floats(np.where(low > 0, -reach, np.where(high > 0, inside - 1 + reach, at))), as_floats(out)
