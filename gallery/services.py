"""Taking in what people send: pictures as files or by their address, and masks.

Files first, rows after: a row never speaks of a file that is not there. Whatever goes wrong with an upload, nothing of
it is left, neither row nor file.
"""

import contextlib
import logging
import unicodedata
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import ClassVar
from urllib.parse import unquote

from django.conf import settings
from django.core.files.uploadedfile import UploadedFile
from django.db import transaction
from django.template.defaultfilters import filesizeformat
from django.utils import timezone
from django.utils.translation import gettext as _

from accounts.viewer import Viewer
from billing.storage import refuse_upload
from config.base import safe_http
from config.base.ids import uuid7
from config.base.imaging import DecoderFailed, prepare_mask, prepare_upload
from config.base.media import Media, MediaError
from config.base.refusal import Refusal
from config.base.scanning import ScannerFailed, scan
from gallery import files
from gallery.keeping import forget, keep
from gallery.models import Asset

logger = logging.getLogger(__name__)

NAME_LENGTH = 200


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


def upload_picture(*, viewer: Viewer, file: "UploadedFile[bytes]") -> Asset:
    """Take in a picture that a person sent: judged by its content, cleaned, kept.

    Raises an `UploadRefused`, or `StorageFull`; nothing of a refused or failed upload is left.
    """
    _check_size(file.size or 0)
    refuse_upload(company=viewer.company, amount=file.size or 0, field="file")
    asset = Asset(company=viewer.company, user=viewer.user, original_name=clean_name(file.name or ""))
    return _take_in(asset, partial(_receive, file), prepare_upload, field="file")


def upload_mask(*, viewer: Viewer, file: "UploadedFile[bytes]", field: str = "file") -> Asset:
    """Take in where a picture may change, for a job; shown nowhere and gone after `settings.MASK_LIFETIME`.

    Kept as an 8-bit greyscale PNG, white where something may change: of a drawing on transparent ground what was drawn,
    of any other picture its luminance. Raises an `UploadRefused`; leaves nothing then. `field` names the input for it.
    """
    _check_size(file.size or 0, field=field)
    asset = Asset(company=viewer.company, user=viewer.user, expires_at=timezone.now() + settings.MASK_LIFETIME)
    return _take_in(asset, partial(_receive, file, field=field), prepare_mask, field=field)


def import_picture(*, viewer: Viewer, url: str) -> Asset:
    """Fetch a picture from an allowed host and take it in as an upload.

    Raises an `UploadRefused`, or `StorageFull`; leaves nothing then. The name is the last part of the address; the
    content is judged as that of any upload.
    """
    if not settings.IMPORT_ALLOWED_HOSTS:
        raise ImportRefused(_("Pictures are not fetched from addresses here. Upload the file."), field="url")
    refuse_upload(company=viewer.company, field="url")
    name = unquote(url.partition("?")[0].partition("#")[0].rpartition("/")[2])
    asset = Asset(company=viewer.company, user=viewer.user, original_name=clean_name(name))
    return _take_in(asset, partial(_fetch, url), prepare_upload, field="url")


def _take_in(
    asset: Asset, receive: Callable[[Path], None], prepare: Callable[[Path, Path], Media], *, field: str
) -> Asset:
    """Have `receive` write the file where the decoder reads it, and keep what `prepare` makes of it as `asset`."""
    asset_id = uuid7()
    asset.origin = Asset.Origin.UPLOAD
    place = files.folder_of(company_id=asset.company_id, folder=files.UPLOADS, asset_id=asset_id)
    try:
        with files.workspace() as room:
            source = room / "upload"
            receive(source)
            _scan(source, field=field)
            (room / "out").mkdir()
            media = prepare(source, room / "out")
            stored = files.put_media(media, company_id=asset.company_id, folder=files.UPLOADS, asset_id=asset_id)
        with transaction.atomic():
            return keep(stored, asset)
    except MediaError as error:
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
    if forget(Asset.objects.filter(pk=asset.pk, origin=Asset.Origin.UPLOAD).values_list("pk", flat=True)):
        place = files.folder_of(company_id=asset.company_id, folder=files.UPLOADS, asset_id=asset.pk)
        transaction.on_commit(lambda: files.remove_folder(place), robust=True)


def clean_name(name: str) -> str:
    """A file name of a person's as text to show: no folders, no control characters, at most 200 characters."""
    bare = name.replace("\\", "/").rpartition("/")[2]
    visible = "".join(letter for letter in unicodedata.normalize("NFC", bare) if unicodedata.category(letter)[0] != "C")
    return " ".join(visible.split())[:NAME_LENGTH]


def _check_size(size: int, *, field: str = "file") -> None:
    if size == 0:
        raise UploadEmpty(_("The file is empty. Choose a picture and send it again."), field=field)
    if size > settings.UPLOAD_MAX_BYTES:
        raise UploadTooLarge(
            _("The file is too large: %(size)s, and at most %(limit)s fit. Make it smaller and send it again.")
            % {"size": filesizeformat(size), "limit": filesizeformat(settings.UPLOAD_MAX_BYTES)},
            field=field,
        )


def _receive(file: "UploadedFile[bytes]", target: Path, *, field: str = "file") -> None:
    """Write the upload where the decoder reads it, trusting the bytes rather than the size it claimed."""
    received = 0
    with target.open("wb") as out:
        for chunk in file.chunks():
            received += len(chunk)
            if received > settings.UPLOAD_MAX_BYTES:
                _check_size(received, field=field)
            out.write(chunk)
    _check_size(received, field=field)


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
