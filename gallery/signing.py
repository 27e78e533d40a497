"""Made pictures say how they were made: the files of a set are signed before they are stored."""

import hashlib
import logging
from dataclasses import replace
from pathlib import Path

import c2pa
from django.conf import settings

from config.base.pictures import Picture, Rendition
from config.base.provenance import Identity, has_harmless_manifest, load_identity, sign

logger = logging.getLogger(__name__)

# What people save. Thumbnails carry the source type only: a manifest would be as large as the smallest of them.
SIGNED = ("original", "marked")


def sign_picture(picture: Picture, *, source: Path, source_type: str) -> Picture:
    """Put a manifest into the full-size files of a made picture; return it with their new sizes and hash.

    What `source`, the provider's own file, says in a manifest is kept in ours where it tells nothing private.
    A signer that does not work (a certificate that expired at night) keeps nobody from the picture: it is delivered
    without a manifest, and the log says so.
    """
    try:
        identity = load_identity(
            certificates=settings.C2PA_CERT, key=settings.C2PA_KEY, folder=settings.DATA_DIR / "c2pa"
        )
        parent = source if has_harmless_manifest(source, picture.mime) else None
        renditions = tuple(_sign_rendition(row, source_type, identity, parent) for row in picture.renditions)
    except (c2pa.C2paError, OSError, ValueError):
        logger.exception("a picture was delivered without a manifest")
        renditions = tuple(replace(row, bytes=row.path.stat().st_size) for row in picture.renditions)
    original = picture.rendition("original").path
    with original.open("rb") as stream:
        digest = hashlib.file_digest(stream, "sha256").hexdigest()
    return replace(picture, renditions=renditions, sha256=digest)


def _sign_rendition(rendition: Rendition, source_type: str, identity: Identity, parent: Path | None) -> Rendition:
    if rendition.name not in SIGNED:
        return rendition
    sign(rendition.path, mime=rendition.mime, source_type=source_type, identity=identity, parent=parent)
    return replace(rendition, bytes=rendition.path.stat().st_size)
