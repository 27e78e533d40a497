"""What the parts of a scene tell each other."""

from dataclasses import dataclass

import numpy as np

from generation.providers.studio.canvas import Canvas
from generation.providers.studio.noise import Floats, random_for
from generation.providers.studio.palettes import Palette
from generation.providers.studio.prompt import Brief


@dataclass(slots=True)
class Stage:
    """The scene that is being painted. Lengths are pixels; `ground` is the outline on which things stand."""

    canvas: Canvas
    brief: Brief
    palette: Palette
    seed: int
    horizon: float
    sun: tuple[float, float]
    ground: Floats | None = None
    water_level: float | None = None
    hero: bool = False

    def rng(self, name: str) -> np.random.Generator:
        return random_for(self.seed, name)
