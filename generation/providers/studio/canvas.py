"""The sheet that a picture is painted on: layers over layers, in floats, each with the edges smoothed."""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager

import cv2
import numpy as np
import numpy.typing as npt

from generation.providers.studio.noise import Floats, as_floats, field
from generation.providers.studio.request import Progress

Bytes = npt.NDArray[np.uint8]

# cv2 takes points as integers; four bits below the pixel are kept.
SHIFT = 4


def fixed(points: Floats) -> npt.NDArray[np.int32]:
    return np.round(np.asarray(points) * (1 << SHIFT)).astype(np.int32)


def to_bgr(colour: Floats) -> tuple[float, float, float]:
    """cv2's order of channels is only a habit: our sheet is RGB, so the colour is handed over as it is."""
    red, green, blue = (float(part) * 255 for part in colour)
    return red, green, blue


class Canvas:
    """An RGB sheet of floats from 0 to 1. Sizes are shares of `unit`: its side in pixels if it were square."""

    def __init__(self, width: int, height: int, progress: Progress) -> None:
        self.width, self.height = width, height
        self.unit = float(np.sqrt(width * height))
        self.image: Floats = np.zeros((height, width, 3), np.float32)
        self.progress = progress
        self.xs: Floats = np.arange(width, dtype=np.float32)[None, :]
        self.ys: Floats = np.arange(height, dtype=np.float32)[:, None]

    @property
    def size(self) -> tuple[int, int]:
        return self.width, self.height

    def field(
        self, rng: np.random.Generator, cells: tuple[float, float], octaves: int = 4, gain: float = 0.5
    ) -> Floats:
        """Fractal noise over the whole sheet; see `noise.field`."""
        made = field(rng, self.size, cells, octaves, gain)
        self.progress.tick()
        return made

    def over(self, mask: Floats, colour: Floats, top: int = 0) -> None:
        """Paint `colour` (one, one a row, or one a pixel) through `mask` whose first row is row `top`."""
        part = self.image[top : top + mask.shape[0]]
        part += mask[..., None] * (colour - part)
        self.progress.tick()

    def glow(self, light: Floats, colour: Floats, top: int = 0) -> None:
        """Add light of `colour`, as a second exposure does: it never burns beyond white."""
        part = self.image[top : top + light.shape[0]]
        part += (1.0 - part) * (light[..., None] * colour)
        np.minimum(part, 1.0, out=part)
        self.progress.tick()

    def shadow(self, mask: Floats, tint: Floats, top: int = 0) -> None:
        """Multiply by `tint` where the mask is."""
        part = self.image[top : top + mask.shape[0]]
        part *= 1.0 - mask[..., None] * (1.0 - tint)
        self.progress.tick()

    def mask(self, shapes: Sequence[Floats]) -> Floats:
        """The union of polygons (pixels, any number of points each) as a smooth-edged mask of the whole sheet."""
        drawn = np.zeros((self.height, self.width), np.uint8)
        for shape in shapes:
            cv2.fillPoly(drawn, [fixed(shape)], 255, cv2.LINE_AA, SHIFT)
        return as_floats(drawn) * np.float32(1 / 255)

    def below(self, outline: Floats) -> tuple[Floats, int]:
        """What lies under an outline (a height in pixels for each column): a smooth mask, and the row it begins at."""
        top = int(max(0, min(self.height - 1, np.floor(outline.min()) - 1)))
        steepness = np.sqrt(1.0 + np.gradient(outline) ** 2)
        mask = (self.ys[top:] - outline[None, :]) / np.minimum(steepness, 3.0)[None, :] + 0.5
        return as_floats(np.clip(mask, 0.0, 1.0)), top

    @contextmanager
    def drawing(self) -> Iterator[Bytes]:
        """A byte copy to draw smooth shapes on; afterwards only the pixels that were touched are taken back."""
        before = np.clip(self.image * 255 + 0.5, 0, 255).astype(np.uint8)
        sheet = before.copy()
        yield sheet
        touched = cv2.absdiff(sheet, before).any(axis=2)
        self.image[touched] = as_floats(sheet[touched]) / 255
        self.progress.tick()

    def radius(self, x: float, y: float) -> Floats:
        """Each pixel's distance from a point, in pixels."""
        return as_floats(np.sqrt((self.xs - np.float32(x)) ** 2 + (self.ys - np.float32(y)) ** 2))


def fill(sheet: Bytes, shape: Floats, colour: Floats) -> None:
    cv2.fillPoly(sheet, [fixed(shape)], to_bgr(colour), cv2.LINE_AA, SHIFT)


def stroke(sheet: Bytes, points: Floats, colour: Floats, width: float, *, closed: bool = False) -> None:
    cv2.polylines(sheet, [fixed(points)], closed, to_bgr(colour), max(1, round(width)), cv2.LINE_AA, SHIFT)


def disc(sheet: Bytes, x: float, y: float, radius: float, colour: Floats) -> None:
    centre = (round(x * (1 << SHIFT)), round(y * (1 << SHIFT)))
    cv2.circle(sheet, centre, max(1, round(radius * (1 << SHIFT))), to_bgr(colour), -1, cv2.LINE_AA, SHIFT)
