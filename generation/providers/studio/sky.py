"""What is above: air, clouds, sun and moon, stars, the Milky Way, northern lights."""

import numpy as np

from generation.providers.studio.canvas import Canvas, stroke
from generation.providers.studio.colour import from_lch, mix, parse, ramp, shade, to_lch
from generation.providers.studio.noise import Floats, as_floats, blur, fork, line, smoothstep
from generation.providers.studio.palettes import Palette


def paint_air(canvas: Canvas, palette: Palette, horizon: float, rng: np.random.Generator) -> None:
    """The sky's gradient down to `horizon` (pixels), bent a little so that it is not a ruler's."""
    drift = canvas.field(rng, (2, 2), 3) - 0.5
    at = canvas.ys / max(1.0, horizon) + drift * 0.16
    canvas.image[:] = ramp(palette.sky, as_floats(np.clip(at, 0, 1)))
    canvas.progress.tick()


def paint_sun(canvas: Canvas, palette: Palette, x: float, y: float, radius: float, *, veiled: bool = False) -> None:
    """A flat disc of light in three wide glows; behind a veil only the glows stay."""
    distance = canvas.radius(x, y)
    warm = mix(palette.sky[-1], palette.light, 0.5)
    canvas.glow(as_floats(0.42 * np.exp(-distance / (canvas.unit * 0.26))), warm)
    canvas.glow(as_floats(0.5 * np.exp(-((distance / (radius * 2.4)) ** 2))), palette.light)
    if not veiled:
        canvas.over(as_floats(np.clip(radius - distance + 0.5, 0, 1)), palette.light)


def paint_striped_sun(canvas: Canvas, palette: Palette, x: float, y: float, radius: float) -> None:
    """The sun of neon evenings, cut into bars that widen downwards."""
    distance = canvas.radius(x, y)
    canvas.glow(as_floats(0.6 * np.exp(-((distance / (radius * 1.7)) ** 2))), palette.sky[-1])
    down = (canvas.ys - y) / radius
    bars = smoothstep(-0.04, 0.04, as_floats(np.sin((down + 0.1) * 21.0) + 0.95 - np.clip(down, 0, 1) * 1.35))
    mask = np.clip(radius - distance + 0.5, 0, 1) * np.where(down < -0.02, 1.0, bars)
    canvas.over(
        as_floats(mask),
        ramp([palette.light, palette.sky[-1], palette.sky[-2]], as_floats(np.clip(down * 0.5 + 0.5, 0, 1))),
    )


def paint_moon(
    canvas: Canvas, palette: Palette, x: float, y: float, radius: float, rng: np.random.Generator, phase: float
) -> None:
    """A moon with its seas; `phase` 0 is full, towards 1 a thin crescent."""
    distance = canvas.radius(x, y)
    canvas.glow(as_floats(0.30 * np.exp(-distance / (radius * 3.2))), palette.light)
    canvas.glow(as_floats(0.34 * np.exp(-((distance / (radius * 1.35)) ** 2))), palette.light)
    disc = np.clip(radius - distance + 0.5, 0, 1)
    if phase > 0.05:
        bite = canvas.radius(x + radius * (1.9 - 1.5 * phase), y - radius * 0.25)
        disc = disc * smoothstep(-0.06 * radius, 0.06 * radius, as_floats(bite - radius * (1.5 - 0.5 * phase)))
    seas = smoothstep(0.5, 0.66, canvas.field(rng, (canvas.width / radius * 0.9, canvas.height / radius * 0.9), 4))
    canvas.over(as_floats(disc), palette.light * (1 - 0.10 * seas[..., None]))


