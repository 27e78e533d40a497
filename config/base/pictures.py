"""What a picture is to the whole product: the formats we accept, the renditions we keep, and what is known of each.

Standard library only. The child process that decodes (`config.base.decoding`) and the process that asks it
(`config.base.imaging`) both stand on this module, so that neither has to load the other.
"""

from dataclasses import dataclass
from pathlib import Path

# Read from the header before anything is decoded; 50 MP is an 8 700 by 5 800 photograph.
MAX_PIXELS = 50_000_000

# Long edges of the thumbnails. The largest is made only when it would differ from the one before it.
THUMBNAIL_EDGES = (320, 640, 1280)

THUMBNAIL_MIME = "image/webp"


@dataclass(frozen=True, slots=True)
class Format:
    """A kind of picture that we take in and give out: Pillow's name for it, and how the web names it."""

    name: str
    mime: str
    extension: str


FORMATS = (
    Format("JPEG", "image/jpeg", "jpg"),
    Format("PNG", "image/png", "png"),
    Format("WEBP", "image/webp", "webp"),
)


@dataclass(frozen=True, slots=True)
class Rendition:
    """One file made of a picture. `bytes` is its size; width and height are in pixels."""

    name: str
    path: Path
    mime: str
    bytes: int
    width: int
    height: int


@dataclass(frozen=True, slots=True)
class Picture:
    """A cleaned picture. All but the base64 `thumbhash` and the list describe the clean original (`sha256` in hex)."""

    width: int
    height: int
    mime: str
    sha256: str
    thumbhash: str
    has_alpha: bool
    renditions: tuple[Rendition, ...]

    def rendition(self, name: str) -> Rendition:
        """The rendition called `name`; `KeyError` when this picture has none of that name."""
        for rendition in self.renditions:
            if rendition.name == name:
                return rendition
        raise KeyError(name)
