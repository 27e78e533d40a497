"""Pictures of nothing: marble, geometry, contours, threads. Also for prompts with no word that is known."""

from collections.abc import Callable

import cv2
import numpy as np

from generation.providers.studio.canvas import Bytes, Canvas, disc, fill, stroke
from generation.providers.studio.colour import from_lch, mix, ramp, shade, to_lch
from generation.providers.studio.noise import Floats, as_floats, blur, field, random_for, smoothstep, warp

Inks = list[Floats]


def paint_marble(canvas: Canvas, inks: Inks, rng: np.random.Generator) -> None:
    """Noise bent by noise bent by noise, with bright veins where it folds."""
    reach = canvas.unit
    cells = (1.6 * canvas.width / reach, 1.6 * canvas.height / reach)
    first = canvas.field(rng, cells, 3, 0.4) - 0.5
    second = canvas.field(rng, cells, 3, 0.4) - 0.5
    canvas.progress.stage(0.1)
    third = warp(canvas.field(rng, cells, 4, 0.42), first * reach * 0.75, second * reach * 0.75)
    canvas.progress.stage(0.1)
    folded = warp(third, (third - 0.5) * reach * 1.0, first * reach * 0.6)
    canvas.progress.stage(0.1)
    tones = sorted(inks, key=lambda ink: to_lch(ink)[0])
    start = int(rng.integers(2))
    order = [tones[0], tones[2], tones[4], tones[1 + start], tones[3]]
    at = np.clip((folded - 0.18) * 1.55, 0, 1)
    canvas.image[:] = ramp(order, as_floats(at))
    canvas.progress.stage(0.1)
    slope = np.hypot(cv2.Sobel(folded, cv2.CV_32F, 1, 0, ksize=5), cv2.Sobel(folded, cv2.CV_32F, 0, 1, ksize=5)) * reach
    light = as_floats(cv2.Sobel(blur(folded, reach * 0.003), cv2.CV_32F, 1, 1, ksize=5)) * reach * reach
    canvas.glow(as_floats(np.clip(light * 0.00035, 0, 0.35)), tones[4])
    vein = smoothstep(0.022, 0.004, np.abs((folded * 5) % 1 - 0.5).astype(np.float32)) * np.clip(slope / 160, 0, 1)
    canvas.over(as_floats(vein * 0.85), mix(tones[4], as_floats([0.93, 0.76, 0.42]), 0.65))


def paint_bauhaus(canvas: Canvas, inks: Inks, rng: np.random.Generator) -> None:
    """A grid of quarter circles, rings, stripes and leaves in five inks."""
    across = int(rng.integers(4, 7)) if canvas.width <= canvas.height else int(rng.integers(5, 8))
    cell = canvas.width / across
    down = int(np.ceil(canvas.height / cell))
    top = (canvas.height - down * cell) / 2
    canvas.image[:] = inks[0]
    with canvas.drawing() as sheet:
        for row in range(down):
            for column in range(across):
                _tile(sheet, rng, column * cell, top + row * cell, cell, inks)
            canvas.progress.tick()
        # One large form over all breaks the grid.
        big = int(rng.integers(2, 4)) * cell
        x, y = int(rng.integers(0, max(1, across - 2))) * cell, top + int(rng.integers(0, max(1, down - 2))) * cell
        ink = inks[int(rng.integers(1, 4))]
        fill(sheet, as_floats([(x, y), (x + big, y), (x + big, y + big), (x, y + big)]), inks[0])
        for part, colour in ((1.0, ink), (0.72, inks[0]), (0.44, inks[4])):
            disc(sheet, x + big / 2, y + big / 2, big / 2 * part, colour)


def _arc(x: float, y: float, radius: float, start: float, turn: float) -> Floats:
    angles = np.radians(start + np.linspace(0, turn, 60))
    return as_floats(
        np.concatenate([[[x, y]], np.stack([x + radius * np.cos(angles), y + radius * np.sin(angles)], axis=1)])
    )


