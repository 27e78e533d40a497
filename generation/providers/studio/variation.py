"""The same picture once more, otherwise: another cut, a slight bend, another light, another grain. The seed decides."""

import cv2
import numpy as np

from generation.providers.studio import weather
from generation.providers.studio.colour import from_lch, luminance
from generation.providers.studio.noise import Floats, as_floats, blur, field, random_for, smoothstep
from generation.providers.studio.pixels import Pixels, over_white, read_picture, shrink, to_bytes, to_floats
from generation.providers.studio.request import Progress, StudioRequest

# Larger sources are worked on and given back at so many pixels.
MOST = 6_000_000


def vary(request: StudioRequest, seed: int, progress: Progress) -> Pixels:
    """RGB of the source's size, or of `MOST` pixels; `strength` says how far it goes."""
    pixels = shrink(over_white(read_picture(request.source)), most=MOST)
    image = to_floats(pixels)
    # At strength 0 the picture is still seen to be another.
    strength = 0.15 + 0.85 * request.strength
    progress.stage(0.3)
    image = _recut(image, random_for(seed, "cut"), strength)
    progress.stage(0.3)
    image = _relight(image, random_for(seed, "light"), strength, progress)
    progress.stage(0.3)
    image = _regrade(image, random_for(seed, "colour"), strength, progress)
    rng = random_for(seed, "grain")
    grain = float(rng.choice([0.0, 0.015, 0.04, 0.07])) * strength
    vignette = float(rng.uniform(0, 0.35)) * strength
    return to_bytes(weather.finish(np.clip(image, 0, 1), rng, grain=grain, paper=0.0, vignette=vignette))


def _recut(image: Floats, rng: np.random.Generator, strength: float) -> Floats:
    """Closer, turned a little and bent a little; the corners never leave the picture."""
    height, width = image.shape[:2]
    unit = float(np.sqrt(width * height))
    turn = np.radians(float(rng.uniform(2.0, 6.0)) * float(rng.choice([-1, 1])) * strength * float(rng.random() < 0.6))
    # So much closer that the turned frame fits, and then some.
    fits = np.cos(turn) + abs(np.sin(turn)) * max(width / height, height / width)
    zoom = float(fits) * (1 + float(rng.uniform(0.04, 0.34)) * strength)
    half_x, half_y = width / 2, height / 2
    slack = 1 - float(fits) / zoom
    at_x = half_x + float(rng.uniform(-1, 1)) * slack * half_x
    at_y = half_y + float(rng.uniform(-1, 1)) * slack * half_y
    flip = -1.0 if rng.random() < 0.45 * smoothstep(0.35, 0.7, as_floats(strength)) else 1.0
    ys, xs = as_floats(np.arange(height) - half_y)[:, None], as_floats(np.arange(width) - half_x)[None, :] * flip
    c, s = float(np.cos(turn)) / zoom, float(np.sin(turn)) / zoom
    bend = [
        (field(rng, (width, height), (2.5, 2.5), 2) - np.float32(0.5)) * np.float32(unit * 0.05 * strength)
        for _ in range(2)
    ]
    map_x, map_y = as_floats(at_x + xs * c - ys * s + bend[0]), as_floats(at_y + xs * s + ys * c + bend[1])
    return as_floats(cv2.remap(image, map_x, map_y, cv2.INTER_CUBIC, borderMode=cv2.BORDER_REFLECT_101))


def _relight(image: Floats, rng: np.random.Generator, strength: float, progress: Progress) -> Floats:
    """Light from another side, harder or softer."""
    height, width = image.shape[:2]
    angle = float(rng.uniform(0, 2 * np.pi))
    ys, xs = np.ogrid[-1 : 1 : height * 1j, -1 : 1 : width * 1j]
    side = as_floats(xs * np.cos(angle) + ys * np.sin(angle))
    image = as_floats(image * (1 + side * np.float32(0.22 * strength))[..., None])
    progress.tick()
    unit = float(np.sqrt(width * height))
    if rng.random() < 0.5:
        # Clarity: what differs from its surroundings differs more.
        light = luminance(image)
        more = (light - blur(light, unit * 0.03)) * np.float32(0.6 * strength)
        return as_floats(image + more[..., None])
    soft = blur(np.clip(image, 0, 1), unit * 0.012)
    glow = 1 - (1 - np.clip(image, 0, 1)) * (1 - soft * soft * np.float32(0.8))
    return as_floats(image + (glow - image) * np.float32(0.5 * strength))


def _regrade(image: Floats, rng: np.random.Generator, strength: float, progress: Progress) -> Floats:
    """Shadows and lights each lean towards a hue of their own; contrast and colour are more or less."""
    light = luminance(np.clip(image, 0, 1))[..., None]
    progress.tick()
    hue = float(rng.uniform(0, 360))
    dark, bright = from_lch(0.5, 0.12, hue), from_lch(0.75, 0.10, hue + float(rng.choice([150, 180, 210])))
    amount = np.float32(float(rng.uniform(0.45, 0.85)) * strength)
    image = image + (dark - dark.mean()) * ((1 - light) ** 2 * amount) + (bright - bright.mean()) * (light * amount)
    progress.tick()
    colour = np.float32(1 + float(rng.choice([-0.55, -0.25, 0.25, 0.5])) * strength)
    grey = luminance(as_floats(image))[..., None]
    image = grey + (image - grey) * colour
    contrast = np.float32(float(rng.uniform(-0.18, 0.4)) * strength)
    gain = np.float32(float(rng.uniform(-0.07, 0.09)) * strength)
    return as_floats(image + (image - 0.5) * contrast * 4 * light * (1 - light) + gain)
