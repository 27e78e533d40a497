"""Puts the things that a prompt names into the scene: where, how large, in which light."""

from dataclasses import dataclass
from functools import cache

import cv2
import numpy as np

from generation.providers.studio.canvas import Canvas, disc, fill
from generation.providers.studio.colour import from_lch, mix, parse, shade, to_lch
from generation.providers.studio.figures import FIGURES, NATURE
from generation.providers.studio.habits import AIRBORNE, PLAIN, SIZES, SWIMMING
from generation.providers.studio.noise import Floats, as_floats, blur
from generation.providers.studio.palettes import Palette, named
from generation.providers.studio.prompt import Brief, Subject


@dataclass(frozen=True, slots=True)
class Place:
    """What a thing needs to know of the scene: the outline to stand on, the water's level, where the light is."""

    ground: Floats
    horizon: float
    water: float | None
    sun: tuple[float, float]
    scene: str
    hero: bool = False


def _curve(text: str) -> Floats:
    """A part's outline in its box: Catmull-Rom through the points, straight into and out of corners."""
    marks = text.split()
    if marks[0] == "o":
        x, y, rx, ry = (float(mark) for mark in marks[1:])
        turn = np.linspace(0, 2 * np.pi, 48, endpoint=False)
        return as_floats(np.stack([x + rx * np.cos(turn), y + ry * np.sin(turn)], axis=1))
    corner = [mark.endswith("!") for mark in marks]
    points = np.array([[float(part) for part in mark.rstrip("!").split(",")] for mark in marks])
    count = len(points)
    curve = []
    steps = np.linspace(0, 1, 10, endpoint=False)[:, None]
    for at in range(count):
        p1, p2 = points[at], points[(at + 1) % count]
        p0 = p1 if corner[at] else points[at - 1]
        p3 = p2 if corner[(at + 1) % count] else points[(at + 2) % count]
        # Tangents are kept to the chord's length, or close points beside far ones would make loops.
        chord = float(np.hypot(*(p2 - p1)))
        m1, m2 = (p2 - p0) * 0.5, (p3 - p1) * 0.5
        m1 = m1 * min(1.0, 1.1 * chord / max(1e-6, float(np.hypot(*m1))))
        m2 = m2 * min(1.0, 1.1 * chord / max(1e-6, float(np.hypot(*m2))))
        t = steps
        curve.append(
            (2 * t**3 - 3 * t**2 + 1) * p1
            + (t**3 - 2 * t**2 + t) * m1
            + (-2 * t**3 + 3 * t**2) * p2
            + (t**3 - t**2) * m2
        )
    return as_floats(np.concatenate(curve))


@cache
def shapes(name: str) -> tuple[tuple[str, Floats], ...]:
    return tuple((part.split(":")[0], _curve(part.split(":")[1])) for part in FIGURES[name])


def put_subjects(canvas: Canvas, brief: Brief, palette: Palette, rng: np.random.Generator, place: Place) -> None:
    """Draw what the prompt names: the first thing large, the others around it."""
    wanted = [subject for subject in brief.subjects if subject.name in FIGURES][:4]
    busy: list[float] = []
    names = {subject.name for subject in wanted}
    sheltered = {"person", "umbrella"} <= names
    for rank, subject in enumerate(wanted):
        if sheltered and subject.name == "umbrella":
            continue
        count = min(subject.count, 9)
        if subject.name == "bird" and count == 1 and rank == 0 and len(wanted) == 1:
            count = 3
        for at in range(count):
            share = (1.0 if rank == 0 else 0.62) * (
                1.0 if count == 1 else 0.78 - 0.05 * at * float(rng.uniform(0.4, 1.6))
            )
            hand = _put(canvas, subject, palette, rng, place, share, busy)
            if sheltered and subject.name == "person":
                umbrella = next(other for other in wanted if other.name == "umbrella")
                paint_figure(canvas, palette, umbrella, hand[:2], hand[2], flip=False, tilt=0.08, place=place)
        canvas.progress.tick()


