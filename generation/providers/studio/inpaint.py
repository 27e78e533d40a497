"""Filling what the mask leaves open: small holes from their rim, larger ones with likenesses from the picture itself.

Outside the mask not one value changes. What the words name, if the studio can draw it, is painted into the hole.
"""

from dataclasses import replace

import cv2
import numpy as np

from generation.providers.studio.exemplar import STRIP_PIXELS, Hints, Holes, copy_by, find_offsets
from generation.providers.studio.noise import Floats, as_floats, random_for, smoothstep
from generation.providers.studio.painting import is_abstract, paint
from generation.providers.studio.pixels import Pixels, read_mask, read_picture
from generation.providers.studio.prompt import read
from generation.providers.studio.request import Progress, Refused, StudioRequest

# A mask's grey from here on is part of the hole.
OPEN = 96
# Holes whose middle lies at most so many pixels from their rim are closed from it.
THIN = 5
# By so many levels of 256 the copied parts are made lighter or darker at most, to meet the rim.
STEP = 24
NOTHING_KNOWN = Hints()
# Of a picture so much must be left to go by.
MOST = 0.95


def inpaint(request: StudioRequest, seed: int, progress: Progress) -> Pixels:
    """The source with its hole filled; RGBA stays RGBA. Raises `Refused` for a mask that opens nothing or all."""
    pixels = read_picture(request.source)
    height, width = pixels.shape[:2]
    hole = read_mask(request.mask, (width, height)) >= OPEN
    share = float(hole.mean())
    if share == 0:
        raise Refused("empty-mask", "the mask opens nothing")
    if share > MOST:
        raise Refused("full-mask", "the mask leaves nothing of the picture")
    top, bottom, left, right = _around(hole)
    part, open_ = np.ascontiguousarray(pixels[top:bottom, left:right, :3]), hole[top:bottom, left:right]
    progress.stage(0.7)
    made = fill(part, open_, random_for(seed, "fill"), progress)
    if _draws(request.prompt):
        progress.stage(0.1)
        made = _painted(request, made, open_, seed, progress)
    progress.stage(0.1)
    result = pixels.copy()
    result[top:bottom, left:right, :3][open_] = made[open_]
    if pixels.shape[2] == 4:
        result[..., 3][hole] = 255
    return result


def _around(hole: Holes) -> tuple[int, int, int, int]:
    """The part of the picture that the filling looks at: the hole and as much again on every side."""
    rows, columns = np.flatnonzero(hole.any(axis=1)), np.flatnonzero(hole.any(axis=0))
    height, width = rows[-1] - rows[0] + 1, columns[-1] - columns[0] + 1
    reach = int(max(96, 0.9 * max(height, width)))
    return (
        max(0, int(rows[0]) - reach),
        min(hole.shape[0], int(rows[-1]) + 1 + reach),
        max(0, int(columns[0]) - reach),
        min(hole.shape[1], int(columns[-1]) + 1 + reach),
    )


