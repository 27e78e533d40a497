"""What providers made: judged, cleaned, marked, signed and stored; then written down."""

from collections.abc import Callable
from pathlib import Path
from typing import Any
from uuid import UUID

from accounts.models import Company, User
from config.base.imaging import prepare_output
from config.base.limited import Beat
from config.base.media import Media
from config.base.meshes import prepare_mesh
from config.base.provenance import ALGORITHMIC, xmp_packet
from config.base.videos import prepare_video
from gallery import files
from gallery.files import StoredAsset
from gallery.keeping import keep
from gallery.models import Asset
from gallery.signing import sign_media

WATERMARK_TEXT = "Darkroom"

PREPARE: dict[str, Callable[..., Media]] = {"image": prepare_output, "video": prepare_video, "mesh": prepare_mesh}


def store_made(
    *,
    kind: str,
    source: Path,
    company_id: UUID,
    folder: str,
    asset_id: UUID,
    marked: bool,
    source_type: str = ALGORITHMIC,
    beat: Beat | None = None,
) -> StoredAsset:
    """Decode what a provider made in the limited child and put its renditions into the storage; no database.

    `kind` ("image", "video", "mesh") is what the task makes; the content decides whether it is that. `folder` is the
    job's id. With `marked` the copies with the watermark are made too. `source_type` is IPTC's word for how it was made
    (`config.base.provenance.SOURCE_TYPES`), told by the files. `beat` is called about every two seconds while a child
    works, which takes minutes for a long film; what it raises stops the work. The same call again overwrites.
    Raises `MediaError` when the file is not usable, `DecoderFailed` or `OSError` when it may be tried again.
    What an unfinished attempt wrote stays, because a second attempt may be writing the same keys at this moment:
    whoever gives the output up calls `discard_files`.
    """
    text = WATERMARK_TEXT if marked else None
    with files.workspace() as room:
        media = PREPARE[kind](source, room, watermark_text=text, xmp=xmp_packet(source_type), beat=beat)
        media = sign_media(media, source=source, source_type=source_type)
        return files.put_media(media, company_id=company_id, folder=folder, asset_id=asset_id)


def discard_files(*, company_id: UUID, folder: str, asset_id: UUID) -> None:
    """Take away what attempts at an output wrote that will never become an asset."""
    files.remove_folder(files.folder_of(company_id=company_id, folder=folder, asset_id=asset_id))


def keep_made(
    *,
    stored: StoredAsset,
    company: Company,
    user: User,
    prompt: str,
    task: str,
    model_name: str,
    params: dict[str, Any],
    seed: int | None,
    credits: int,  # noqa: A002 – the word of the product; the builtin is for consoles
    elapsed_ms: int | None,
    parents: list[UUID],
) -> Asset:
    """Write the rows of what was made, within the caller's transaction; the company's pages are told on commit."""
    return keep(
        stored,
        Asset(
            company=company,
            user=user,
            origin=Asset.Origin.MADE,
            prompt=prompt,
            task=task,
            model_name=model_name,
            params=params,
            seed=seed,
            credits=credits,
            elapsed_ms=elapsed_ms,
            parents=parents,
        ),
    )
