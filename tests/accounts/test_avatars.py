"""A person's picture: which square, what is refused, who sees it."""

import io
from uuid import uuid4

import pytest
from django.core.files.storage import default_storage
from django.core.files.uploadedfile import SimpleUploadedFile
from PIL import Image
from rest_framework.test import APIClient

from accounts.avatars import EDGES, Crop, is_avatar, middle_of
from accounts.models import AuditEntry, Company, Membership, User

pytestmark = pytest.mark.usefixtures("committed_db")

RED, BLUE = (200, 20, 20), (20, 20, 200)


def picture(width: int = 400, height: int = 200) -> SimpleUploadedFile:
    """Red to the left, blue to the right, with a camera's place in it."""
    image = Image.new("RGB", (width, height), RED)
    image.paste(BLUE, (width // 2, 0, width, height))
    exif = Image.Exif()
    exif[0x010F] = "A camera"
    buffer = io.BytesIO()
    image.save(buffer, "JPEG", quality=95, exif=exif)
    return SimpleUploadedFile("me.jpg", buffer.getvalue(), content_type="image/jpeg")


def opened(content: bytes) -> Image.Image:
    return Image.open(io.BytesIO(content), formats=("WEBP",))


def near(found: object, wanted: tuple[int, int, int]) -> bool:
    assert isinstance(found, tuple)
    return all(abs(one - other) < 25 for one, other in zip(found, wanted, strict=False))


def path_of(user: User, edge: int = 96) -> str:
    user.refresh_from_db()
    return f"/people/{user.pk}/{user.avatar_version}-{edge}.webp"


def test_the_middle_is_kept_when_nothing_is_said(alice, alice_client):
    assert alice_client.post("/profile/avatar", {"avatar": picture()}).headers["Location"] == "/profile"

    for edge in EDGES:
        image = opened(alice_client.get(path_of(alice, edge)).content)
        assert image.size == (edge, edge)
        assert near(image.getpixel((2, edge // 2)), RED)
        assert near(image.getpixel((edge - 3, edge // 2)), BLUE)
        assert not image.getexif()
    assert path_of(alice, 256) in alice_client.get("/profile").content.decode()
    assert AuditEntry.objects.filter(actor=alice.email, action="avatar.changed").exists()


def test_the_chosen_square_is_kept(alice, alice_client):
    crop = {"crop_x": "0.5", "crop_y": "0", "crop_side": "1"}

    alice_client.post("/profile/avatar", {"avatar": picture(), **crop})

    image = opened(alice_client.get(path_of(alice)).content)
    assert near(image.getpixel((3, 3)), BLUE)
    assert near(image.getpixel((90, 90)), BLUE)


@pytest.mark.parametrize("crop", [Crop(-1, -1, 9), Crop(1, 1, 1), Crop(0.9, 0.9, 0.5), middle_of(400, 200)])
def test_a_crop_never_leaves_the_picture(crop):
    left, upper, right, lower = crop.box(400, 200)

    assert 0 <= left < right <= 400
    assert 0 <= upper < lower <= 200
    assert right - left == lower - upper


@pytest.mark.parametrize("content", [b"", b"no picture at all", b"\xff\xd8\xff\xe0 half a picture"])
def test_what_is_no_picture_is_refused_and_leaves_nothing(content, alice, alice_client):
    file = SimpleUploadedFile("me.jpg", content, content_type="image/jpeg")

    answer = alice_client.post("/profile/avatar", {"avatar": file})

    assert answer.status_code == 422
    assert 'aria-invalid="true"' in answer.content.decode()
    alice.refresh_from_db()
    assert alice.avatar_key == ""
    assert not default_storage.exists(f"people/{alice.pk}")


def test_colleagues_see_it_and_strangers_do_not(alice, bob, alice_client, bob_client, client):
    alice_client.post("/profile/avatar", {"avatar": picture()})
    path = path_of(alice)
    assert bob_client.get(path).status_code == 404
    assert client.get(path).status_code == 302

    company = Company.objects.create(name="Both", slug=f"both-{uuid4().hex[:8]}", kind=Company.Kind.TEAM)
    for person in (alice, bob):
        Membership.objects.create(company=company, user=person)

    answer = bob_client.get(path)
    assert answer.status_code == 200
    assert answer["Cache-Control"].startswith("private")
    assert bob_client.get(path.replace("-96", "-97")).status_code == 404
    assert bob_client.get(path.replace(alice.avatar_version, str(uuid4()))).status_code == 404


def test_a_new_picture_takes_the_place_of_the_old_one_and_both_can_go(alice, alice_client):
    alice_client.post("/profile/avatar", {"avatar": picture()})
    alice.refresh_from_db()
    first = alice.avatar_key
    assert is_avatar(first)
    assert is_avatar(first.replace("256.webp", "96.webp"))

    alice_client.post("/profile/avatar", {"avatar": picture()})
    alice.refresh_from_db()
    assert alice.avatar_key != first
    assert not default_storage.exists(first)

    second = alice.avatar_key
    alice_client.post("/profile/avatar", {"remove": "1"})
    alice.refresh_from_db()
    assert alice.avatar_key == ""
    assert not default_storage.exists(second)
    assert not is_avatar(second)


def test_the_api_takes_and_removes_it(alice, alice_api: APIClient):
    answer = alice_api.put("/api/v1/users/me/avatar", {"file": picture()}, format="multipart")

    assert answer.status_code == 200
    assert answer.json()["avatar_url"] == f"http://testserver{path_of(alice, 256)}"
    broken = SimpleUploadedFile("me.jpg", b"no picture", content_type="image/jpeg")
    refused = alice_api.put("/api/v1/users/me/avatar", {"file": broken}, format="multipart")
    assert (refused.status_code, refused.json()["code"]) == (422, "unsupported_picture")
    assert alice_api.get("/api/v1/users/me").json()["avatar_url"]
    assert alice_api.delete("/api/v1/users/me/avatar").status_code == 204
    assert alice_api.get("/api/v1/users/me").json()["avatar_url"] is None


def test_the_profile_tells_what_the_person_did(alice_client):
    page = alice_client.get("/profile").content.decode()

    assert "Pictures made" in page
    assert "Credits used this month" in page
