"""A picture in another hand: sketch, watercolour, oil, pixel, poster, riso. Each keeps the composition it is given."""

from collections.abc import Callable
from dataclasses import dataclass

import cv2
import numpy as np

from generation.providers.studio.colour import luminance, mix, parse, ramp, to_lch, to_oklab
from generation.providers.studio.noise import Floats, as_floats, blur, field, smoothstep
from generation.providers.studio.request import Progress


@dataclass(frozen=True, slots=True)
class Hand:
    """With what a style works: chance, progress, how strongly (0 to 1), and how many passes its detail allows."""

    rng: np.random.Generator
    progress: Progress
    strength: float
    passes: int


def sketch(image: Floats, hand: Hand) -> Floats:
    """Pencil: lines by colour dodge, tone by hatching in two directions, on paper."""
    height, width = image.shape[:2]
    unit = float(np.sqrt(width * height))
    grey = luminance(image)
    lines = np.ones_like(grey)
    for part in range(1, hand.passes + 1):
        soft = blur(as_floats(1 - grey), unit * (0.0016 + 0.0022 * hand.strength) * part)
        lines = np.minimum(lines, np.clip(grey / np.maximum(1 - soft, 0.03), 0, 1) ** (1.6 + 2 * hand.strength))
        hand.progress.tick()
    ys, xs = np.mgrid[0:height, 0:width].astype(np.float32)
    wobble = (field(hand.rng, (width, height), (6, 6), 4) - 0.5) * 10
    tone = blur(grey, unit * 0.003)
    drawn = as_floats(lines)
    for turn, level in ((0.75, 0.62), (-0.5, 0.40), (0.15, 0.22)):
        pitch = unit * 0.0032
        wave = np.sin((xs * np.cos(turn) + ys * np.sin(turn)) / pitch * 2 + wobble)
        hatch = smoothstep(level + 0.10, level - 0.22, tone) * smoothstep(-0.35, 0.9, as_floats(wave))
        drawn *= as_floats(1 - hatch * 0.42)
        hand.progress.tick()
    grit = field(hand.rng, (width, height), (width / 2.2, height / 2.2), 2, 0.9)
    drawn = np.clip(drawn + (grit - 0.5) * 0.30 * (1 - drawn) + (grit - 0.5) * 0.05, 0, 1)
    paper, lead = parse("#f6f1e4"), parse("#2b2a30")
    page = lead + drawn[..., None] * (paper - lead)
    wash = image * 0.35 + 0.65
    return as_floats(page * (1 - 0.30 * (1 - hand.strength)) + page * wash * 0.30 * (1 - hand.strength))


def watercolour(image: Floats, hand: Hand) -> Floats:
    """Washes that stop at wet edges, run into one another a little, and let the paper through."""
    height, width = image.shape[:2]
    unit = float(np.sqrt(width * height))
    reach = unit * (0.004 + 0.009 * hand.strength)
    bend = [(field(hand.rng, (width, height), (40, 40), 3) - 0.5) * reach * 1.3 for _ in range(2)]
    ys, xs = np.mgrid[0:height, 0:width].astype(np.float32)
    wash = as_floats(cv2.remap(image, xs + bend[0], ys + bend[1], cv2.INTER_LINEAR, borderMode=cv2.BORDER_REFLECT_101))
    hand.progress.tick()
    wash = _flatten(wash, reach, hand)
    levels = 5 + round(7 * (1 - hand.strength))
    light = luminance(wash)
    stepped = (np.floor(light * levels) + smoothstep(0.35, 0.65, light * levels % 1)) / levels
    wash = np.clip(wash * (1 + 0.65 * (stepped / np.maximum(light, 0.02) - 1)[..., None]), 0, 1)
    edge = _edges(blur(wash, unit * 0.0015), unit)
    pigment = field(hand.rng, (width, height), (7, 7), 6, 0.62) - 0.5
    grain = field(hand.rng, (width, height), (width / 3.5, height / 3.5), 3, 0.7) - 0.5
    hand.progress.tick()
    density = 1 + 0.55 * pigment + 0.42 * grain + 0.55 * edge * hand.strength - 0.12
    painted = np.clip(wash, 0.02, 1) ** density[..., None]
    # Paint is light on paper: the darks open up, and the sheet's border stays white in places.
    painted = 0.045 + 0.955 * painted
    inset = np.minimum(np.minimum(xs, width - 1 - xs), np.minimum(ys, height - 1 - ys)) / unit
    ragged = inset - 0.022 - 0.035 * (field(hand.rng, (width, height), (9, 9), 5, 0.6) - 0.5)
    bare = smoothstep(0.004, -0.002, as_floats(ragged)) * smoothstep(0.25, 0.6, as_floats(np.full(1, hand.strength)))[0]
    rim = np.exp(-((np.clip(ragged, 0, 1) / 0.004) ** 2)) * 0.18 * hand.strength
    painted = painted * (1 - rim[..., None])
    return as_floats(painted + bare[..., None] * (parse("#faf6ec") * (1 + 0.25 * grain[..., None] * 0.3) - painted))


