"""Pictures as bytes of a file and as arrays: decoding, sizes, transparency, encoding. RGB or RGBA throughout."""

from typing import TypeVar

import cv2
import numpy as np
import numpy.typing as npt

from generation.providers.studio.noise import Floats, as_floats
from generation.providers.studio.request import Refused

Pixels = npt.NDArray[np.uint8]
Number = TypeVar("Number", bound=np.generic)

# PNG's effort: more than this costs time and saves a hundredth; large ones are written with less, to be done in time.
COMPRESSION, COMPRESSION_LARGE = 3, 1
LARGE = 8_000_000


def read_picture(source: bytes | None) -> Pixels:
    """RGB or RGBA bytes, shape (height, width, 3 or 4), of a file that our intake has cleaned. Raises `Refused`."""
    decoded = cv2.imdecode(np.frombuffer(source or b"", np.uint8), cv2.IMREAD_UNCHANGED) if source else None
    if decoded is None:
        raise Refused("undecodable", "the source picture cannot be decoded")
    if decoded.dtype != np.uint8:
        decoded = (decoded / 257).astype(np.uint8)
    if decoded.ndim == 2 or decoded.shape[2] == 1:
        decoded = cv2.cvtColor(decoded, cv2.COLOR_GRAY2BGR)
    return np.ascontiguousarray(decoded[..., [2, 1, 0, 3][: decoded.shape[2]]]).astype(np.uint8)


def read_mask(source: bytes | None, size: tuple[int, int]) -> Pixels:
    """One channel of 0 to 255 in `size` (width, height): white may change. Raises `Refused`."""
    decoded = cv2.imdecode(np.frombuffer(source or b"", np.uint8), cv2.IMREAD_GRAYSCALE) if source else None
    if decoded is None:
        raise Refused("undecodable", "the mask cannot be decoded")
    if (decoded.shape[1], decoded.shape[0]) != size:
        decoded = cv2.resize(decoded, size, interpolation=cv2.INTER_NEAREST)
    return np.asarray(decoded, np.uint8)


def over_white(pixels: Pixels) -> Pixels:
    """What an RGBA picture looks like on white paper; an RGB picture as it is."""
    if pixels.shape[2] == 3:
        return pixels
    alpha = as_floats(pixels[..., 3:]) / 255
    return to_bytes(as_floats(as_floats(pixels[..., :3]) / 255 * alpha + (1 - alpha)))


def to_floats(pixels: Pixels) -> Floats:
    return as_floats(pixels) * np.float32(1 / 255)


def to_bytes(image: Floats) -> Pixels:
    return np.asarray(np.clip(image * 255 + 0.5, 0, 255), dtype=np.uint8)


def shrink(pixels: Pixels, *, side: int = 0, most: int = 0) -> Pixels:
    """The picture with its long side at most `side` pixels, or with at most `most` pixels; never enlarged."""
    height, width = pixels.shape[:2]
    factor = 1.0
    if side:
        factor = min(factor, side / max(width, height))
    if most:
        factor = min(factor, float(np.sqrt(most / (width * height))))
    if factor >= 1.0:
        return pixels
    size = max(1, round(width * factor)), max(1, round(height * factor))
    return resize(pixels, size)


def resize(pixels: Pixels, size: tuple[int, int]) -> Pixels:
    """The picture in exactly `size` (width, height), by the filter that suits the direction."""
    how = cv2.INTER_AREA if size[0] < pixels.shape[1] else cv2.INTER_CUBIC
    return np.asarray(cv2.resize(pixels, size, interpolation=how), np.uint8)


def cut_to(pixels: npt.NDArray[Number], ratio: float) -> npt.NDArray[Number]:
    """The largest part of width/height `ratio`, from the middle."""
    rows, columns = pixels.shape[:2]
    width, height = max(1, min(columns, round(rows * ratio))), max(1, min(rows, round(columns / ratio)))
    left, top = (columns - width) // 2, (rows - height) // 2
    return pixels[top : top + height, left : left + width]


def cover(pixels: Pixels, size: tuple[int, int]) -> Pixels:
    """Cut to the ratio of `size` (width, height) from the middle, then scaled to it."""
    return resize(cut_to(pixels, size[0] / size[1]), size)


def encode_png(pixels: Pixels) -> bytes:
    """A PNG without metadata."""
    channels = [2, 1, 0, 3][: pixels.shape[2]]
    effort = COMPRESSION if pixels.shape[0] * pixels.shape[1] < LARGE else COMPRESSION_LARGE
    flipped = np.ascontiguousarray(pixels[..., channels])
    coded, png = cv2.imencode(".png", flipped, [cv2.IMWRITE_PNG_COMPRESSION, effort])
    if not coded:
        raise ValueError("the picture could not be encoded")
    return png.tobytes()
