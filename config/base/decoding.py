"""The child process that decodes pictures from outside. Started by `config.base.imaging`; no web process loads it.

    {"source", "folder", "watermark_text", "xmp", "is_mask"} → `config.base.child`

It imports Pillow, pillow-heif, thumbhash and the standard library only.
"""

import base64
import contextlib
import hashlib
import io
import struct
import warnings
import zlib
from pathlib import Path
from typing import Any

import pillow_heif
import thumbhash
from PIL import AvifImagePlugin, Image, ImageCms, ImageOps, PngImagePlugin

from config.base.child import Refused, serve
from config.base.media import THUMBNAIL_EDGES, THUMBNAIL_MIME, Media, Rendition
from config.base.pictures import AVIF, CONVERTED, HEIC, JPEG, MAX_PIXELS, PNG, WEBP, Format
from config.base.watermark import mark

# What the decoders are known to raise on damaged bytes, beside OSError; RuntimeError is libheif's and libavif's.
BROKEN = (
    OSError, SyntaxError, ValueError, EOFError, IndexError, KeyError, TypeError, RuntimeError, struct.error, zlib.error,
)  # fmt: skip
BOMBS = (Image.DecompressionBombError, Image.DecompressionBombWarning)

# Above this a progressive JPEG or a hard-squeezed PNG costs more seconds and memory than it saves bytes.
LARGE_PIXELS = 16_000_000

# How bright a mask is where something may change, at least; less is what compression leaves of black.
PAINTED = 16

# The brands by which an ISO container says that it holds such a picture, its own or one that it is compatible with.
BRANDS = (
    (AVIF, {b"avif", b"avis"}),
    (HEIC, {b"heic", b"heix", b"heim", b"heis", b"hevc", b"hevx", b"mif1", b"msf1"}),
)

Image.MAX_IMAGE_PIXELS = MAX_PIXELS
# One thread: each more reserves address space of its own, of which this process has little.
AvifImagePlugin.DEFAULT_MAX_THREADS = 1
pillow_heif.register_heif_opener(decode_threads=1, thumbnails=False, depth_images=False, aux_images=False)


def sniff(head: bytes) -> Format:
    """The format that the first bytes announce; the file's name plays no part."""
    if head.startswith(b"\xff\xd8\xff"):
        return JPEG
    if head.startswith(b"\x89PNG\r\n\x1a\n"):
        return PNG
    if head[:4] == b"RIFF" and head[8:12] == b"WEBP":
        return WEBP
    found = container_brands(head)
    for known, brands in BRANDS:
        if found & brands:
            return known
    raise Refused("unsupported")


def container_brands(head: bytes) -> set[bytes]:
    """The brands in the first box of an ISO container (HEIC, AVIF, but also MP4); none when it is no such file."""
    if head[4:8] != b"ftyp":
        return set()
    # Between the own brand and those that it is compatible with stands a version.
    listed = head[16 : min(int.from_bytes(head[:4], "big"), len(head))]
    return {head[8:12], *(listed[at : at + 4] for at in range(0, len(listed), 4))}


def webp_size(head: bytes) -> tuple[int, int]:
    """Width and height from a WebP's header: libwebp takes memory for the whole canvas as soon as it is opened."""
    kind = head[12:16]
    if kind == b"VP8X":
        return 1 + int.from_bytes(head[24:27], "little"), 1 + int.from_bytes(head[27:30], "little")
    if kind == b"VP8L":
        bits = int.from_bytes(head[21:25], "little")
        return 1 + (bits & 0x3FFF), 1 + (bits >> 14 & 0x3FFF)
    width, height = struct.unpack("<HH", head[26:30])
    return width & 0x3FFF, height & 0x3FFF


def to_srgb(image: Image.Image, profile: bytes | None) -> Image.Image:
    """The picture in sRGB. A profile that cannot be read is dropped: the pixels are then taken for sRGB as they are."""
    if not profile or image.mode not in {"L", "RGB", "RGBA", "CMYK"}:
        return image
    target = image.mode if image.mode == "RGBA" else "RGB"
    with contextlib.suppress(ImageCms.PyCMSError, OSError):
        source = ImageCms.ImageCmsProfile(io.BytesIO(profile))
        converted = ImageCms.profileToProfile(image, source, ImageCms.createProfile("sRGB"), outputMode=target)
        return converted or image
    return image


