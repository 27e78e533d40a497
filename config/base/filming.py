"""The child process that makes videos anew. Started by `config.base.videos`; no web process loads it.

    {"source", "folder", "ffmpeg", "watermark_text", "xmp"} → `config.base.child`

ffmpeg inherits the limits. It may open the named files only, each by a demuxer that we chose by content, so that no
playlist and no reference in a file leads anywhere.
"""

import io
import struct
import subprocess
import uuid
import warnings
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from PIL import Image, ImageStat

from config.base.child import Refused, serve
from config.base.decoding import BRANDS, container_brands, digest_of, hash_thumb, write_thumbnails
from config.base.media import MAX_VIDEO_BYTES, MAX_VIDEO_EDGE, MAX_VIDEO_SECONDS, VIDEO_MIME, Media, Rendition
from config.base.watermark import mark

STILLS = frozenset().union(*(brands for _format, brands in BRANDS))
# `profile_idc` of H.264 with 8 bits and halved chroma, which every browser plays: baseline, main, high.
PLAYABLE_PROFILES = {66, 77, 100}
# Where XMP stands in an ISO container: a box of this kind.
XMP_BOX = uuid.UUID("be7acfcb-97a9-42e8-9c71-999491e3afac").bytes
# Where a poster is looked for, in shares of the film; the first that is neither black nor of one colour is taken.
POSTER_PLACES = (0.1, 0.3, 0.5, 0.75, 0.0)
DARK = 28
FLAT = 4
# Every call: nobody to ask, one thread, local files only. An error in the stream ends it: a film is whole or refused.
QUIET = ("-hide_banner", "-loglevel", "error", "-nostdin", "-xerror", "-threads", "1", "-filter_threads", "1")
# Of what comes out: no metadata, no chapters, no encoder's name, no names of tracks; the index first.
CLEAN = (
    *("-map_metadata", "-1", "-map_chapters", "-1", "-fflags", "+bitexact", "-flags:v", "+bitexact"),
    *("-flags:a", "+bitexact", "-empty_hdlr_name", "1", "-movflags", "+faststart", "-f", "mp4"),
)
# Free texts inside the pictures' own stream (encoders put their settings there, and anything else may stand there).
WITHOUT_TEXTS = ("-bsf:v", "filter_units=remove_types=6")
ENCODE = ("-c:v", "libx264", "-preset", "veryfast", "-crf", "20", "-pix_fmt", "yuv420p", "-threads", "1")
# Halved chroma needs even sides, and a player square pixels.
EVEN = "scale=trunc(iw*sar/2)*2:trunc(ih/2)*2,setsar=1"


@dataclass(frozen=True, slots=True)
class Film:
    """What is in a file: ffmpeg's demuxer for it and names of its codecs ("" without sound), and how long it lasts."""

    path: Path
    demuxer: str
    video: str
    audio: str
    seconds: float


@dataclass(frozen=True, slots=True)
class Tool:
    """The ffmpeg that works, in the folder that it may write to."""

    program: str
    folder: Path

    def run(self, *arguments: str) -> bytes:
        """What it wrote to its standard output. `Refused` when it failed, "too_heavy" where a limit ended it."""
        done = subprocess.run([self.program, "-y", *QUIET, *arguments], cwd=self.folder, capture_output=True)
        if done.returncode == 0:
            return done.stdout
        complaint = done.stderr[-2000:].decode(errors="replace")
        if b"No space left" in done.stderr:
            raise OSError(complaint)
        is_limit = done.returncode < 0 or "Cannot allocate memory" in complaint or "File too large" in complaint
        raise Refused("too_heavy" if is_limit else "broken")


def demuxer_of(source: Path) -> str:
    """ffmpeg's name of the container, by the first bytes. `Refused` for what is no video that we take."""
    with source.open("rb") as stream:
        head = stream.read(4096)
    brands = container_brands(head)
    if (brands and not brands & STILLS) or head[4:8] in {b"moov", b"mdat", b"wide"}:
        return "mov"
    if head.startswith(b"\x1a\x45\xdf\xa3") and b"webm" in head[:64]:
        return "matroska"
    raise Refused("unsupported")


def read(path: Path, demuxer: str) -> tuple[str, ...]:
    """The arguments that open a film."""
    return ("-protocol_whitelist", "file,pipe", "-f", demuxer, "-i", f"file:{path}")


def probe(tool: Tool, source: Path) -> Film:
    """Walk through the whole file without decoding: what is in it, and how long it lasts. `Refused`.

    `framecrc` is ffmpeg's format for its own tests: lines of facts, then a line for every packet.
    """
    if source.stat().st_size > MAX_VIDEO_BYTES:
        raise Refused("too_large")
    demuxer = demuxer_of(source)
    first = ("-map", "0:V:0", "-map", "0:a:0?", "-c", "copy", "-t", str(MAX_VIDEO_SECONDS + 2))
    told = tool.run(*read(source, demuxer), *first, "-f", "framecrc", "-").decode("ascii", "replace")
    facts: dict[str, str] = {}
    end = 0
    for line in told.splitlines():
        if line.startswith("#"):
            name, _colon, value = line[1:].partition(":")
            facts[name] = value.strip()
        elif line.startswith("0,"):
            _stream, _dts, pts, duration = (int(part) for part in line.split(",")[:4])
            end = max(end, pts + duration)
    try:
        width, height = (int(side) for side in facts["dimensions 0"].split("x"))
        above, below = (int(part) for part in facts["tb 0"].split("/"))
    except (KeyError, ValueError) as error:
        raise Refused("broken") from error
    seconds = end * above / below
    if seconds > MAX_VIDEO_SECONDS or max(width, height) > MAX_VIDEO_EDGE:
        raise Refused("too_large")
    if seconds <= 0 or min(width, height) < 2:
        raise Refused("broken")
    return Film(source, demuxer, facts.get("codec_id 0", ""), facts.get("codec_id 1", ""), seconds)


