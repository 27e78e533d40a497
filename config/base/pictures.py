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
    """A kind of picture: Pillow's name for it, how the web names it, and how people do."""

    name: str
    mime: str
    extension: str
    label: str


JPEG = Format("JPEG", "image/jpeg", "jpg", "JPEG")
PNG = Format("PNG", "image/png", "png", "PNG")
WEBP = Format("WEBP", "image/webp", "webp", "WebP")
HEIC = Format("HEIF", "image/heic", "heic", "HEIC")
AVIF = Format("AVIF", "image/avif", "avif", "AVIF")

# What we keep and give out.
FORMATS = (JPEG, PNG, WEBP)
# What we take in only, and keep as JPEG, or as WebP where something is transparent. No browser but one shows HEIC. AVIF
# browsers show, but the providers' inputs, the provenance of a file and the printers' tools do not all know it, and
# writing it anew costs seconds a picture where JPEG costs a tenth.
CONVERTED = (HEIC, AVIF)
ACCEPTED = FORMATS + CONVERTED


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
