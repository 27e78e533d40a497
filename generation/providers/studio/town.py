"""Built ground: a skyline in depth, with windows that somebody has left on, and neon."""

import numpy as np

from generation.providers.studio.canvas import Canvas
from generation.providers.studio.colour import from_lch, mix, shade
from generation.providers.studio.noise import Floats, as_floats, blur, fork, smoothstep
from generation.providers.studio.palettes import Palette


def _rows_of_houses(
    canvas: Canvas, rng: np.random.Generator, ground: float, tall: float, wide: float, centre: float
) -> list[tuple[int, int, int]]:
    """Left, right and top of each building, from one border to the other; the tallest gather around `centre`."""
    blocks = []
    x = -rng.uniform(0, wide)
    while x < canvas.width:
        width = wide * rng.uniform(0.5, 1.35)
        closeness = np.exp(-((((x / canvas.width) - centre) / 0.28) ** 2))
        height = tall * (0.28 + rng.uniform(0.0, 0.45) + 0.62 * closeness * rng.uniform(0.35, 1.0))
        blocks.append((int(x), int(x + width), int(ground - height)))
        x += width * rng.uniform(0.82, 1.12)
    return blocks


def _roof(canvas: Canvas, rng: np.random.Generator, left: int, right: int, top: int) -> list[Floats]:
    """What stands on a roof: steps, a slant, a spire, a mast, a tank."""
    wide = right - left
    kind = int(rng.integers(7))
    middle = (left + right) / 2
    if kind == 0:
        return [
            as_floats(
                [
                    (left + wide * k, top + 1),
                    (left + wide * k, top - wide * h),
                    (right - wide * k, top - wide * h),
                    (right - wide * k, top + 1),
                ]
            )
            for k, h in ((0.14, 0.22), (0.28, 0.44))
        ]
    if kind == 1:
        return [as_floats([(left, top + 1), (left, top - wide * 0.35), (right, top + 1)])]
    if kind == 2:
        return [as_floats([(left + wide * 0.2, top + 1), (middle, top - wide * 1.1), (right - wide * 0.2, top + 1)])]
    if kind == 3:
        mast = max(0.8, canvas.unit * 0.0012)
        return [
            as_floats(
                [
                    (middle - mast, top + 1),
                    (middle - mast * 0.5, top - wide * 0.9),
                    (middle + mast * 0.5, top - wide * 0.9),
                    (middle + mast, top + 1),
                ]
            )
        ]
    if kind == 4:
        return [
            as_floats(
                [
                    (left + wide * 0.55, top + 1),
                    (left + wide * 0.55, top - wide * 0.2),
                    (left + wide * 0.85, top - wide * 0.2),
                    (left + wide * 0.85, top + 1),
                ]
            )
        ]
    return []


def _windows(
    canvas: Canvas,
    rng: np.random.Generator,
    block: tuple[int, int, int],
    ground: int,
    lights: Floats,
    share: float,
    cell: float,
) -> None:
    """Light one building's windows into the single-channel sheet `lights`."""
    left, right, top = block
    across, down = cell, cell * 1.35
    columns, floors = int((right - left) / across) - 1, int((ground - top) / down) - 1
    if columns < 1 or floors < 1:
        return
    rng = fork(rng)
    on = (rng.random((floors, columns)) < share * rng.uniform(0.45, 1.4)) * rng.uniform(0.45, 1.0, (floors, columns))
    if rng.random() < 0.25:
        on[:, rng.random(columns) < 0.3] *= 0.2
    start = left + (right - left - columns * across) / 2
    # Edges in fractions of a pixel would be dim at every size, so windows are snapped.
    for floor in range(floors):
        y0 = round(top + (floor + 0.75) * down)
        y1 = y0 + max(1, round(down * 0.52))
        if y0 < 0 or y1 >= ground:
            continue
        for column in np.flatnonzero(on[floor]):
            x0 = round(start + (column + 0.22) * across)
            x1 = x0 + max(1, round(across * 0.56))
            if x1 > 0:
                lights[y0:y1, max(0, x0) : x1] = on[floor, column]


