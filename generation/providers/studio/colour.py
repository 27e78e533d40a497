"""Colours: RGB floats from 0 to 1 as the screen has them, mixed in OKLab so that blends stay clean."""

from collections.abc import Sequence

import numpy as np

from generation.providers.studio.noise import Floats, as_floats

TO_LMS = np.array(
    [
        [0.4122214708, 0.5363325363, 0.0514459929],
        [0.2119034982, 0.6806995451, 0.1073969566],
        [0.0883024619, 0.2817188376, 0.6299787005],
    ]
)
TO_LAB = np.array(
    [
        [0.2104542553, 0.7936177850, -0.0040720468],
        [1.9779984951, -2.4285922050, 0.4505937099],
        [0.0259040371, 0.7827717662, -0.8086757660],
    ]
)
FROM_LMS, FROM_LAB = np.linalg.inv(TO_LMS), np.linalg.inv(TO_LAB)


def parse(value: str) -> Floats:
    """`#rrggbb` to three floats."""
    return as_floats([int(value[at : at + 2], 16) / 255 for at in (1, 3, 5)])


def to_oklab(rgb: Floats) -> Floats:
    linear = np.where(rgb <= 0.04045, rgb / 12.92, ((np.maximum(rgb, 0.04045) + 0.055) / 1.055) ** 2.4)
    return as_floats(np.cbrt(np.maximum(linear @ TO_LMS.T, 0.0)) @ TO_LAB.T)


def from_oklab(lab: Floats) -> Floats:
    linear = np.clip(((lab @ FROM_LAB.T) ** 3) @ FROM_LMS.T, 0.0, 1.0)
    return as_floats(
        np.where(linear <= 0.0031308, linear * 12.92, 1.055 * np.maximum(linear, 1e-9) ** (1 / 2.4) - 0.055)
    )


def to_lch(rgb: Floats) -> tuple[float, float, float]:
    """Lightness 0 to 1, chroma 0 to about 0.35, hue in degrees."""
    lightness, a, b = (float(part) for part in to_oklab(rgb))
    return lightness, float(np.hypot(a, b)), float(np.degrees(np.arctan2(b, a)) % 360)


def from_lch(lightness: float, chroma: float, hue: float) -> Floats:
    angle = np.radians(hue)
    return from_oklab(as_floats([lightness, chroma * np.cos(angle), chroma * np.sin(angle)]))


def mix(first: Floats, second: Floats, share: float) -> Floats:
    """`share` of the second colour in the first."""
    return from_oklab(as_floats(to_oklab(first) * (1 - share) + to_oklab(second) * share))


def shade(colour: Floats, lighter: float) -> Floats:
    """The colour made lighter (positive) or darker (negative) by so much OKLab lightness."""
    lightness, chroma, hue = to_lch(colour)
    target = min(0.985, max(0.04, lightness + lighter))
    return from_lch(target, chroma * (1.0 if lighter < 0 else max(0.35, 1 - lighter)), hue)


def ramp(colours: Sequence[Floats], at: Floats, places: Sequence[float] | None = None) -> Floats:
    """Colours along a line of them; `at` (0 to 1) may have any shape, to which the answer adds an axis of three."""
    labs = np.stack([to_oklab(colour) for colour in colours])
    where = np.linspace(0.0, 1.0, len(colours)) if places is None else np.asarray(places)
    steps = np.linspace(0.0, 1.0, 2048)
    # Knots are rounded off a little: a kink in a sky shows as a line.
    table = np.stack([np.interp(steps, where, labs[:, channel]) for channel in range(3)], axis=1)
    window = np.hanning(161)
    padded = np.pad(table, ((80, 80), (0, 0)), mode="edge")
    table = np.stack([np.convolve(padded[:, channel], window / window.sum(), "valid") for channel in range(3)], axis=1)
    colours_at = from_oklab(as_floats(table))
    index = np.clip(at * 2047.0, 0, 2047).astype(np.int32)
    return as_floats(colours_at[index])


def luminance(image: Floats) -> Floats:
    """Perceived brightness of an RGB picture, 0 to 1."""
    return as_floats(image @ as_floats([0.299, 0.587, 0.114]))