def _flatten(image: Floats, reach: float, hand: Hand) -> Floats:
    """Even out what lies between edges: repeated bilateral smoothing on a smaller copy."""
    height, width = image.shape[:2]
    factor = min(1.0, 720 / max(width, height))
    small = cv2.resize(image, None, fx=factor, fy=factor, interpolation=cv2.INTER_AREA)
    for _ in range(1 + hand.passes):
        small = cv2.bilateralFilter(small, 7, 0.06 + 0.10 * hand.strength, max(1.5, reach * factor * 0.7))
        hand.progress.tick()
    flat = as_floats(cv2.resize(small, (width, height), interpolation=cv2.INTER_CUBIC))
    return as_floats(np.clip(flat, 0, 1))


def _edges(image: Floats, unit: float) -> Floats:
    """How sharply the lightness changes, 0 to 1."""
    grey = luminance(image)
    slope = np.hypot(cv2.Sobel(grey, cv2.CV_32F, 1, 0), cv2.Sobel(grey, cv2.CV_32F, 0, 1))
    return as_floats(np.clip(blur(as_floats(slope), unit * 0.0009) * (unit / 1024) * 3.2, 0, 1))


def oil(image: Floats, hand: Hand) -> Floats:
    """Strokes laid along the forms, wide ones first, and light raking over the ridges they leave."""
    height, width = image.shape[:2]
    unit = float(np.sqrt(width * height))
    grey = blur(luminance(image), unit * 0.006)
    gx, gy = cv2.Sobel(grey, cv2.CV_32F, 1, 0, ksize=5), cv2.Sobel(grey, cv2.CV_32F, 0, 1, ksize=5)
    drift = (field(hand.rng, (width, height), (4, 4), 3) - 0.5) * 9
    # The structure tensor's smoothed axis: strokes lie along edges, and in flat parts along a slow current.
    sway = np.float32(float(np.percentile(np.hypot(gx, gy), 55)) + 1e-4)
    axis_x = blur(as_floats(gx * gx - gy * gy), unit * 0.006) + sway * sway * np.cos(drift)
    axis_y = blur(as_floats(2 * gx * gy), unit * 0.006) + sway * sway * np.sin(drift)
    along = np.arctan2(axis_y, axis_x) / 2 + np.pi / 2
    hand.progress.tick()
    # Kept at the picture's own size: what follows paints hard strokes of single colours.
    painted = np.clip(blur(image, unit * 0.006) * 255, 0, 255).astype(np.uint8)
    relief = np.zeros((height, width), np.uint8)
    source = np.clip(image * 255, 0, 255).astype(np.uint8)
    detail = blur(_edges(image, unit), unit * 0.004)
    for part in range(3 + hand.passes):
        size = unit * (0.030 - 0.010 * (1 - hand.strength)) * 0.56**part
        count = int(min(15000, 0.95 * width * height / (size * size * 1.5)))
        _lay_strokes(painted, relief, (source, along, detail), hand, size, count, part)
    height_map = blur(as_floats(relief / np.float32(255)), max(0.6, unit * 0.0006))
    rake = cv2.Sobel(height_map, cv2.CV_32F, 1, 0) + cv2.Sobel(height_map, cv2.CV_32F, 0, 1)
    return as_floats(
        np.clip(as_floats(painted) / 255 + as_floats(rake)[..., None] * 0.032 * (0.4 + hand.strength), 0, 1)
    )


