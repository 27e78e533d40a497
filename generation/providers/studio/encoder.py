"""Frames to an H.264 file by imageio-ffmpeg's binary: one thread, no metadata; the same in gives the same out."""

import subprocess
import tempfile
import threading
from contextlib import suppress
from pathlib import Path
from types import TracebackType
from typing import Self

import imageio_ffmpeg

from generation.providers.studio.pixels import Pixels

FRAMES_PER_SECOND = 24
# Seconds that the child gets to end after its last frame, and after it was killed.
FLUSH_SECONDS = 30


class Encoder:
    """A context in which frames are written; whatever ends it, the child is gone and its files are removed."""

    def __init__(self, width: int, height: int, seconds_allowed: float) -> None:
        self._size = f"{width}x{height}"
        self._seconds_allowed = seconds_allowed
        self._is_late = False

    def __enter__(self) -> Self:
        self._folder = tempfile.TemporaryDirectory(prefix="film-")
        self._file = Path(self._folder.name) / "film.mp4"
        self._errors = (Path(self._folder.name) / "errors").open("w+b")
        self._child = subprocess.Popen(
            self._command(), stdin=subprocess.PIPE, stdout=subprocess.DEVNULL, stderr=self._errors
        )
        # A child that hangs holds the writer in its pipe: only somebody else can end it.
        self._watch = threading.Timer(self._seconds_allowed, self._end_late)
        self._watch.daemon = True
        self._watch.start()
        return self

    def _command(self) -> list[str]:
        matrix = "scale=out_color_matrix=bt709:out_range=tv:flags=accurate_rnd+full_chroma_int"
        colours = ["-color_primaries", "bt709", "-color_trc", "bt709", "-colorspace", "bt709", "-color_range", "tv"]
        return [
            *(imageio_ffmpeg.get_ffmpeg_exe(), "-nostdin", "-hide_banner", "-loglevel", "error", "-y"),
            *("-f", "rawvideo", "-pix_fmt", "rgb24", "-s", self._size, "-r", str(FRAMES_PER_SECOND), "-i", "pipe:0"),
            *("-threads", "1", "-vf", matrix, "-c:v", "libx264", "-preset", "fast", "-crf", "18"),
            *(
                "-pix_fmt",
                "yuv420p",
                *colours,
                "-map_metadata",
                "-1",
                "-metadata:s:v",
                "encoder=Darkroom",
                "-fflags",
                "+bitexact",
                "-flags:v",
                "+bitexact",
            ),
            # The encoder signs its stream with a long note of its settings: type 6.
            *("-bsf:v", "filter_units=remove_types=6", "-movflags", "+faststart", "-an", str(self._file)),
        ]

    def _end_late(self) -> None:
        self._is_late = True
        self._child.kill()

    def write(self, frame: Pixels) -> None:
        """One RGB frame of the promised size. Raises `TimeoutError` when the time is up, else `OSError`."""
        pipe = self._child.stdin
        if pipe is None or self._child.poll() is not None:
            raise self._failure()
        try:
            pipe.write(frame.tobytes())
        except BrokenPipeError as error:
            raise self._failure() from error

    def finish(self) -> bytes:
        """The file, once all frames are in. Raises as `write` does."""
        try:
            self._child.communicate(timeout=FLUSH_SECONDS)
        except subprocess.TimeoutExpired as error:
            raise TimeoutError("the encoder did not end in time") from error
        if self._child.returncode != 0:
            raise self._failure()
        return self._file.read_bytes()

    def _failure(self) -> Exception:
        if self._is_late:
            return TimeoutError(f"encoding took more than {self._seconds_allowed} seconds")
        self._errors.seek(0)
        return OSError("the encoder failed: " + self._errors.read(300).decode(errors="replace"))

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._watch.cancel()
        if self._child.poll() is None:
            self._child.kill()
        if self._child.stdin is not None:
            # What is still in the buffer may have nobody left to read it.
            with suppress(BrokenPipeError):
                self._child.stdin.close()
        self._child.wait(FLUSH_SECONDS)
        self._errors.close()
        self._folder.cleanup()
