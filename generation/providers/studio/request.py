"""What the local studio is asked for, what it answers when it cannot, and how it says how far it is."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

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

# What each task makes.
MIMES = {
    "text-to-image": "image/png",
    "image-to-image": "image/png",
    "edit": "image/png",
    "inpaint": "image/png",
    "outpaint": "image/png",
    "upscale": "image/png",
    "remove-background": "image/png",
    "variation": "image/png",
    "text-to-video": "video/mp4",
    "image-to-video": "video/mp4",
    "image-to-3d": "model/gltf-binary",
}
STYLES = ("auto", "film", "riso", "sketch", "watercolour", "oil", "pixel", "poster")
MOTIONS = ("auto", "zoom-in", "zoom-out", "pan-left", "pan-right", "rise")
# The short side of a film, in pixels.
RESOLUTIONS = {"480p": 480, "720p": 720}
# Triangles of a mesh.
FACES = {"low": 1_000, "medium": 5_000, "high": 10_000}

# How many rendered pixels lie under one pixel of the result, along each edge.
OVERSAMPLING = {"draft": 0.5, "standard": 1.0, "fine": 2.0}

# How far a picture may be continued on each side, in pixels.
MARGIN_LIMIT = 2_048


class Refused(ValueError):
    """The studio cannot do what was asked; `reason` is a short name and `facts` are its figures."""

    def __init__(self, reason: str, sentence: str, **facts: Any) -> None:
        super().__init__(sentence)
        self.reason = reason
        self.facts = facts


@dataclass(frozen=True, slots=True)
class Margins:
    """How many pixels a picture is continued by, on each side."""

    left: int = 0
    right: int = 0
    top: int = 0
    bottom: int = 0


@dataclass(frozen=True, slots=True)
class StudioRequest:
    """One output to make. Sizes are in pixels; pictures are the bytes of a file.

    For image-to-image the source is cut to the asked ratio from its middle; width and height 0 keep its own. All other
    tasks but text-to-image take their size from the source or from `resolution`. `second` is an edit's other picture,
    `mask` a greyscale PNG of the source's size, white where it may change. `duration` is in seconds, and so is
    `seconds_allowed`, after which a film is given up.
    """

    task: str
    prompt: str
    width: int = 0
    height: int = 0
    seed: int = 0
    style: str = "auto"
    detail: str = "standard"
    strength: float = 0.6
    source: bytes | None = None
    scale: int = 2
    second: bytes | None = None
    mask: bytes | None = None
    margins: Margins = Margins()
    aspect_ratio: str = ""
    duration: int = 4
    resolution: str = "720p"
    motion: str = "auto"
    quality: str = "medium"
    seconds_allowed: int = 60

    def __post_init__(self) -> None:
        if self.task not in MIMES:
            raise ValueError(f"unknown task {self.task!r}")
        for name, known in (
            ("style", STYLES),
            ("detail", OVERSAMPLING),
            ("motion", MOTIONS),
            ("resolution", RESOLUTIONS),
            ("quality", FACES),
            ("aspect_ratio", ("", *ASPECTS)),
        ):
            if getattr(self, name) not in known:
                raise ValueError(f"unknown {name} {getattr(self, name)!r}")
        if not 0.0 <= self.strength <= 1.0:
            raise ValueError("strength lies between 0 and 1")
        if self.task == "text-to-image" and not (16 <= self.width <= 4096 and 16 <= self.height <= 4096):
            raise ValueError("a picture is 16 to 4096 pixels wide and high")
        if not self.task.startswith("text-") and not self.source:
            raise ValueError(f"{self.task} needs a source picture")
        if self.task == "upscale" and self.scale not in {2, 4}:
            raise ValueError("upscale by 2 or 4")
        if self.task == "inpaint" and not self.mask:
            raise Refused("no-mask", "paint over the part of the picture that may change")
        if self.task == "outpaint":
            self._check_margins()
        if not 1 <= self.duration <= 10:
            raise ValueError("a film lasts 1 to 10 seconds")

    def _check_margins(self) -> None:
        sides = (self.margins.left, self.margins.right, self.margins.top, self.margins.bottom)
        if any(not 0 <= side <= MARGIN_LIMIT for side in sides):
            raise ValueError(f"a side grows by 0 to {MARGIN_LIMIT} pixels")
        if not any(sides):
            raise Refused("no-margin", "say by how many pixels the picture is to grow, on one side at least")


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

    def to(self, part: float) -> None:
        """The share `part` (0 to 1) of what this stage had left when it was last told is done; for counted steps."""
        self._report(self._done + (self._goal - self._done) * min(1.0, max(0.0, part)))

    def finish(self) -> None:
        self._done = self._goal = self._end
        self._report(self._end)
