"""Pictures inside of a mesh: their texts are taken out of the file, its pixels stay bit for bit. Runs in a child."""

import struct
import zlib

from config.base.child import Refused

PNG_HEAD = b"\x89PNG\r\n\x1a\n"
# All that is needed to draw one; glTF gives colour spaces by use, never by the file.
PNG_NEEDED = {b"IHDR", b"PLTE", b"tRNS", b"IDAT", b"IEND"}
WEBP_NEEDED = {b"VP8X", b"VP8 ", b"VP8L", b"ALPH"}
# Of VP8X's flags: there is an alpha channel. The others announce profiles, EXIF, XMP and animations.
WEBP_ALPHA = 0x10
# APP0 (JFIF) and APP14 (Adobe: how colours are coded) say how to draw it; other APPn and COM are notes.
JPEG_NOTES = {*range(0xE1, 0xEE), 0xEF, 0xFE}
START_OF_SCAN, END_OF_IMAGE = 0xDA, b"\xff\xd9"


def mime_of(content: bytes) -> str:
    """The type by the first bytes. `Refused` for what browsers do not show in a mesh."""
    if content.startswith(PNG_HEAD):
        return "image/png"
    if content.startswith(b"\xff\xd8\xff"):
        return "image/jpeg"
    if content[:4] == b"RIFF" and content[8:12] == b"WEBP":
        return "image/webp"
    raise Refused("unsupported")


def without_texts(content: bytes) -> bytes:
    """The same picture without comments, EXIF, XMP, profiles or anything behind its end. `Refused` when damaged."""
    mime = mime_of(content)
    try:
        if mime == "image/png":
            return _clean_png(content)
        return _clean_jpeg(content) if mime == "image/jpeg" else _clean_webp(content)
    except (struct.error, IndexError) as error:
        raise Refused("broken") from error


def _clean_png(content: bytes) -> bytes:
    kept, at = [PNG_HEAD], len(PNG_HEAD)
    while True:
        length, kind = struct.unpack_from(">I4s", content, at)
        end = at + 12 + length
        if end > len(content) or zlib.crc32(content[at + 4 : end - 4]) != struct.unpack_from(">I", content, end - 4)[0]:
            raise Refused("broken")
        if kind in PNG_NEEDED:
            kept.append(content[at:end])
        if kind == b"IEND":
            return b"".join(kept)
        at = end


def _clean_jpeg(content: bytes) -> bytes:
    kept, at = [content[:2]], 2
    while True:
        lead, kind, length = struct.unpack_from(">BBH", content, at)
        if lead != 0xFF:
            raise Refused("broken")
        if kind == START_OF_SCAN:
            end = content.rfind(END_OF_IMAGE)
            if end < at:
                raise Refused("broken")
            return b"".join([*kept, content[at:end], END_OF_IMAGE])
        if kind not in JPEG_NOTES:
            kept.append(content[at : at + 2 + length])
        at += 2 + length


def _clean_webp(content: bytes) -> bytes:
    kept, at = [], 12
    while at + 8 <= len(content):
        kind, length = struct.unpack_from("<4sI", content, at)
        end = at + 8 + length + length % 2
        chunk = content[at:end]
        if kind == b"VP8X":
            chunk = chunk[:8] + bytes([chunk[8] & WEBP_ALPHA]) + chunk[9:]
        if kind in WEBP_NEEDED:
            kept.append(chunk)
        at = end
    body = b"".join(kept)
    if not body:
        raise Refused("broken")
    return struct.pack("<4sI4s", b"RIFF", 4 + len(body), b"WEBP") + body