def paint_city(canvas: Canvas, palette: Palette, rng: np.random.Generator, ground: float, *, neon: bool) -> None:
    """Four rows of buildings; at night and in neon most windows are lit, by day only a few show."""
    lit = palette.night or neon
    centre = rng.uniform(0.3, 0.7)
    haze = palette.sky[-1]
    warm = mix(palette.accent, as_floats([1.0, 0.84, 0.52]), 0.65)
    dark = float(np.mean(palette.sky[-2])) < 0.5
    layers = 4
    for at in range(layers):
        near = at / (layers - 1)
        foot = ground + canvas.unit * 0.012 * near
        tall = canvas.unit * (0.50 - 0.17 * near)
        blocks = _rows_of_houses(
            canvas,
            rng,
            foot,
            tall * (0.75 + 0.25 * near),
            canvas.unit * (0.045 + 0.05 * near),
            centre + rng.uniform(-0.12, 0.12),
        )
        body = mix(mix(palette.far, haze, 0.5 - 0.45 * near), palette.near, near**1.1 * 0.93)
        shapes = [
            as_floats(
                [(left, foot + canvas.unit * 0.02), (left, top), (right, top), (right, foot + canvas.unit * 0.02)]
            )
            for left, right, top in blocks
        ]
        for left, right, top in blocks:
            shapes += _roof(canvas, rng, left, right, top)
        mask = canvas.mask(shapes)
        up = np.clip((canvas.ys - (foot - tall)) / tall, 0, 1)
        canvas.over(mask, as_floats(body + (up * (0.42 - 0.25 * near))[..., None] * (haze - body)))
        # Alternate buildings stand a shade apart, so that a row is not one cut-out.
        odd = canvas.mask(shapes[1 : len(blocks) : 2]) * mask
        canvas.over(as_floats(odd * 0.20), shade(body, -0.07 if near < 0.5 else 0.05))
        lights = np.zeros((canvas.height, canvas.width), np.float32)
        share = (0.16 + 0.30 * near) if lit else (0.22 if dark else 0.07)
        for block in blocks:
            _windows(canvas, rng, block, int(foot), lights, share, canvas.unit * (0.0065 + 0.0065 * near))
        glow_colour = warm if lit or dark else mix(palette.light, palette.sky[0], 0.25)
        canvas.over(lights * np.float32(0.45 + 0.5 * near), glow_colour)
        if lit:
            canvas.glow(np.clip(blur(lights, canvas.unit * 0.006) * 0.7, 0, 0.6), warm)
        if neon and near > 0.3:
            _signs(canvas, palette, rng, blocks, foot)
    mist = np.exp(-(((canvas.ys - ground) / (canvas.unit * 0.09)) ** 2))
    canvas.over(as_floats(np.broadcast_to(mist * 0.22, (canvas.height, canvas.width))), haze)


def _signs(
    canvas: Canvas, palette: Palette, rng: np.random.Generator, blocks: list[tuple[int, int, int]], foot: float
) -> None:
    """Glowing bars, frames and roof lines in three hues, and the air they colour."""
    colours = [palette.accent, palette.sky[-1], palette.light, from_lch(0.72, 0.2, float(rng.uniform(0, 360)))]
    thick = max(1.0, canvas.unit * 0.0022)
    for colour in colours:
        shapes = []
        for left, right, top in blocks:
            if rng.random() > 0.34:
                continue
            x, y = rng.uniform(left, right), rng.uniform(top + (foot - top) * 0.15, top + (foot - top) * 0.6)
            wide, tall = canvas.unit * rng.uniform(0.007, 0.016), canvas.unit * rng.uniform(0.035, 0.10)
            kind = rng.integers(3)
            if kind == 0:
                for part in range(int(rng.integers(3, 7))):
                    y0 = y + part * wide * 1.45
                    shapes.append(as_floats([(x, y0), (x + wide, y0), (x + wide, y0 + wide), (x, y0 + wide)]))
            elif kind == 1:
                shapes.append(as_floats([(x, y), (x + thick * 1.6, y), (x + thick * 1.6, y + tall), (x, y + tall)]))
            else:
                shapes.append(as_floats([(left, top), (right, top), (right, top + thick), (left, top + thick)]))
        if not shapes:
            continue
        mask = canvas.mask(shapes)
        canvas.over(mask, shade(colour, 0.12))
        canvas.glow(np.clip(blur(mask, canvas.unit * 0.010) * 1.3, 0, 0.8), colour)
        canvas.glow(np.clip(blur(mask, canvas.unit * 0.045) * 1.6, 0, 0.5), colour)