def _put(
    canvas: Canvas,
    subject: Subject,
    palette: Palette,
    rng: np.random.Generator,
    place: Place,
    share: float,
    busy: list[float],
) -> tuple[float, float, float]:
    name = subject.name
    tall = canvas.unit * SIZES[name] * share * float(rng.uniform(0.92, 1.08))
    tall = min(tall, canvas.width * 0.62, canvas.height * 0.5)
    x = _free_spot(canvas, rng, busy, tall / canvas.width, name, place)
    foot, tilt, sink = _stand(canvas, rng, name, place, x, tall)
    if place.hero and len(busy) == 1:
        x = place.sun[0]
        foot, tilt, sink = _stand(canvas, rng, name, place, x, tall)
    flip = bool(rng.random() < 0.5)
    if name in {"fish", "whale", "boat"}:
        tilt = tilt if not flip else -tilt
    behind = place.scene in {"hills", "field", "mountains", "forest", "desert"} and name not in AIRBORNE
    if behind:
        _halo(canvas, palette, x, foot - tall * 0.55, tall)
    if name == "whale" and place.water is not None and not palette.night:
        _breach(canvas, palette, subject, x, tall * 1.25, rng, place, place.water)
        return x, foot, tall
    if name not in AIRBORNE | SWIMMING | {"boat", "bird"} and place.scene not in {"space", "underwater"}:
        _contact(canvas, palette, x, foot, tall)
    paint_figure(canvas, palette, subject, (x, foot), tall, flip=flip, tilt=tilt, place=place)
    if sink and place.water is not None:
        _reflect(canvas, palette, x, foot, tall, rng)
    return x + tall * (0.17 if not flip else -0.17), foot - tall * 0.52, tall * 0.72


def _contact(canvas: Canvas, palette: Palette, x: float, foot: float, tall: float) -> None:
    """The soft shadow at the feet that keeps a thing from floating."""
    dx, dy = (canvas.xs - x) / (tall * 0.42), (canvas.ys - foot) / (tall * 0.055)
    canvas.shadow(as_floats(0.5 * np.exp(-(dx * dx + dy * dy))), mix(palette.near, palette.sky[0], 0.3))


def _breach(
    canvas: Canvas,
    palette: Palette,
    subject: Subject,
    x: float,
    tall: float,
    rng: np.random.Generator,
    place: Place,
    water: float,
) -> None:
    """A whale that leaps: the lower third stays under water, foam where it breaks through."""
    level = water + (canvas.height - water) * 0.26
    first = int(level)
    kept = canvas.image[first:].copy()
    flip = bool(rng.random() < 0.5)
    # Nose up: the box's left end is the head.
    paint_figure(
        canvas,
        palette,
        subject,
        (x, level + tall * 0.20),
        tall,
        flip=flip,
        tilt=0.85 if not flip else -0.85,
        place=place,
    )
    canvas.image[first:] = kept
    foam = mix(palette.light, palette.sky[-1], 0.25)
    spread = rng.normal(0, 1, (260, 3)) * (1.25, 1, 1)
    with canvas.drawing() as sheet:
        for dx, dy, size in spread:
            up = abs(dy) * tall * 0.085 * np.exp(-((dx / 1.6) ** 2))
            disc(
                sheet,
                x + dx * tall * 0.19,
                level - up + abs(size) * tall * 0.012,
                tall * (0.006 + 0.012 * abs(size)),
                foam,
            )
    for wide in (0.42, 0.62, 0.85):
        ring = np.sqrt(((canvas.xs - x) / (tall * wide)) ** 2 + ((canvas.ys - level) / (tall * wide * 0.13)) ** 2)
        canvas.over(as_floats(np.exp(-(((ring - 1) / 0.07) ** 2)) * 0.45 * (canvas.ys > level - tall * 0.02)), foam)


def _free_spot(
    canvas: Canvas, rng: np.random.Generator, busy: list[float], wide: float, name: str, place: Place
) -> float:
    """A column away from what is there already, near the thirds for the first."""
    best, best_gap = 0.5, -1.0
    low, high = 0.14, 0.86
    if name in {"lighthouse", "castle", "house"} and place.scene == "sea":
        tops = np.flatnonzero(place.ground < place.horizon + canvas.unit * 0.06) / canvas.width
        if len(tops):
            low, high = float(np.clip(tops.min() + 0.10, 0, 1)), float(np.clip(tops.max() - 0.10, 0, 1))
    for _ in range(14):
        x = float(rng.uniform(low, high)) if busy else float(rng.choice([0.34, 0.5, 0.66]) + rng.uniform(-0.04, 0.04))
        x = min(max(x, low), high)
        gap = min([abs(x - other) for other in busy], default=1.0) - wide * 0.4
        if gap > best_gap:
            best, best_gap = x, gap
    busy.append(best)
    return best * canvas.width


