"""Writes of the gallery: taking in, keeping, the bin, deleting for good.

Files first, rows after: a row never speaks of a file that is not there. Whatever goes wrong with an upload, nothing of
it is left, neither row nor file.
"""

import contextlib
import logging
import unicodedata
from collections.abc import Callable, Iterable
from datetime import UTC, datetime
from functools import partial
from pathlib import Path
from typing import Any, ClassVar
from urllib.parse import unquote
from uuid import UUID

from django.conf import settings
from django.core.files.uploadedfile import UploadedFile
from django.db import transaction
from django.http import Http404
from django.template.defaultfilters import filesizeformat
from django.utils import timezone
from django.utils.translation import gettext as _

from accounts.models import Company, User
from accounts.services import record_audit
from accounts.viewer import Viewer
from config.base import safe_http
from config.base.ids import uuid7
from config.base.imaging import DecoderFailed, PictureError, prepare_output, prepare_upload
from config.base.provenance import ALGORITHMIC, xmp_packet
from config.base.realtime import publish
from config.base.refusal import Refusal
from config.base.scanning import ScannerFailed, scan
from gallery import files
from gallery.files import StoredPicture
from gallery.models import Asset, AssetRendition
from gallery.signing import sign_picture

logger = logging.getLogger(__name__)

WATERMARK_TEXT = "Darkroom"
NAME_LENGTH = 200
# `deleted_at` of what is being deleted for good: long before any moment from which something may still be restored.
PURGING = datetime(1970, 1, 1, tzinfo=UTC)
# How many assets one call of `purge_binned` deletes: the clock calls again.
PURGE_BATCH = 200


class UploadRefused(Refusal):
    """A file that we do not take; `code` says why."""

    code = "unsupported_picture"


class UploadTooLarge(UploadRefused):
    """More bytes than `settings.UPLOAD_MAX_BYTES`."""

    code = "upload_too_large"
    status = 413


class UploadEmpty(UploadRefused):
    """A file without content."""

    code = "upload_empty"


class ImportRefused(UploadRefused):
    """An address that we do not fetch from, or that gave nothing."""

    code = "import_refused"


class UploadInfected(UploadRefused):
    """The malware scanner found something."""

    code = "upload_infected"


class UploadNotJudged(UploadRefused):
    """We could not look at the file, through no fault of its sender."""

    code = "upload_not_judged"
    status: ClassVar[int] = 503


def store_picture(
    *,
    source: Path,
    company_id: UUID,
    folder: str,
    asset_id: UUID,
    marked: bool,
    source_type: str = ALGORITHMIC,
) -> StoredPicture:
    """Decode what a provider made in the limited child and put its renditions into the storage; no database.

    `folder` is the job's id. With `marked` the copies with the watermark are made too. `source_type` is IPTC's word for
    how it was made (`config.base.provenance.SOURCE_TYPES`), told by every file. The same call again overwrites.
    Raises `PictureError` when the file is no usable picture, `DecoderFailed` or `OSError` when it may be tried again.
    What an unfinished attempt wrote stays, because a second attempt may be writing the same keys at this moment:
    whoever gives the output up calls `discard_files`.
    """
    text = WATERMARK_TEXT if marked else None
    with files.workspace() as room:
        picture = prepare_output(source, room, watermark_text=text, xmp=xmp_packet(source_type))
        picture = sign_picture(picture, source=source, source_type=source_type)
        return files.put_picture(picture, company_id=company_id, folder=folder, asset_id=asset_id)


def discard_files(*, company_id: UUID, folder: str, asset_id: UUID) -> None:
    """Take away what attempts at an output wrote that will never become an asset."""
    files.remove_folder(files.folder_of(company_id=company_id, folder=folder, asset_id=asset_id))


