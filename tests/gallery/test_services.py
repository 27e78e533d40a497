"""Taking in, keeping, binning and deleting for good: rows and files together."""

import io
import struct
import zlib
from collections.abc import Callable
from datetime import timedelta
from pathlib import Path
from uuid import UUID

import pytest
from django.conf import settings
from django.core.files.storage import default_storage
from django.core.files.uploadedfile import SimpleUploadedFile
from django.db import DatabaseError, connection, transaction
from django.http import Http404
from django.utils import timezone
from PIL import Image
from pytest_django import DjangoCaptureOnCommitCallbacks

from accounts.models import User
from accounts.viewer import Viewer
from config.base.ids import uuid7
from config.base.imaging import PictureError
from gallery import binning, making, services
from gallery.files import UPLOADS
from gallery.models import Asset
from gallery.services import UploadEmpty, UploadRefused, UploadTooLarge
from tests.factories.gallery import AssetFactory

ViewerOf = Callable[[User], Viewer]
GPS_IFD = 0x8825
ORIENTATION = 0x0112


def painted(kind: str, size: tuple[int, int] = (120, 80), **options: object) -> bytes:
    image = Image.new("RGB", size, (20, 30, 200))
    image.paste((200, 30, 20), (0, 0, size[0] // 2, size[1]))
    buffer = io.BytesIO()
    image.save(buffer, kind, **options)
    return buffer.getvalue()


def sent(content: bytes, name: str = "holiday.jpg") -> SimpleUploadedFile:
    return SimpleUploadedFile(name, content, content_type="application/octet-stream")


def files_of(company_id: UUID) -> list[str]:
    place = Path(settings.MEDIA_ROOT) / str(company_id)
    return sorted(str(path.relative_to(place)) for path in place.rglob("*") if path.is_file())


def bomb() -> bytes:
    """A PNG that says it is 30 000 × 30 000, in a few kilobytes."""

    def chunk(kind: bytes, data: bytes) -> bytes:
        return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))

    header = struct.pack(">IIBBBBB", 30_000, 30_000, 8, 2, 0, 0, 0)
    pixels = zlib.compress(bytes(90_001) * 20)
    return b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", header) + chunk(b"IDAT", pixels) + chunk(b"IEND", b"")


@pytest.fixture
def asset(alice: User) -> Asset:
    return AssetFactory(user=alice)


@pytest.mark.parametrize(("kind", "mime"), [("JPEG", "image/jpeg"), ("PNG", "image/png"), ("WEBP", "image/webp")])
def test_a_picture_is_taken_in_with_its_renditions(alice: User, viewer: ViewerOf, kind: str, mime: str) -> None:
    asset = services.upload_picture(viewer=viewer(alice), file=sent(painted(kind, (1500, 1000)), "my holiday.bmp"))

    asset.refresh_from_db()
    assert (asset.origin, asset.mime, asset.width, asset.height) == (Asset.Origin.UPLOAD, mime, 1500, 1000)
    assert asset.original_name == "my holiday.bmp"
    assert asset.thumbhash
    renditions = {row.name: row for row in asset.renditions.all()}
    assert set(renditions) == {"original", "thumb-320", "thumb-640", "thumb-1280"}
    for row in renditions.values():
        assert row.key.startswith(f"{asset.company_id}/{UPLOADS}/{asset.pk}/{row.name}.")
        assert default_storage.size(row.key) == row.bytes
    assert asset.bytes == renditions["original"].bytes


def test_orientation_is_applied_and_the_place_is_gone(alice: User, viewer: ViewerOf) -> None:
    exif = Image.Exif()
    exif[ORIENTATION] = 6
    exif.get_ifd(GPS_IFD)[1] = "N"
    exif.get_ifd(GPS_IFD)[2] = (50.0, 27.0, 0.0)
    content = painted("JPEG", exif=exif.tobytes())
    assert b"Exif" in content

    asset = services.upload_picture(viewer=viewer(alice), file=sent(content))

    assert (asset.width, asset.height) == (80, 120)
    with default_storage.open(asset.renditions.get(name="original").key) as file:
        kept = file.read()
    assert b"Exif" not in kept
    with Image.open(io.BytesIO(kept)) as image:
        assert not image.getexif()
        red, _green, blue = image.convert("RGB").getpixel((40, 5))
        assert red > blue, "what was left is above"


