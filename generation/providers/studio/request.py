"""What the local studio is asked for, and how it says how far it is."""

from collections.abc import Callable
from dataclasses import dataclass

# Near one megapixel each, in multiples of eight (width, height).
ASPECTS: dict[str, tuple[int, int]] = {
    "1:1": (1024, 1024),
    "16:9": (1344, 752),
    "9:16": (752, 1344),
    "21:9": (1568, 672),
    "4:3": (1184, 888),
    "3:4": (888, 1184),
    "3:2": (1256, 840),
    "2:3": (840, 1256),
}

TASKS = ("text-to-image", "image-to-image", "upscale")
STYLES = ("auto", "film", "riso", "sketch", "watercolour", "oil", "pixel", "poster")

# How many rendered pixels lie under one pixel of the result, along each edge.
OVERSAMPLING = {"draft": 0.5, "standard": 1.0, "fine": 2.0}


@dataclass(frozen=True, slots=True)
class StudioRequest:
    """One picture to make. Sizes are in pixels.

    For image-to-image the source is cut to the asked ratio from its middle; width and height 0 keep its own.
    An upscale takes its size from the source alone.
    """

    task: str
    prompt: str
    width: int
    height: int
    seed: int
    style: str = "auto"
    detail: str = "standard"
    strength: float = 0.6
    source: bytes | None = None
    scale: int = 2

    def __post_init__(self) -> None:
        if self.task not in TASKS:
            raise ValueError(f"unknown task {self.task!r}")
        if self.style not in STYLES:
            raise ValueError(f"unknown style {self.style!r}")
        if self.detail not in OVERSAMPLING:
            raise ValueError(f"unknown detail {self.detail!r}")
        if not 0.0 <= self.strength <= 1.0:
            raise ValueError("strength lies between 0 and 1")
        if self.task == "text-to-image" and not (16 <= self.width <= 4096 and 16 <= self.height <= 4096):
            raise ValueError("a picture is 16 to 4096 pixels wide and high")
        if self.task != "text-to-image" and not self.source:
            raise ValueError(f"{self.task} needs a source picture")
        if self.task == "upscale" and self.scale not in {2, 4}:
            raise ValueError("upscale by 2 or 4")


class Progress:
    """Turns finished stages into fractions. Each stage is announced with its share; inside one the bar creeps.

    `report` may raise: that is how a picture is cancelled, and nothing here catches it.
    """

    def __init__(self, report: Callable[[float], None], start: float = 0.0, end: float = 1.0) -> None:
        self._report = report
        self._done = start
        self._goal = start
        self._end = end

    def stage(self, share: float) -> None:
        """The stage before is finished; the one that begins takes `share` of the whole."""
        self._done = max(self._done, self._goal)
        self._goal = min(self._end, self._done + share)
        self._report(self._done)

    def tick(self) -> None:
        """Some of this stage is done: go a fifth of what it has left, so that the bar moves and never overruns."""
        self._done += (self._goal - self._done) * 0.2
        self._report(self._done)

    def finish(self) -> None:
        self._done = self._goal = self._end
        self._report(self._end)
