"""Safe intake of pictures: whatever comes from outside is decoded in a child process with limits, never in this one.

`prepare_upload` cleans what a person sends; `prepare_output` does the same for what a provider made and adds the marked
set for plans with a watermark. Both write into a folder of the caller's and return what they wrote.
"""

import json
import logging
import os
import signal
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from django.utils.translation import gettext as _

from config.base.pictures import ACCEPTED, MAX_PIXELS, Picture, Rendition

logger = logging.getLogger(__name__)

PROJECT = Path(__file__).resolve().parents[2]

# All that the child gets of our environment: no keys, no addresses. COVERAGE_… lets a test run measure the child too.
ENVIRONMENT = ("PATH", "PYTHONPATH", "LANG", "TMPDIR", "COVERAGE_PROCESS_START", "COVERAGE_PROCESS_CONFIG")

# Signals by which the kernel ends a child that wants too much (SIGKILL: also the out-of-memory killer).
EXHAUSTED = {-signal.SIGKILL, -signal.SIGXCPU, -signal.SIGXFSZ}


class PictureError(ValueError):
    """A picture that cannot be taken. `str()` is a sentence for people; `code` is for programs."""

    code = "picture"


class UnsupportedPicture(PictureError):
    """The content is none of `ACCEPTED`, whatever the file is called."""

    code = "unsupported_picture"


class BrokenPicture(PictureError):
    """The content begins as a picture does, but cannot be decoded to its end."""

    code = "broken_picture"


class PictureTooLarge(PictureError):
    """More than `MAX_PIXELS`, or more memory or time than `Limits` grants."""

    code = "picture_too_large"


class DecoderFailed(RuntimeError):
    """The picture was not judged: the disk is full, the child could not start or has a bug. May be tried again."""


@dataclass(frozen=True, slots=True)
class Limits:
    """What one decoding child may take before it is stopped."""

    memory_bytes: int = 1 << 30
    cpu_seconds: int = 20
    file_bytes: int = 256 << 20
    wall_seconds: float = 20.0


LIMITS = Limits()


def prepare_upload(source: Path, folder: Path, *, limits: Limits = LIMITS) -> Picture:
    """Clean a picture that a person sent: upright, sRGB, no EXIF, no place, no text; with its thumbnails.

    Writes `original`, `thumb-320`, `thumb-640` and, when the long edge is over 640 pixels, `thumb-1280` into `folder`
    (which must exist). Raises `PictureError` for what the sender can mend and `DecoderFailed` for what we must.
    """
    return _decode(source, folder, None, b"", limits)


def prepare_output(
    source: Path, folder: Path, *, watermark_text: str | None, xmp: bytes = b"", limits: Limits = LIMITS
) -> Picture:
    """Clean a picture that a provider made; with `watermark_text` also writes `marked`, `marked-320`, `marked-640` …

    `xmp` is put into every file, as the only metadata.
    """
    return _decode(source, folder, watermark_text, xmp, limits)


def _decode(source: Path, folder: Path, watermark_text: str | None, xmp: bytes, limits: Limits) -> Picture:
    request = {
        "source": str(source.resolve()),
        "folder": str(folder.resolve()),
        "watermark_text": watermark_text,
        "xmp": xmp.decode(),
        "limits": {
            "memory_bytes": limits.memory_bytes,
            "cpu_seconds": limits.cpu_seconds,
            "file_bytes": limits.file_bytes,
        },
    }
    answer = _ask_child(json.dumps(request), limits.wall_seconds)
    if "picture" in answer:
        return _read_picture(answer["picture"])
    if answer["error"] == "failed":
        raise DecoderFailed(answer.get("detail", ""))
    raise _refusal(answer["error"])


def _ask_child(request: str, wall_seconds: float) -> dict[str, Any]:
    environment = {name: os.environ[name] for name in ENVIRONMENT if name in os.environ}
    try:
        child = subprocess.run(
            [sys.executable, "-m", "config.base.decoding"],
            input=request,
            capture_output=True,
            text=True,
            encoding="utf-8",
            timeout=wall_seconds,
            cwd=PROJECT,
            env=environment,
            check=False,
        )
    except subprocess.TimeoutExpired:
        return {"error": "too_heavy"}
    except OSError as error:
        raise DecoderFailed(str(error)) from error
    if child.returncode in EXHAUSTED or (child.returncode and "MemoryError" in child.stderr[-400:]):
        return {"error": "too_heavy"}
    if child.returncode < 0:
        logger.warning("decoder ended by signal %s: %s", -child.returncode, child.stderr[-2000:])
        return {"error": "broken"}
    if child.returncode:
        raise DecoderFailed(child.stderr[-2000:])
    answer: dict[str, Any] = json.loads(child.stdout)
    return answer


def _read_picture(data: dict[str, Any]) -> Picture:
    renditions = tuple(Rendition(**{**row, "path": Path(row["path"])}) for row in data["renditions"])
    return Picture(**{**data, "renditions": renditions})


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
    if code == "too_heavy":
        return PictureTooLarge(
            _("Opening this picture takes too much memory or time. Make it smaller or save it as a JPEG, then send it.")
        )
    return BrokenPicture(_("This picture is damaged or incomplete. Export or download it afresh and send it again."))