def to_eight_bits(image: Image.Image) -> Image.Image:
    """RGB or RGBA from any mode that our formats hold; alpha is kept only where something is transparent."""
    if image.mode.startswith("I"):
        image = image.convert("I").point(lambda value: value * (1 / 257)).convert("L")
    if image.has_transparency_data:
        image = image if image.mode == "RGBA" else image.convert("RGBA")
        if image.getchannel("A").getextrema() != (255, 255):
            return image
    return image if image.mode == "RGB" else image.convert("RGB")


def load(source: Path) -> tuple[Image.Image, Format, bool]:
    """Decode `source`: upright, sRGB, RGB or RGBA, no metadata; with its format, and whether that was lossless."""
    with source.open("rb") as stream:
        head = stream.read(4096)
    found = sniff(head)
    try:
        if found == WEBP:
            width, height = webp_size(head)
            if width * height > MAX_PIXELS:
                raise Refused("too_large")
        with Image.open(source, formats=(found.name,)) as image:
            image.load()
            if image.width * image.height > MAX_PIXELS:
                # What a HEIC holds may be larger than its header said.
                raise Refused("too_large")
            profile = image.info.get("icc_profile")
            ImageOps.exif_transpose(image, in_place=True)
            # Indexed colours go to RGB first: a profile speaks of channels, not of palette entries.
            decoded: Image.Image = to_eight_bits(image) if image.mode in {"P", "PA", "LA", "La"} else image
            decoded = to_eight_bits(to_srgb(decoded, profile))
    except BOMBS as error:
        raise Refused("too_large") from error
    except BROKEN as error:
        raise Refused("broken") from error
    # Pillow's writers fall back on `info` for comments, profiles and EXIF.
    decoded.info.clear()
    return decoded, found, found == PNG or (found == WEBP and b"VP8L" in head)


def encode(image: Image.Image, path: Path, kind: str, *, lossless: bool, xmp: bytes = b"") -> None:
    """Write `image` as `kind` with no metadata but `xmp`, at a quality that keeps what the original showed."""
    large = image.width * image.height > LARGE_PIXELS
    try:
        if kind == "JPEG":
            image.save(path, "JPEG", quality=95, subsampling=0, progressive=not large, xmp=xmp)
        elif kind == "PNG":
            info = PngImagePlugin.PngInfo()
            if xmp:
                info.add_itxt("XML:com.adobe.xmp", xmp.decode())
            image.save(path, "PNG", compress_level=1 if large else 3, pnginfo=info)
        else:
            quality = 60 if lossless else 95
            image.save(path, "WEBP", quality=quality, lossless=lossless, method=0 if large else 3, xmp=xmp)
    except ValueError as error:
        # libwebp says so when the picture overflows its own limits or the memory that we grant.
        raise Refused("too_heavy") from error


def shrink(image: Image.Image, edge: int) -> Image.Image:
    """`image` with a long edge of at most `edge` pixels; never made larger."""
    longest = max(image.size)
    if longest <= edge:
        return image
    size = (max(1, round(image.width * edge / longest)), max(1, round(image.height * edge / longest)))
    return image.resize(size, Image.Resampling.LANCZOS, reducing_gap=3.0)


def describe(name: str, path: Path, mime: str, image: Image.Image) -> Rendition:
    return Rendition(name, path, mime, path.stat().st_size, image.width, image.height)


def write_set(
    image: Image.Image, folder: Path, found: Format, names: tuple[str, str], lossless: bool, xmp: bytes
) -> list[Rendition]:
    """The full-size file and its thumbnails. `names` are the full-size rendition's name and the thumbnails' prefix."""
    full, prefix = names
    path = folder / f"{full}.{found.extension}"
    encode(image, path, found.name, lossless=lossless, xmp=xmp)
    renditions = [describe(full, path, found.mime, image)]
    return renditions + write_thumbnails(image, folder, prefix, xmp)


