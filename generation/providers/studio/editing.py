"""Editing a picture by an instruction: the words' steps, one after another."""

from collections.abc import Callable

import numpy as np

from generation.providers.studio import shaping, toning
from generation.providers.studio.instructions import Step, understand
from generation.providers.studio.joining import join
from generation.providers.studio.pixels import Pixels, cut_to, over_white, read_picture, shrink
from generation.providers.studio.request import Progress, StudioRequest
from generation.providers.studio.sheet import Sheet

# Larger sources are worked on and given back at so many pixels.
MOST = 6_000_000

OPERATIONS: dict[str, Callable[[Sheet, Step], None]] = {
    "rotate": shaping.rotate,
    "flip": shaping.flip,
    "crop": shaping.crop,
    "zoom": shaping.zoom,
    "frame": shaping.frame,
    "round": shaping.round_corners,
    "ground-away": shaping.take_ground_away,
    "ground-blur": shaping.blur_ground,
    "ground-grey": shaping.grey_ground,
    "ground-colour": shaping.colour_ground,
    "exchange": toning.exchange,
    "tint": toning.tint,
    "light": toning.light,
    "warmth": toning.warmth,
    "contrast": toning.contrast,
    "colour": toning.colour,
    "bw": toning.black_and_white,
    "sepia": toning.sepia,
    "invert": toning.invert,
    "vintage": toning.vintage,
    "blur": toning.soften,
    "sharpen": toning.sharpen,
    "smooth": toning.smooth,
    "night": toning.night,
    "golden": toning.golden,
    "autumn": toning.autumn,
    "neon": toning.neon,
    "fog": toning.fog,
    "snow": toning.snow,
    "rain": toning.rain,
    "hand": toning.hand,
    "vignette": toning.vignette,
    "grain": toning.grain,
}


def edit(request: StudioRequest, seed: int, progress: Progress) -> Pixels:
    """RGB, or RGBA where something is transparent. Raises `Refused` before any work for words that say nothing."""
    steps, joint = understand(request.prompt, 2 if request.second else 1)
    progress.stage(0.2)
    pixels = shrink(read_picture(request.source), most=MOST)
    if request.aspect_ratio:
        across, down = (int(part) for part in request.aspect_ratio.split(":"))
        pixels = np.ascontiguousarray(cut_to(pixels, across / down))
    sheet = Sheet.of(pixels, seed, progress)
    share = 0.5 / (len(steps) + bool(joint))
    if joint:
        progress.stage(share)
        join(sheet, shrink(over_white(read_picture(request.second)), most=MOST), joint)
    for step in steps:
        progress.stage(share)
        OPERATIONS[step.name](sheet, step)
        progress.tick()
    progress.stage(0.2)
    return sheet.pixels()
