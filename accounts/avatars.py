"""A person's picture: judged and decoded in a limited child process as every upload is, then cropped to a square.

It lies at `people/{user}/{version}/256.webp` with a smaller one beside it. Colleagues see it, strangers do not.
"""

import contextlib
import io
import logging
import tempfile
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from uuid import UUID

from django.conf import settings
from django.core.files.base import ContentFile
from django.core.files.storage import default_storage
from django.core.files.uploadedfile import UploadedFile
from django.db import transaction
from django.db.models import Exists, OuterRef, Q, QuerySet
from django.http import HttpRequest
from django.template.defaultfilters import filesizeformat
from django.utils.translation import gettext as _
from PIL import Image

from accounts.models import Membership, User
from accounts.refusals import AvatarRefused
from accounts.services import record_audit
from config.base.ids import uuid7
from config.base.imaging import DecoderFailed, prepare_upload
from config.base.media import MediaError
from config.base.scanning import ScannerFailed, scan

FOLDER = "people"
# Pixels of either side; the first is the one that `User.avatar_key` names.
EDGES = (256, 96)
MAX_BYTES = 5 * 1024 * 1024

logger = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Crop:
    """A square of a picture: its left and upper edge as shares of width and height, its side as one of the shorter."""

    x: float
    y: float
    side: float

    def box(self, width: int, height: int) -> tuple[float, float, float, float]:
        """Left, upper, right, lower in pixels, inside the picture whatever was asked."""
        side = max(1.0, min(self.side, 1.0) * min(width, height))
        left = min(max(self.x, 0.0) * width, width - side)
        upper = min(max(self.y, 0.0) * height, height - side)
        return left, upper, left + side, upper + side


def crop_of(values: Mapping[str, Any]) -> Crop | None:
    """The square that `crop_x`, `crop_y` and `crop_side` name; None unless all do."""
    x, y, side = (values.get(name) for name in ("crop_x", "crop_y", "crop_side"))
    return None if x is None or y is None or side is None else Crop(x, y, side)


def middle_of(width: int, height: int) -> Crop:
    """The largest square in the middle."""
    side = min(width, height)
    return Crop((width - side) / 2 / width, (height - side) / 2 / height, 1.0)


def set_avatar(
    *, user: User, file: "UploadedFile[bytes]", crop: Crop | None = None, request: HttpRequest | None = None
) -> User:
    """Show this picture of the person, its middle when nothing is said of a crop. Raises `AvatarRefused`."""
    if not file.size or file.size > MAX_BYTES:
        raise AvatarRefused(
            _("Choose a picture of at most %(limit)s.") % {"limit": filesizeformat(MAX_BYTES)}, field="avatar"
        )
    pictures = _squares(file, crop)
    # Files first, rows after: a row never speaks of a file that is not there.
    folder = f"{FOLDER}/{user.pk}/{uuid7()}"
    try:
        for edge, content in pictures.items():
            default_storage.save(f"{folder}/{edge}.webp", ContentFile(content))
        return _keep(user, f"{folder}/{EDGES[0]}.webp", request)
    except BaseException:
        with contextlib.suppress(OSError):
            _remove(folder)
        raise


def remove_avatar(*, user: User, request: HttpRequest | None = None) -> User:
    """Show the initial again."""
    return _keep(user, "", request)


def people_seen_by(viewer: User) -> QuerySet[User]:
    """The person and everybody with whom a company is shared: whose pictures may be looked at."""
    mine = Membership.objects.filter(user=viewer).values("company")
    shared = Membership.objects.filter(user=OuterRef("pk"), company__in=mine)
    return User.objects.filter(Q(pk=viewer.pk) | Exists(shared))


def avatar_of(*, viewer: User, user_id: UUID, version: UUID, edge: int) -> bytes | None:
    """The WebP of a person's picture; None for a stranger's, an old one, or a size that there is not."""
    key = people_seen_by(viewer).filter(pk=user_id).values_list("avatar_key", flat=True).first()
    if not key or edge not in EDGES or key.split("/")[-2] != str(version):
        return None
    try:
        with default_storage.open(f"{key.rpartition('/')[0]}/{edge}.webp") as file:
            return bytes(file.read())
    except FileNotFoundError:
        return None


def is_avatar(key: str) -> bool:
    """Whether a stored file is some person's picture."""
    return User.objects.filter(avatar_key=f"{key.rpartition('/')[0]}/{EDGES[0]}.webp").exists()


def _keep(user: User, key: str, request: HttpRequest | None) -> User:
    with transaction.atomic():
        before = User.objects.select_for_update().values_list("avatar_key", flat=True).get(pk=user.pk)
        if before != key:
            User.objects.filter(pk=user.pk).update(avatar_key=key)
            record_audit(
                actor=user.email,
                action="avatar.changed" if key else "avatar.removed",
                target=user.email,
                request=request,
            )
            if before:
                transaction.on_commit(lambda: _remove(before.rpartition("/")[0]), robust=True)
    user.avatar_key = key
    return user


def _squares(file: "UploadedFile[bytes]", crop: Crop | None) -> dict[int, bytes]:
    """The WebP of each of `EDGES`, from the child's clean copy of the picture."""
    root = settings.DATA_DIR / "tmp"
    root.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=root, ignore_cleanup_errors=True) as folder:
        source, out = Path(folder, "upload"), Path(folder, "out")
        out.mkdir()
        source.write_bytes(file.read(MAX_BYTES + 1))
        _judge(source)
        try:
            media = prepare_upload(source, out)
        except MediaError as error:
            raise AvatarRefused(str(error), field="avatar", code=error.code) from error
        except DecoderFailed as error:
            raise AvatarRefused(
                _("The picture could not be looked at just now. Try again in a minute."), field="avatar", retry_after=60
            ) from error
        clean = max((one for one in media.renditions if one.name.startswith("thumb")), key=lambda one: one.width)
        with Image.open(clean.path, formats=("WEBP",)) as image:
            box = (crop or middle_of(*image.size)).box(*image.size)
            return {edge: _square(image, box, edge) for edge in EDGES}


def _square(image: Image.Image, box: tuple[float, float, float, float], edge: int) -> bytes:
    buffer = io.BytesIO()
    image.resize((edge, edge), Image.Resampling.LANCZOS, box=box).save(buffer, "WEBP", quality=88, method=4)
    return buffer.getvalue()


def _judge(source: Path) -> None:
    if not settings.CLAMAV_URL:
        return
    try:
        found = scan(source, address=settings.CLAMAV_URL)
    except ScannerFailed as error:
        logger.error("the malware scanner did not judge a picture of a person: %s", error)
        raise AvatarRefused(
            _("The file could not be checked for malware just now. Try again in a minute."), field="avatar"
        ) from error
    if found:
        raise AvatarRefused(_("The malware scanner refused this file. Send another one."), field="avatar")


def _remove(folder: str) -> None:
    for edge in EDGES:
        default_storage.delete(f"{folder}/{edge}.webp")
    if not hasattr(default_storage, "remove_folder"):
        # Local folders do not go by themselves.
        with contextlib.suppress(OSError):
            default_storage.delete(folder)