def _stand(
    canvas: Canvas, rng: np.random.Generator, name: str, place: Place, x: float, tall: float
) -> tuple[float, float, bool]:
    """Foot (pixels), tilt (radians) and whether it stands in water."""
    column = int(np.clip(x, 0, canvas.width - 1))
    on_ground = float(place.ground[column]) + tall * 0.02
    if place.scene == "space":
        return canvas.height * float(rng.uniform(0.55, 0.8)), float(rng.uniform(0.2, 0.7)), False
    if place.scene == "underwater" and name in SWIMMING | {"person"}:
        return canvas.height * float(rng.uniform(0.35, 0.75)) + tall * 0.3, float(rng.uniform(-0.2, 0.2)), False
    if name == "whale" and place.water is not None:
        # By night it swims among the stars.
        return place.horizon * float(rng.uniform(0.62, 0.82)) + tall * 0.3, float(rng.uniform(-0.25, -0.05)), False
    if name in AIRBORNE or name in SWIMMING:
        upper = {"balloon": 0.62, "butterfly": 0.85, "dragon": 0.6}.get(name, 0.55)
        return (
            max(tall * 1.05, place.horizon * float(rng.uniform(0.32, upper))) + tall * 0.3,
            float(rng.uniform(-0.14, 0.14)),
            False,
        )
    if name == "boat" and place.water is not None:
        level = place.water + (canvas.height - place.water) * float(rng.uniform(0.10, 0.30))
        return level, float(rng.uniform(-0.03, 0.03)), True
    return min(on_ground, canvas.height * 0.985), 0.0, False


def _halo(canvas: Canvas, palette: Palette, x: float, y: float, size: float) -> None:
    """Some light behind what stands against dark ground, or it would drown."""
    distance = canvas.radius(x, y)
    canvas.glow(as_floats(0.26 * np.exp(-((distance / (size * 0.85)) ** 2))), mix(palette.sky[-1], palette.light, 0.4))


def _roles(palette: Palette, subject: Subject) -> dict[str, Floats]:
    """The seven colours of a thing in this light."""
    nature = NATURE[subject.name]
    if subject.colour:
        main = named(subject.colour)
        if subject.name == "fox" and subject.colour == "red":
            main = from_lch(0.60, 0.19, 38)
    elif nature is None:
        main = mix(palette.accent, palette.near, 0.1 if subject.name == "boat" else 0.25)
    else:
        main = from_lch(*nature)
    air = 0.32 if palette.night else 0.16
    dim = palette.near if palette.night else palette.far
    cast = [mix(part, dim, air) for part in (main, parse("#fbf6ea"), parse("#15131a"), palette.accent)]
    main, white, black, accent = cast
    lightness = to_lch(main)[0]
    return {
        "m": main,
        "d": shade(main, -0.09),
        "D": mix(shade(main, -0.24), black, 0.45 if lightness < 0.5 else 0.2),
        "l": shade(main, 0.10),
        "w": white,
        "k": black,
        "a": accent,
        "g": mix(parse("#ffdf8a"), palette.accent, 0.15),
    }


def paint_figure(
    canvas: Canvas,
    palette: Palette,
    subject: Subject,
    foot: tuple[float, float],
    tall: float,
    *,
    flip: bool,
    tilt: float,
    place: Place,
) -> None:
    """One figure with its feet at a point (pixels): flat parts, shade on the far side, a rim towards the light."""
    colours = _roles(palette, subject)
    scale = tall / 100
    outlines: list[tuple[str, Floats]] = []
    for role, points in shapes(subject.name):
        local = (points - as_floats([50, 100])) * scale
        if flip:
            local = local * as_floats([-1, 1])
        turned = local @ as_floats([[np.cos(tilt), np.sin(tilt)], [-np.sin(tilt), np.cos(tilt)]])
        outlines.append((role, as_floats(turned + as_floats(foot))))
    with canvas.drawing() as sheet:
        for role, points in outlines:
            fill(sheet, points, colours[role])
    every = np.concatenate([points for _, points in outlines])
    _light(canvas, palette, outlines, every, place, tall, plain=subject.name in PLAIN)
    lamps = [points for role, points in outlines if role == "g"]
    if lamps:
        lamp = canvas.mask(lamps)
        strength = 1.0 if float(np.mean(palette.sky[0])) < 0.35 else 0.35
        canvas.glow(np.clip(blur(lamp, tall * 0.06) * 1.4 * strength, 0, 0.8), colours["g"])
        if subject.name == "lighthouse" and strength == 1.0:
            _beam(canvas, palette, np.mean(lamps[0], axis=0), flip)