def fill(
    pixels: Pixels,
    hole: Holes,
    rng: np.random.Generator,
    progress: Progress,
    hints: Hints = NOTHING_KNOWN,
    step: int = STEP,
) -> Pixels:
    """RGB with the hole filled; outside it nothing is touched.

    By `step` levels of 256 at most, what is copied is made lighter or darker to meet the rim.
    """
    thick = float(cv2.distanceTransform(np.pad(hole.astype(np.uint8), 1), cv2.DIST_L2, 3).max())
    result = pixels.copy()
    progress.tick()
    offsets = None if thick <= THIN else find_offsets(pixels, hole, rng, progress, hints)
    if offsets is None:
        if not hints.begun:
            closed = cv2.inpaint(pixels, hole.astype(np.uint8), 4, cv2.INPAINT_TELEA)
            result[hole] = closed[hole]
        progress.tick()
        return result
    copied, found = copy_by(pixels, hole, offsets, progress)
    change = _change_of_light(pixels, copied, found & ~hole, step)
    progress.tick()
    height, width = hole.shape
    factor = change.shape[1] / width, change.shape[0] / height
    rows = max(16, STRIP_PIXELS // width)
    for first in range(0, height, rows):
        open_ = hole[first : first + rows] & found[first : first + rows]
        if open_.any():
            at = as_floats([[factor[0], 0, 0], [0, factor[1], first * factor[1]]])
            flags = cv2.INTER_LINEAR | cv2.WARP_INVERSE_MAP
            bent = cv2.warpAffine(
                change, at, (width, open_.shape[0]), flags=flags, borderMode=cv2.BORDER_REPLICATE
            ) + as_floats(copied[first : first + rows])
            result[first : first + rows][open_] = np.clip(bent[open_] + 0.5, 0, 255).astype(np.uint8)
        progress.tick()
    return _soften(result, hole)


def _change_of_light(pixels: Pixels, copied: Pixels, both: Holes, step: int) -> Floats:
    """What must be added to the copy (levels of 256, on a small sheet) for it to meet the picture around the hole.

    Light may change slowly over a picture; what the rim cuts in two must not bleed into the hole.
    """
    height, width = both.shape
    factor = min(1.0, 700 / max(height, width))
    size = max(1, round(width * factor)), max(1, round(height * factor))
    small, other = (as_floats(cv2.resize(part, size, interpolation=cv2.INTER_AREA)) for part in (pixels, copied))
    known = cv2.resize(both.astype(np.uint8) * 255, size, interpolation=cv2.INTER_AREA) > 250
    return membrane(as_floats(np.clip(small - other, -step, step)), known)


def _soften(result: Pixels, hole: Holes) -> Pixels:
    """The first two pixels of the fill lean towards their neighbours outside."""
    rim = hole & (cv2.dilate((~hole).astype(np.uint8), np.ones((5, 5), np.uint8)) > 0)
    smooth = cv2.GaussianBlur(result, (5, 5), 1.1)
    softened = result.copy()
    softened[rim] = ((result[rim].astype(np.uint16) + smooth[rim]) // 2).astype(np.uint8)
    return softened


def membrane(values: Floats, known: Holes) -> Floats:
    """`values` where they are known, smoothly continued everywhere else: means over ever wider areas, finest first."""
    height, width = known.shape
    weight = known.astype(np.float32)
    pyramid = [(as_floats(values * weight[..., None]), weight)]
    while min(pyramid[-1][1].shape) > 2:
        total, power = pyramid[-1]
        size = (max(1, (power.shape[1] + 1) // 2), max(1, (power.shape[0] + 1) // 2))
        pyramid.append(
            (
                as_floats(cv2.resize(total, size, interpolation=cv2.INTER_AREA)),
                as_floats(cv2.resize(power, size, interpolation=cv2.INTER_AREA)),
            )
        )
    total, power = pyramid[-1]
    result = as_floats(total / np.maximum(power, 1e-6)[..., None])
    for total, power in pyramid[-2::-1]:
        wider = as_floats(cv2.resize(result, (power.shape[1], power.shape[0]), interpolation=cv2.INTER_LINEAR))
        wider = as_floats(cv2.GaussianBlur(wider, (0, 0), 1.0)).reshape(*power.shape, -1)
        # A narrow rim fills little of a wide cell, and yet it is all that is known there.
        sure = np.clip(power * 40, 0, 1)[..., None]
        result = as_floats(sure * (total / np.maximum(power, 1e-6)[..., None]) + (1 - sure) * wider)
    return as_floats(result.reshape(height, width, -1))


def _draws(prompt: str) -> bool:
    """Whether the words name something that the studio can draw; else the hole is closed with what is there."""
    return not is_abstract(read(prompt)) or bool(read(prompt).of("abstract"))


def _painted(request: StudioRequest, filled: Pixels, hole: Holes, seed: int, progress: Progress) -> Pixels:
    """What the words name, painted to the hole's size and let into the picture with a soft edge inside the hole."""
    rows, columns = np.flatnonzero(hole.any(axis=1)), np.flatnonzero(hole.any(axis=0))
    top, left = int(rows[0]), int(columns[0])
    height, width = int(rows[-1]) + 1 - top, int(columns[-1]) + 1 - left
    factor = min(1.0, 1200 / max(width, height))
    size = max(16, round(width * factor)), max(16, round(height * factor))
    scene = paint(replace(request, task="text-to-image", width=size[0], height=size[1]), seed, progress)
    scene = np.asarray(cv2.resize(scene, (width, height), interpolation=cv2.INTER_CUBIC), np.uint8)
    inside = cv2.distanceTransform(np.pad(hole.astype(np.uint8), 1), cv2.DIST_L2, 3)[1:-1, 1:-1]
    soft = smoothstep(0.0, max(2.0, 0.25 * float(inside.max())), as_floats(inside))
    share = (soft * request.strength**0.5)[top : top + height, left : left + width, None]
    result = filled.copy()
    part = as_floats(result[top : top + height, left : left + width])
    result[top : top + height, left : left + width] = np.clip(part + share * (scene - part) + 0.5, 0, 255).astype(
        np.uint8
    )
    return result
