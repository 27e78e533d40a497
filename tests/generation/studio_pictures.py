"""Small pictures for the studio's tests, and how two of them are compared."""

from typing import Any

import cv2
import numpy as np
import numpy.typing as npt

from generation.providers.studio import StudioRequest, render

Picture = npt.NDArray[np.uint8]


def make(task: str, source: bytes | None, prompt: str = "", seed: int = 1, **values: Any) -> bytes:
    return render(StudioRequest(task, prompt, seed=seed, source=source, **values), ignore)


def ignore(fraction: float) -> None:
    """Progress that nobody watches."""


def encode(picture: Picture) -> bytes:
    return bytes(cv2.imencode(".png", picture)[1].tobytes())


def decode(png: bytes) -> Picture:
    decoded = cv2.imdecode(np.frombuffer(png, np.uint8), cv2.IMREAD_UNCHANGED)
    assert decoded is not None
    return decoded.astype(np.uint8)


def difference(first: Picture, second: Picture) -> float:
    """Mean absolute difference in levels of 256."""
    return float(np.abs(first.astype(float) - second.astype(float)).mean())


def likeness(first: Picture, second: Picture) -> float:
    """Correlation of two small grey copies: 1 is the same composition."""
    pair = [
        cv2.resize(cv2.cvtColor(each[..., :3], cv2.COLOR_BGR2GRAY), (24, 24), interpolation=cv2.INTER_AREA)
        for each in (first, second)
    ]
    return float(np.corrcoef(pair[0].ravel(), pair[1].ravel())[0, 1])


def landscape(width: int = 240, height: int = 180) -> Picture:
    """A sky that pales towards a horizon over a field with a fine texture (BGR)."""
    ys = np.linspace(0, 1, height)[:, None, None]
    picture = np.array([200, 140, 70]) * (1 - ys) + np.array([210, 225, 240]) * ys
    picture = np.broadcast_to(picture, (height, width, 3)).copy()
    low = round(height * 0.6)
    noise = np.random.default_rng(1).normal(0, 12, (height - low, width, 1))
    picture[low:] = np.array([50, 120, 80]) + cv2.GaussianBlur(noise, (0, 0), 1.2)[..., None] * 2
    return np.clip(picture, 0, 255).astype(np.uint8)


def thing(width: int = 240, height: int = 200) -> Picture:
    """A red ball with a light on it before a plain, paler ground (BGR)."""
    ys, xs = np.mgrid[0:height, 0:width].astype(np.float32)
    ground = np.array([205, 210, 215]) - (ys / height * 30)[..., None]
    away = np.hypot(xs - width / 2, ys - height / 2) / (0.3 * height)
    light = np.exp(-((xs - width * 0.44) ** 2 + (ys - height * 0.42) ** 2) / (2 * (0.08 * height) ** 2))
    ball = np.array([40, 40, 190]) * (1.05 - 0.5 * away)[..., None] + light[..., None] * 90
    inside = np.clip((1 - away) * 0.3 * height + 0.5, 0, 1)[..., None]
    return np.clip(ground * (1 - inside) + ball * inside, 0, 255).astype(np.uint8)
