"""Files without rows go, rows without files are told; what is in use or new stays."""

import os
from datetime import timedelta
from io import StringIO
from pathlib import Path

import pytest
from django.conf import settings
from django.core.files.base import ContentFile
from django.core.files.storage import default_storage
from django.core.management import CommandError, call_command
from django.utils import timezone

from accounts.models import User
from config.base.ids import uuid7
from gallery import actors, sweeping
from gallery.models import Asset, AssetRendition
from gallery.sweeping import sweep_files
from tests.factories.gallery import AssetFactory


def put(key: str, *, hours_old: float = 48) -> str:
    """A stored file that no row knows."""
    default_storage.save(key, ContentFile(b"left behind"))
    moment = timezone.now().timestamp() - hours_old * 3600
    os.utime(Path(settings.MEDIA_ROOT) / key, (moment, moment))
    return key


@pytest.fixture(autouse=True)
def _only_our_rows(db: None) -> None:
    """The sweep looks at every row; those that other tests committed are out of sight within this transaction."""
    AssetRendition.objects.all().delete()


@pytest.fixture
def assets(alice: User) -> list[Asset]:
    """Old enough to be swept, were there no rows."""
    made = AssetFactory.create_batch(3, user=alice)
    long_ago = timezone.now().timestamp() - 10 * 86400
    for asset in made:
        for key in asset.renditions.values_list("key", flat=True):
            os.utime(Path(settings.MEDIA_ROOT) / key, (long_ago, long_ago))
    return made


def keys_of(assets: list[Asset]) -> list[str]:
    return [key for asset in assets for key in asset.renditions.values_list("key", flat=True)]


def test_files_without_a_row_go_and_all_others_stay(assets: list[Asset]) -> None:
    place = assets[1].renditions.get(name="original").key.rpartition("/")[0]
    unknown = [put(f"{uuid7()}/{uuid7()}/{uuid7()}/original.png"), put(f"{place}/zebra.png"), put(f"{place}/a.png")]

    sweep = sweep_files()

    assert not any(map(default_storage.exists, unknown))
    assert all(map(default_storage.exists, keys_of(assets)))
    assert (sweep.removed, sweep.missing) == (sweep.removed, 0)
    assert sweep.removed >= len(unknown)


def test_what_was_written_lately_may_still_get_its_row(assets: list[Asset]) -> None:
    fresh = put(f"{uuid7()}/{uuid7()}/{uuid7()}/original.png", hours_old=23)

    sweep_files()

    assert default_storage.exists(fresh)
    sweep_files(older_than=timedelta(hours=22))
    assert not default_storage.exists(fresh)


def test_rows_whose_files_are_gone_are_told_and_kept(
    assets: list[Asset], monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setattr(sweeping, "CHUNK", 2)
    gone = sorted([keys_of(assets)[0], keys_of(assets)[-1]])
    for key in gone:
        default_storage.delete(key)

    sweep = sweep_files()

    assert (sweep.missing, sweep.missing_keys) == (2, gone)
    assert "2 stored files are gone" in caplog.text
    assert Asset.objects.filter(pk__in=[asset.pk for asset in assets]).count() == 3


def test_the_command_says_what_is_missing_and_fails(assets: list[Asset]) -> None:
    said = StringIO()
    call_command("sweep_files", stdout=said)
    assert "0 missing" in said.getvalue()
    gone = keys_of(assets)[3]
    default_storage.delete(gone)

    with pytest.raises(CommandError):
        call_command("sweep_files", "--older-than", "24", stdout=said)

    assert f"missing: {gone}" in said.getvalue()


def test_workspaces_of_killed_processes_go(db: None) -> None:
    room = settings.DATA_DIR / "tmp"
    for name, hours in (("left", 48), ("in-use", 1)):
        (room / name).mkdir(parents=True)
        (room / name / "upload").write_bytes(b"x")
        moment = timezone.now().timestamp() - hours * 3600
        os.utime(room / name, (moment, moment))

    assert sweep_files().workspaces == 1

    assert [path.name for path in room.iterdir()] == ["in-use"]
    (room / "in-use" / "upload").unlink()
    (room / "in-use").rmdir()


def test_many_clocks_have_one_sweep_made_a_day(db: None, monkeypatch: pytest.MonkeyPatch) -> None:
    sent: list[bool] = []
    monkeypatch.setattr(actors.sweep_files, "send", lambda: sent.append(True))

    for _clock in range(5):
        actors.sweep_when_due()

    assert sent == [True]