def _lay_strokes(
    painted: np.ndarray,
    relief: np.ndarray,
    view: tuple[np.ndarray, Floats, Floats],
    hand: Hand,
    size: float,
    count: int,
    part: int,
) -> None:
    source, along, detail = view
    height, width = relief.shape
    xs, ys = hand.rng.integers(0, width, count), hand.rng.integers(0, height, count)
    keep = (detail[ys, xs] > 0.055 * part) | (part < 2)
    spread = hand.rng.normal(0, 6, (count, 1)) + hand.rng.normal(0, 2.5, (count, 3))
    colours = np.clip(source[ys, xs] + spread, 0, 255)
    reach = size * hand.rng.uniform(0.8, 1.9, count)
    bend = hand.rng.normal(0, 0.16, count)
    heights = hand.rng.integers(60, 255, count)
    for at in np.flatnonzero(keep):
        x, y, turn = float(xs[at]), float(ys[at]), float(along[ys[at], xs[at]])
        ends = [
            (
                x + side * reach[at] * np.cos(turn + side * bend[at]),
                y + side * reach[at] * np.sin(turn + side * bend[at]),
            )
            for side in (-1, 1)
        ]
        points = np.array([ends[0], (x, y), ends[1]]) * 16
        line = points.astype(np.int32)
        thick = max(1, round(size * 0.55))
        cv2.polylines(painted, [line], False, tuple(float(value) for value in colours[at]), thick, cv2.LINE_AA, 4)
        cv2.polylines(relief, [line], False, float(heights[at]), max(1, thick - 1), cv2.LINE_AA, 4)
        if at % 2500 == 0:
            hand.progress.tick()
    hand.progress.tick()


