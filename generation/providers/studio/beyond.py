"""Scenes without a horizon: space, and under water."""

import numpy as np

from generation.providers.studio import sky
from generation.providers.studio.canvas import Bytes, fill
from generation.providers.studio.colour import from_lch, mix, ramp, shade
from generation.providers.studio.land import paint_under
from generation.providers.studio.noise import Floats, as_floats, blur, line, smoothstep, warp
from generation.providers.studio.palettes import TIMES, mood, tint
from generation.providers.studio.stage import Stage


def paint_space(stage: Stage) -> None:
    """Nebulae, stars, and a ringed world whose night side fades away."""
    canvas, rng = stage.canvas, stage.rng("space")
    palette = (
        stage.palette if stage.palette.night else mood(tint(TIMES["night"][1], stage.brief.colours), stage.brief.moods)
    )
    stage.palette = palette
    clouds = canvas.field(rng, (3, 3), 6, 0.55)
    bend = (canvas.field(rng, (3, 3), 4) - 0.5) * canvas.unit * 0.35
    clouds = warp(clouds, bend, np.ascontiguousarray(bend[::-1]))
    canvas.image[:] = ramp(
        [palette.near, palette.sky[0], palette.sky[1], palette.sky[2], palette.sky[-1]],
        as_floats(np.clip((clouds - 0.25) * 1.5, 0, 1)),
    )
    tone = from_lch(0.66, 0.16, float(rng.uniform(0, 360)))
    canvas.glow(as_floats(np.clip(canvas.field(rng, (3, 3), 6, 0.6) * 2.2 - 1.15, 0, 0.7)), tone)
    sky.paint_stars(canvas, rng, canvas.height, 1.5, palette.light)
    canvas.progress.stage(0.3)
    radius = canvas.unit * float(rng.uniform(0.20, 0.29))
    x, y = canvas.width * float(rng.uniform(0.32, 0.68)), canvas.height * float(rng.uniform(0.38, 0.58))
    _planet(
        stage,
        x,
        y,
        radius,
        ring=bool({"saturn", "ring", "rings", "ringed"} & set(stage.brief.words) or rng.random() < 0.6),
    )
    moon = canvas.unit * 0.035
    _planet(stage, x + radius * 1.6, y - radius * 1.2, moon, ring=False)
    stage.horizon = canvas.height


def _planet(stage: Stage, x: float, y: float, radius: float, *, ring: bool) -> None:
    canvas, palette = stage.canvas, stage.palette
    rng = stage.rng(f"planet{radius > canvas.unit * 0.1}")
    tilt = float(rng.uniform(-0.5, 0.5))
    dx, dy = (canvas.xs - x) / radius, (canvas.ys - y) / radius
    along, across = dx * np.cos(tilt) + dy * np.sin(tilt), dy * np.cos(tilt) - dx * np.sin(tilt)
    square = dx * dx + dy * dy
    ring_at = np.sqrt(along**2 + (across / 0.27) ** 2)
    bands = 0.55 + 0.45 * np.interp(ring_at, np.linspace(1.3, 2.2, 60), line(rng, 60, 14, 2))
    ring_mask = (
        smoothstep(1.32, 1.36, as_floats(ring_at)) * smoothstep(2.12, 2.04, as_floats(ring_at)) * np.clip(bands, 0.1, 1)
    )
    ring_mask *= 1 - 0.85 * smoothstep(0.03, 0.0, np.abs(as_floats(ring_at) - 1.78))
    ring_colour = mix(palette.light, palette.sky[-1], 0.4)
    if ring:
        canvas.over(as_floats(ring_mask * (across < 0) * 0.8), ring_colour)
    canvas.glow(as_floats(0.35 * np.exp(-np.clip(np.sqrt(square) - 1, 0, 9) * 9) * (square > 0.9)), palette.sky[-1])
    disc = np.clip((1 - np.sqrt(square)) * radius + 0.5, 0, 1)
    swirl = canvas.field(rng, (3 * canvas.width / radius, 3 * canvas.height / radius), 5)
    stripe = 0.5 + 0.5 * np.sin(across * 11 + (swirl - 0.5) * 5 + np.sin(across * 27) * 0.6)
    hue = float(rng.uniform(0, 360))
    tones = [
        mix(palette.accent, palette.near, 0.25),
        mix(palette.light, palette.accent, 0.35),
        from_lch(0.6, 0.12, hue),
        palette.sky[-1],
    ]
    surface = ramp(tones, as_floats(np.clip(stripe * 0.8 + 0.2 * swirl, 0, 1)))
    depth = np.sqrt(np.clip(1 - square, 0, 1))
    light = np.clip((-0.55 * dx - 0.55 * dy + 0.63 * depth) * 1.25, 0, 1) ** 0.9
    canvas.over(as_floats(disc), as_floats(surface * (0.04 + light[..., None])))
    if ring:
        canvas.over(as_floats(ring_mask * (across >= 0) * 0.9), ring_colour)