def paint_stars(canvas: Canvas, rng: np.random.Generator, horizon: float, amount: float, light: Floats) -> None:
    """Stars in many sizes: most are dust, a few have a halo. `amount` 1 is a clear night."""
    count = int(1500 * amount * canvas.width * horizon / canvas.unit**2)
    spots = np.zeros((canvas.height, canvas.width), np.float32)
    xs, ys = rng.random(count) * (canvas.width - 3) + 1, rng.random(count) ** 1.15 * (horizon - 3) + 1
    power = (0.12 + 0.95 * rng.random(count) ** 7) * (1 - 0.75 * (ys / horizon) ** 3)
    gain = (canvas.unit / 1024) ** 2 * 1.5
    for dx, dy in ((0, 0), (1, 0), (0, 1), (1, 1)):
        share = np.abs(1 - dx - xs % 1) * np.abs(1 - dy - ys % 1)
        np.add.at(spots, (ys.astype(int) + dy, xs.astype(int) + dx), power * share * max(0.55, gain))
    fine = blur(spots, max(0.55, canvas.unit * 0.00055)) * (2.6 if gain > 0.6 else 1.8)
    halo = blur(np.maximum(spots - 0.45, 0), canvas.unit * 0.0035) * 26
    canvas.glow(as_floats(np.clip(fine + halo, 0, 1)), light)
    big = rng.random((max(3, int(9 * amount)), 4))
    sheet = np.zeros_like(spots)
    for sx, sy, size, _ in big:
        x, y, arm = sx * canvas.width, sy**1.3 * horizon * 0.85, canvas.unit * (0.004 + 0.008 * size**3)
        dx, dy = np.abs(canvas.xs - x), np.abs(canvas.ys - y)
        left, right = int(max(0, x - arm * 5)), int(min(canvas.width, x + arm * 5 + 1))
        top, low = int(max(0, y - arm * 5)), int(min(canvas.height, y + arm * 5 + 1))
        a, b = dx[:, left:right] / arm, dy[top:low] / arm
        sheet[top:low, left:right] += (
            np.exp(-a * 1.1 - b * 9) + np.exp(-b * 1.1 - a * 9) + 0.9 * np.exp(-(a**2 + b**2) * 9)
        )
    canvas.glow(as_floats(np.clip(sheet, 0, 1)), light)


def paint_milky_way(canvas: Canvas, palette: Palette, rng: np.random.Generator, horizon: float) -> None:
    """A slanted band of unresolved stars with dust lanes through its middle."""
    angle = rng.uniform(0.5, 1.0) * (1 if rng.random() < 0.5 else -1)
    middle = canvas.width * rng.uniform(0.35, 0.65), horizon * 0.45
    along = (canvas.xs - middle[0]) * np.cos(angle) + (canvas.ys - middle[1]) * np.sin(angle)
    across = ((canvas.ys - middle[1]) * np.cos(angle) - (canvas.xs - middle[0]) * np.sin(angle)) / canvas.unit
    cloud = canvas.field(rng, (5, 5), 6, 0.62)
    wide = np.exp(-((across / 0.17) ** 2)) * (0.45 + 0.55 * np.exp(-((along / canvas.unit / 0.55) ** 2)))
    dust = smoothstep(0.42, 0.66, canvas.field(rng, (6, 6), 6, 0.6)) * np.exp(-(((across - 0.01) / 0.07) ** 2))
    light = np.clip(wide * (0.25 + 1.5 * (cloud - 0.3)), 0, 1) * (1 - 0.8 * dust)
    _, _, hue = to_lch(palette.sky[-1])
    canvas.glow(as_floats(light * 0.55), from_lch(0.72, 0.10, hue))
    canvas.glow(as_floats(np.clip(light * 1.5 - 0.35, 0, 1) * 0.5), from_lch(0.93, 0.05, 70))
    grain = as_floats(fork(rng).random((canvas.height, canvas.width)) ** 60)
    canvas.glow(as_floats(np.clip(grain * light * 1.8, 0, 1)), palette.light)