def pixel(image: Floats, hand: Hand) -> Floats:
    """Large square pixels in a small palette of the picture's own, with an ordered dither between neighbours."""
    height, width = image.shape[:2]
    across = round(232 - 136 * hand.strength)
    size = max(2, round(max(width, height) / across))
    small = as_floats(cv2.resize(image, (max(1, width // size), max(1, height // size)), interpolation=cv2.INTER_AREA))
    colours = palette_of(small, 24 if hand.strength < 0.8 else 16)
    hand.progress.tick()
    bayer = np.array([[0, 8, 2, 10], [12, 4, 14, 6], [3, 11, 1, 9], [15, 7, 13, 5]]) / 16 - 0.47
    tiled = np.tile(bayer, (small.shape[0] // 4 + 1, small.shape[1] // 4 + 1))[: small.shape[0], : small.shape[1]]
    labs = to_oklab(np.clip(small, 0, 1)) + as_floats(tiled * 0.055)[..., None] * as_floats([1, 0.15, 0.15])
    chosen = colours[_nearest(labs, to_oklab(colours))]
    hand.progress.tick()
    # Whole cells: the last ones are cut by the border, none is stretched.
    grown = np.repeat(np.repeat(chosen, size, axis=0), size, axis=1)
    grown = np.pad(
        grown, ((0, max(0, height - grown.shape[0])), (0, max(0, width - grown.shape[1])), (0, 0)), mode="edge"
    )
    return as_floats(grown[:height, :width])


def palette_of(image: Floats, count: int) -> Floats:
    """The picture's own `count` colours, by k-means in OKLab with a fixed start."""
    small = as_floats(cv2.resize(image, (96, 96), interpolation=cv2.INTER_AREA)).reshape(-1, 3)
    labs = to_oklab(np.clip(small, 0, 1))
    order = np.argsort(labs[:, 0], kind="stable")
    centres = labs[order[np.linspace(0, len(order) - 1, count).astype(int)]].copy()
    for _ in range(12):
        owner = _nearest(labs, centres)
        for at in range(count):
            mine = labs[owner == at]
            if len(mine):
                centres[at] = mine.mean(axis=0)
    owner = _nearest(labs, centres)
    means = [small[owner == at].mean(axis=0) if (owner == at).any() else small[order[at]] for at in range(count)]
    return as_floats(np.stack(means))


def _nearest(labs: Floats, centres: Floats) -> np.ndarray:
    best = np.full(labs.shape[:-1], np.inf, np.float32)
    index = np.zeros(labs.shape[:-1], np.int32)
    for at, centre in enumerate(centres):
        distance = ((labs - centre) ** 2).sum(axis=-1)
        closer = distance < best
        best[closer], index[closer] = distance[closer], at
    return index


def poster(image: Floats, hand: Hand) -> Floats:
    """Few flat inks with clean borders and a thin key line, as a screen print."""
    height, width = image.shape[:2]
    unit = float(np.sqrt(width * height))
    flat = _flatten(image, unit * 0.008, hand)
    flat = blur(flat, unit * (0.0015 + 0.002 * hand.strength))
    colours = palette_of(flat, round(14 - 8 * hand.strength))
    owner = _nearest(to_oklab(np.clip(flat, 0, 1)), to_oklab(colours))
    hand.progress.tick()
    printed = colours[owner]
    # Borders of hard classes are stairs; a blur narrower than a pixel's diagonal irons them.
    printed = as_floats(cv2.GaussianBlur(printed, (0, 0), max(0.6, unit * 0.0008)))
    key = smoothstep(0.30, 0.75, _edges(blur(image, unit * 0.0022), unit)) * 0.55 * hand.strength
    dark = colours[int(np.argmin(luminance(colours)))] * 0.6
    lively = printed + (printed - luminance(printed)[..., None]) * (0.28 * hand.strength)
    return as_floats(np.clip(lively + key[..., None] * (dark - lively), 0, 1))


def riso(image: Floats, hand: Hand) -> Floats:
    """Bright inks on uncoated paper, each through its own halftone screen and none quite in register."""
    height, width = image.shape[:2]
    unit = float(np.sqrt(width * height))
    yellow = [parse("#ffe03a"), parse("#ffb511"), parse("#ffd23f")][int(hand.rng.integers(3))]
    warm = [parse("#ff48b0"), parse("#ff5a4f"), parse("#f2416b")][int(hand.rng.integers(3))]
    cool = [parse("#0078bf"), parse("#00838a"), parse("#3255a4")][int(hand.rng.integers(3))]
    paper, key = parse("#f7f1e3"), parse("#2b2b38")
    ys, xs = np.mgrid[0:height, 0:width].astype(np.float32)
    lively = np.clip(image + (image - luminance(image)[..., None]) * 0.35, 0, 1)
    plates = (
        (yellow, 1 - lively[..., 2], 0.0),
        (warm, 1 - lively[..., 1], 0.26),
        (cool, 1 - lively[..., 0], 1.31),
        (key, smoothstep(0.34, 0.0, luminance(image)), 0.79),
    )
    sheet = np.broadcast_to(paper, image.shape).astype(np.float32).copy()
    pitch = max(2.6, unit * (0.0030 + 0.0030 * hand.strength))
    for ink, cover, turn in plates:
        shift = hand.rng.normal(0, 1, 2) * unit * 0.0012
        move = as_floats([[1, 0, shift[0]], [0, 1, shift[1]]])
        amount = as_floats(np.clip(cover, 0, 1))
        amount = as_floats(cv2.warpAffine(amount, move, (width, height), borderMode=cv2.BORDER_REPLICATE))
        u, v = xs * np.cos(turn) + ys * np.sin(turn), ys * np.cos(turn) - xs * np.sin(turn)
        screen = 0.5 + 0.25 * (np.cos(u * 2 * np.pi / pitch) + np.cos(v * 2 * np.pi / pitch))
        dots = smoothstep(-0.16, 0.16, as_floats(amount - screen * 0.92 - 0.02))
        solid = amount * (1 - 0.7 * hand.strength) + dots * (0.7 * hand.strength)
        worn = 1 - 0.18 * smoothstep(0.55, 0.75, field(hand.rng, (width, height), (width / 4, height / 4), 2, 0.9))
        sheet *= 1 - (solid * worn)[..., None] * (1 - ink)
        hand.progress.tick()
    return sheet


def film(image: Floats, hand: Hand) -> Floats:
    """A slide of 1980: lifted blacks, warm lights over teal shadows, a halo around what is bright."""
    unit = float(np.sqrt(image.shape[0] * image.shape[1]))
    light = luminance(image)[..., None]
    toned = image + (mix(parse("#12343b"), parse("#000000"), 0.4) - 0.04) * (1 - light) ** 2 * 0.5 * hand.strength
    toned = toned * (1 + as_floats([0.07, 0.015, -0.07]) * (light - 0.2) * hand.strength)
    hand.progress.tick()
    halo = blur(smoothstep(0.7, 1.0, light[..., 0]), unit * 0.014)[..., None] * as_floats([0.30, 0.10, 0.03])
    toned = toned + (1 - toned) * halo * hand.strength
    return as_floats(np.clip(0.03 * hand.strength + toned * (1 - 0.05 * hand.strength), 0, 1))


HANDS: dict[str, Callable[[Floats, Hand], Floats]] = {
    "sketch": sketch, "watercolour": watercolour, "oil": oil, "pixel": pixel, "poster": poster, "riso": riso,
    "film": film,
}  # fmt: skip


def recolour(image: Floats, tones: list[Floats], share: float) -> Floats:
    """Shift the picture towards a line of colours, dark to light, by its own brightness."""
    ordered = sorted(tones, key=lambda tone: to_lch(tone)[0])
    mapped = ramp(ordered, luminance(image))
    return as_floats(image + share * (mapped - image))