def write_thumbnails(image: Image.Image, folder: Path, prefix: str, xmp: bytes) -> list[Rendition]:
    """The thumbnails of a picture or a poster, the smallest first."""
    renditions: list[Rendition] = []
    edges = THUMBNAIL_EDGES if max(image.size) > THUMBNAIL_EDGES[-2] else THUMBNAIL_EDGES[:-1]
    # From the largest down, each made of the one before: the full picture is resampled once. JPEG's own reduced
    # decoding would not help here, since the clean original needs every pixel anyway.
    for edge in reversed(edges):
        image = shrink(image, edge)
        path = folder / f"{prefix}-{edge}.webp"
        image.save(path, "WEBP", quality=80, method=4, xmp=xmp)
        renditions.insert(0, describe(f"{prefix}-{edge}", path, THUMBNAIL_MIME, image))
    return renditions


def hash_thumb(image: Image.Image) -> str:
    """ThumbHash in base64, of a copy no larger than 64 pixels (the hash keeps at most seven waves a side).

    Transparent ground is filled with the picture's own mean colour: the package cannot encode an alpha channel.
    """
    small = shrink(image, 64).convert("RGBA")
    mean = small.resize((1, 1), Image.Resampling.BOX)
    mean.putalpha(255)
    ground = mean.resize(small.size)
    ground.alpha_composite(small)
    return base64.b64encode(bytes(thumbhash.rgba_to_thumb_hash(*ground.size, list(ground.tobytes())))).decode()


def digest_of(path: Path) -> str:
    """SHA-256 in hex."""
    with path.open("rb") as stream:
        return hashlib.file_digest(stream, "sha256").hexdigest()


def make(source: Path, folder: Path, watermark_text: str | None, xmp: bytes = b"") -> Media:
    """Clean `source` and write its renditions into `folder`. Raises `Refused`."""
    image, found, lossless = load(source)
    if found in CONVERTED:
        found = WEBP if image.mode == "RGBA" else JPEG
    renditions = write_set(image, folder, found, ("original", "thumb"), lossless, xmp)
    digest = digest_of(renditions[0].path)
    if watermark_text:
        # Mark before encoding, so that no file of the marked set is ever written clean.
        renditions += write_set(mark(image, watermark_text), folder, found, ("marked", "marked"), lossless, xmp)
    return Media(
        kind="image",
        width=image.width,
        height=image.height,
        mime=found.mime,
        sha256=digest,
        thumbhash=hash_thumb(image),
        has_alpha=image.mode == "RGBA",
        renditions=tuple(renditions),
    )


def make_mask(source: Path, folder: Path) -> Media:
    """Write `source` as a mask: greyscale, white where something may change. Raises `Refused`.

    Where a drawing lies on transparent ground, what was drawn is white. An alpha channel that is the same everywhere
    is no drawing: the luminance decides then.
    """
    image, _found, _lossless = load(source)
    alpha = image.getchannel("A") if image.mode == "RGBA" else None
    is_drawing = alpha is not None and len(set(alpha.getextrema())) > 1
    mask = alpha if alpha is not None and is_drawing else image.convert("RGB").convert("L")
    if not mask.point(lambda value: value >= PAINTED).getbbox():
        raise Refused("nothing_painted")
    path = folder / "original.png"
    encode(mask, path, PNG.name, lossless=True)
    return Media(
        kind="mask",
        width=mask.width,
        height=mask.height,
        mime=PNG.mime,
        sha256=digest_of(path),
        thumbhash="",
        renditions=(describe("original", path, PNG.mime, mask),),
    )


def answer_request(request: dict[str, Any]) -> Media:
    """A mask or a cleaned picture, as the request asks. Raises `Refused`."""
    source, folder = Path(request["source"]), Path(request["folder"])
    if request["is_mask"]:
        return make_mask(source, folder)
    return make(source, folder, request["watermark_text"], str(request["xmp"]).encode())


if __name__ == "__main__":
    warnings.simplefilter("ignore")
    warnings.simplefilter("error", Image.DecompressionBombWarning)
    serve(answer_request)
