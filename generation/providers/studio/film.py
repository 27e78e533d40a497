"""Short films: a camera's move over a scene that is painted from words, or over a picture."""

from dataclasses import replace

import numpy as np

from generation.providers.studio.camera import OVERSIZE, Camera, choose_move
from generation.providers.studio.cutout import clear_subject
from generation.providers.studio.encoder import FRAMES_PER_SECOND, Encoder
from generation.providers.studio.noise import Floats, as_floats
from generation.providers.studio.painting import paint
from generation.providers.studio.pixels import Pixels, cover, over_white, read_picture
from generation.providers.studio.request import RESOLUTIONS, Progress, StudioRequest

# A still wider or higher than these is cut to them.
NARROWEST, WIDEST = 9 / 16, 16 / 9


def film_scene(request: StudioRequest, seed: int, progress: Progress) -> bytes:
    """An MP4 of a scene from the prompt in `aspect_ratio` (16:9 when left open)."""
    across, down = (int(part) for part in (request.aspect_ratio or "16:9").split(":"))
    width, height = frame_size(across / down, request.resolution)
    size = round(width * OVERSIZE), round(height * OVERSIZE)
    # A film's camera moves over the still: grain and vignette would move along.
    painted = replace(request, task="text-to-image", width=size[0], height=size[1], style="auto")
    still = paint(painted, seed, progress, for_film=True)
    return _shoot(still, (width, height), request, seed, progress)


def film_picture(request: StudioRequest, seed: int, progress: Progress) -> bytes:
    """An MP4 of the source in its own ratio, between 9:16 and 16:9."""
    pixels = over_white(read_picture(request.source))
    width, height = frame_size(pixels.shape[1] / pixels.shape[0], request.resolution)
    progress.stage(0.1)
    still = cover(pixels, (round(width * OVERSIZE), round(height * OVERSIZE)))
    return _shoot(still, (width, height), request, seed, progress)


def frame_size(ratio: float, resolution: str) -> tuple[int, int]:
    """Width and height in even pixels; the short side is the resolution's."""
    short = RESOLUTIONS[resolution]
    ratio = min(WIDEST, max(NARROWEST, ratio))
    long = round(short * max(ratio, 1 / ratio) / 2) * 2
    return (long, short) if ratio >= 1 else (short, long)


def _shoot(still: Pixels, size: tuple[int, int], request: StudioRequest, seed: int, progress: Progress) -> bytes:
    progress.stage(0.05)
    depth, centre = _depth(still, progress)
    camera = Camera(still, depth, size, choose_move(request.motion, seed, centre, request.duration))
    frames = request.duration * FRAMES_PER_SECOND
    progress.stage(1.0)
    with Encoder(*size, seconds_allowed=request.seconds_allowed) as encoder:
        for at in range(frames):
            encoder.write(camera.frame(at / (frames - 1)))
            progress.to((at + 1) / frames * 0.97)
        return encoder.finish()


def _depth(still: Pixels, progress: Progress) -> tuple[Floats, tuple[float, float]]:
    """How near each part is, 0 to 1, guessed: what is low is near, who stands out is nearer; and where that is."""
    found = clear_subject(still, progress)
    rows, columns = found.shape
    ground = np.broadcast_to(np.linspace(0, 1, rows, dtype=np.float32)[:, None] ** 1.5, found.shape)
    if not found.any():
        return as_floats(ground), (0.0, 0.0)
    ys, xs = np.nonzero(found)
    centre = float(xs.mean() / columns * 2 - 1), float(ys.mean() / rows * 2 - 1)
    return as_floats(0.6 * ground + 0.4 * found), centre
