"""Classical enlargement: the picture which, made small again, is the given one. It sharpens and invents nothing."""

import cv2
import numpy as np

from config.base.pictures import MAX_PIXELS
from generation.providers.studio.noise import Floats, as_floats
from generation.providers.studio.pixels import Pixels, read_picture, to_bytes, to_floats
from generation.providers.studio.request import Progress, Refused, StudioRequest

# Rows of the small picture worked on at once, with enough margin that the seams agree.
STRIP, MARGIN = 160, 16
ROUNDS = {"draft": 2, "standard": 5, "fine": 9}


def upscale(request: StudioRequest, seed: int, progress: Progress) -> Pixels:
    """The source `scale` times as wide and high, any number of channels. Raises `Refused` beyond what we keep."""
    del seed  # Nothing is left to chance.
    pixels = read_picture(request.source)
    height, width = pixels.shape[:2]
    size = width * height * request.scale**2
    if size > MAX_PIXELS:
        raise Refused(
            "enlarged-too-far",
            f"{size} pixels are more than {MAX_PIXELS}",
            scale=request.scale,
            megapixels=round(size / 1e6),
            limit=MAX_PIXELS // 1_000_000,
        )
    result = np.empty((height * request.scale, width * request.scale, pixels.shape[2]), np.uint8)
    # In strips, kept as bytes: floats of a whole large result would not fit.
    starts = range(0, height, STRIP)
    for first in starts:
        progress.stage(0.9 / len(starts))
        low, high, last = max(0, first - MARGIN), min(height, first + STRIP + MARGIN), min(height, first + STRIP)
        part = to_floats(np.ascontiguousarray(pixels[low:high]))
        for _ in range(request.scale // 2):
            part = _project(part, ROUNDS[request.detail], progress)
        kept = part[(first - low) * request.scale : (last - low) * request.scale]
        result[first * request.scale : last * request.scale] = to_bytes(kept)
    return result


def _project(small: Floats, rounds: int, progress: Progress) -> Floats:
    """Sharpen a little, then correct what would not shrink back to `small`, and again; the last two only correct."""
    height, width = small.shape[:2]
    size = (width * 2, height * 2)
    # Beyond the range of the neighbours lies ringing, not detail.
    kernel = np.ones((3, 3), np.uint8)
    floor, ceiling = (_double(as_floats(edge(small, kernel)), size) for edge in (cv2.erode, cv2.dilate))
    slack = np.float32(0.02)
    large = as_floats(cv2.resize(small, size, interpolation=cv2.INTER_CUBIC)).reshape(floor.shape)
    for at in range(rounds):
        if at < rounds - 2:
            large += 0.15 * (large - as_floats(cv2.GaussianBlur(large, (0, 0), 1.0)).reshape(large.shape))
        shrunk = as_floats(cv2.resize(large, (width, height), interpolation=cv2.INTER_AREA)).reshape(small.shape)
        large += as_floats(cv2.resize(small - shrunk, size, interpolation=cv2.INTER_CUBIC)).reshape(large.shape)
        np.clip(large, floor - slack, ceiling + slack, out=large)
        progress.tick()
    return large


def _double(image: Floats, size: tuple[int, int]) -> Floats:
    return as_floats(cv2.resize(image, size, interpolation=cv2.INTER_LINEAR)).reshape(
        size[1], size[0], *image.shape[2:]
    )
