"""Seeded randomness. The same seed and name give the same field at every size, so a draft shows what fine will."""

import hashlib

import cv2
import numpy as np
import numpy.typing as npt

Floats = npt.NDArray[np.float32]


def random_for(seed: int, *names: str) -> np.random.Generator:
    """A generator of its own for each part of a picture: adding a bird does not move the mountains."""
    digest = hashlib.sha256(":".join((str(seed), *names)).encode()).digest()
    return np.random.Generator(np.random.PCG64(int.from_bytes(digest[:16], "big")))


def fork(rng: np.random.Generator) -> np.random.Generator:
    """A generator that may be drawn from as often as a size needs: the one it comes from moves by one step only."""
    return np.random.Generator(np.random.PCG64(int(rng.integers(1 << 62))))


def as_floats(array: object) -> Floats:
    return np.asarray(array, dtype=np.float32)


def smoothstep(low: float, high: float, value: Floats) -> Floats:
    """0 below `low`, 1 above `high`, a smooth S between them (also when `low` is the larger)."""
    t = np.clip((value - low) / (high - low), 0.0, 1.0)
    return as_floats(t * t * (3.0 - 2.0 * t))


def field(
    rng: np.random.Generator,
    size: tuple[int, int],
    cells: tuple[float, float],
    octaves: int = 4,
    gain: float = 0.5,
) -> Floats:
    """Fractal noise of `size` (width, height) with about `cells` features across and down; mean 0.5, spread about 0.17.

    Built as a pyramid: each octave is laid on the smaller one and enlarged, which costs little more than the last.
    """
    rng = fork(rng)
    width, height = size
    across, down = max(2, round(cells[0])) + 1, max(2, round(cells[1])) + 1
    total = as_floats(rng.random((down, across))) - 0.5
    weight, power = 1.0, 1.0
    for _ in range(octaves - 1):
        if across * 2 > width * 1.5 and down * 2 > height * 1.5:
            break
        across, down = across * 2 - 1, down * 2 - 1
        weight *= gain
        power += weight * weight
        total = as_floats(cv2.resize(total, (across, down), interpolation=cv2.INTER_CUBIC))
        total += weight * (as_floats(rng.random((down, across))) - 0.5)
    total = as_floats(cv2.resize(total, (width, height), interpolation=cv2.INTER_CUBIC))
    return as_floats(0.5 + total * (0.75 / np.sqrt(power)))


def line(rng: np.random.Generator, count: int, cells: float, octaves: int = 5, gain: float = 0.5) -> Floats:
    """Fractal noise along a line of `count` samples: about -1 to 1."""
    total = np.zeros(count)
    weight, power = 1.0, 0.0
    at = np.linspace(0.0, 1.0, count)
    for _ in range(octaves):
        knots = max(3, round(cells)) + 1
        values = rng.uniform(-1.0, 1.0, knots)
        position = at * (knots - 1)
        left = np.minimum(position.astype(int), knots - 2)
        t = position - left
        t = t * t * (3.0 - 2.0 * t)
        total += weight * (values[left] * (1 - t) + values[left + 1] * t)
        power += weight * weight
        weight *= gain
        cells *= 2.0
    return as_floats(total / np.sqrt(power) * 1.1)


def peaks(rng: np.random.Generator, count: int, cells: float, octaves: int = 6, gain: float = 0.48) -> Floats:
    """A mountain's outline: straight slopes between random knots, refined by halves; about 0 to 1."""
    knots = max(3, round(cells))
    xs = (np.arange(knots + 1) + rng.uniform(-0.32, 0.32, knots + 1)) / knots
    ys = np.where(
        np.arange(knots + 1) % 2 == rng.integers(2), rng.uniform(0.55, 1.0, knots + 1), rng.uniform(0.0, 0.4, knots + 1)
    )
    xs[0], xs[-1] = -0.02, 1.02
    reach = 0.14
    for _ in range(octaves):
        middle_x = (xs[:-1] + xs[1:]) / 2 + rng.uniform(-0.12, 0.12, len(xs) - 1) * np.diff(xs)
        middle_y = (ys[:-1] + ys[1:]) / 2 + rng.uniform(-reach, reach, len(xs) - 1)
        xs = np.insert(xs, np.arange(1, len(xs)), middle_x)
        ys = np.insert(ys, np.arange(1, len(ys)), middle_y)
        reach *= gain
    return as_floats(np.interp(np.linspace(0.0, 1.0, count), xs, ys))


def warp(source: Floats, dx: Floats, dy: Floats) -> Floats:
    """`source` looked up `dx`, `dy` pixels away from each pixel; mirrored beyond its borders."""
    height, width = dx.shape
    xs = as_floats(np.arange(width, dtype=np.float32)[None, :] + dx)
    ys = as_floats(np.arange(height, dtype=np.float32)[:, None] + dy)
    return as_floats(cv2.remap(source, xs, ys, cv2.INTER_LINEAR, borderMode=cv2.BORDER_REFLECT_101))


def blur(source: Floats, sigma: float) -> Floats:
    """Gaussian blur; wide ones are done small, which the eye cannot tell."""
    height, width = source.shape[:2]
    factor = int(max(1, sigma // 4))
    if factor == 1 or min(width, height) < 4 * factor:
        return as_floats(cv2.GaussianBlur(source, (0, 0), max(0.1, sigma)))
    small = cv2.resize(source, (max(2, width // factor), max(2, height // factor)), interpolation=cv2.INTER_AREA)
    small = cv2.GaussianBlur(small, (0, 0), sigma / factor)
    return as_floats(cv2.resize(small, (width, height), interpolation=cv2.INTER_CUBIC))