def _light(
    canvas: Canvas,
    palette: Palette,
    outlines: list[tuple[str, Floats]],
    every: Floats,
    place: Place,
    tall: float,
    *,
    plain: bool,
) -> None:
    """Shade towards the feet and away from the sun; a thin bright rim on its side."""
    left, top = np.maximum(np.floor(every.min(axis=0) - 4), 0).astype(int)
    right = int(min(canvas.width, every[:, 0].max() + 5))
    low = int(min(canvas.height, every[:, 1].max() + 5))
    if right <= left or low <= top:
        return
    mask = np.zeros((low - top, right - left), np.uint8)
    for _, points in outlines:
        cv2.fillPoly(mask, [np.round((points - as_floats([left, top])) * 16).astype(np.int32)], 255, cv2.LINE_AA, 4)
    cover = as_floats(mask) / 255
    x, y = float(every[:, 0].mean()), float(every[:, 1].mean())
    away = as_floats([place.sun[0] - x, min(0.0, place.sun[1] - y)])
    away = away / max(1.0, float(np.hypot(*away))) * tall * 0.020
    moved = cv2.warpAffine(cover, as_floats([[1, 0, -away[0]], [0, 1, -away[1]]]), (cover.shape[1], cover.shape[0]))
    rim = np.clip(cover - moved, 0, 1)
    ys = np.linspace(0, 1, low - top, dtype=np.float32)[:, None]
    xs = np.linspace(-1, 1, right - left, dtype=np.float32)[None, :] * (-1 if away[0] > 0 else 1)
    dark = cover * np.clip(0.10 + 0.30 * ys**2 + 0.16 * xs, 0, 1)
    part = canvas.image[top:low, left:right]
    shadow_tint = mix(palette.near, palette.sky[0], 0.4)
    part += dark[..., None] * (shadow_tint - part)
    part += (rim * (0.35 if plain else 0.75))[..., None] * (mix(palette.light, palette.sky[-1], 0.35) - part)
    canvas.progress.tick()


def _beam(canvas: Canvas, palette: Palette, lamp: Floats, flip: bool) -> None:
    """Two beams, one short and one long, from the lantern."""
    dx, dy = canvas.xs - lamp[0], canvas.ys - lamp[1]
    angle, distance = np.arctan2(dy, dx), np.sqrt(dx * dx + dy * dy) / canvas.unit
    for towards, reach in ((-0.10, 0.9), (np.pi - 0.10, 0.55)):
        turn = np.abs(np.angle(np.exp(1j * (angle - (towards if not flip else np.pi - towards)))))
        light = np.exp(-((turn / 0.085) ** 2)) * np.exp(-distance / reach) * np.clip(distance * 60, 0, 1)
        canvas.glow(as_floats(light * 0.55), mix(palette.light, parse("#ffe9a8"), 0.5))


def _reflect(canvas: Canvas, palette: Palette, x: float, foot: float, tall: float, rng: np.random.Generator) -> None:
    """What floats, upside down below itself and broken into strips."""
    left, right = int(max(0, x - tall * 0.6)), int(min(canvas.width, x + tall * 0.6))
    first, last = int(foot), int(min(canvas.height, foot + tall * 0.75))
    if last - first < 3 or right - left < 3:
        return
    rows = np.arange(first, last)
    source = np.clip(first - (rows - first) * 1.25 - 2, 0, canvas.height - 1).astype(int)
    sway = (np.sin((rows - first) / (canvas.unit * 0.0045) + rng.uniform(0, 6)) * (rows - first) * 0.055).astype(int)
    columns = np.arange(left, right)
    picked = np.clip(columns[None, :] + sway[:, None], 0, canvas.width - 1)
    mirror = canvas.image[source[:, None], picked]
    fade = np.exp(-(rows - first) / (tall * 0.33)) * 0.75
    edge = np.clip((1 - np.abs((columns - x) / (tall * 0.6))) * 4, 0, 1)
    part = canvas.image[first:last, left:right]
    part += (fade[:, None] * edge[None, :])[..., None].astype(np.float32) * (mirror * 0.88 - part)