def keep_made_picture(
    *,
    stored: StoredPicture,
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
    """Write the rows of a made picture, within the caller's transaction; the company's pages are told on commit."""
    return _keep(
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


def upload_picture(*, viewer: Viewer, file: "UploadedFile[bytes]") -> Asset:
    """Take in a picture that a person sent: judged by its content, cleaned, kept. Raises an `UploadRefused`.

    Nothing of a refused or failed upload is left.
    """
    _check_size(file.size or 0)
    return _take_in(viewer, file.name or "", partial(_receive, file), field="file")


def import_picture(*, viewer: Viewer, url: str) -> Asset:
    """Fetch a picture from an allowed host and take it in as an upload. Raises an `UploadRefused`; leaves nothing then.

    The name is the last part of the address; the content is judged as that of any upload.
    """
    if not settings.IMPORT_ALLOWED_HOSTS:
        raise ImportRefused(_("Pictures are not fetched from addresses here. Upload the file."), field="url")
    name = unquote(url.partition("?")[0].partition("#")[0].rpartition("/")[2])
    return _take_in(viewer, name, partial(_fetch, url), field="url")


def _take_in(viewer: Viewer, name: str, receive: Callable[[Path], None], *, field: str) -> Asset:
    """Have `receive` write the file where the decoder reads it, and keep what the decoder makes of it."""
    asset_id = uuid7()
    place = files.folder_of(company_id=viewer.company.pk, folder=files.UPLOADS, asset_id=asset_id)
    try:
        with files.workspace() as room:
            source = room / "upload"
            receive(source)
            _scan(source, field=field)
            (room / "out").mkdir()
            picture = prepare_upload(source, room / "out")
            stored = files.put_picture(picture, company_id=viewer.company.pk, folder=files.UPLOADS, asset_id=asset_id)
        asset = Asset(
            company=viewer.company,
            user=viewer.user,
            origin=Asset.Origin.UPLOAD,
            original_name=clean_name(name),
        )
        with transaction.atomic():
            return _keep(stored, asset)
    except PictureError as error:
        raise UploadRefused(str(error), field=field, code=error.code) from error
    except DecoderFailed as error:
        sentence = _("The picture could not be looked at just now. Nothing was kept or charged; try again in a minute.")
        raise UploadNotJudged(sentence, field=field, retry_after=60) from error
    except BaseException:
        # The database, the disk, a shutdown: the files of this very upload belong to nobody else.
        with contextlib.suppress(OSError):
            files.remove_folder(place)
        raise


def discard_upload(*, asset: Asset) -> None:
    """Remove an upload that was never used, with its files (the job it was sent for was refused)."""
    deleted, _rows = Asset.objects.filter(pk=asset.pk, origin=Asset.Origin.UPLOAD).delete()
    if deleted:
        place = files.folder_of(company_id=asset.company_id, folder=files.UPLOADS, asset_id=asset.pk)
        transaction.on_commit(lambda: files.remove_folder(place), robust=True)


def bin_assets(*, viewer: Viewer, ids: Iterable[UUID]) -> int:
    """Put assets into the bin and return how many were not there before.

    All must be the viewer's to change, else `Http404` and nothing moves.
    """
    wanted = _owned(viewer, ids)
    with transaction.atomic():
        moved = Asset.objects.editable_by(viewer).kept().filter(pk__in=wanted).update(deleted_at=timezone.now())
        if moved:
            _tell(viewer.company.pk, wanted)
    return moved


def restore_assets(*, viewer: Viewer, ids: Iterable[UUID]) -> int:
    """Take assets out of the bin and return how many came back; what was there too long does not.

    All must be the viewer's to change, else `Http404` and nothing moves.
    """
    wanted = _owned(viewer, ids)
    with transaction.atomic():
        restored = Asset.objects.editable_by(viewer).restorable().filter(pk__in=wanted).update(deleted_at=None)
        if restored:
            _tell(viewer.company.pk, wanted)
    return restored


def moderate_assets(*, ids: Iterable[UUID], operator: User, is_binned: bool) -> int:
    """Put assets of any company into the bin, or take them out, by an operator; each is written into the audit."""
    wanted = Asset.objects.kept() if is_binned else Asset.objects.restorable()
    deleted_at = timezone.now() if is_binned else None
    moved = 0
    with transaction.atomic():
        for asset in wanted.filter(pk__in=set(ids)).select_related("company").order_by("pk"):
            if not wanted.filter(pk=asset.pk).update(deleted_at=deleted_at):
                continue
            action = "asset.bin" if is_binned else "asset.restore"
            record_audit(actor=operator.email, action=action, target=str(asset.pk), company=asset.company)
            _tell(asset.company_id, [asset.pk])
            moved += 1
    return moved


def purge_binned(*, before: datetime, limit: int = PURGE_BATCH) -> int:
    """Delete for good, rows and files, up to `limit` assets put into the bin before `before`; return how many.

    First they are claimed by one conditional UPDATE, after which nobody can restore them; then their files go, their
    rows last. So a crash in between leaves rows that the next call finds again, and no file that nobody knows of.
    """
    due = Asset.objects.filter(deleted_at__lt=before).order_by("deleted_at").values("pk")[:limit]
    Asset.objects.filter(pk__in=due, deleted_at__lt=before).update(deleted_at=PURGING)
    claimed = list(Asset.objects.filter(deleted_at=PURGING).prefetch_related("renditions").order_by("pk")[:limit])
    for asset in claimed:
        for place in {rendition.key.rpartition("/")[0] for rendition in asset.renditions.all()}:
            files.remove_folder(place)
    Asset.objects.filter(pk__in=[asset.pk for asset in claimed], deleted_at=PURGING).delete()
    return len(claimed)


def purge_expired() -> int:
    """What the clock does: what lay in the bin for `settings.BIN_LIFETIME` goes for good; returns how many went."""
    return purge_binned(before=timezone.now() - settings.BIN_LIFETIME)


def clean_name(name: str) -> str:
    """A file name of a person's as text to show: no folders, no control characters, at most 200 characters."""
    bare = name.replace("\\", "/").rpartition("/")[2]
    visible = "".join(letter for letter in unicodedata.normalize("NFC", bare) if unicodedata.category(letter)[0] != "C")
    return " ".join(visible.split())[:NAME_LENGTH]


def _check_size(size: int) -> None:
    if size == 0:
        raise UploadEmpty(_("The file is empty. Choose a picture and send it again."), field="file")
    if size > settings.UPLOAD_MAX_BYTES:
        raise UploadTooLarge(
            _("The file is too large: %(size)s, and at most %(limit)s fit. Make it smaller and send it again.")
            % {"size": filesizeformat(size), "limit": filesizeformat(settings.UPLOAD_MAX_BYTES)},
            field="file",
        )


def _receive(file: "UploadedFile[bytes]", target: Path) -> None:
    """Write the upload where the decoder reads it, trusting the bytes rather than the size it claimed."""
    received = 0
    with target.open("wb") as out:
        for chunk in file.chunks():
            received += len(chunk)
            if received > settings.UPLOAD_MAX_BYTES:
                _check_size(received)
            out.write(chunk)
    _check_size(received)


def _scan(source: Path, *, field: str) -> None:
    """Have the scanner look at the bytes as they came, where one is set up; what it does not judge is not taken."""
    if not settings.CLAMAV_URL:
        return
    try:
        found = scan(source, address=settings.CLAMAV_URL)
    except ScannerFailed as error:
        logger.error("the malware scanner did not judge an upload: %s", error)
        sentence = _("The file could not be checked for malware just now. Nothing was kept; try again in a minute.")
        raise UploadNotJudged(sentence, field=field, retry_after=60) from error
    if found:
        logger.warning("an upload was refused by the malware scanner: %s", found)
        raise UploadInfected(_("The malware scanner refused this file. Send another one."), field=field)


def _fetch(url: str, target: Path) -> None:
    """Fetch a picture to where the decoder reads it."""
    rules = safe_http.Rules(
        hosts=settings.IMPORT_ALLOWED_HOSTS,
        bytes=settings.UPLOAD_MAX_BYTES,
        seconds=settings.IMPORT_SECONDS,
        is_loopback_allowed=settings.IMPORT_LOOPBACK_ALLOWED,
    )
    try:
        safe_http.fetch(url, target, rules)
    except safe_http.FetchError as error:
        raise ImportRefused(str(error), field="url", code=error.code) from error


def _keep(stored: StoredPicture, asset: Asset) -> Asset:
    """Fill in what the files say, write the asset and its renditions, tell the company's pages."""
    asset.pk = stored.asset_id
    asset.kind = Asset.Kind.IMAGE
    asset.mime, asset.bytes, asset.sha256 = stored.mime, stored.bytes, stored.sha256
    asset.width, asset.height, asset.thumbhash = stored.width, stored.height, stored.thumbhash
    asset.save(force_insert=True)
    AssetRendition.objects.bulk_create(
        AssetRendition(
            asset=asset,
            name=file.name,
            key=file.key,
            mime=file.mime,
            bytes=file.bytes,
            width=file.width,
            height=file.height,
        )
        for file in stored.files
    )
    publish(company_id=asset.company_id, name="asset", ids={"id": str(asset.pk)})
    return asset


def _owned(viewer: Viewer, ids: Iterable[UUID]) -> set[UUID]:
    wanted = set(ids)
    if Asset.objects.editable_by(viewer).filter(pk__in=wanted).count() != len(wanted):
        raise Http404
    return wanted


def _tell(company_id: UUID, ids: Iterable[UUID]) -> None:
    for asset_id in ids:
        publish(company_id=company_id, name="asset", ids={"id": str(asset_id)})
