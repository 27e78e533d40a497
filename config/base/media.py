"""What is known of everything that we keep: kinds, limits, files, and why something is not taken.

Standard library only. The children that decode and the processes that ask them both stand on this module, so that
neither has to load the other.
"""

from dataclasses import dataclass
from pathlib import Path

VIDEO_MIME = "video/mp4"
MESH_MIME = "model/gltf-binary"
MANIFEST_MIME = "application/c2pa"

# Long edges of the thumbnails. The largest is made only when it would differ from the one before it.
THUMBNAIL_EDGES = (320, 640, 1280)
THUMBNAIL_MIME = "image/webp"

MAX_VIDEO_BYTES = 256 << 20
MAX_VIDEO_SECONDS = 120
# Of either side.
MAX_VIDEO_EDGE = 4096

MAX_MESH_BYTES = 64 << 20
MAX_FACES = 2_000_000


class MediaError(ValueError):
    """What was sent or made cannot be taken. `str()` is a sentence for people; `code` is for programs."""

    code = "media"

    def __init__(self, sentence: str, *, code: str = "") -> None:
        super().__init__(sentence)
        self.code = code or self.code


@dataclass(frozen=True, slots=True)
class Rendition:
    """One file made of a picture, a video or a mesh. `bytes` is its size; width and height are in pixels, 0 of a file
    that has none."""

    name: str
    path: Path
    mime: str
    bytes: int
    width: int
    height: int


@dataclass(frozen=True, slots=True)
class Media:
    """Something cleaned, in files. `mime`, `sha256` (hex) and sizes are those of the clean original.

    `kind` is "image", "video", "mesh" or "mask". Width and height are those of its picture, of a mesh those of its
    poster; `thumbhash` is base64, "" for a mask.
    """

    kind: str
    mime: str
    width: int
    height: int
    sha256: str
    thumbhash: str
    renditions: tuple[Rendition, ...]
    has_alpha: bool = False
    seconds: float | None = None
    faces: int | None = None

    def rendition(self, name: str) -> Rendition:
        """The rendition called `name`; `KeyError` when there is none of that name."""
        for rendition in self.renditions:
            if rendition.name == name:
                return rendition
        raise KeyError(name)