def is_playable(film: Film) -> bool:
    """Whether browsers play it as it is."""
    if film.demuxer != "mov" or film.video != "h264" or film.audio not in {"", "aac"}:
        return False
    content = film.path.read_bytes()
    at = content.find(b"avcC")
    return at >= 0 and content[at + 5] in PLAYABLE_PROFILES


def write_original(tool: Tool, film: Film) -> Path:
    """The cleaned film: the very frames where browsers play them, else encoded anew."""
    path = tool.folder / "original.mp4"
    chosen = ("-map", "0:V:0", "-map", "0:a:0?")
    how = ("-c", "copy", *WITHOUT_TEXTS)
    if not is_playable(film):
        sound = ("-c:a", "copy") if film.audio == "aac" else ("-c:a", "aac", "-b:a", "160k")
        how = (*ENCODE, "-vf", EVEN, *WITHOUT_TEXTS, *sound)
    tool.run(*read(film.path, film.demuxer), *chosen, *how, *CLEAN, path.name)
    return path


def write_marked(tool: Tool, original: Path, size: tuple[int, int], text: str) -> Path:
    """The film with the watermark on every frame, drawn as on a picture of its size."""
    path = tool.folder / "marked.mp4"
    layer = tool.folder / "layer.png"
    mark(Image.new("RGBA", size, (0, 0, 0, 0)), text).save(layer, compress_level=1)
    laid = f"[0:V:0]{EVEN}[film];[film][1:v]overlay=0:0:eof_action=repeat[marked]"
    sources = (*read(original, "mov"), "-f", "png_pipe", "-i", f"file:{layer}")
    chosen = ("-filter_complex", laid, "-map", "[marked]", "-map", "0:a:0?", "-c:a", "copy")
    tool.run(*sources, *chosen, *ENCODE, *WITHOUT_TEXTS, *CLEAN, path.name)
    return path


def poster_of(tool: Tool, original: Path, seconds: float) -> Image.Image:
    """A frame that shows something, as it is shown: upright, square pixels."""
    best: tuple[float, Image.Image] | None = None
    for place in POSTER_PLACES:
        seek = ("-ss", f"{seconds * place:.3f}", *read(original, "mov"), "-map", "0:V:0", "-frames:v", "1")
        still = tool.run(*seek, "-vf", f"{EVEN},format=rgb24", "-c:v", "png", "-f", "image2pipe", "-")
        if not still:
            continue
        with Image.open(io.BytesIO(still), formats=("PNG",)) as image:
            frame = image.convert("RGB")
        frame.info.clear()
        shown = ImageStat.Stat(frame.convert("L").resize((64, 64)))
        if shown.mean[0] > DARK and shown.stddev[0] > FLAT:
            return frame
        if best is None or shown.stddev[0] > best[0]:
            best = shown.stddev[0], frame
    if best is None:
        raise Refused("broken")
    return best[1]


def describe(name: str, path: Path, size: tuple[int, int], xmp: bytes) -> Rendition:
    """The facts of a finished film, after its XMP was put behind it."""
    with path.open("ab") as stream:
        stream.write(struct.pack(">I4s", 8 + len(XMP_BOX) + len(xmp), b"uuid") + XMP_BOX + xmp if xmp else b"")
    return Rendition(name, path, VIDEO_MIME, path.stat().st_size, *size)


def make(request: dict[str, Any]) -> Media:
    """Clean the film and write its renditions. Raises `Refused`."""
    folder, text, xmp = Path(request["folder"]), request["watermark_text"], str(request["xmp"]).encode()
    tool = Tool(request["ffmpeg"], folder)
    film = probe(tool, Path(request["source"]))
    original = write_original(tool, film)
    poster = poster_of(tool, original, film.seconds)
    renditions = [describe("original", original, poster.size, xmp), *write_thumbnails(poster, folder, "thumb", xmp)]
    if text:
        marked = write_marked(tool, original, poster.size, text)
        renditions.append(describe("marked", marked, poster.size, xmp))
        renditions += write_thumbnails(mark(poster, text), folder, "marked", xmp)
    return Media(
        kind="video",
        mime=VIDEO_MIME,
        width=poster.width,
        height=poster.height,
        seconds=round(film.seconds, 3),
        sha256=digest_of(original),
        thumbhash=hash_thumb(poster),
        renditions=tuple(renditions),
    )


if __name__ == "__main__":
    warnings.simplefilter("ignore")
    serve(make)
