"""Files of assets in the storage: where they lie, how they are written and taken away. Knows no row.

Keys are `{company}/{folder}/{asset}/{rendition}.{ext}`, the same at every attempt, so that a retry overwrites what an
earlier one left. `folder` is the job's id for what was made and `UPLOADS` for what people sent.
"""

import contextlib
import os
import shutil
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any
from uuid import UUID

from django.conf import settings
from django.core.files.base import File
from django.core.files.storage import default_storage

from config.base.media import MANIFEST_MIME, MESH_MIME, VIDEO_MIME, Media
from config.base.pictures import FORMATS

UPLOADS = "uploads"
EXTENSIONS = {known.mime: known.extension for known in FORMATS} | {
    VIDEO_MIME: "mp4",
    MESH_MIME: "glb",
    MANIFEST_MIME: "c2pa",
}
MIMES = {extension: mime for mime, extension in EXTENSIONS.items()}


@dataclass(frozen=True, slots=True)
class StoredFile:
    """One rendition in the storage; `bytes` is its size, width and height are in pixels."""

    name: str
    key: str
    mime: str
    bytes: int
    width: int
    height: int


@dataclass(frozen=True, slots=True)
class StoredAsset:
    """A picture, video, mesh or mask whose files lie in the storage and whose row is not yet written.

    Mime, `sha256` (hex), `seconds` and `faces` are those of the clean original; width and height those of its picture,
    of a mesh those of its poster; `thumbhash` is base64.
    """

    asset_id: UUID
    mime: str
    width: int
    height: int
    sha256: str
    thumbhash: str
    files: tuple[StoredFile, ...]
    kind: str = "image"
    seconds: float | None = None
    faces: int | None = None

    @property
    def bytes(self) -> int:
        """Size of the clean original."""
        return next(file.bytes for file in self.files if file.name == "original")


@contextmanager
def workspace() -> Iterator[Path]:
    """A folder for work on one asset, removed afterwards.

    It lies beside the stored files and not in the system's temporary folder: a move within one file system is atomic,
    so nobody ever reads a half-written file.
    """
    root = settings.DATA_DIR / "tmp"
    root.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=root, ignore_cleanup_errors=True) as folder:
        yield Path(folder)


def folder_of(*, company_id: UUID, folder: str, asset_id: UUID) -> str:
    """Where the files of one asset lie."""
    return f"{company_id}/{folder}/{asset_id}"


def put_media(media: Media, *, company_id: UUID, folder: str, asset_id: UUID) -> StoredAsset:
    """Move every rendition of what was prepared into the storage, over what an earlier attempt left there."""
    place = folder_of(company_id=company_id, folder=folder, asset_id=asset_id)
    files = tuple(
        StoredFile(
            name=rendition.name,
            key=_put(rendition.path, f"{place}/{rendition.name}.{EXTENSIONS[rendition.mime]}", rendition.mime),
            mime=rendition.mime,
            bytes=rendition.bytes,
            width=rendition.width,
            height=rendition.height,
        )
        for rendition in media.renditions
    )
    return StoredAsset(
        asset_id=asset_id,
        kind=media.kind,
        mime=media.mime,
        width=media.width,
        height=media.height,
        seconds=media.seconds,
        faces=media.faces,
        sha256=media.sha256,
        thumbhash=media.thumbhash,
        files=files,
    )


def signed_url(key: str, *, expires_at: int, seconds: int, disposition: str) -> str:
    """The bucket's own address of a file, the same for the same arguments; "" where files are given by us."""
    if not settings.FILES_DIRECT:
        return ""
    bucket: Any = default_storage
    return str(bucket.signed_url(key, expires_at=expires_at, seconds=seconds, disposition=disposition))


def walk() -> Iterator[tuple[str, datetime]]:
    """All stored keys in the order of their bytes, each with the time of its last writing."""
    bucket: Any = default_storage
    if hasattr(bucket, "walk"):
        yield from bucket.walk()
        return
    root = Path(settings.MEDIA_ROOT)
    for folder, folders, names in os.walk(root):
        # No name of ours begins another, so that names in order, folder by folder, are keys in order.
        folders.sort()
        for name in sorted(names):
            path = Path(folder, name)
            with contextlib.suppress(FileNotFoundError):
                yield str(path.relative_to(root)), datetime.fromtimestamp(path.stat().st_mtime, UTC)


def remove_old_workspaces(before: datetime) -> int:
    """Take away the workspaces that killed processes left before a moment; return how many."""
    removed = 0
    for path in (settings.DATA_DIR / "tmp").glob("*"):
        with contextlib.suppress(FileNotFoundError):
            if path.stat().st_mtime < before.timestamp():
                shutil.rmtree(path, ignore_errors=True)
                removed += 1
    return removed


def remove_folder(place: str) -> None:
    """Take away all files of one asset, whatever they are called. Doing it again changes nothing."""
    bucket: Any = default_storage
    if hasattr(bucket, "remove_folder"):
        bucket.remove_folder(place)
        return
    try:
        _folders, names = default_storage.listdir(place)
    except FileNotFoundError:
        return
    for name in names:
        default_storage.delete(f"{place}/{name}")
    default_storage.delete(place)
    job_folder = place.rpartition("/")[0]
    if not job_folder.endswith(f"/{UPLOADS}"):
        # A job's folder goes with its last asset. The one of uploads stays: another upload may be on its way into it.
        try:
            default_storage.delete(job_folder)
        except OSError:
            return


class _Movable(File):  # type: ignore[type-arg]
    """A file that local storage moves into place; other storages read it."""

    def __init__(self, path: Path, mime: str) -> None:
        super().__init__(path.open("rb"), name=path.name)
        self._path = path
        self.content_type = mime

    def temporary_file_path(self) -> str:
        return str(self._path)


def _put(path: Path, key: str, mime: str) -> str:
    if not default_storage.is_name_available(key):
        # A storage that would rather choose another name than overwrite.
        default_storage.delete(key)
    with _Movable(path, mime) as file:
        saved = default_storage.save(key, file)
    if saved != key:
        default_storage.delete(saved)
        raise OSError(f"The storage keeps {key} under another name; let it overwrite.")
    return key