def paint_underwater(stage: Stage) -> None:
    """Light from above in shafts, fading rocks, weed and corals, rising bubbles."""
    canvas, rng = stage.canvas, stage.rng("underwater")
    hue = 215.0
    tones = [
        from_lch(0.93, 0.07, hue - 30),
        from_lch(0.72, 0.12, hue - 10),
        from_lch(0.48, 0.11, hue + 10),
        from_lch(0.25, 0.08, hue + 30),
    ]
    colours = tint(TIMES["day"][0], stage.brief.colours)
    if stage.brief.colours:
        tones = [
            shade(colours.sky[-1], 0.02),
            colours.sky[-2],
            shade(colours.sky[0], -0.06),
            shade(colours.sky[0], -0.22),
        ]
    drift = canvas.field(rng, (3, 2), 4) - 0.5
    canvas.image[:] = ramp(tones, as_floats(np.clip(canvas.ys / canvas.height * 0.95 + drift * 0.16, 0, 1)))
    source = canvas.width * float(rng.uniform(0.25, 0.75))
    angle = np.arctan2(canvas.xs - source, canvas.ys + canvas.height * 0.25)
    beams = np.interp(angle, np.linspace(-1.2, 1.2, 500), line(rng, 500, 22, 4, 0.7))
    shaft = np.clip(beams * 1.3, 0, 1) * np.exp(-canvas.ys / (canvas.height * 0.5))
    canvas.glow(blur(as_floats(shaft * 0.42), canvas.unit * 0.004), tones[0])
    canvas.glow(as_floats(0.5 * np.exp(-canvas.radius(source, -canvas.unit * 0.02) / (canvas.unit * 0.22))), tones[0])
    canvas.progress.stage(0.2)
    _reef(stage, tones)
    _bubbles(stage, rng, mix(tones[1], tones[0], 0.55))
    stage.palette = mood(colours, stage.brief.moods)
    stage.horizon = canvas.height * 0.2
    stage.ground = as_floats(np.full(canvas.width, canvas.height * 0.93))


def _reef(stage: Stage, tones: list[Floats]) -> None:
    """Four ridges with weed on them, each darker than the one behind."""
    canvas = stage.canvas
    for at in range(4):
        near = at / 3
        part = stage.rng(f"reef{at}")
        level = canvas.height * (0.70 + 0.20 * near)
        outline = as_floats(
            level - canvas.unit * (0.06 + 0.05 * near) * line(part, canvas.width, 3 + 2 * near, 5, 0.55)
        )
        body = mix(tones[2], tones[3], 0.25 + 0.85 * near if near < 0.9 else 1.0)
        with canvas.drawing() as sheet:
            for x in part.uniform(0, canvas.width, int(24 + 26 * near)):
                tall = canvas.unit * float(part.uniform(0.04, 0.17)) * (0.5 + near)
                _weed(
                    sheet,
                    part,
                    float(x),
                    float(outline[int(x)]) + tall * 0.08,
                    tall,
                    mix(body, _coral(stage, part), 0.05 + 0.25 * near),
                )
        paint_under(canvas, outline, mix(body, tones[1], 0.10), shade(body, -0.03), canvas.unit * 0.25)


def _bubbles(stage: Stage, rng: np.random.Generator, colour: Floats) -> None:
    canvas = stage.canvas
    bubbles = rng.random((60, 3))
    with canvas.drawing() as sheet:
        for bx, by, size in bubbles:
            radius = canvas.unit * (0.002 + 0.008 * size**4)
            turn = np.linspace(0, 6.283, 40)
            ring = np.stack(
                [bx * canvas.width + radius * np.cos(turn), by * canvas.height + radius * np.sin(turn)], axis=1
            )
            fill(sheet, as_floats(ring), colour)


def _coral(stage: Stage, rng: np.random.Generator) -> Floats:
    """One of the warm colours that reefs have."""
    return from_lch(0.66, 0.15, float(rng.choice([20, 45, 340, 80, 150])))


def _weed(sheet: Bytes, rng: np.random.Generator, x: float, foot: float, tall: float, colour: Floats) -> None:
    """A swaying ribbon that narrows to its tip."""
    t = np.linspace(0, 1, 22)
    sway = np.sin(t * rng.uniform(3, 6) + rng.uniform(0, 6)) * tall * 0.10 * t + rng.normal(0, 0.12) * tall * t**1.5
    wide = tall * rng.uniform(0.02, 0.06) * (1 - t) ** 0.6 * (1 + 0.3 * np.sin(t * 20))
    left = np.stack([x + sway - wide, foot - tall * t], axis=1)
    right = np.stack([x + sway + wide, foot - tall * t], axis=1)
    fill(sheet, as_floats(np.concatenate([left, right[::-1]])), colour)
