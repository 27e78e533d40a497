"""Solid ground: mountains, hills, dunes, and the trees on them."""

import numpy as np

from generation.providers.studio.canvas import Bytes, Canvas, fill
from generation.providers.studio.colour import mix, shade
from generation.providers.studio.noise import Floats, as_floats, field, line, peaks, random_for, smoothstep
from generation.providers.studio.palettes import Palette


def paint_under(canvas: Canvas, outline: Floats, top: Floats, bottom: Floats, depth: float) -> tuple[Floats, int]:
    """Fill what lies under an outline, from `top` colour at its edge to `bottom` colour `depth` pixels lower."""
    mask, first = canvas.below(outline)
    at = np.clip((canvas.ys[first:] - outline[None, :]) / depth, 0, 1)
    canvas.over(mask, as_floats(top + at[..., None] * (bottom - top)), first)
    return mask, first


def crest_shadow(
    canvas: Canvas, outline: Floats, first: int, wander: Floats, lean: float, smooth: int, fall: float
) -> Floats:
    """How far each pixel turns from the light: 1 right of a peak's crest, less towards the valley, 0 left of it.

    The outline says it for one row; lower rows look it up aside, by `lean` (pixels a row) and `wander` (pixels).
    `fall` says how soon: 1 evenly, towards 0 only at the valley.
    """
    width = canvas.width
    window = np.hanning(smooth | 1)
    padded = np.pad(outline, (smooth | 1) // 2, mode="edge")
    soft = np.convolve(padded, window / window.sum(), "valid")[:width]
    rising = np.diff(soft, prepend=soft[0]) < 0
    tops = np.flatnonzero(rising[:-1] & ~rising[1:])
    valleys = np.flatnonzero(~rising[:-1] & rising[1:])
    turned = np.zeros(width)
    for top in tops:
        after = valleys[valleys > top]
        end = int(after[0]) if len(after) else width
        turned[top:end] = np.linspace(1, 0, end - top) ** fall
    if not rising[0] and len(valleys):
        turned[: valleys[0]] = np.linspace(0.6, 0, valleys[0])
    below = np.maximum(canvas.ys[first:] - outline[None, :], 0)
    xs = as_floats(canvas.xs - lean * below - wander * np.minimum(1, below / (canvas.unit * 0.05)))
    return as_floats(np.interp(xs.ravel(), np.arange(width), turned).reshape(xs.shape))


def paint_mountains(
    canvas: Canvas,
    palette: Palette,
    rng: np.random.Generator,
    horizon: float,
    *,
    layers: int,
    height: float,
    snow: float,
) -> None:
    """Ranges behind ranges, each darker and lower; faces turned from the sun, mist at their feet.

    `horizon` is where they stand (pixels), `height` the farthest range's share of the picture's unit, `snow` 0 to 1.
    """
    width = canvas.width
    haze = palette.sky[-1]
    for at in range(layers):
        near = at / max(1, layers - 1)
        rise = canvas.unit * height * (1 - 0.62 * near)
        cells = (2.6 + 1.8 * near) * width / canvas.unit
        outline = horizon - rise * (0.25 + 0.85 * peaks(rng, width, cells))
        body = mix(mix(palette.far, haze, 0.28 * (1 - near)), palette.near, near**1.25 * 0.82)
        foot = mix(body, haze, 0.55 - 0.25 * near)
        mask, first = paint_under(canvas, outline, body, foot, rise * 1.05)
        if near < 0.85:
            size = (width, canvas.height - first)
            wander = (
                (field(rng, size, (9 * width / canvas.unit, 9 * size[1] / canvas.unit), 5, 0.6) - 0.5) * rise * 0.85
            )
            turned = crest_shadow(canvas, outline, first, wander, rng.uniform(-0.25, 0.1), int(width * 0.02) + 3, 0.35)
            depth = np.clip((canvas.ys[first:] - outline[None, :]) / (rise * 0.95), 0, 1)
            fade = (1 - depth) * mask
            if snow > 0 and near < 0.7:
                cover = smoothstep(0.0, 0.05, as_floats(snow * (0.75 - 0.5 * near) - depth + wander / rise * 0.5))
                white = mix(palette.light, palette.sky[-1], 0.25 + 0.4 * (1 - near))
                canvas.over(as_floats(cover * mask * (1 - 0.55 * turned) * 0.92), white, first)
            canvas.over(as_floats(turned * fade * 0.55), shade(mix(body, palette.sky[0], 0.35), -0.07), first)
            canvas.glow(as_floats((1 - turned) * fade * 0.09), palette.light, first)


def paint_hills(
    canvas: Canvas,
    palette: Palette,
    rng: np.random.Generator,
    top: float,
    bottom: float,
    layers: int,
    tones: tuple[Floats, Floats],
) -> list[Floats]:
    """Rounded hills from `top` down to `bottom` in `tones` (far, near); returns their outlines, far to near."""
    outlines = []
    for at in range(layers):
        near = (at + 1) / layers
        swell = canvas.unit * (0.025 + 0.06 * near)
        outline = (
            top
            + (bottom - top) * near**1.3
            - swell * line(rng, canvas.width, (3.2 - 1.7 * near) * canvas.width / canvas.unit, 3, 0.35)
        )
        body = mix(tones[0], tones[1], near)
        lit = mix(shade(body, 0.07), palette.light, 0.12)
        mask, first = paint_under(canvas, outline, lit, shade(body, -0.05), canvas.unit * (0.10 + 0.15 * near))
        texture = field(
            rng,
            (canvas.width, canvas.height - first),
            (26 * canvas.width / canvas.unit, 60 * (canvas.height - first) / canvas.unit),
            3,
            0.7,
        )
        canvas.shadow(as_floats(mask * smoothstep(0.45, 0.8, texture) * 0.09), as_floats(body * 0.6), first)
        outlines.append(outline)
    return outlines


def paint_dunes(canvas: Canvas, palette: Palette, rng: np.random.Generator, horizon: float, sand: Floats) -> None:
    """Dunes with a lit and a turned side, ripples on the nearest."""
    haze = palette.sky[-1]
    layers = 6
    lean_to = 1 if rng.random() < 0.5 else -1
    for at in range(layers):
        near = at / (layers - 1)
        swell = canvas.unit * (0.035 + 0.15 * near)
        base = horizon + (canvas.height - horizon) * (0.02 + 0.62 * near**1.35)
        # Sharp crests over hollow slopes: what wind does to sand.
        crest = peaks(rng, canvas.width, (4.6 - 2.4 * near) * canvas.width / canvas.unit, octaves=0) ** 1.35
        crest = crest + 0.05 * line(rng, canvas.width, 5, 2)
        outline = as_floats(base - swell * (1.25 * crest - 0.25))
        body = mix(mix(sand, haze, 0.62), sand, min(1.0, near * 1.4))
        body = mix(body, palette.near, 0.16 * near)
        lit = mix(shade(body, 0.06), palette.light, 0.22)
        depth = canvas.unit * (0.10 + 0.34 * near)
        mask, first = paint_under(canvas, outline, lit, shade(body, -0.03), depth)
        below = canvas.ys[first:] - outline[None, :]
        size = (canvas.width, canvas.height - first)
        curve = np.sin(below / canvas.unit * (13 - 6 * near)) * canvas.unit * 0.05 * near
        wander = curve + (field(rng, size, (4, 5), 2) - 0.5) * canvas.unit * 0.10 * near
        turned = crest_shadow(
            canvas, outline, first, as_floats(wander), lean_to * 0.75, int(canvas.width * 0.01) + 3, 0.9
        )
        dark = mix(shade(body, -0.17), palette.sky[0], 0.3)
        canvas.over(as_floats(mask * turned * np.exp(-below / (depth * 1.25)) * 0.85), dark, first)
        if near > 0.55:
            bend = (field(rng, size, (5, 7), 3) - 0.5) * 26
            ripple = np.sin(below / (canvas.unit * (0.002 + 0.006 * near)) + bend + canvas.xs / canvas.unit * 9)
            canvas.shadow(
                as_floats(mask * smoothstep(0.2, 1.0, ripple) * 0.10 * np.clip(below / (depth * 0.4), 0, 1)),
                dark,
                first,
            )


def pine(rng: np.random.Generator, x: float, foot: float, height: float) -> Floats:
    """A fir's outline in pixels: tiers with drooping, uneven tips."""
    tiers = int(rng.integers(7, 11))
    half = height * rng.uniform(0.17, 0.235)
    left: list[tuple[float, float]] = []
    right: list[tuple[float, float]] = []
    for tier in range(tiers):
        t = (tier + 1) / tiers
        y = foot - height * (1 - t * 0.93)
        reach = half * t**0.85
        for side, points in ((-1, left), (1, right)):
            tip = reach * rng.uniform(0.78, 1.12)
            points.append((x + side * tip, y + height * 0.012 * rng.uniform(0, 2)))
            points.append((x + side * tip * rng.uniform(0.42, 0.55), y - height * 0.022))
    trunk = height * 0.014
    outline = [(x, foot - height), *right, (x + trunk, foot - height * 0.06), (x + trunk, foot + height * 0.03)]
    outline += [(x - trunk, foot + height * 0.03), (x - trunk, foot - height * 0.06), *reversed(left)]
    return as_floats(outline)


def plant_pines(
    sheet: Bytes,
    canvas: Canvas,
    rng: np.random.Generator,
    outline: Floats,
    colour: Floats,
    height: float,
    gap: float,
    gaps: Floats | None = None,
) -> None:
    """A row of firs along an outline; `gaps` (per column, above 0 means open ground) lets the row breathe."""
    x = -height * 0.2
    while x < canvas.width + height * 0.2:
        column = int(np.clip(x, 0, canvas.width - 1))
        if gaps is None or gaps[column] < 0:
            tall = height * rng.uniform(0.55, 1.15)
            fill(
                sheet,
                pine(rng, x, float(outline[column]) + height * 0.05, tall),
                shade(colour, float(rng.uniform(-0.012, 0.018))),
            )
        x += gap * rng.uniform(0.45, 1.5)


def paint_forest(canvas: Canvas, palette: Palette, seed: int, top: float, *, layers: int = 5) -> None:
    """Walls of firs behind each other, the mist between them lit by the sky."""
    haze = mix(palette.sky[-1], palette.far, 0.25)
    for at in range(layers):
        rng = random_for(seed, "forest", str(at))
        near = at / (layers - 1)
        ground = top + (canvas.height * 1.02 - top) * (0.05 + 0.95 * near**1.25)
        outline = ground - canvas.unit * 0.045 * line(rng, canvas.width, 2.4 * canvas.width / canvas.unit, 3)
        colour = mix(mix(palette.far, haze, 0.5 - 0.5 * near), palette.near, near**0.9)
        tall = canvas.unit * (0.075 + 0.26 * near**1.4)
        gaps = line(rng, canvas.width, 3 * canvas.width / canvas.unit, 2) - 0.05 if near > 0.6 else None
        with canvas.drawing() as sheet:
            plant_pines(sheet, canvas, rng, outline, colour, tall, tall * (0.20 + 0.16 * near), gaps)
        paint_under(canvas, outline, colour, mix(colour, haze, 0.5 * (1 - near)), canvas.unit * 0.14)
        if near < 0.9:
            mist = np.exp(-(((canvas.ys - ground - canvas.unit * 0.02) / (canvas.unit * 0.065)) ** 2))
            drift = canvas.field(rng, (3, 8), 4)
            canvas.over(as_floats(mist * np.clip(drift * 1.5 - 0.2, 0, 1) * 0.62), haze)


def paint_near_ground(
    canvas: Canvas, palette: Palette, rng: np.random.Generator, level: float, colour: Floats | None = None
) -> Floats:
    """The dark knoll in front on which things stand; returns its outline."""
    outline = level - canvas.unit * 0.035 * line(rng, canvas.width, 1.6 * canvas.width / canvas.unit, 4, 0.4)
    body = palette.near if colour is None else colour
    paint_under(canvas, outline, mix(body, palette.far, 0.08), shade(body, -0.03), canvas.unit * 0.2)
    return outline


def grass(
    sheet: Bytes, canvas: Canvas, rng: np.random.Generator, outline: Floats, colour: Floats, height: float
) -> None:
    """Blades along an outline."""
    for x in rng.uniform(0, canvas.width, int(340 * canvas.width / canvas.unit)):
        foot = float(outline[int(x)]) + height * 0.2
        tall, bend = height * rng.uniform(0.3, 1.0), height * rng.normal(0, 0.28)
        thick = height * 0.045
        tip = (x + bend, foot - tall)
        middle = (x + bend * 0.35, foot - tall * 0.55)
        fill(
            sheet,
            as_floats(
                [
                    (x - thick, foot),
                    (middle[0] - thick * 0.7, middle[1]),
                    tip,
                    (middle[0] + thick * 0.7, middle[1]),
                    (x + thick, foot),
                ]
            ),
            colour,
        )
