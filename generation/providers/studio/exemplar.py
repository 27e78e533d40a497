"""Filling a hole with parts of the picture around it, from coarse to fine.

Each pixel of the hole looks for the place in the rest of the picture whose surroundings fit best (PatchMatch, Barnes
2009: neighbours tell each other where they look, and chance suggests others), then the found patches vote on what it
becomes (Wexler 2007). What is found on a small copy says from where the full size is copied, so detail stays sharp.
"""

from dataclasses import dataclass

import cv2
import numpy as np
import numpy.typing as npt

from generation.providers.studio.noise import Floats, as_floats
from generation.providers.studio.pixels import Pixels, to_floats
from generation.providers.studio.request import Progress

Places = npt.NDArray[np.int32]
Holes = npt.NDArray[np.bool_]

RADIUS = 3
# Of a patch's 49 pixels these are compared and vote: every second one and the middle.
OFFSETS = np.array(
    [(y, x) for y in range(-RADIUS, RADIUS + 1) for x in range(-RADIUS, RADIUS + 1) if (x + y) % 2 == 0], np.int32
)
# At most so many patches are looked for at once: it bounds the time.
MOST = 16_000
# Full-size pixels that are copied at once.
STRIP_PIXELS = 600_000
NEIGHBOURS = ((0, 1), (1, 0), (0, -1), (-1, 0))


@dataclass(frozen=True, slots=True)
class Hints:
    """What is known of a hole. `begun`: it holds a first guess. `avoid`: nothing is copied from there (a mask of the
    picture in any size). `rows`: between these shares of the height lies what there is to copy from. `order`: how much
    above must stay above; a place a whole height away is as bad as this mean squared difference.
    """

    begun: bool = False
    avoid: Floats | None = None
    rows: tuple[float, float] = (0.0, 1.0)
    order: float = 0.12


@dataclass(slots=True)
class Level:
    """One size of the picture. `image` is (height, width, 3), edges padded by `RADIUS`; places count in the padded.

    `home` is the row that each target would best be copied from: what is above belongs above.
    """

    image: Floats
    hole: Holes
    targets: Places
    allowed: Holes
    sources: Places
    home: Floats
    order: float

    @property
    def width(self) -> int:
        return int(self.image.shape[1])

    def patches(self, places: Places) -> Floats:
        """The compared pixels around each place, (count, offsets, 3)."""
        return self.image.reshape(-1, 3)[places[:, None] + (OFFSETS[:, 0] * self.width + OFFSETS[:, 1])[None, :]]


def find_offsets(
    pixels: Pixels, hole: Holes, rng: np.random.Generator, progress: Progress, hints: Hints
) -> Places | None:
    """For each pixel in and near the hole of a small copy, how many rows and columns away its likeness is.

    `pixels` are RGB; the answer is (rows, columns, 2) of the small copy, 0 away from the hole. None when the picture
    leaves nothing to copy from.
    """
    sizes = _sizes(hole)
    offsets: Places | None = None
    for at, (height, width) in enumerate(sizes):
        small = to_floats(np.asarray(cv2.resize(pixels, (width, height), interpolation=cv2.INTER_AREA), np.uint8))
        part = cv2.resize(hole.astype(np.uint8) * 255, (width, height), interpolation=cv2.INTER_AREA) > 4
        level = _level(small, part, hints)
        if level is None:
            # Too small to see anything but the hole and its rim; the next size may do.
            continue
        if offsets is None:
            if not hints.begun:
                level.image[level.hole] = _smooth_start(level)[level.hole]
            field = level.sources[rng.integers(0, len(level.sources), len(level.targets))]
        else:
            field = _enlarged(offsets, level, rng)
            _vote(level, field, np.zeros(len(field), np.float32))
        last = at == len(sizes) - 1
        for _ in range(2 if last and at else 4):
            field, cost = _search(level, field, rng, 1 if last else 2)
            _vote(level, field, cost)
            progress.tick()
        offsets = _offsets(level, field)
    return offsets


def _sizes(hole: Holes) -> list[tuple[int, int]]:
    """From where the hole is a few pixels wide to where it has as many patches as time allows; (height, width)."""
    height, width = hole.shape
    thick = float(cv2.distanceTransform(np.pad(hole.astype(np.uint8), 1), cv2.DIST_L2, 3).max())
    finest = min(1.0, float(np.sqrt(MOST / max(1, int(hole.sum())))))
    coarsest = max(min(finest, 3.0 / thick), 30 / min(height, width))
    sizes, factor = [], finest
    while True:
        sizes.append((max(16, round(height * factor)), max(16, round(width * factor))))
        if factor <= coarsest * 1.2 or min(sizes[-1]) <= 30:
            break
        factor = max(coarsest, factor / 2)
    return sizes[::-1]


