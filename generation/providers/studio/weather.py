"""What lies between the picture and the eye: rain, snow, fog; and what the sheet adds: grain, paper, vignette."""

import cv2
import numpy as np

from generation.providers.studio.canvas import Canvas
from generation.providers.studio.colour import luminance, mix
from generation.providers.studio.noise import Floats, as_floats, blur, field, smoothstep
from generation.providers.studio.palettes import Palette


def paint_rain(canvas: Canvas, palette: Palette, rng: np.random.Generator) -> None:
    """Slanted streaks in three depths and a thin grey veil."""
    canvas.over(as_floats(np.full((canvas.height, canvas.width), 0.08)), mix(palette.sky[-2], palette.far, 0.5))
    slant = rng.uniform(0.10, 0.22) * (1 if rng.random() < 0.5 else -1)
    for count, length, thick, strength in (
        (900, 0.028, 0.0007, 0.20),
        (420, 0.06, 0.0011, 0.26),
        (90, 0.12, 0.0019, 0.26),
    ):
        drawn = np.zeros((canvas.height, canvas.width), np.uint8)
        tall = length * canvas.unit
        total = int(count * canvas.width * canvas.height / canvas.unit**2)
        feet = rng.random((total, 2)) * (canvas.width * 1.2, canvas.height * 1.1) - (canvas.width * 0.1, 0)
        power = rng.uniform(70, 255, total)
        wide = max(1, round(thick * canvas.unit))
        for (x, y), value in zip(feet, power, strict=True):
            cv2.line(
                drawn,
                (int(x * 16), int(y * 16)),
                (int((x + slant * tall) * 16), int((y - tall) * 16)),
                float(value),
                wide,
                cv2.LINE_AA,
                4,
            )
        faint = min(1.0, thick * canvas.unit / wide + 0.25)
        canvas.glow(as_floats(drawn) * np.float32(strength * faint / 255), mix(palette.light, palette.sky[-1], 0.4))


def paint_snowfall(canvas: Canvas, palette: Palette, rng: np.random.Generator) -> None:
    """Flakes in four depths; the nearest are large and out of focus."""
    for count, size, soft, strength in (
        (1500, 0.0011, 0.0004, 0.75),
        (520, 0.0021, 0.0008, 0.85),
        (150, 0.0045, 0.0022, 0.75),
        (26, 0.012, 0.007, 0.5),
    ):
        drawn = np.zeros((canvas.height, canvas.width), np.uint8)
        total = int(count * canvas.width * canvas.height / canvas.unit**2)
        for x, y, part in rng.random((total, 3)):
            radius = max(0.5, size * canvas.unit * (0.5 + 0.8 * part))
            cv2.circle(
                drawn,
                (int(x * canvas.width * 16), int(y * canvas.height * 16)),
                int(radius * 16),
                int(150 + 105 * part),
                -1,
                cv2.LINE_AA,
                4,
            )
        canvas.over(
            blur(as_floats(drawn / np.float32(255)), soft * canvas.unit) * np.float32(strength),
            mix(palette.light, as_floats([1, 1, 1]), 0.6),
        )


def paint_fog(canvas: Canvas, palette: Palette, rng: np.random.Generator, level: float, strength: float) -> None:
    """Fog that lies around `level` and drifts."""
    veil = mix(palette.sky[-1], palette.far, 0.15)
    drift = canvas.field(rng, (2.5, 7), 5)
    for offset, wide in ((-0.05, 0.16), (0.10, 0.10), (0.24, 0.07)):
        band = np.exp(-(((canvas.ys - level - offset * canvas.unit) / (wide * canvas.unit)) ** 2))
        canvas.over(as_floats(np.clip(band * (drift * 1.6 - 0.15), 0, 1) * strength), veil)
        drift = np.ascontiguousarray(drift[:, ::-1])


def grade(image: Floats, *, contrast: float, warmth: float) -> Floats:
    """A gentle curve, and light warmed against cooled shadow; in place."""
    light = luminance(image)[..., None]
    image += (image - 0.5) * (contrast * 4 * light * (1 - light))
    image *= 1 + as_floats([0.05, 0.01, -0.05]) * (warmth * (light - 0.35))
    return image


def finish(
    image: Floats, rng: np.random.Generator, *, grain: float, paper: float, vignette: float, dither: bool = True
) -> Floats:
    """Vignette, paper and film grain; the grain also hides the steps of eight bits. Returns the same array."""
    height, width = image.shape[:2]
    unit = float(np.sqrt(width * height))
    if vignette > 0:
        ys, xs = np.ogrid[-1 : 1 : height * 1j, -1 : 1 : width * 1j]
        image *= as_floats(1 - vignette * np.clip((xs**2 + ys**2) / 2, 0, 1) ** 1.6)[..., None]
    if paper > 0:
        fibre = field(rng, (width, height), (width / 5, height / 5), 2, 0.8) - 0.5
        broad = field(rng, (width, height), (14, 14), 4) - 0.5
        image *= as_floats(1 + paper * (0.75 * fibre + 0.35 * broad))[..., None]
    if grain > 0:
        noise = as_floats(rng.standard_normal((height, width), dtype=np.float32))
        soft = cv2.GaussianBlur(noise, (0, 0), max(0.4, unit * 0.00055)) * 1.5
        light = luminance(np.clip(image, 0, 1))
        image += (soft * (grain * (0.35 + 1.3 * light * (1 - light))))[..., None]
    if dither:
        image += (rng.random(image.shape[:2], dtype=np.float32) - np.float32(0.5))[..., None] / 255
    return image


def bloom(image: Floats, amount: float) -> Floats:
    """Bright parts spill over, as they do in a lens."""
    unit = float(np.sqrt(image.shape[0] * image.shape[1]))
    bright = image * smoothstep(0.72, 1.0, luminance(image))[..., None]
    image += (1 - image) * blur(as_floats(bright), unit * 0.022) * amount
    return image
