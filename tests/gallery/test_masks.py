"""Masks: kept for jobs, normalised, shown nowhere, gone after their time."""

import io
from collections.abc import Callable
from datetime import timedelta

import pytest
from django.conf import settings
from django.core.files.storage import default_storage
from django.core.files.uploadedfile import SimpleUploadedFile
from django.http import Http404
from django.test import Client
from django.utils import timezone
from PIL import Image, ImageDraw
from rest_framework.test import APIClient

from accounts.models import User
from accounts.viewer import Viewer
from gallery import binning, services
from gallery.models import Asset
from gallery.services import UploadRefused
from tests.factories.gallery import AssetFactory

ViewerOf = Callable[[User], Viewer]


def drawn(mode: str, ground: object, paint: object, kind: str = "PNG") -> SimpleUploadedFile:
    """A box painted in the middle of 40 × 20."""
    image = Image.new(mode, (40, 20), ground)  # type: ignore[arg-type]
    ImageDraw.Draw(image).rectangle((10, 5, 29, 14), fill=paint)  # type: ignore[arg-type]
    buffer = io.BytesIO()
    image.save(buffer, kind)
    return SimpleUploadedFile("mask.png", buffer.getvalue())


def kept(asset: Asset) -> Image.Image:
    with default_storage.open(asset.renditions.get(name="original").key) as file:
        image = Image.open(file)
        image.load()
    return image


@pytest.mark.parametrize(
    ("mode", "ground", "paint", "kind"),
    [
        ("L", 0, 255, "PNG"),
        ("1", 0, 1, "PNG"),
        ("RGB", (0, 0, 0), (255, 255, 255), "JPEG"),
        ("RGBA", (0, 0, 0, 0), (0, 0, 0, 255), "PNG"),
        ("RGBA", (0, 0, 0, 128), (255, 255, 255, 128), "PNG"),
    ],
    ids=["grey", "one bit", "photograph", "drawn on transparent ground", "alpha the same everywhere"],
)
def test_what_was_painted_is_white_in_eight_grey_bits(
    alice: User, viewer: ViewerOf, mode: str, ground: object, paint: object, kind: str
) -> None:
    asset = services.upload_mask(viewer=viewer(alice), file=drawn(mode, ground, paint, kind))

    mask = kept(asset)
    assert (mask.format, mask.mode, mask.size) == ("PNG", "L", (40, 20))
    assert mask.getpixel((20, 10)) in range(250, 256)
    assert mask.getpixel((1, 1)) in range(6)
    assert (asset.kind, asset.mime, asset.width, asset.height) == ("mask", "image/png", 40, 20)
    assert [row.name for row in asset.renditions.all()] == ["original"]
    assert asset.expires_at is not None
    assert timedelta(0) < timezone.now() + settings.MASK_LIFETIME - asset.expires_at < timedelta(minutes=1)


def test_soft_edges_stay_soft(alice: User, viewer: ViewerOf) -> None:
    asset = services.upload_mask(viewer=viewer(alice), file=drawn("RGBA", (9, 9, 9, 0), (9, 9, 9, 128)))

    assert kept(asset).getpixel((20, 10)) == 128


@pytest.mark.parametrize(
    ("file", "code"),
    [
        (SimpleUploadedFile("mask.png", b"nonsense"), "unsupported_picture"),
        (SimpleUploadedFile("mask.png", b""), "upload_empty"),
        (drawn("L", 0, 0), "empty_mask"),
    ],
    ids=["text", "nothing", "black"],
)
def test_a_mask_that_is_none_leaves_nothing(alice: User, viewer: ViewerOf, file: SimpleUploadedFile, code: str) -> None:
    file.seek(0)
    with pytest.raises(UploadRefused) as refused:
        services.upload_mask(viewer=viewer(alice), file=file, field="mask")

    assert (refused.value.problem_code, refused.value.field) == (code, "mask")
    assert not Asset.objects.filter(company=viewer(alice).company).exists()


def test_the_api_takes_a_mask_and_lists_none(alice: User, alice_api: APIClient) -> None:
    picture = AssetFactory(user=alice)
    sent = {"file": drawn("L", 0, 255), "purpose": "mask"}

    answer = alice_api.post("/api/v1/uploads", sent, format="multipart")

    assert answer.status_code == 201, answer.content
    body = answer.json()
    assert (body["kind"], body["mime"], body["width"]) == ("mask", "image/png", 40)
    listed = alice_api.get("/api/v1/assets").json()["results"]
    assert [row["id"] for row in listed] == [str(picture.pk)]
    assert alice_api.get(f"/api/v1/assets/{body['id']}").status_code == 404
    assert alice_api.delete(f"/api/v1/assets/{body['id']}").status_code == 404
    assert Asset.objects.filter(pk=body["id"]).exists()


def test_a_purpose_that_there_is_not_is_named(alice: User, alice_api: APIClient) -> None:
    sent = {"file": drawn("L", 0, 255), "purpose": "poster"}

    answer = alice_api.post("/api/v1/uploads", sent, format="multipart")

    assert answer.status_code in {400, 422}
    assert "purpose" in answer.content.decode()
    assert not Asset.objects.filter(kind="mask", user=alice).exists()


def test_no_page_shows_a_mask(alice: User, alice_client: Client, viewer: ViewerOf) -> None:
    older = AssetFactory(user=alice)
    mask = services.upload_mask(viewer=viewer(alice), file=drawn("L", 0, 255))
    child = AssetFactory(user=alice, parents=[older.pk, mask.pk])
    key = str(mask.pk)

    for path in ("/gallery", "/gallery?kind=image", "/gallery/bin", f"/a/{child.pk}", f"/a/{older.pk}"):
        assert key not in alice_client.get(path).content.decode(), path
    assert alice_client.get(f"/a/{key}").status_code == 404
    assert alice_client.get(f"/a/{key}/download").status_code == 404
    assert alice_client.get(f"/compare?a={key}&b={older.pk}").status_code == 404
    with pytest.raises(Http404):
        binning.bin_assets(viewer=viewer(alice), ids=[mask.pk])


def test_the_clock_takes_masks_away_when_their_time_is_over(alice: User, viewer: ViewerOf) -> None:
    gone, stays = (services.upload_mask(viewer=viewer(alice), file=drawn("L", 0, 255)) for _ in range(2))
    picture = AssetFactory(user=alice)
    keys = [asset.renditions.get().key for asset in (gone, stays)]
    Asset.objects.filter(pk=gone.pk).update(expires_at=timezone.now() - timedelta(seconds=1))

    binning.purge_expired()

    left = set(Asset.objects.filter(pk__in=[gone.pk, stays.pk, picture.pk]).values_list("pk", flat=True))
    assert left == {stays.pk, picture.pk}
    assert [default_storage.exists(key) for key in keys] == [False, True]