def _tile(sheet: Bytes, rng: np.random.Generator, x: float, y: float, cell: float, inks: Inks) -> None:
    order = [inks[int(part)] for part in rng.permutation(5)]
    square = as_floats([(x, y), (x + cell, y), (x + cell, y + cell), (x, y + cell)])
    fill(sheet, square, order[0])
    kind, corner = int(rng.integers(9)), int(rng.integers(4))
    cx, cy = x + cell * (corner in (1, 2)), y + cell * (corner in (2, 3))
    if kind in (0, 1):
        for at, part in enumerate((1.0, 0.66, 0.33) if kind else (1.0,)):
            fill(sheet, _arc(cx, cy, cell * part, corner * 90, 90), order[1 + at])
    elif kind == 2:
        fill(sheet, _arc(x + cell / 2, y + cell / 2, cell / 2, corner * 90, 180), order[1])
        fill(sheet, _arc(x + cell / 2, y + cell / 2, cell / 2, corner * 90 + 180, 180), order[2])
    elif kind == 3:
        for at in range(3):
            low = y + cell * (at * 2 + 1) / 6
            fill(
                sheet, as_floats([(x, low), (x + cell, low), (x + cell, low + cell / 6), (x, low + cell / 6)]), order[1]
            )
    elif kind == 4:
        fill(sheet, as_floats([square[corner], square[(corner + 1) % 4], square[(corner + 2) % 4]]), order[1])
    elif kind == 5:
        disc(sheet, x + cell / 2, y + cell / 2, cell * 0.40, order[1])
        disc(sheet, x + cell / 2, y + cell / 2, cell * 0.18, order[2])
    elif kind == 6:
        for row in range(4):
            for column in range(4):
                disc(sheet, x + cell * (column + 0.5) / 4, y + cell * (row + 0.5) / 4, cell * 0.055, order[1])
    elif kind == 7:
        first, second = _arc(x, y, cell, 0, 90)[1:], _arc(x + cell, y + cell, cell, 180, 90)[1:]
        fill(sheet, np.concatenate([first, second]), order[1])


def paint_circles(canvas: Canvas, inks: Inks, rng: np.random.Generator) -> None:
    """Large discs printed over each other, some as rings; where inks meet they multiply."""
    dark = to_lch(inks[0])[0] < 0.4
    canvas.image[:] = inks[0]
    for at in range(int(rng.integers(9, 14))):
        radius = canvas.unit * float(rng.uniform(0.05, 0.30)) * (1.0 if at % 3 else 1.25)
        x, y = float(rng.uniform(0.05, 0.95)) * canvas.width, float(rng.uniform(0.05, 0.95)) * canvas.height
        distance = canvas.radius(x, y)
        mask = np.clip(radius - distance + 0.5, 0, 1)
        kind = int(rng.integers(4))
        if kind == 0:
            mask = mask * np.clip(distance - radius * float(rng.uniform(0.6, 0.85)) + 0.5, 0, 1)
        elif kind == 1:
            pitch = radius / float(rng.integers(7, 14))
            mask = mask * smoothstep(-0.6, 0.6, as_floats(np.sin(distance / pitch * np.pi)) * as_floats(pitch / 1.6))
        shading = 0.72 + 0.28 * np.clip((canvas.ys - y) / radius * 0.5 + 0.5, 0, 1)
        ink = inks[1 + at % 4]
        if dark:
            canvas.glow(as_floats(mask * 0.8 * shading), ink)
        else:
            canvas.shadow(as_floats(mask * shading * 0.94), mix(ink, as_floats([1, 1, 1]), 0.06))


def paint_waves(canvas: Canvas, inks: Inks, rng: np.random.Generator) -> None:
    """Bands that swing across the sheet together, as on a record sleeve of 1972."""
    turn = float(rng.uniform(-0.5, 0.5)) + (np.pi / 2 if rng.random() < 0.3 else 0)
    along = (canvas.xs * np.cos(turn) + canvas.ys * np.sin(turn)) / canvas.unit
    across = (canvas.ys * np.cos(turn) - canvas.xs * np.sin(turn)) / canvas.unit
    swing = np.zeros_like(along + across)
    for power, pace in ((0.13, 4.2), (0.05, 8.5)):
        swing = swing + power * np.sin(
            along * pace * float(rng.uniform(0.8, 1.2))
            + float(rng.uniform(0, 6))
            + across * float(rng.uniform(0.4, 2.2))
        )
    at = (across + swing) * float(rng.uniform(13, 19))
    canvas.progress.tick()
    band = np.floor(at).astype(int)
    inside = as_floats(at - band)
    slope = np.hypot(*np.gradient(as_floats(at)))
    palette = as_floats(np.stack([inks[part] for part in (1, 3, 2, 0, 4, 3, 1, 0)]))
    colour = palette[band % 8]
    after = palette[(band + 1) % 8]
    edge = np.clip((inside - 1) / np.maximum(slope, 1e-5) + 1.0, 0, 1)[..., None]
    canvas.image[:] = colour + edge * (after - colour)
    canvas.shadow(as_floats(0.22 * (1 - inside) ** 3), mix(inks[4], as_floats([0, 0, 0]), 0.4))
    canvas.glow(as_floats(0.10 * inside**4), as_floats([1, 1, 1]))