@pytest.mark.parametrize(
    ("content", "refusal", "code", "status"),
    [
        pytest.param(b"this is no picture", UploadRefused, "unsupported_picture", 422, id="text"),
        pytest.param(bomb(), UploadRefused, "picture_too_large", 422, id="bomb"),
        pytest.param(painted("PNG", (400, 400))[:200], UploadRefused, "broken_picture", 422, id="cut off"),
        pytest.param(bytes(11 * 1024 * 1024), UploadTooLarge, "upload_too_large", 413, id="11 MB"),
        pytest.param(b"", UploadEmpty, "upload_empty", 422, id="empty"),
    ],
)
def test_a_refused_upload_leaves_nothing(
    alice: User, viewer: ViewerOf, content: bytes, refusal: type[UploadRefused], code: str, status: int
) -> None:
    who = viewer(alice)

    with pytest.raises(refusal) as caught:
        services.upload_picture(viewer=who, file=sent(content, "picture.png"))

    assert (caught.value.problem_code, caught.value.status, caught.value.field) == (code, status, "file")
    assert caught.value.sentence
    assert not Asset.objects.filter(company=who.company).exists()
    assert files_of(who.company.pk) == []
    assert list((settings.DATA_DIR / "tmp").iterdir()) == []


def test_a_database_that_fails_leaves_no_file(alice: User, viewer: ViewerOf) -> None:
    who = viewer(alice)
    with connection.cursor() as cursor:
        # The files are written by then; the row is refused by the database itself.
        cursor.execute("ALTER TABLE gallery_assetrendition ADD CONSTRAINT full_up CHECK (bytes < 0) NOT VALID")

    with pytest.raises(DatabaseError), transaction.atomic():
        services.upload_picture(viewer=who, file=sent(painted("PNG")))

    assert not Asset.objects.filter(company=who.company).exists()
    assert files_of(who.company.pk) == []


@pytest.mark.parametrize(
    ("name", "kept"),
    [
        ("../../etc/passwd.png", "passwd.png"),
        ("C:\\Users\\me\\fox.png", "fox.png"),
        ("fox\x00\u202egnp.exe", "foxgnp.exe"),
        ("  лисиця   в снігу.png ", "лисиця в снігу.png"),
        ("f" * 300 + ".png", "f" * 200),
    ],
)
def test_a_file_name_is_kept_as_text_only(name: str, kept: str) -> None:
    assert services.clean_name(name) == kept


def test_a_made_picture_is_stored_again_over_an_earlier_attempt(alice: User, viewer: ViewerOf, tmp_path: Path) -> None:
    company = viewer(alice).company
    place = {"company_id": company.pk, "folder": str(uuid7()), "asset_id": uuid7()}
    first, second = tmp_path / "first", tmp_path / "second"
    first.write_bytes(painted("PNG", (700, 500)))
    second.write_bytes(painted("PNG", (900, 500)))
    making.store_made(kind="image", source=first, marked=True, **place)

    stored = making.store_made(kind="image", source=second, marked=True, **place)

    assert (stored.width, stored.height) == (900, 500)
    assert {file.name for file in stored.files} == {
        *("original", "thumb-320", "thumb-640", "thumb-1280"),
        *("marked", "marked-320", "marked-640", "marked-1280"),
    }
    assert sorted(f"{company.pk}/{name}" for name in files_of(company.pk)) == sorted(file.key for file in stored.files)
    with default_storage.open(stored.files[0].key) as file, Image.open(file) as image:
        assert image.size == (900, 500)


def test_what_a_provider_sent_and_is_no_picture_is_refused(tmp_path: Path) -> None:
    source = tmp_path / "answer"
    source.write_bytes(b"<html>Bad gateway</html>")
    company_id = uuid7()

    with pytest.raises(PictureError):
        making.store_made(
            kind="image", source=source, company_id=company_id, folder="job", asset_id=uuid7(), marked=True
        )

    assert files_of(company_id) == []


def test_an_upload_that_was_never_used_is_discarded_with_its_files(
    alice: User, viewer: ViewerOf, django_capture_on_commit_callbacks: DjangoCaptureOnCommitCallbacks
) -> None:
    asset = services.upload_picture(viewer=viewer(alice), file=sent(painted("PNG")))

    with django_capture_on_commit_callbacks(execute=True):
        services.discard_upload(asset=asset)

    assert not Asset.objects.filter(pk=asset.pk).exists()
    assert files_of(asset.company_id) == []


