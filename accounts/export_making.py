"""What a worker does about a person's export: make the archive, store it, say so."""

import logging
import smtplib
import tempfile
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from itertools import chain
from pathlib import Path
from uuid import UUID

from django.conf import settings
from django.core.files.base import File
from django.core.files.storage import default_storage
from django.db import connection

from accounts import exports
from accounts.export_archive import Archive, Interrupted
from accounts.models import DataExport
from accounts.privacy_mail import tell_of_export
from config.base import registry

logger = logging.getLogger(__name__)


def make_export(*, export_id: UUID) -> None:
    """Bring an export as far as it goes: made, stored, told. Called any number of times, by any number of workers.

    Whatever fails is raised, and tried again by the clock once the worker's time is over.
    """
    claimed = exports.claim(export_id)
    if claimed is not None:
        _make(claimed)
    ready = exports.claim_mail(export_id)
    if ready is not None:
        try:
            tell_of_export(ready, path=exports.address_of(ready))
        except (OSError, smtplib.SMTPException):
            logger.exception("The mail about an export could not be sent; the clock tries again.")
            return
        exports.note_told(ready)


def _make(export: DataExport) -> None:
    key = f"{exports.FOLDER}/{export.user_id}/{export.pk}-{export.token}.zip"
    with _folder() as folder, _kept_alive(export) as is_ours:
        archive = Archive(path=folder / "export.zip", is_wanted=is_ours)
        try:
            archive.write(chain.from_iterable(registry.person_exported(export.user_id)))
        except Interrupted:
            logger.warning("export %s is made elsewhere, or not wanted any more", export.pk)
            return
        size = archive.path.stat().st_size
        with _Movable(archive.path) as file:
            # The token in its name makes it nobody else's file.
            default_storage.save(key, file)
    if not exports.finish(export, key=key, size=size, files=archive.files):
        default_storage.delete(key)


@contextmanager
def _folder() -> Iterator[Path]:
    """A place beside the stored files, swept with all others when a killed worker leaves it."""
    root = settings.DATA_DIR / "tmp"
    root.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=root, ignore_cleanup_errors=True) as folder:
        yield Path(folder)


@contextmanager
def _kept_alive(export: DataExport) -> Iterator["_IsOurs"]:
    """Renew the lease beside the work, also while one long upload goes on."""
    is_ours, done = _IsOurs(), threading.Event()

    def beat() -> None:
        try:
            while not done.wait(exports.LEASE.total_seconds() / 3):
                is_ours.value = exports.renew(export)
        finally:
            connection.close()

    thread = threading.Thread(target=beat, name="export-lease", daemon=True)
    thread.start()
    try:
        yield is_ours
    finally:
        done.set()
        thread.join()


class _IsOurs:
    """Whether the export was still this worker's when it was last looked at."""

    value = True

    def __call__(self) -> bool:
        return self.value


class _Movable(File):  # type: ignore[type-arg]
    """A file that local storage moves into place, in one step; other storages read it."""

    def __init__(self, path: Path) -> None:
        super().__init__(path.open("rb"), name=path.name)
        self._path = path
        self.content_type = "application/zip"

    def temporary_file_path(self) -> str:
        return str(self._path)