def _level(image: Floats, hole: Holes, hints: Hints) -> Level | None:
    padded = as_floats(cv2.copyMakeBorder(image, *(RADIUS,) * 4, cv2.BORDER_REFLECT_101))
    around = np.pad(hole, RADIUS)
    kernel = np.ones((2 * RADIUS + 1, 2 * RADIUS + 1), np.uint8)
    near = cv2.dilate(around.astype(np.uint8), kernel) > 0
    inside = np.zeros_like(near)
    inside[RADIUS:-RADIUS, RADIUS:-RADIUS] = True
    whole = np.zeros_like(near)
    whole[2 * RADIUS : -2 * RADIUS, 2 * RADIUS : -2 * RADIUS] = True
    allowed = ~near & whole
    if hints.avoid is not None:
        size = (hole.shape[1], hole.shape[0])
        allowed &= ~np.pad(cv2.resize(hints.avoid, size, interpolation=cv2.INTER_LINEAR) > 0.1, RADIUS)
    if int(allowed.sum()) < 12:
        return None
    targets = np.flatnonzero(near & inside).astype(np.int32)
    low, high = (RADIUS + share * hole.shape[0] for share in hints.rows)
    home = np.clip(targets // around.shape[1], low, high)
    return Level(
        padded, around, targets, allowed, np.flatnonzero(allowed).astype(np.int32), as_floats(home), hints.order
    )


def _smooth_start(level: Level) -> Floats:
    """The hole closed by smooth continuation of its rim."""
    coded = np.clip(level.image * 255, 0, 255).astype(np.uint8)
    return as_floats(cv2.inpaint(coded, level.hole.astype(np.uint8), 3, cv2.INPAINT_NS)) * np.float32(1 / 255)


def _offsets(level: Level, field: Places) -> Places:
    """From places to distances, without the padding."""
    dense = np.zeros((*level.hole.shape, 2), np.int32)
    away = np.stack(np.divmod(field, level.width), axis=1) - np.stack(np.divmod(level.targets, level.width), axis=1)
    dense.reshape(-1, 2)[level.targets] = away
    return np.ascontiguousarray(dense[RADIUS:-RADIUS, RADIUS:-RADIUS])


def _enlarged(offsets: Places, level: Level, rng: np.random.Generator) -> Places:
    """The places found on the smaller copy, as places on this one."""
    height, width = (side - 2 * RADIUS for side in level.hole.shape)
    rows, columns = np.divmod(level.targets, level.width)
    factor = np.array([height / offsets.shape[0], width / offsets.shape[1]])
    before = (
        np.minimum(((rows - RADIUS) / factor[0]).astype(int), offsets.shape[0] - 1),
        np.minimum(((columns - RADIUS) / factor[1]).astype(int), offsets.shape[1] - 1),
    )
    away = np.round(offsets[before] * factor).astype(np.int32)
    places = (rows + away[:, 0]) * level.width + columns + away[:, 1]
    return _only_allowed(level, places, rng)


def _only_allowed(level: Level, places: npt.NDArray[np.integer], rng: np.random.Generator) -> Places:
    """Places that may not be copied from are replaced by any that may."""
    within: Places = np.clip(places, 0, level.allowed.size - 1).astype(np.int32)
    wrong = ~level.allowed.ravel()[within]
    within[wrong] = level.sources[rng.integers(0, len(level.sources), int(wrong.sum()))]
    return within


def _search(level: Level, field: Places, rng: np.random.Generator, passes: int) -> tuple[Places, Floats]:
    """Better places for all targets at once, and how unlike (mean squared difference) they still are."""
    wanted = level.patches(level.targets)
    best = field.copy()
    cost = _unlikeness(level, wanted, level.home, best)
    rank = np.full(level.hole.size, -1, np.int32)
    rank[level.targets] = np.arange(len(level.targets), dtype=np.int32)
    limits = np.array(level.hole.shape)
    for _ in range(passes):
        for step in (4, 1):
            for down, across in NEIGHBOURS:
                shift = (down * level.width + across) * step
                neighbour = rank[np.clip(level.targets - shift, 0, level.hole.size - 1)]
                told = np.where(neighbour >= 0, best[neighbour] + shift, -1)
                _improve(level, wanted, best, cost, told)
        reach = float(max(limits)) / 2
        while reach >= 2:
            rows, columns = np.divmod(best, level.width)
            jump = rng.uniform(-reach, reach, (2, len(best))).astype(np.int32)
            rows, columns = np.clip(rows + jump[0], 0, limits[0] - 1), np.clip(columns + jump[1], 0, limits[1] - 1)
            _improve(level, wanted, best, cost, rows * level.width + columns)
            reach /= 3
    return best, cost


def _improve(level: Level, wanted: Floats, best: Places, cost: Floats, told: npt.NDArray[np.integer]) -> None:
    """Take the places that are allowed and liker; in place."""
    told = np.where((told >= 0) & (told < level.allowed.size), told, 0)
    worth = np.flatnonzero(level.allowed.ravel()[told] & (told != best))
    if not len(worth):
        return
    places = told[worth].astype(np.int32)
    found = _unlikeness(level, wanted[worth], level.home[worth], places)
    better = found < cost[worth]
    best[worth[better]] = places[better]
    cost[worth[better]] = found[better]


def _unlikeness(level: Level, wanted: Floats, home: Floats, places: Places) -> Floats:
    away = (level.patches(places) - wanted).reshape(len(places), -1)
    rise = (places // level.width - home) / level.hole.shape[0]
    return as_floats(np.einsum("ij,ij->i", away, away) / away.shape[1] + level.order * rise * rise)


def _vote(level: Level, field: Places, cost: Floats) -> None:
    """Each hole pixel becomes the mean of what the patches over it hold there; the liker count more. In place."""
    flat = level.image.reshape(-1, 3)
    places = np.zeros(level.hole.size, np.int32)
    weights = np.zeros(level.hole.size, np.float32)
    places[level.targets] = field
    spread = float(np.quantile(cost, 0.6)) + 1e-5
    weights[level.targets] = np.exp(-cost / (2 * spread)) + 1e-4
    pixels = np.flatnonzero(level.hole & _inner(level)).astype(np.int32)
    total = np.zeros((len(pixels), 3), np.float32)
    power = np.full(len(pixels), 1e-9, np.float32)
    for down, across in OFFSETS:
        shift = int(down) * level.width + int(across)
        voters = np.clip(pixels - shift, 0, level.hole.size - 1)
        weight = weights[voters]
        total += flat[np.clip(places[voters] + shift, 0, level.hole.size - 1)] * weight[:, None]
        power += weight
    flat[pixels] = total / power[:, None]
    inner = np.ascontiguousarray(level.image[RADIUS:-RADIUS, RADIUS:-RADIUS])
    level.image[:] = cv2.copyMakeBorder(inner, *(RADIUS,) * 4, cv2.BORDER_REFLECT_101)


def _inner(level: Level) -> Holes:
    inside = np.zeros_like(level.hole)
    inside[RADIUS:-RADIUS, RADIUS:-RADIUS] = True
    return inside


def copy_by(pixels: Pixels, hole: Holes, offsets: Places, progress: Progress) -> tuple[Pixels, Holes]:
    """The full-size copy (RGB) that `offsets` of a small copy say, in and near the hole, and where there is any."""
    height, width = hole.shape
    reach = int(np.ceil(max(height / offsets.shape[0], width / offsets.shape[1]))) * 2 + 1
    near = cv2.dilate(hole.astype(np.uint8), np.ones((2 * reach + 1, 2 * reach + 1), np.uint8)) > 0
    result = np.zeros((height, width, 3), np.uint8)
    found = np.zeros((height, width), bool)
    # In strips, for a picture of fifty megapixels is too large for floats.
    rows = max(16, STRIP_PIXELS // width)
    for first in range(0, height, rows):
        ys, xs = (part.astype(np.int32) for part in np.nonzero(near[first : first + rows]))
        if len(ys):
            colours, sure = _copied(pixels, hole, offsets, ys + first, xs)
            result[ys + first, xs], found[ys + first, xs] = colours, sure
        progress.tick()
    return result, found


def _copied(pixels: Pixels, hole: Holes, offsets: Places, ys: Places, xs: Places) -> tuple[Pixels, Holes]:
    """Where two places disagree, one runs into the other over a pixel of the small copy."""
    height, width = hole.shape
    rows, columns = offsets.shape[:2]
    factor = np.float32(height / rows), np.float32(width / columns)
    filled, power = np.zeros((len(ys), 3), np.float32), np.zeros(len(ys), np.float32)
    half = np.float32(0.5)
    at_y, at_x = (ys + half) / factor[0] - half, (xs + half) / factor[1] - half
    low_y, low_x = np.floor(at_y).astype(np.int32), np.floor(at_x).astype(np.int32)
    part_y, part_x = at_y - low_y, at_x - low_x
    for down in (0, 1):
        for across in (0, 1):
            away = offsets[np.clip(low_y + down, 0, rows - 1), np.clip(low_x + across, 0, columns - 1)]
            from_y = ys + np.round(away[:, 0] * factor[0]).astype(np.int32)
            from_x = xs + np.round(away[:, 1] * factor[1]).astype(np.int32)
            good = (from_y >= 0) & (from_y < height) & (from_x >= 0) & (from_x < width) & (away != 0).any(axis=1)
            from_y, from_x = np.clip(from_y, 0, height - 1), np.clip(from_x, 0, width - 1)
            good &= ~hole[from_y, from_x]
            weight = as_floats((part_y if down else 1 - part_y) * (part_x if across else 1 - part_x) * good)
            filled += pixels[from_y, from_x] * weight[:, None]
            power += weight
    colours = np.clip(filled / np.maximum(power, 1e-6)[:, None] + half, 0, 255).astype(np.uint8)
    return colours, power > 0.02
