"""Fields of flowers and grain, in perspective: rows at the back, single blossoms in front."""

import numpy as np

from generation.providers.studio.canvas import Bytes, Canvas, disc, fill, stroke
from generation.providers.studio.colour import from_lch, mix, shade
from generation.providers.studio.land import grass, paint_under
from generation.providers.studio.noise import Floats, as_floats, field, line, smoothstep
from generation.providers.studio.palettes import Palette

# Petals' lightness, chroma and hue; the middle's; and how many petals.
KINDS: dict[str, tuple[tuple[float, float, float], tuple[float, float, float], int]] = {
    "poppy": ((0.60, 0.21, 29), (0.22, 0.03, 20), 4),
    "tulip": ((0.66, 0.19, 12), (0.80, 0.12, 95), 3),
    "sunflower": ((0.82, 0.16, 86), (0.32, 0.06, 55), 13),
    "lavender": ((0.60, 0.13, 298), (0.52, 0.14, 292), 5),
    "wheat": ((0.82, 0.11, 85), (0.74, 0.11, 78), 2),
    "mixed": ((0.88, 0.06, 350), (0.82, 0.15, 88), 6),
}


def _blossom(
    sheet: Bytes,
    rng: np.random.Generator,
    x: float,
    y: float,
    size: float,
    kind: str,
    tones: list[Floats],
    heart: Floats,
) -> None:
    tone = tones[int(rng.integers(len(tones)))]
    if kind in {"lavender", "wheat"}:
        tilt = rng.normal(0, 0.12)
        for at in range(9):
            t = at / 8
            cx, cy = x + tilt * size * 2.4 * t, y - size * 2.4 * t
            reach = size * 0.34 * (1 - 0.7 * t)
            fill(
                sheet,
                as_floats([(cx - reach, cy), (cx, cy - size * 0.38), (cx + reach, cy), (cx, cy + size * 0.12)]),
                shade(tone, 0.06 * (at % 2)),
            )
        return
    if kind == "tulip":
        for lean, change in ((-0.45, -0.05), (0.45, -0.02), (0.0, 0.05)):
            cup = [
                (x + lean * size - size * 0.42, y),
                (x + lean * size * 1.2, y - size * 1.5),
                (x + lean * size + size * 0.42, y),
                (x, y + size * 0.75),
            ]
            fill(sheet, _rounded(cup), shade(tone, change))
        return
    flat = rng.uniform(0.6, 0.95)
    petals = KINDS.get(kind, KINDS["mixed"])[2]
    turn = rng.uniform(0, 6.28)
    for at in range(petals):
        angle = turn + at * 2 * np.pi / petals
        wide = 2.1 / petals * (1.9 if kind == "poppy" else 0.95)
        ring = [(0.12, angle - 0.3), (0.85, angle - wide), (1.12, angle), (0.85, angle + wide), (0.12, angle + 0.3)]
        shape = _rounded([(x + size * r * np.cos(a), y + size * r * np.sin(a) * flat) for r, a in ring])
        fill(sheet, shape, shade(tone, (-0.04, 0.03)[at % 2] - 0.05 * np.sin(angle)))
    disc(sheet, x, y, size * (0.42 if kind == "sunflower" else 0.22), heart)


def _rounded(points: list[tuple[float, float]]) -> Floats:
    """A closed curve through the corners' middles (two rounds of corner cutting)."""
    curve = np.asarray(points, dtype=np.float64)
    for _ in range(2):
        after = np.roll(curve, -1, axis=0)
        curve = np.stack([0.75 * curve + 0.25 * after, 0.25 * curve + 0.75 * after], axis=1).reshape(-1, 2)
    return as_floats(curve)


