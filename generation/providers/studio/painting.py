"""Pictures from words, and pictures in another hand."""

import cv2
import numpy as np

from generation.providers.studio import abstracts, stylise, weather
from generation.providers.studio.canvas import Canvas
from generation.providers.studio.noise import Floats, as_floats, random_for
from generation.providers.studio.palettes import inks, named
from generation.providers.studio.pixels import Pixels, over_white, read_picture, to_bytes, to_floats
from generation.providers.studio.prompt import Brief, read
from generation.providers.studio.request import OVERSAMPLING, Progress, StudioRequest
from generation.providers.studio.scenes import compose

PASSES = {"draft": 1, "standard": 2, "fine": 4}


def paint(request: StudioRequest, seed: int, progress: Progress, *, for_film: bool = False) -> Pixels:
    """A scene or a pattern of the request's size; a film's still has no vignette and little grain, for it moves."""
    brief = read(request.prompt)
    scale = OVERSAMPLING[request.detail]
    canvas = Canvas(round(request.width * scale), round(request.height * scale), progress)
    progress.stage(0.2)
    flat = is_abstract(brief)
    if flat:
        rng = random_for(seed, "inks")
        kind = abstracts.choose(brief.of("abstract"), seed)
        abstracts.PAINTERS[kind](canvas, inks(rng, brief.colours, brief.moods), random_for(seed, kind))
    else:
        compose(canvas, brief, seed)
    progress.stage(0.05)
    image = canvas.image
    if scale != 1:
        how = cv2.INTER_AREA if scale > 1 else cv2.INTER_CUBIC
        image = as_floats(cv2.resize(image, (request.width, request.height), interpolation=how))
    if not flat:
        image = weather.bloom(image, 0.35)
        progress.tick()
        image = weather.grade(image, contrast=0.12, warmth=0.6)
    style = request.style if request.style != "auto" else next(iter(brief.of("style")), "auto")
    image = _in_hand(np.clip(image, 0, 1), style, request, seed, progress)
    if for_film:
        return to_bytes(weather.finish(image, random_for(seed, "finish"), grain=0.01, paper=0.0, vignette=0.0))
    return to_bytes(_finish(image, style, seed, progress, flat=flat))


def is_abstract(brief: Brief) -> bool:
    """Whether the picture shows a pattern: it was asked for, or nothing in the prompt can be drawn."""
    concrete = bool(brief.of("ground") or brief.subjects or brief.of("light"))
    if brief.of("abstract") and (not concrete or brief.has("abstract", "bauhaus") or "abstract" in brief.moods):
        return True
    if "abstract" in brief.moods:
        return True
    return not (concrete or brief.of("time") or brief.of("weather") or brief.of("extra"))


def _in_hand(image: Floats, style: str, request: StudioRequest, seed: int, progress: Progress) -> Floats:
    progress.stage(0.1)
    if style not in stylise.HANDS:
        return image
    hand = stylise.Hand(random_for(seed, "hand"), progress, 0.75, PASSES[request.detail])
    return stylise.HANDS[style](image, hand)


def _finish(image: Floats, style: str, seed: int, progress: Progress, *, flat: bool) -> Floats:
    grain = {
        "film": 0.055,
        "pixel": 0.0,
        "poster": 0.018,
        "riso": 0.02,
        "sketch": 0.012,
        "watercolour": 0.012,
        "oil": 0.012,
    }
    paper = {"film": 0.0, "pixel": 0.0, "oil": 0.02, "auto": 0.045 if flat else 0.02}
    vignette = 0.0 if flat or style in {"pixel", "sketch", "watercolour", "riso"} else 0.22
    progress.stage(0.08)
    return weather.finish(
        image,
        random_for(seed, "finish"),
        grain=grain.get(style, 0.032 if flat else 0.04),
        paper=paper.get(style, 0.05),
        vignette=vignette,
        dither=style != "pixel",
    )


def _fit(image: Floats, width: int, height: int) -> Floats:
    """Cut to the ratio from the middle, then scale; without a wanted size, about a megapixel in its own ratio."""
    rows, columns = image.shape[:2]
    if not (width and height):
        factor = float(np.sqrt(1_048_576 / (rows * columns)))
        width, height = max(8, round(columns * factor / 8) * 8), max(8, round(rows * factor / 8) * 8)
    ratio = width / height
    cut_width, cut_height = min(columns, round(rows * ratio)), min(rows, round(columns / ratio))
    left, top = (columns - cut_width) // 2, (rows - cut_height) // 2
    cut = image[top : top + max(1, cut_height), left : left + max(1, cut_width)]
    shrinks = cut.shape[1] > width
    return as_floats(cv2.resize(cut, (width, height), interpolation=cv2.INTER_AREA if shrinks else cv2.INTER_CUBIC))


def restyle(request: StudioRequest, seed: int, progress: Progress) -> Pixels:
    """The source in the hand that the style or the prompt names, in the colours that the prompt names."""
    pixels = over_white(read_picture(request.source))
    image = np.clip(_fit(to_floats(pixels), request.width, request.height), 0, 1)
    brief = read(request.prompt)
    rng = random_for(seed, "restyle")
    style = request.style if request.style != "auto" else next(iter(brief.of("style")), "")
    if not style:
        style = ("watercolour", "oil", "poster", "riso", "sketch")[int(rng.integers(5))]
    progress.stage(0.15)
    tones = [named(word) for word in brief.colours]
    if tones or brief.moods & {"neon", "pastel", "vintage", "dark"}:
        drawn = inks(rng, brief.colours, brief.moods)
        image = stylise.recolour(image, drawn, 0.30 + 0.45 * request.strength)
    progress.stage(0.6)
    hand = stylise.Hand(rng, progress, request.strength, PASSES[request.detail])
    made = stylise.HANDS[style](image, hand)
    progress.stage(0.1)
    # A faint hand lets the source through; from 0.5 on the style stands alone.
    share = min(1.0, 0.25 + request.strength * 1.5)
    made = image + share * (made - image)
    grain = 0.0 if style == "pixel" else 0.012
    return to_bytes(weather.finish(as_floats(made), rng, grain=grain, paper=0.0, vignette=0.0, dither=style != "pixel"))