def paint_aurora(canvas: Canvas, rng: np.random.Generator, horizon: float, hue: float = 160) -> None:
    """Three folded curtains: sharp below, drawn out into streaks above, green through blue to violet."""
    width = canvas.width
    for at in range(3):
        foot = horizon * (rng.uniform(0.46, 0.86) + 0.20 * line(rng, width, 2.2, 3))
        foot += horizon * 0.05 * np.sin(np.linspace(0, rng.uniform(9, 16), width) + rng.uniform(0, 6))
        streak = 0.35 + 0.65 * np.clip(line(rng, width, 22, 5, 0.75) * 0.7 + 0.5, 0, 1.2)
        presence = np.clip(0.25 + line(rng, width, 3, 2) * 0.9 + 0.35, 0, 1)
        reach = horizon * rng.uniform(0.28, 0.42) * (0.6 + 0.5 * streak)
        up = as_floats((foot[None, :] - canvas.ys) / reach[None, :])
        body = np.where(
            up > 0,
            np.exp(-np.maximum(up, 0) * 1.6) * (1 - np.exp(-np.maximum(up, 0) * 16)),
            np.exp(np.minimum(up, 0) * 30) * 0.06,
        )
        light = body * (streak * presence)[None, :] * (0.95 - 0.2 * at)
        light = blur(as_floats(light), max(0.6, canvas.unit * 0.0025))
        colours = [
            from_lch(0.86, 0.17, hue),
            from_lch(0.72, 0.15, hue + 38),
            from_lch(0.55, 0.17, hue + 125),
            from_lch(0.45, 0.15, hue + 160),
        ]
        canvas.glow(as_floats(np.clip(light, 0, 1)), ramp(colours, as_floats(np.clip(up / 1.7, 0, 1))))
        canvas.glow(blur(as_floats(light * 0.28), canvas.unit * 0.035), colours[0])


