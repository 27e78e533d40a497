"""White label: a company's own logo and accent colour, where its plan has it.

The logo lies at `{company}/brand/{id}/logo.webp`: judged and decoded in a limited child process as every upload is,
then cropped to a square of `LOGO_EDGE` pixels.
"""

import contextlib
import io
import logging
import tempfile
from math import floor
from pathlib import Path
from typing import Any
from uuid import UUID

from django.conf import settings
from django.core.files.base import ContentFile
from django.core.files.storage import default_storage
from django.core.files.uploadedfile import UploadedFile
from django.db import transaction
from django.http import HttpRequest
from django.template.defaultfilters import filesizeformat
from django.utils.translation import gettext as _
from PIL import Image, ImageOps

from accounts.colours import LEAST_CONTRAST, contrast_on_black, nearest_readable, parse_colour
from accounts.company_locks import Role, lock_for
from accounts.company_refusals import AccentRefused, LogoRefused, NotInPlan
from accounts.models import Company, Membership
from accounts.services import record_audit
from accounts.viewer import Viewer
from config.base.ids import uuid7
from config.base.imaging import DecoderFailed, prepare_upload
from config.base.media import MediaError
from config.base.scanning import ScannerFailed, scan

FOLDER = "brand"
# Pixels of either side: the mark is shown at 32, on screens of three times that density at 96.
LOGO_EDGE = 256
LOGO_MAX_BYTES = 5 * 1024 * 1024

logger = logging.getLogger(__name__)


def set_logo(*, viewer: Viewer, file: "UploadedFile[bytes]", request: HttpRequest | None = None) -> Company:
    """Show a picture of the company's own in the frame. Raises `LogoRefused`, `NotInPlan`, `NotAllowed`."""
    _refuse_without_plan(viewer.company)
    if not file.size or file.size > LOGO_MAX_BYTES:
        raise LogoRefused(
            _("Choose a picture of at most %(limit)s.") % {"limit": filesizeformat(LOGO_MAX_BYTES)}, field="logo"
        )
    # Files first, rows after: a row never speaks of a file that is not there.
    key = default_storage.save(
        f"{viewer.company.pk}/{FOLDER}/{uuid7()}/logo.webp", ContentFile(_square(file), name="logo.webp")
    )
    try:
        return _keep_logo(viewer, key, request)
    except BaseException:
        with contextlib.suppress(OSError):
            _remove(key)
        raise


def remove_logo(*, viewer: Viewer, request: HttpRequest | None = None) -> Company:
    """Show the product's own mark again. Raises `NotAllowed`."""
    return _keep_logo(viewer, "", request)


def set_accent(*, viewer: Viewer, accent: str, request: HttpRequest | None = None) -> Company:
    """Colour the frame; "" for the product's own amber. Raises `AccentRefused`, `NotInPlan`, `NotAllowed`."""
    colour = readable_accent(accent)
    with transaction.atomic():
        mine = lock_for(viewer, at_least=Role.ADMIN)
        if colour:
            _refuse_without_plan(mine.company)
        if Company.objects.filter(pk=mine.company_id).exclude(accent=colour).update(accent=colour):
            _note(mine, request, accent=colour)
            mine.company.accent = colour
    return mine.company


def readable_accent(accent: str) -> str:
    """The colour as `#rrggbb`, or "". Raises `AccentRefused`, naming the nearest colour that can be read."""
    if not accent.strip():
        return ""
    colour = parse_colour(accent)
    if colour is None:
        raise AccentRefused(_("Write the colour as # and six digits, such as #ebc647."), field="accent")
    if contrast_on_black(colour) < LEAST_CONTRAST:
        raise AccentRefused(
            _(
                "%(colour)s is too dark to be read on black: its contrast is %(contrast).1f, not %(least).1f. "
                "The nearest that can be read is %(nearest)s."
            )
            % {
                "colour": colour,
                # Cut, not rounded: 4.46 is not 4.5.
                "contrast": floor(contrast_on_black(colour) * 10) / 10,
                "least": LEAST_CONTRAST,
                "nearest": nearest_readable(colour),
            },
            field="accent",
        )
    return colour


def remove_logos(*, company_id: UUID) -> None:
    """Take away every logo that the company ever had."""
    place = f"{company_id}/{FOLDER}"
    bucket: Any = default_storage
    if hasattr(bucket, "remove_folder"):
        bucket.remove_folder(place)
        return
    with contextlib.suppress(FileNotFoundError):
        for folder in default_storage.listdir(place)[0]:
            for name in default_storage.listdir(f"{place}/{folder}")[1]:
                _remove(f"{place}/{folder}/{name}")
        default_storage.delete(place)


def is_logo(key: str) -> bool:
    """Whether a stored file is some company's logo."""
    return Company.objects.filter(logo_key=key).exclude(logo_key="").exists()


def _refuse_without_plan(company: Company) -> None:
    if not company.has_white_label:
        raise NotInPlan(_("A look of your own is not part of your plan. Choose a plan with white label."))


def _keep_logo(viewer: Viewer, key: str, request: HttpRequest | None) -> Company:
    with transaction.atomic():
        mine = lock_for(viewer, at_least=Role.ADMIN)
        if key:
            _refuse_without_plan(mine.company)
        before = mine.company.logo_key
        if before != key:
            Company.objects.filter(pk=mine.company_id).update(logo_key=key)
            mine.company.logo_key = key
            _note(mine, request, logo=bool(key))
            if before:
                transaction.on_commit(lambda: _remove(before), robust=True)
    return mine.company


def _square(file: "UploadedFile[bytes]") -> bytes:
    """The middle of the picture as a WebP of `LOGO_EDGE` pixels, from the child's clean copy of it."""
    root = settings.DATA_DIR / "tmp"
    root.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=root, ignore_cleanup_errors=True) as folder:
        source, out = Path(folder, "upload"), Path(folder, "out")
        out.mkdir()
        source.write_bytes(file.read(LOGO_MAX_BYTES + 1))
        _judge(source)
        try:
            media = prepare_upload(source, out)
        except MediaError as error:
            raise LogoRefused(str(error), field="logo", code=error.code) from error
        except DecoderFailed as error:
            raise LogoRefused(
                _("The picture could not be looked at just now. Try again in a minute."), field="logo", retry_after=60
            ) from error
        clean = next(one for one in reversed(media.renditions) if one.name.startswith("thumb"))
        with Image.open(clean.path, formats=("WEBP",)) as image:
            square = ImageOps.fit(image, (LOGO_EDGE, LOGO_EDGE), Image.Resampling.LANCZOS)
        buffer = io.BytesIO()
        square.save(buffer, "WEBP", quality=90, method=4)
    return buffer.getvalue()


def _judge(source: Path) -> None:
    if not settings.CLAMAV_URL:
        return
    try:
        found = scan(source, address=settings.CLAMAV_URL)
    except ScannerFailed as error:
        logger.error("the malware scanner did not judge a logo: %s", error)
        raise LogoRefused(
            _("The file could not be checked for malware just now. Try again in a minute."), field="logo"
        ) from error
    if found:
        raise LogoRefused(_("The malware scanner refused this file. Send another one."), field="logo")


def _remove(key: str) -> None:
    default_storage.delete(key)
    if not hasattr(default_storage, "remove_folder"):
        # Local folders do not go by themselves.
        with contextlib.suppress(OSError):
            default_storage.delete(key.rpartition("/")[0])


def _note(mine: Membership, request: HttpRequest | None, **detail: object) -> None:
    record_audit(
        actor=mine.user.email,
        action="company.branded",
        target=mine.company.name,
        company=mine.company,
        detail=detail,
        request=request,
    )
