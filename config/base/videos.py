"""Safe intake of the videos that providers made: judged and made anew by ffmpeg in a child process with limits."""

from pathlib import Path

import imageio_ffmpeg
from django.template.defaultfilters import filesizeformat
from django.utils.translation import gettext as _

from config.base.limited import Beat, ChildRefused, Limits, ask
from config.base.media import MAX_VIDEO_BYTES, MAX_VIDEO_EDGE, MAX_VIDEO_SECONDS, Media, MediaError

# Two minutes of Full HD take two to three of one core; less than the ten that a look at a job may take.
LIMITS = Limits(memory_bytes=2 << 30, cpu_seconds=480, file_bytes=512 << 20, wall_seconds=480.0)


def prepare_video(
    source: Path,
    folder: Path,
    *,
    watermark_text: str | None,
    xmp: bytes = b"",
    limits: Limits = LIMITS,
    beat: Beat | None = None,
) -> Media:
    """Clean a video that a provider made: MP4 with the first picture and sound, H.264 and AAC, without metadata.

    What is so already keeps its very frames. Writes `original`, the thumbnails `thumb-320` … of a poster frame and,
    with `watermark_text`, `marked` and `marked-320` … into `folder`. Width and height are pixels as shown. `xmp` is put
    into every file, as the only metadata. `beat` is called while it works. Raises `MediaError` and `DecoderFailed`.
    """
    request = {
        "source": str(source.resolve()),
        "folder": str(folder.resolve()),
        "ffmpeg": imageio_ffmpeg.get_ffmpeg_exe(),
        "watermark_text": watermark_text,
        "xmp": xmp.decode(),
    }
    try:
        return ask("config.base.filming", request, limits, beat=beat)
    except ChildRefused as refused:
        raise _refusal(str(refused)) from refused


def _refusal(code: str) -> MediaError:
    if code == "unsupported":
        sentence = _("The provider delivered something that is not a video. Nothing was charged; try another model.")
        return MediaError(sentence, code="unsupported_video")
    if code == "too_large":
        sentence = _(
            "The video is too large: at most %(size)s, %(seconds)d seconds and %(edge)d pixels a side fit. "
            "Nothing was charged; ask for a shorter or smaller one."
        )
        limits = {"size": filesizeformat(MAX_VIDEO_BYTES), "seconds": MAX_VIDEO_SECONDS, "edge": MAX_VIDEO_EDGE}
        return MediaError(sentence % limits, code="video_too_large")
    if code == "too_heavy":
        sentence = _("The video takes too much memory or time. Nothing was charged; ask for a shorter or smaller one.")
        return MediaError(sentence, code="video_too_large")
    sentence = _("The provider delivered a damaged video. Nothing was charged; try again.")
    return MediaError(sentence, code="broken_video")
