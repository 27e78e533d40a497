"""Safe intake of pictures: whatever comes from outside is decoded in a child process with limits, never in this one.

`prepare_upload` cleans what a person sends; `prepare_output` does the same for what a provider made and adds the marked
set for plans with a watermark; `prepare_mask` makes of a picture where another one may change. All write into a folder
of the caller's and return what they wrote.
"""

from pathlib import Path

from django.utils.translation import gettext as _

from config.base.limited import Beat, ChildRefused, DecoderFailed, Limits, ask
from config.base.media import Media, MediaError
from config.base.pictures import ACCEPTED, MAX_PIXELS

__all__ = [
    "BrokenPicture",
    "DecoderFailed",
    "Limits",
    "PictureError",
    "PictureTooLarge",
    "UnsupportedPicture",
    "prepare_mask",
    "prepare_output",
    "prepare_upload",
]

LIMITS = Limits()


class PictureError(MediaError):
    """A picture that cannot be taken."""

    code = "picture"


class UnsupportedPicture(PictureError):
    """The content is none of `ACCEPTED`, whatever the file is called."""

    code = "unsupported_picture"


class BrokenPicture(PictureError):
    """The content begins as a picture does, but cannot be decoded to its end."""

    code = "broken_picture"


class EmptyMask(PictureError):
    """A mask by which nothing may change."""

    code = "empty_mask"


class PictureTooLarge(PictureError):
    """More than `MAX_PIXELS`, or more memory or time than `Limits` grants."""

    code = "picture_too_large"


def prepare_upload(source: Path, folder: Path, *, limits: Limits = LIMITS) -> Media:
    """Clean a picture that a person sent: upright, sRGB, no EXIF, no place, no text; with its thumbnails.

    Writes `original`, `thumb-320`, `thumb-640` and, when the long edge is over 640 pixels, `thumb-1280` into `folder`
    (which must exist). Raises `PictureError` for what the sender can mend and `DecoderFailed` for what we must.
    """
    return _decode(source, folder, limits)


def prepare_output(
    source: Path,
    folder: Path,
    *,
    watermark_text: str | None,
    xmp: bytes = b"",
    limits: Limits = LIMITS,
    beat: Beat | None = None,
) -> Media:
    """Clean a picture that a provider made; with `watermark_text` also writes `marked`, `marked-320`, `marked-640` …

    `xmp` is put into every file, as the only metadata. `beat` is called while it works.
    """
    return _decode(source, folder, limits, watermark_text=watermark_text, xmp=xmp, beat=beat)


def prepare_mask(source: Path, folder: Path, *, limits: Limits = LIMITS) -> Media:
    """Make a mask of a picture: an 8-bit greyscale PNG of its size, white where something may change; `original` only.

    Of a picture with a drawing on transparent ground the drawing is white; of any other its luminance counts.
    """
    return _decode(source, folder, limits, is_mask=True)


def _decode(
    source: Path,
    folder: Path,
    limits: Limits,
    *,
    watermark_text: str | None = None,
    xmp: bytes = b"",
    is_mask: bool = False,
    beat: Beat | None = None,
) -> Media:
    request = {
        "source": str(source.resolve()),
        "folder": str(folder.resolve()),
        "watermark_text": watermark_text,
        "xmp": xmp.decode(),
        "is_mask": is_mask,
    }
    try:
        return ask("config.base.decoding", request, limits, beat=beat)
    except ChildRefused as refused:
        raise _refusal(str(refused)) from refused


def _refusal(code: str) -> PictureError:
    formats = ", ".join(known.label for known in ACCEPTED)
    if code == "unsupported":
        return UnsupportedPicture(
            _("This file is not a picture that Darkroom can read. Send one of these: %(formats)s.")
            % {"formats": formats}
        )
    if code == "too_large":
        return PictureTooLarge(
            _("This picture is too large: at most %(megapixels)d megapixels fit. Make it smaller and send it again.")
            % {"megapixels": MAX_PIXELS // 1_000_000}
        )
    if code == "nothing_painted":
        return EmptyMask(_("The mask is black everywhere, so nothing would change. Paint what should change in white."))
    if code == "too_heavy":
        return PictureTooLarge(
            _("Opening this picture takes too much memory or time. Make it smaller or save it as a JPEG, then send it.")
        )
    return BrokenPicture(_("This picture is damaged or incomplete. Export or download it afresh and send it again."))
