"""A picture that is being edited, and with what."""

from dataclasses import dataclass

import numpy as np

from generation.providers.studio.cutout import LEAST, MOST, find_subject, refine
from generation.providers.studio.instructions import Step
from generation.providers.studio.noise import Floats, as_floats, random_for
from generation.providers.studio.pixels import Pixels, to_bytes, to_floats
from generation.providers.studio.request import Progress, Refused


@dataclass(slots=True)
class Sheet:
    """`image` is RGB of 0 to 1, (height, width, 3); `alpha` (height, width) only where something is transparent."""

    image: Floats
    alpha: Floats | None
    seed: int
    progress: Progress

    @classmethod
    def of(cls, pixels: Pixels, seed: int, progress: Progress) -> "Sheet":
        alpha = to_floats(pixels[..., 3]) if pixels.shape[2] == 4 else None
        return cls(to_floats(pixels[..., :3]), alpha, seed, progress)

    @property
    def unit(self) -> float:
        """The side in pixels if it were square."""
        return float(np.sqrt(self.image.shape[0] * self.image.shape[1]))

    @property
    def size(self) -> tuple[int, int]:
        """Width and height."""
        return int(self.image.shape[1]), int(self.image.shape[0])

    def rng(self, name: str) -> np.random.Generator:
        return random_for(self.seed, name)

    def amount(self, step: Step) -> float:
        """How strongly; each seed takes it a little differently, so that there is something to choose from."""
        return step.amount * float(self.rng(step.name).uniform(0.88, 1.14))

    def subject(self) -> Floats:
        """0 to 1: what stands before the ground. Raises `Refused` when nothing does."""
        shown = to_bytes(self.image)
        found = find_subject(shown, self.progress)
        if not LEAST < float(found.mean()) < MOST:
            raise Refused("no-subject", "nothing stands out from its ground")
        return refine(shown, found, self.progress)

    def pixels(self) -> Pixels:
        rgb = to_bytes(self.image)
        if self.alpha is None:
            return rgb
        return np.dstack([rgb, to_bytes(self.alpha)])

    def blend(self, other: Floats, share: Floats | float) -> None:
        """Go `share` of the way to another picture of the same size."""
        weight = as_floats(share)
        self.image = as_floats(self.image + (weight[..., None] if weight.ndim == 2 else weight) * (other - self.image))