def paint_contours(canvas: Canvas, inks: Inks, rng: np.random.Generator) -> None:
    """Layers of cut paper, each with its shadow, following a landscape's heights."""
    reach = canvas.unit
    height = canvas.field(rng, (3.4 * canvas.width / reach, 3.4 * canvas.height / reach), 3, 0.42)
    bend = (canvas.field(rng, (3, 3), 3) - 0.5) * reach * 0.25
    height = blur(
        warp(height, bend, np.ascontiguousarray(bend.T if canvas.width == canvas.height else bend[::-1])), reach * 0.004
    )
    low, high = float(np.quantile(height, 0.01)), float(np.quantile(height, 0.99))
    layers = int(rng.integers(9, 14))
    tones = sorted(inks, key=lambda ink: to_lch(ink)[0])
    if rng.random() < 0.5:
        tones.reverse()
    colours = ramp(tones, as_floats(np.linspace(0, 1, layers)))
    slope = np.maximum(np.hypot(*np.gradient(height)), 1e-7)
    canvas.image[:] = colours[0]
    for at in range(1, layers):
        level = low + (high - low) * at / layers
        mask = as_floats(np.clip((height - level) / slope + 0.5, 0, 1))
        shift = reach * 0.006
        cast = cv2.warpAffine(
            blur(mask, reach * 0.006),
            as_floats([[1, 0, shift], [0, 1, shift * 1.6]]),
            canvas.size,
            borderMode=cv2.BORDER_REPLICATE,
        )
        canvas.shadow(as_floats(np.clip(cast - mask, 0, 1) * 0.55), mix(tones[0], as_floats([0.05, 0.04, 0.08]), 0.7))
        canvas.over(mask, as_floats(colours[at]))
        rim = as_floats(np.clip(1 - np.abs((height - level) / slope - 1.2), 0, 1) * 0.35)
        canvas.glow(rim, as_floats([1, 1, 1]))


def paint_flow(canvas: Canvas, inks: Inks, rng: np.random.Generator) -> None:
    """Thousands of threads that follow one current; their colour tells where they began."""
    reach = canvas.unit
    angle = (field(rng, (256, 256), (2.2, 2.2), 3) - 0.5) * float(rng.uniform(9, 14)) + float(rng.uniform(0, 6.3))
    paper = inks[0]
    canvas.image[:] = ramp(
        [paper, shade(paper, -0.03 if to_lch(paper)[0] > 0.5 else 0.03)],
        as_floats(np.broadcast_to(canvas.ys / canvas.height, (canvas.height, canvas.width))),
    )
    groups = 12
    count = 190
    for _ in range(groups):
        start = rng.random((count, 2)) * 1.3 - 0.15
        steps = int(rng.integers(26, 60))
        paths = np.empty((steps, count, 2))
        at = start.copy()
        for step in range(steps):
            paths[step] = at
            index = np.clip((at * 255).astype(int), 0, 255)
            heading = angle[index[:, 1], index[:, 0]]
            at = at + 0.0052 * np.stack(
                [np.cos(heading) * reach / canvas.width, np.sin(heading) * reach / canvas.height], axis=1
            )
        paths *= (canvas.width, canvas.height)
        tone = np.clip(start[:, 0] * 0.6 + start[:, 1] * 0.4 + rng.normal(0, 0.10, count), 0, 0.999)
        with canvas.drawing() as sheet:
            for thread in range(count):
                ink = inks[1 + int(tone[thread] * 4)]
                width = reach * float(rng.choice([0.0012, 0.0018, 0.003, 0.006], p=[0.4, 0.3, 0.2, 0.1]))
                stroke(sheet, as_floats(paths[:, thread]), shade(ink, float(rng.normal(0, 0.035))), width)


def paint_gradient(canvas: Canvas, inks: Inks, rng: np.random.Generator) -> None:
    """Soft lights that run into one another, with a fold through them."""
    reach = canvas.unit
    bend_x, bend_y = ((canvas.field(rng, (2, 2), 2) - 0.5) * reach * 0.9 for _ in range(2))
    xs, ys = canvas.xs + bend_x, canvas.ys + bend_y
    canvas.progress.tick()
    total = np.full((canvas.height, canvas.width), 0.01, np.float32)
    vivid = [from_lch(lightness, chroma * 1.2 + 0.02, hue) for lightness, chroma, hue in map(to_lch, inks)]
    image = total[..., None] * vivid[0]
    for at in range(7):
        x, y = float(rng.uniform(-0.1, 1.1)) * canvas.width, float(rng.uniform(-0.1, 1.1)) * canvas.height
        spread = reach * float(rng.uniform(0.13, 0.24))
        weight = as_floats(np.exp(-((xs - x) ** 2 + (ys - y) ** 2) / (2 * spread**2)))
        image += weight[..., None] * vivid[at % 5]
        total += weight
        canvas.progress.tick()
    canvas.image[:] = image / total[..., None]
    fold = np.sin((xs * float(rng.uniform(0.6, 1)) + ys * float(rng.uniform(-1, 1))) / reach * 9)
    canvas.shadow(as_floats(np.clip(fold, 0, 1) ** 3 * 0.16), inks[4])
    canvas.glow(as_floats(np.clip(-fold, 0, 1) ** 4 * 0.20), as_floats([1, 0.98, 0.95]))


