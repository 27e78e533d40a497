"""Made things say how they were made: the files of a set are signed before they are stored."""

import hashlib
import logging
from dataclasses import replace
from pathlib import Path

import c2pa
from django.conf import settings

from config.base.media import MANIFEST_MIME, MESH_MIME, Media, Rendition
from config.base.provenance import Identity, has_harmless_manifest, load_identity, sign, sign_apart

logger = logging.getLogger(__name__)

# What people save. Thumbnails carry the source type only: a manifest would be as large as the smallest of them.
SIGNED = ("original", "marked")


def sign_media(media: Media, *, source: Path, source_type: str) -> Media:
    """Put a manifest into the full-size files of what was made; return it with their new sizes and hash.

    A GLB has no place for a manifest: it gets a file of its own beside each. What `source`, the provider's own file,
    says in a manifest is kept in ours where it tells nothing private.
    A signer that does not work (a certificate that expired at night) keeps nobody from the picture: it is delivered
    without a manifest, and the log says so.
    """
    try:
        identity = load_identity(
            certificates=settings.C2PA_CERT, key=settings.C2PA_KEY, folder=settings.DATA_DIR / "c2pa"
        )
        if media.mime == MESH_MIME:
            signed = [made for row in media.renditions for made in _with_manifest(row, source_type, identity)]
        else:
            parent = source if has_harmless_manifest(source, media.mime) else None
            signed = [_sign_rendition(row, source_type, identity, parent) for row in media.renditions]
    except (c2pa.C2paError, OSError, ValueError):
        logger.exception("%s was delivered without a manifest", media.kind)
        signed = [replace(row, bytes=row.path.stat().st_size) for row in media.renditions]
    original = media.rendition("original").path
    with original.open("rb") as stream:
        digest = hashlib.file_digest(stream, "sha256").hexdigest()
    return replace(media, renditions=tuple(signed), sha256=digest)


def _with_manifest(rendition: Rendition, source_type: str, identity: Identity) -> list[Rendition]:
    """A GLB and the manifest that speaks of its very bytes; of anything else itself alone."""
    if rendition.name not in SIGNED:
        return [rendition]
    name = "manifest" if rendition.name == "original" else "marked-manifest"
    path = rendition.path.with_name(f"{name}.c2pa")
    manifest = sign_apart(rendition.path, mime=rendition.mime, source_type=source_type, identity=identity)
    path.write_bytes(manifest)
    return [rendition, Rendition(name, path, MANIFEST_MIME, len(manifest), 0, 0)]


def _sign_rendition(rendition: Rendition, source_type: str, identity: Identity, parent: Path | None) -> Rendition:
    if rendition.name not in SIGNED:
        return rendition
    sign(rendition.path, mime=rendition.mime, source_type=source_type, identity=identity, parent=parent)
    return replace(rendition, bytes=rendition.path.stat().st_size)
