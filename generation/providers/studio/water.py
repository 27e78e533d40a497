"""Water: what stands above it, upside down and broken; the sun's path; swell."""

import cv2
import numpy as np

from generation.providers.studio.canvas import Canvas
from generation.providers.studio.colour import mix, shade
from generation.providers.studio.land import crest_shadow
from generation.providers.studio.noise import Floats, as_floats, blur, field, line, peaks, smoothstep
from generation.providers.studio.palettes import Palette


def _ripples(canvas: Canvas, rng: np.random.Generator, first: int, fineness: float) -> Floats:
    """Noise that grows in size towards the viewer as a plane of water does; about -0.5 to 0.5."""
    rows = canvas.height - first
    tile = field(rng, (1024, 2048), (24, 170), 4, 0.55)
    down = (np.arange(rows, dtype=np.float32) + 2)[:, None] / canvas.unit
    # Equal steps of depth crowd together at the horizon.
    v = np.log(down * 40 + 1) * 420 * fineness
    u = (canvas.xs - canvas.width / 2) / canvas.unit * 330 / (0.30 + down * 1.9) * fineness
    xs, ys = np.broadcast_to(u + 512, (rows, canvas.width)), np.broadcast_to(v, (rows, canvas.width))
    return as_floats(cv2.remap(tile, as_floats(xs % 1022), as_floats(ys % 2046), cv2.INTER_LINEAR)) - np.float32(0.5)


def paint_water(
    canvas: Canvas,
    palette: Palette,
    rng: np.random.Generator,
    level: float,
    *,
    calm: float,
    sun_x: float | None,
    tint: Floats | None = None,
) -> None:
    """Water below row `level` (pixels). `calm` 1 is a mirror, 0 a choppy sea; `sun_x` is where a path of light lies."""
    first = int(level)
    rows = canvas.height - first
    if rows < 4:
        return
    ripple = _ripples(canvas, rng, first, 1.0)
    down = np.arange(rows, dtype=np.float32)[:, None]
    reach = (0.02 + 0.32 * (1 - calm)) * canvas.unit * (0.12 + down / rows)
    source = np.clip(
        first - 1 - down * min(1.0, 0.97 * first / rows if rows > first else 0.97) + ripple * reach, 0, first - 1
    )
    sway = np.broadcast_to(canvas.xs, (rows, canvas.width)) + ripple * canvas.unit * 0.035 * (0.2 + down / rows)
    mirror = as_floats(
        cv2.remap(canvas.image, as_floats(sway), as_floats(source), cv2.INTER_LINEAR, borderMode=cv2.BORDER_REFLECT_101)
    )
    deep = mix(palette.sky[0], palette.near, 0.45) if tint is None else tint
    share = np.clip(0.12 + 0.5 * (down / rows) * (1.25 - 0.55 * calm), 0, 0.8)
    canvas.image[first:] = mirror + share[..., None] * (deep - mirror)
    canvas.progress.tick()
    crest = smoothstep(0.06, 0.34, ripple)
    trough = smoothstep(0.05, 0.36, -ripple)
    strength = 0.10 + 0.28 * (1 - calm)
    canvas.shadow(as_floats(trough * strength), shade(deep, -0.05), first)
    canvas.glow(as_floats(crest * strength * 0.55), palette.sky[-1], first)
    if sun_x is not None:
        spread = canvas.unit * (0.035 + 0.14 * (down / rows)) * (1.3 - 0.5 * calm)
        path = np.exp(-(((canvas.xs - sun_x) / spread) ** 2))
        spark = smoothstep(-0.02 + 0.10 * calm, 0.24, as_floats(ripple + 0.16 * path - 0.02))
        canvas.glow(as_floats(path * spark * 0.95), palette.light, first)
    # A thin line of light where water and land meet.
    edge = np.exp(-down / (canvas.unit * 0.0022)) * 0.5
    canvas.glow(as_floats(np.broadcast_to(edge, (rows, canvas.width))), palette.sky[-1], first)