def paint_facets(canvas: Canvas, inks: Inks, rng: np.random.Generator) -> None:
    """Triangles of cut glass, brighter towards one light."""
    pitch = canvas.unit * float(rng.uniform(0.07, 0.11))
    across, down = int(canvas.width / pitch) + 3, int(canvas.height / pitch) + 3
    grid = np.stack(np.meshgrid(np.arange(-1, across), np.arange(-1, down)), axis=-1) * pitch
    grid = grid + rng.uniform(-0.38, 0.38, grid.shape) * pitch
    tone = field(rng, (across + 1, down + 1), (3, 3), 2)
    light = rng.random(2) * (canvas.width, canvas.height)
    tones = sorted(inks, key=lambda ink: to_lch(ink)[0])
    with canvas.drawing() as sheet:
        for row in range(down):
            for column in range(across):
                a, b = grid[row, column], grid[row, column + 1]
                c, d = grid[row + 1, column + 1], grid[row + 1, column]
                for three in ((a, b, c), (a, c, d)) if (row + column) % 2 else ((a, b, d), (b, c, d)):
                    middle = np.mean(three, axis=0)
                    near = float(np.exp(-(((middle - light) ** 2).sum()) / (canvas.unit * 0.7) ** 2))
                    place = float(
                        np.clip((tone[row, column] - 0.5) * 1.3 + 0.22 + 0.55 * near + rng.normal(0, 0.06), 0, 1)
                    )
                    fill(sheet, as_floats(three), as_floats(between(tones, place)))
            canvas.progress.tick()


def between(tones: Inks, place: float) -> Floats:
    """One colour of the line through `tones`, without building the line's table."""
    at = place * (len(tones) - 1)
    low = min(int(at), len(tones) - 2)
    return mix(tones[low], tones[low + 1], at - low)


def paint_rays(canvas: Canvas, inks: Inks, rng: np.random.Generator) -> None:
    """Rays from a sun on the horizon, over rainbow arches."""
    x, y = canvas.width * float(rng.choice([0.3, 0.5, 0.7])), canvas.height * float(rng.uniform(0.55, 0.78))
    dx, dy = canvas.xs - x, canvas.ys - y
    distance = np.sqrt(dx * dx + dy * dy)
    rays = int(rng.integers(14, 26)) * 2
    phase = np.arctan2(dy, dx) / (2 * np.pi) * rays
    wave = np.abs((phase % 2) - 1) - 0.5
    edge = as_floats(np.clip(wave * distance * (2 * np.pi / rays) + 0.5, 0, 1))
    pale = mix(inks[0], inks[3], 0.35)
    canvas.image[:] = inks[0]
    canvas.over(edge, pale)
    bands = [1, 3, 2, 4, 1, 3]
    for at, part in enumerate(bands):
        radius = canvas.unit * (0.40 - 0.055 * at)
        canvas.over(as_floats(np.clip(radius - distance + 0.5, 0, 1)), inks[part] if at < 5 else shade(inks[0], 0.02))
    outline = as_floats(
        y + canvas.unit * 0.02 + canvas.unit * 0.04 * np.sin(canvas.xs[0] / canvas.unit * 5 + float(rng.uniform(0, 6)))
    )
    for at, ink in enumerate((inks[2], inks[4])):
        mask, first = canvas.below(
            as_floats(outline + canvas.unit * 0.10 * at * (1 + 0.5 * np.sin(canvas.xs[0] / canvas.unit * 3)))
        )
        canvas.over(mask, ink, first)


PAINTERS: dict[str, Callable[[Canvas, Inks, np.random.Generator], None]] = {
    "marble": paint_marble,
    "bauhaus": paint_bauhaus,
    "circles": paint_circles,
    "waves": paint_waves,
    "contours": paint_contours,
    "flow": paint_flow,
    "gradient": paint_gradient,
    "facets": paint_facets,
    "rays": paint_rays,
}


def choose(names: tuple[str, ...], seed: int) -> str:
    """The asked kind; without one, any of those that stand well alone."""
    if len(names) > 1 and names[0] == "bauhaus" and "circles" in names:
        return "bauhaus"
    if names:
        return names[0]
    alone = ("bauhaus", "contours", "waves", "flow", "facets", "circles", "rays", "marble", "gradient")
    return alone[int(random_for(seed, "abstract").integers(len(alone)))]