def paint_village(
    canvas: Canvas, palette: Palette, rng: np.random.Generator, outline: Floats, count: int, size: float
) -> None:
    """A few small houses on a hill's outline, some of their windows lit."""
    shapes, roofs, windows = [], [], []
    start = rng.uniform(0.1, 0.6) * canvas.width
    for at in range(count):
        x = start + at * size * rng.uniform(1.2, 1.7)
        if x + size > canvas.width:
            break
        y = float(outline[int(x)]) + size * 0.15
        w, h = size * rng.uniform(0.8, 1.1), size * rng.uniform(0.5, 0.75)
        shapes.append(as_floats([(x, y), (x, y - h), (x + w, y - h), (x + w, y)]))
        roofs.append(as_floats([(x - w * 0.08, y - h), (x + w * 0.5, y - h - w * 0.45), (x + w * 1.08, y - h)]))
        if rng.random() < 0.8:
            windows.append(
                as_floats(
                    [
                        (x + w * 0.2, y - h * 0.35),
                        (x + w * 0.2, y - h * 0.7),
                        (x + w * 0.4, y - h * 0.7),
                        (x + w * 0.4, y - h * 0.35),
                    ]
                )
            )
    canvas.over(canvas.mask(shapes), mix(palette.light, palette.far, 0.35))
    canvas.over(canvas.mask(roofs), mix(palette.accent, palette.near, 0.35))
    canvas.over(canvas.mask(windows), mix(palette.near, palette.accent, 0.2 if not palette.night else 0.9))


def paint_bridge(canvas: Canvas, palette: Palette, rng: np.random.Generator, level: float) -> None:
    """A suspension bridge across the whole width, its deck at `level`."""
    unit, width = canvas.unit, canvas.width
    body = mix(palette.near, palette.accent, 0.45)
    deck = unit * 0.012
    shapes = [as_floats([(0, level), (width, level), (width, level + deck), (0, level + deck)])]
    towers = (width * rng.uniform(0.16, 0.26), width * rng.uniform(0.70, 0.84))
    high = unit * 0.26
    for x in towers:
        for side in (-1, 1):
            post = x + side * unit * 0.016
            shapes.append(
                as_floats(
                    [
                        (post - unit * 0.006, level + unit * 0.07),
                        (post - unit * 0.004, level - high),
                        (post + unit * 0.004, level - high),
                        (post + unit * 0.006, level + unit * 0.07),
                    ]
                )
            )
        for beam in (0.2, 0.5, 0.8, 0.97):
            y = level - high * beam
            shapes.append(
                as_floats(
                    [
                        (x - unit * 0.018, y),
                        (x + unit * 0.018, y),
                        (x + unit * 0.018, y + unit * 0.007),
                        (x - unit * 0.018, y + unit * 0.007),
                    ]
                )
            )
    xs = canvas.xs[0]
    middle, half = (towers[0] + towers[1]) / 2, (towers[1] - towers[0]) / 2
    inner = level - unit * 0.015 - (high - unit * 0.02) * ((xs - middle) / half) ** 2
    outer = level - high * np.clip(1 - np.minimum(np.abs(xs - towers[0]), np.abs(xs - towers[1])) / (half * 0.9), 0, 1)
    cable = np.where((xs > towers[0]) & (xs < towers[1]), inner, outer)
    rope = smoothstep(unit * 0.0026, unit * 0.0012, np.abs(canvas.ys - cable[None, :]))
    hung = smoothstep(unit * 0.0009, unit * 0.0004, as_floats(np.abs((xs / unit * 55) % 1 - 0.5) * unit / 55))[None, :]
    hangers = hung * ((canvas.ys > cable[None, :]) & (canvas.ys < level)) * 0.6
    canvas.over(as_floats(np.maximum(np.maximum(rope, hangers), canvas.mask(shapes))), body)