def paint_swell(canvas: Canvas, palette: Palette, rng: np.random.Generator, level: float, height: float) -> None:
    """Rows of crested waves, as in a woodcut: each darker and larger, with a rim of foam."""
    foam = mix(palette.light, palette.sky[-1], 0.4)
    layers = 6
    for at in range(layers):
        near = at / (layers - 1)
        base = level + (canvas.height - level) * (0.04 + 0.86 * near**1.3)
        tall = canvas.unit * height * (0.22 + 0.95 * near)
        # Pointed crests over hollow troughs, rougher than sand.
        crest = (
            np.clip(peaks(rng, canvas.width, (9.0 - 4.6 * near) * canvas.width / canvas.unit, octaves=1), 0, 1.2) ** 1.5
        )
        crest = as_floats(crest + 0.04 * line(rng, canvas.width, 26, 3))
        outline = as_floats(base - tall * crest)
        mask, first = canvas.below(outline)
        below = canvas.ys[first:] - outline[None, :]
        body = mix(mix(palette.sky[1], palette.sky[2], 0.5 * (1 - near)), palette.near, 0.25 + 0.5 * near)
        lit = mix(shade(body, 0.13), palette.sky[-1], 0.2)
        at_depth = np.clip(below / (tall * 1.5), 0, 1) ** 0.7
        canvas.over(mask, as_floats(lit + at_depth[..., None] * (body - lit)), first)
        wander = np.sin(below / canvas.unit * 30) * canvas.unit * 0.012
        turned = crest_shadow(canvas, outline, first, as_floats(wander), 0.9, int(canvas.width * 0.012) + 3, 0.8)
        canvas.over(as_floats(mask * turned * np.exp(-below / (tall * 1.1)) * 0.6), shade(body, -0.10), first)
        size = (canvas.width, canvas.height - first)
        ragged = field(rng, size, (30 / (0.5 + near), 30 / (0.5 + near)), 4, 0.65)
        white = np.clip(crest * 1.7 - 0.45, 0, 1)[None, :]
        rim = mask * smoothstep(0.0, 0.22, as_floats((ragged + 0.1) * white - below / (tall * 0.62 + 1)))
        canvas.over(as_floats(rim * 0.85), foam, first)
        veins = smoothstep(0.035, 0.0, np.abs(field(rng, size, (16 / (0.5 + near), 22 / (0.5 + near)), 4, 0.55) - 0.5))
        canvas.over(as_floats(mask * veins * np.exp(-below / (tall * 1.1)) * white * 0.5), foam, first)


def mirror_wet(canvas: Canvas, rng: np.random.Generator, level: float, dark: Floats) -> None:
    """A wet street: what is above, drawn long and blurred, with puddles that are clearer."""
    first = int(level)
    rows = canvas.height - first
    down = np.arange(rows, dtype=np.float32)[:, None]
    ripple = _ripples(canvas, rng, first, 0.6)
    source = np.clip(first - 1 - down * 1.35 + ripple * canvas.unit * 0.1, 0, first - 1)
    sway = np.broadcast_to(canvas.xs, (rows, canvas.width)) + ripple * canvas.unit * 0.045
    mirror = as_floats(
        cv2.remap(canvas.image, as_floats(sway), as_floats(source), cv2.INTER_LINEAR, borderMode=cv2.BORDER_REFLECT_101)
    )
    long = as_floats(cv2.blur(mirror, (max(1, int(canvas.unit * 0.004)), max(1, int(canvas.unit * 0.06)))))
    puddle = smoothstep(0.47, 0.6, field(rng, (canvas.width, rows), (4, 14), 4))[..., None]
    wet = long + puddle * (mirror * 0.9 + long * 0.25 - long)
    share = np.clip(0.38 + 0.35 * down / rows, 0, 1)[..., None] * (1 - 0.45 * puddle)
    canvas.image[first:] = np.clip(wet + share * (dark - wet), 0, 1)
    canvas.glow(
        blur(as_floats(np.clip(mirror.max(axis=2) - 0.7, 0, 1) * 0.5), canvas.unit * 0.02),
        as_floats([1.0, 0.97, 0.94]),
        first,
    )