def paint_clouds(
    canvas: Canvas, palette: Palette, rng: np.random.Generator, horizon: float, amount: float, sun: tuple[float, float]
) -> None:
    """Long clouds, thinner towards the horizon, lit from where the sun stands."""
    width, height = canvas.size
    shape = canvas.field(rng, (2.2 * width / canvas.unit, 9 * height / canvas.unit), 6, 0.55)
    lit = np.roll(shape, (int(canvas.unit * 0.012) * (1 if sun[1] > horizon * 0.5 else -1), 0), (0, 1))
    cover = 0.62 - 0.2 * amount
    mask = smoothstep(cover, cover + 0.2, shape) * (0.35 + 0.65 * amount)
    mask *= np.clip((horizon - canvas.ys) / (horizon * 0.22), 0, 1)
    bright = mix(palette.sky[-1], palette.light, 0.55)
    dark = mix(palette.sky[len(palette.sky) // 2], palette.far, 0.45)
    if palette.night:
        bright, dark = shade(palette.sky[-1], 0.03), palette.sky[-2]
    near = np.exp(-canvas.radius(*sun) / (canvas.unit * 0.5))
    light = np.clip((shape - lit) * 5.0 + 0.35 + 0.5 * near, 0, 1)
    canvas.over(as_floats(mask * 0.85), as_floats(dark + light[..., None] * (bright - dark)))


def paint_heaps(canvas: Canvas, palette: Palette, rng: np.random.Generator, horizon: float, count: int) -> None:
    """Heaped clouds with flat feet, as posters have them: circles in rows, shaded from below."""
    bright, dark = mix(palette.light, palette.sky[-1], 0.25), mix(palette.sky[-1], palette.sky[-2], 0.55)
    for _ in range(count):
        x, y = rng.uniform(-0.05, 1.05) * canvas.width, horizon * rng.uniform(0.22, 0.86)
        far = 1.15 - 0.8 * y / horizon
        size = canvas.unit * rng.uniform(0.05, 0.11) * far
        mask = np.zeros((canvas.height, canvas.width), np.float32)
        for _ in range(11):
            offset = rng.normal(0, 1.15) * size
            radius = size * rng.uniform(0.5, 1.0) * np.exp(-((offset / size / 2.4) ** 2))
            left, right = int(max(0, x + offset - radius - 2)), int(min(canvas.width, x + offset + radius + 2))
            top = int(max(0, y - radius * 1.45 - 2))
            if left >= right or top >= y + 2:
                continue
            dx, dy = canvas.xs[:, left:right] - (x + offset), canvas.ys[top : int(y) + 2] - (y - radius * 0.45)
            part = np.clip(radius - np.sqrt(dx * dx + dy * dy) + 0.5, 0, 1) * np.clip(
                y - canvas.ys[top : int(y) + 2] + 0.5, 0, 1
            )
            view = mask[top : int(y) + 2, left:right]
            np.maximum(view, part[: view.shape[0]], out=view)
        up = np.clip((y - canvas.ys) / (size * 1.5), 0, 1)
        canvas.over(mask * np.float32(0.55 + 0.4 * far), as_floats(dark + up[..., None] * (bright - dark)))


def paint_storm(canvas: Canvas, palette: Palette, rng: np.random.Generator, horizon: float, *, lightning: bool) -> None:
    """A low ceiling of torn cloud; with `lightning`, a bolt and the light it throws."""
    width, height = canvas.size
    shape = canvas.field(rng, (3 * width / canvas.unit, 5 * height / canvas.unit), 6, 0.6)
    up = np.clip(1 - canvas.ys / horizon, 0, 1)
    mask = smoothstep(0.30, 0.75, as_floats(shape * 0.75 + up * 0.45))
    edge = np.clip((shape - np.roll(shape, -int(canvas.unit * 0.02), 0)) * 4 + 0.3, 0, 1)
    dark, light = shade(palette.sky[0], -0.03), mix(palette.sky[2], palette.sky[-1], 0.3)
    canvas.over(as_floats(mask * 0.9), as_floats(dark + edge[..., None] * (light - dark)))
    if not lightning:
        return
    start = (width * float(rng.uniform(0.15, 0.85)), horizon * 0.10)
    with canvas.drawing() as sheet:
        paths = _branch(rng, start, (float(rng.normal(0, 0.25)), 1.0), horizon, canvas.unit, 3)
        for path, wide in paths:
            stroke(sheet, path, parse("#aab6f0"), max(1.0, canvas.unit * 0.0034 * wide))
    bolt = canvas.mask([path for path, _ in _branch_ribbons(paths, canvas.unit * 0.0013)])
    canvas.glow(np.clip(blur(bolt, canvas.unit * 0.022) * 2.2, 0, 0.55), parse("#cfd8ff"))
    canvas.glow(as_floats(0.45 * np.exp(-canvas.radius(*start) / (canvas.unit * 0.28))), parse("#dfe4ff"))
    canvas.over(np.clip(blur(bolt, canvas.unit * 0.0005) * 1.3, 0, 1), parse("#fdfcff"))


def _branch(
    rng: np.random.Generator,
    start: tuple[float, float],
    heading: tuple[float, float],
    floor: float,
    unit: float,
    depth: int,
) -> list[tuple[Floats, float]]:
    """A bolt from `start`: its path (pixels) and width, then its side branches."""
    x, y = start
    points, branches = [start], []
    for _ in range(60 if depth == 3 else int(rng.integers(7, 16))):
        x += (heading[0] * 0.016 + float(rng.normal(0, 0.011))) * unit
        y += (heading[1] * 0.017 * float(rng.uniform(0.3, 1.5))) * unit
        points.append((x, y))
        if depth > 1 and rng.random() < (0.13 if depth == 3 else 0.07):
            side = (heading[0] + float(rng.choice([-1.0, 1.0])) * float(rng.uniform(0.4, 0.95)), heading[1] * 0.85)
            branches += _branch(rng, (x, y), side, floor, unit, depth - 1)
        if y > floor:
            break
    return [(as_floats(points), (0.25, 0.5, 1.0)[depth - 1]), *branches]


def _branch_ribbons(paths: list[tuple[Floats, float]], half: float) -> list[tuple[Floats, float]]:
    """Each path as a thin polygon that narrows to its end."""
    ribbons = []
    for path, wide in paths:
        reach = (half * wide * np.linspace(1.2, 0.35, len(path)))[:, None] * as_floats([1, 0.35])
        ribbons.append((as_floats(np.concatenate([path - reach, (path + reach)[::-1]])), wide))
    return ribbons