def test_what_was_made_is_never_discarded_as_an_upload(
    asset: Asset, django_capture_on_commit_callbacks: DjangoCaptureOnCommitCallbacks
) -> None:
    with django_capture_on_commit_callbacks(execute=True):
        services.discard_upload(asset=asset)

    assert Asset.objects.filter(pk=asset.pk).exists()
    assert len(files_of(asset.company_id)) == 8


def test_pictures_go_into_the_bin_and_come_back(alice: User, viewer: ViewerOf) -> None:
    who = viewer(alice)
    first, second = AssetFactory.create_batch(2, user=alice)

    assert binning.bin_assets(viewer=who, ids=[first.pk, second.pk]) == 2
    assert not Asset.objects.visible_to(who).kept().exists()
    binned_at = Asset.objects.get(pk=first.pk).deleted_at
    assert binning.bin_assets(viewer=who, ids=[first.pk]) == 0
    assert Asset.objects.get(pk=first.pk).deleted_at == binned_at, "a second deletion prolongs nothing"

    assert binning.restore_assets(viewer=who, ids=[first.pk, second.pk]) == 2
    assert binning.restore_assets(viewer=who, ids=[first.pk]) == 0
    assert Asset.objects.visible_to(who).kept().count() == 2


def test_a_stranger_can_neither_bin_nor_restore(alice: User, bob: User, viewer: ViewerOf, asset: Asset) -> None:
    own = AssetFactory(user=bob)
    gone = AssetFactory(user=alice, deleted_at=timezone.now())

    with pytest.raises(Http404):
        binning.bin_assets(viewer=viewer(bob), ids=[own.pk, asset.pk])
    with pytest.raises(Http404):
        binning.restore_assets(viewer=viewer(bob), ids=[gone.pk])

    assert Asset.objects.kept().filter(pk__in=[own.pk, asset.pk]).count() == 2
    assert Asset.objects.binned().filter(pk=gone.pk).exists()


def test_what_is_in_the_bin_too_long_is_deleted_with_its_files(alice: User, viewer: ViewerOf) -> None:
    now = timezone.now()
    old = AssetFactory(user=alice, deleted_at=now - settings.BIN_LIFETIME - timedelta(minutes=1))
    fresh = AssetFactory(user=alice, deleted_at=now - settings.BIN_LIFETIME + timedelta(minutes=1))
    kept = AssetFactory(user=alice)
    old_keys = list(old.renditions.values_list("key", flat=True))

    assert binning.purge_binned(before=now - settings.BIN_LIFETIME) == 1
    assert binning.purge_binned(before=now - settings.BIN_LIFETIME) == 0

    assert set(Asset.objects.filter(company=old.company_id)) == {fresh, kept}
    assert len(files_of(old.company_id)) == 16
    assert not any(default_storage.exists(key) for key in old_keys)
    assert not default_storage.exists(old_keys[0].rpartition("/")[0].rpartition("/")[0]), "the job's folder went too"


def test_purging_goes_on_where_an_interrupted_one_stopped(alice: User) -> None:
    asset = AssetFactory(user=alice, deleted_at=binning.PURGING)
    for key in asset.renditions.values_list("key", flat=True)[:3]:
        default_storage.delete(key)

    assert binning.purge_binned(before=timezone.now() - settings.BIN_LIFETIME) == 1

    assert not Asset.objects.filter(pk=asset.pk).exists()
    assert files_of(asset.company_id) == []


def test_purging_takes_a_limited_batch(alice: User) -> None:
    long_ago = timezone.now() - timedelta(days=90)
    AssetFactory.create_batch(3, user=alice, deleted_at=long_ago)

    assert binning.purge_binned(before=timezone.now() - settings.BIN_LIFETIME, limit=2) == 2
    assert binning.purge_binned(before=timezone.now() - settings.BIN_LIFETIME, limit=2) == 1


def test_what_is_being_deleted_for_good_cannot_be_restored(alice: User, viewer: ViewerOf) -> None:
    asset = AssetFactory(user=alice, deleted_at=binning.PURGING)

    assert binning.restore_assets(viewer=viewer(alice), ids=[asset.pk]) == 0

    assert Asset.objects.get(pk=asset.pk).deleted_at == binning.PURGING