def paint_field(
    canvas: Canvas, palette: Palette, rng: np.random.Generator, horizon: float, kind: str, colour: Floats | None
) -> None:
    """A field from the horizon to the lower edge. `colour`, if any, is what the prompt says the flowers have."""
    petal, middle, _ = KINDS.get(kind, KINDS["mixed"])
    base = colour if colour is not None else mix(from_lch(*petal), palette.accent, 0.15 if kind != "mixed" else 0.5)
    light = 0.6 if palette.night else 1.0
    air = palette.sky[-1]
    base, heart = mix(base, palette.near, 0.3 * (1 - light)), from_lch(*middle)
    tones = [base, shade(base, 0.07), shade(base, -0.08), mix(base, palette.light, 0.2)]
    if kind == "mixed":
        tones += [mix(from_lch(0.62, 0.17, hue), air, 0.12) for hue in (25, 300, 85, 350)]
    green = from_lch(0.46, 0.09, 135) if kind != "wheat" else from_lch(0.66, 0.1, 82)
    ground = mix(mix(green, palette.near, 0.35), palette.far, 0.1)
    outline = horizon - canvas.unit * 0.02 * line(rng, canvas.width, 2, 3)
    mask, first = paint_under(canvas, outline, mix(ground, air, 0.42), shade(ground, -0.09), canvas.height - horizon)
    _far_rows(canvas, rng, mask, first, horizon, tones, air)
    depth = canvas.height * 1.02 - horizon
    rows = 34
    for group in range(4):
        with canvas.drawing() as sheet:
            for row in range(group * rows // 4, (group + 1) * rows // 4):
                _row(sheet, canvas, rng, row / (rows - 1), horizon, depth, (kind, tones, heart), (ground, air))
    with canvas.drawing() as sheet:
        grass(
            sheet,
            canvas,
            rng,
            as_floats(np.full(canvas.width, canvas.height)),
            shade(ground, -0.16),
            canvas.unit * 0.10,
        )


def _far_rows(
    canvas: Canvas, rng: np.random.Generator, mask: Floats, first: int, horizon: float, tones: list[Floats], air: Floats
) -> None:
    """Far blossoms are only grains of colour, in bands that thin out towards the viewer."""
    rows = canvas.height - first
    down = np.clip((canvas.ys[first:] - horizon) / (canvas.height - horizon), 0, 1)
    for tone in tones[:3]:
        speck = field(rng, (canvas.width, rows), (170 * canvas.width / canvas.unit, 260), 2, 0.9)
        drift = field(rng, (canvas.width, rows), (3, 12), 3)
        cover = smoothstep(0.50, 0.62, as_floats(speck * 0.6 + drift * 0.4)) * np.exp(-down * 2.6) * mask
        canvas.over(as_floats(cover * 0.85), mix(tone, air, 0.25), first)


def _row(
    sheet: Bytes,
    canvas: Canvas,
    rng: np.random.Generator,
    near: float,
    horizon: float,
    depth: float,
    flower: tuple[str, list[Floats], Floats],
    air: tuple[Floats, Floats],
) -> None:
    kind, tones, heart = flower
    y = horizon + depth * (0.02 + 0.98 * near**1.9)
    size = canvas.unit * (0.0022 + 0.033 * near**1.8)
    veil = 0.35 * (1 - near) ** 1.5
    faded = [mix(tone, air[1], veil) for tone in tones]
    stem = mix(shade(air[0], -0.05 + 0.05 * rng.random()), air[1], veil)
    count = int(canvas.width / (size * 3.1 + canvas.unit * 0.012))
    for x in rng.uniform(-0.03, 1.03, count) * canvas.width:
        top = y + rng.normal(0, 0.9) * size
        if near > 0.3:
            stroke(sheet, as_floats([(x, top), (x + rng.normal(0, 0.5) * size, top + size * 5)]), stem, size * 0.13)
        if near > 0.25:
            _blossom(sheet, rng, x, top, size * rng.uniform(0.7, 1.25), kind, faded, heart)
        else:
            disc(sheet, x, top, size * rng.uniform(0.6, 1.1), faded[int(rng.integers(len(faded)))])
