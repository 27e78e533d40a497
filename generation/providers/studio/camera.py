"""A camera that moves over a still: eased, below the pixel, near things faster than far ones."""

from dataclasses import dataclass

import cv2
import numpy as np

from generation.providers.studio.noise import Floats, as_floats, random_for
from generation.providers.studio.pixels import Pixels

# The still has so many pixels to one of a frame, along each edge: what the closest view needs.
OVERSIZE = 1.3
# Depth is looked up on a sheet so much smaller than the frame.
COARSE = 4
MOVES = ("zoom-in", "zoom-out", "pan-left", "pan-right", "rise")


@dataclass(frozen=True, slots=True)
class View:
    """Where the camera looks. `x`, `y`: -1 to 1 over what the zoom leaves free; `zoom` from 1; `turn` in degrees."""

    x: float
    y: float
    zoom: float
    turn: float = 0.0


@dataclass(frozen=True, slots=True)
class Move:
    """From one view to another; `parallax` is how far near and far part on the way, as a share of the frame."""

    start: View
    end: View
    parallax: float

    def at(self, time: float) -> View:
        """The view at `time` (0 to 1): a soft start and a soft stop around an even pace."""
        eased = 0.3 * time + 0.7 * time * time * (3 - 2 * time)

        def between(first: float, last: float) -> float:
            return first + (last - first) * eased

        # Zooming is even when its logarithm is.
        zoom = float(np.exp(between(np.log(self.start.zoom), np.log(self.end.zoom))))
        return View(
            between(self.start.x, self.end.x),
            between(self.start.y, self.end.y),
            zoom,
            between(self.start.turn, self.end.turn),
        )


def choose_move(motion: str, seed: int, centre: tuple[float, float], seconds: int) -> Move:
    """The move that is asked for, or one by the seed, with a little chance in it. `centre`: who to look at, -1 to 1."""
    rng = random_for(seed, "camera")
    name = MOVES[int(rng.integers(len(MOVES)))] if motion == "auto" else motion
    # A longer film goes farther, not slower only.
    reach = min(1.0, 0.55 + 0.1 * seconds) * float(rng.uniform(0.85, 1.0))
    turn = float(rng.uniform(-0.5, 0.5))
    x, y = (float(np.clip(part * 0.8 + rng.uniform(-0.15, 0.15), -0.9, 0.9)) for part in centre)
    wide, close = View(0.0, 0.0, 1.02), View(x, y, 1.02 + 0.25 * reach, turn)
    drift = float(rng.uniform(-0.25, 0.25))
    moves = {
        "zoom-in": Move(wide, close, 0.012),
        "zoom-out": Move(close, wide, 0.012),
        "pan-left": Move(View(reach, drift, 1.18), View(-reach, -drift, 1.21), 0.022),
        "pan-right": Move(View(-reach, drift, 1.18), View(reach, -drift, 1.21), 0.022),
        "rise": Move(View(drift, reach, 1.21), View(-drift, -reach, 1.18), 0.018),
    }
    return moves[name]


class Camera:
    """Takes frames of `size` (width, height) from an RGB still that is `OVERSIZE` times as large.

    `depth` is a small sheet of 0 (far) to 1 (near) of the still's shape.
    """

    def __init__(self, still: Pixels, depth: Floats, size: tuple[int, int], move: Move) -> None:
        # Where the view is wide, several pixels fall on one: a breath of blur keeps them from glittering.
        self._still = np.asarray(cv2.GaussianBlur(still, (0, 0), 0.45), np.uint8)
        self._width, self._height = size
        self._move = move
        self._small = max(2, size[0] // COARSE), max(2, size[1] // COARSE)
        sheet = (max(2, still.shape[1] // COARSE), max(2, still.shape[0] // COARSE))
        # Depth that jumps would tear; it must be smoother than the parallax is long.
        grown = cv2.resize(depth, sheet, interpolation=cv2.INTER_CUBIC)
        self._depth = as_floats(cv2.GaussianBlur(grown, (0, 0), max(1.0, 0.025 * sheet[0])))
        self._xs = as_floats(np.arange(self._width) - (self._width - 1) / 2)[None, :]
        self._ys = as_floats(np.arange(self._height) - (self._height - 1) / 2)[:, None]

    def frame(self, time: float) -> Pixels:
        """The frame at `time`, 0 to 1."""
        view = self._move.at(time)
        wide, high = self._still.shape[1], self._still.shape[0]
        step = min(wide / self._width, high / self._height) / view.zoom
        angle = np.radians(view.turn)
        c, s = float(np.cos(angle)) * step, float(np.sin(angle)) * step
        # The camera's way is as long as the still leaves free, less what parallax needs.
        free_x = max(0.0, (wide - self._width * step) / 2 - self._move.parallax * wide - abs(s) * self._height / 2)
        free_y = max(0.0, (high - self._height * step) / 2 - self._move.parallax * high - abs(s) * self._width / 2)
        x, y = (wide - 1) / 2 + view.x * free_x, (high - 1) / 2 + view.y * free_y
        near = self._nearness(c, s, x, y)
        shift = self._move.parallax * self._width * step * 2
        along = view.zoom - (self._move.start.zoom + self._move.end.zoom) / 2
        # A zoom parts near and far from the middle outwards; a pan moves the near against the far.
        part = 1 - near * (along * 0.35)
        map_x = as_floats(x + (self._xs * c - self._ys * s) * part + near * (view.x * shift))
        map_y = as_floats(y + (self._xs * s + self._ys * c) * part + near * (view.y * shift))
        return np.asarray(
            cv2.remap(self._still, map_x, map_y, cv2.INTER_LINEAR, borderMode=cv2.BORDER_REFLECT_101), np.uint8
        )

    def _nearness(self, c: float, s: float, x: float, y: float) -> Floats:
        """Depth under each pixel of the frame, -0.5 to 0.5, looked up as if all were equally far."""
        ratio_x, ratio_y = self._width / self._small[0], self._height / self._small[1]
        columns = (np.arange(self._small[0]) + 0.5) * ratio_x - self._width / 2
        rows = (np.arange(self._small[1]) + 0.5) * ratio_y - self._height / 2
        at_x = (x + columns[None, :] * c - rows[:, None] * s) * (self._depth.shape[1] / self._still.shape[1])
        at_y = (y + columns[None, :] * s + rows[:, None] * c) * (self._depth.shape[0] / self._still.shape[0])
        found = cv2.remap(
            self._depth, as_floats(at_x), as_floats(at_y), cv2.INTER_LINEAR, borderMode=cv2.BORDER_REPLICATE
        )
        return as_floats(
            cv2.resize(found, (self._width, self._height), interpolation=cv2.INTER_LINEAR) - np.float32(0.5)
        )
