"""The gallery in the API: what it answers, whom, and in which form."""

from uuid import uuid4

import pytest
from django.core.files.uploadedfile import SimpleUploadedFile
from django.utils import timezone
from drf_spectacular.drainage import GENERATOR_STATS
from drf_spectacular.generators import SchemaGenerator
from rest_framework.test import APIClient

from accounts.models import User
from gallery.models import Asset
from tests.factories.gallery import AssetFactory, tiny

# An id that no row has; fixed, because parameters name tests.
NOBODYS = "00000000-0000-7000-8000-000000000000"

FIELDS = {
    *("id", "kind", "origin", "url", "thumbnail_url", "width", "height", "mime", "bytes", "prompt", "task", "model"),
    *("params", "seed", "credits", "parents", "created_at", "seconds", "faces"),
}


def test_an_upload_is_answered_with_the_asset(alice: User, alice_api: APIClient) -> None:
    file = SimpleUploadedFile("fox.png", tiny("PNG", "red"))

    answer = alice_api.post("/api/v1/uploads", {"file": file}, format="multipart")

    assert answer.status_code == 201, answer.content
    body = answer.json()
    assert set(body) == FIELDS
    assert (body["origin"], body["mime"], body["width"], body["height"]) == ("upload", "image/png", 16, 9)
    assert body["url"].startswith("http://testserver/f/")
    assert Asset.objects.get(pk=body["id"]).user == alice
    picture = APIClient().get(body["url"].removeprefix("http://testserver"))
    assert picture["Content-Type"] == "image/png"
    picture.close()


@pytest.mark.parametrize(
    ("content", "status", "code"),
    [
        (b"not a picture", 422, "unsupported_picture"),
        (bytes(11 << 20), 413, "upload_too_large"),
        (b"", 422, "upload_empty"),
    ],
    ids=["text", "11 MB", "empty"],
)
def test_a_refused_upload_is_a_problem_document(
    alice: User, alice_api: APIClient, content: bytes, status: int, code: str
) -> None:
    file = SimpleUploadedFile("fox.png", content)

    answer = alice_api.post("/api/v1/uploads", {"file": file}, format="multipart")

    assert (answer.status_code, answer["Content-Type"]) == (status, "application/problem+json")
    body = answer.json()
    assert body["code"] == code
    assert body["errors"][0] == {"field": "file", "code": code, "message": body["detail"]}
    assert not Asset.objects.filter(user=alice).exists()


def test_an_upload_without_a_file_names_the_field(alice_api: APIClient) -> None:
    answer = alice_api.post("/api/v1/uploads", {}, format="multipart")

    assert answer.status_code == 422
    assert answer.json()["errors"][0]["field"] == "file"


def test_the_list_goes_on_by_cursor_without_gaps_while_pictures_arrive(alice: User, alice_api: APIClient) -> None:
    expected = [str(asset.pk) for asset in reversed(AssetFactory.create_batch(5, user=alice))]
    AssetFactory(user=alice, deleted_at=timezone.now())
    body = alice_api.get("/api/v1/assets?page_size=2").json()
    seen = [row["id"] for row in body["results"]]
    AssetFactory.create_batch(3, user=alice)

    while body["next"]:
        body = alice_api.get(body["next"]).json()
        seen += [row["id"] for row in body["results"]]

    assert seen == expected


def test_a_row_says_how_it_was_made(alice: User, alice_api: APIClient) -> None:
    parent = AssetFactory(user=alice)
    asset = AssetFactory(user=alice, parents=[parent.pk], seed=7, params={"style": "oil"})

    body = alice_api.get(f"/api/v1/assets/{asset.pk}").json()

    assert set(body) == FIELDS
    assert (body["seed"], body["params"], body["model"]) == (7, {"style": "oil"}, "Local studio")
    assert body["parents"] == [str(parent.pk)]


def test_deleting_puts_into_the_bin_and_restoring_takes_out(alice: User, alice_api: APIClient) -> None:
    asset = AssetFactory(user=alice)

    assert alice_api.delete(f"/api/v1/assets/{asset.pk}").status_code == 204
    assert alice_api.get(f"/api/v1/assets/{asset.pk}").status_code == 404
    assert alice_api.delete(f"/api/v1/assets/{asset.pk}").status_code == 404
    answer = alice_api.post(f"/api/v1/assets/{asset.pk}/restore")

    assert (answer.status_code, answer.json()["id"]) == (200, str(asset.pk))
    assert alice_api.get(f"/api/v1/assets/{asset.pk}").status_code == 200


def test_a_stranger_finds_nothing_and_changes_nothing(alice: User, bob_api: APIClient) -> None:
    asset, gone = AssetFactory(user=alice), AssetFactory(user=alice, deleted_at=timezone.now())

    for answer in (
        bob_api.get(f"/api/v1/assets/{asset.pk}"),
        bob_api.delete(f"/api/v1/assets/{asset.pk}"),
        bob_api.post(f"/api/v1/assets/{gone.pk}/restore"),
        bob_api.get(f"/api/v1/assets/{uuid4()}"),
    ):
        assert (answer.status_code, answer["Content-Type"]) == (404, "application/problem+json")
    assert bob_api.get("/api/v1/assets").json()["results"] == []
    assert Asset.objects.kept().filter(pk=asset.pk).exists()
    assert Asset.objects.binned().filter(pk=gone.pk).exists()


@pytest.mark.parametrize("path", ["uploads", "assets", f"assets/{NOBODYS}", f"assets/{NOBODYS}/restore"])
def test_a_visitor_is_asked_who_it_is(db: None, path: str) -> None:
    answer = APIClient().post(f"/api/v1/{path}") if "restore" in path else APIClient().get(f"/api/v1/{path}")

    assert answer.status_code == 401


def test_the_gallery_is_documented_without_warnings(db: None) -> None:
    GENERATOR_STATS.reset()

    schema = SchemaGenerator(patterns=None).get_schema(request=None, public=True)

    told = [text for kind in (GENERATOR_STATS._warn_cache, GENERATOR_STATS._error_cache) for text in kind]
    assert [text for text in told if "gallery" in text] == []
    assert "multipart/form-data" in schema["paths"]["/api/v1/uploads"]["post"]["requestBody"]["content"]
    assert set(schema["components"]["schemas"]["Asset"]["properties"]) == FIELDS
