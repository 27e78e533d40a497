"""Which pictures we accept and which we keep.

Standard library only. The child process that decodes (`config.base.decoding`) and the process that asks it
(`config.base.imaging`) both stand on this module, so that neither has to load the other.
"""

from dataclasses import dataclass

# Read from the header before anything is decoded; 50 MP is an 8 700 by 5 800 photograph.
MAX_PIXELS = 50_000_000


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
