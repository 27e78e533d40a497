"""Pictures from addresses: taken in as uploads are, and nothing is left of what is refused."""

from collections.abc import Callable, Iterator
from pathlib import Path
from urllib.parse import parse_qs, urlsplit
from uuid import UUID

import pytest
from django.conf import settings as product
from django.test import Client
from pytest_django import Settings
from rest_framework.test import APIClient

from accounts.models import User
from accounts.viewer import Viewer
from gallery.models import Asset
from tests.factories.gallery import tiny
from tests.loopback import serving, whole

ViewerOf = Callable[[User], Viewer]


@pytest.fixture
def fetching(settings: Settings) -> None:
    settings.IMPORT_ALLOWED_HOSTS = ["127.0.0.1", "*.photos.test"]
    settings.IMPORT_LOOPBACK_ALLOWED = True


@pytest.fixture
def address(fetching: None) -> Iterator[str]:
    """Where a small PNG is."""
    with serving(whole(tiny("PNG", "green"), Content_Type="text/html")) as server:
        yield f"http://127.0.0.1:{server.port}/holiday/%D0%BB%D0%B8%D1%81.png?size=large"


def files_of(company_id: UUID) -> list[Path]:
    return [path for path in (Path(product.MEDIA_ROOT) / str(company_id)).rglob("*") if path.is_file()]


def test_a_picture_is_taken_in_from_an_address(alice: User, alice_api: APIClient, address: str) -> None:
    answer = alice_api.post("/api/v1/uploads", {"url": address}, format="json")

    assert answer.status_code == 201, answer.content
    asset = Asset.objects.get(pk=answer.json()["id"])
    assert (asset.origin, asset.mime, asset.original_name) == (Asset.Origin.UPLOAD, "image/png", "лис.png")
    assert asset.user == alice
    assert asset.renditions.count() == len(files_of(asset.company_id)) == 3


@pytest.mark.parametrize(
    ("url", "code"),
    [
        ("https://elsewhere.test/fox.png", "import_refused"),
        ("https://169.254.169.254/latest/meta-data/", "import_refused"),
        ("https://[", "import_refused"),
        ("x", "import_refused"),
    ],
)
def test_an_address_that_is_refused_leaves_nothing(
    alice: User, viewer: ViewerOf, alice_api: APIClient, fetching: None, url: str, code: str
) -> None:
    answer = alice_api.post("/api/v1/uploads", {"url": url}, format="json")

    assert (answer.status_code, answer.json()["code"]) == (422, code)
    assert answer.json()["errors"][0]["field"] == "url"
    assert not Asset.objects.filter(user=alice).exists()
    assert files_of(viewer(alice).company.pk) == []


@pytest.mark.parametrize(
    ("content", "code"),
    [
        pytest.param(whole(b"<html>a page</html>", Content_Type="image/png"), "unsupported_picture", id="a page"),
        pytest.param(whole(tiny("PNG", "red")[:45]), "broken_picture", id="half a picture"),
        pytest.param(b"HTTP/1.1 200 OK\r\nContent-Length: 99999999\r\n\r\n", "upload_too_large", id="too large"),
        pytest.param(whole(b"", "404 Not Found"), "import_failed", id="nothing there"),
        pytest.param(
            whole(b"", "302 Found", Location="http://10.0.0.1/"), "import_refused", id="a way into our network"
        ),
    ],
)
def test_what_an_address_gives_is_judged_by_its_content(
    alice: User, viewer: ViewerOf, alice_api: APIClient, fetching: None, content: bytes, code: str
) -> None:
    with serving(content) as server:
        answer = alice_api.post("/api/v1/uploads", {"url": f"http://127.0.0.1:{server.port}/fox.png"}, format="json")

    assert (answer.status_code, answer.json()["code"]) == (422, code)
    assert not Asset.objects.filter(user=alice).exists()
    assert files_of(viewer(alice).company.pk) == []
    assert list((product.DATA_DIR / "tmp").iterdir()) == []


def test_without_a_list_of_hosts_nothing_is_fetched_or_offered(
    alice: User, alice_api: APIClient, alice_client: Client
) -> None:
    answer = alice_api.post("/api/v1/uploads", {"url": "https://a.photos.test/fox.png"}, format="json")

    assert (answer.status_code, answer.json()["code"]) == (422, "import_refused")
    assert alice_client.get("/gallery/import").status_code == 404
    assert alice_client.post("/gallery/import", {"url": "https://a.photos.test/fox.png"}).status_code == 404
    assert b"/gallery/import" not in alice_client.get("/generate?task=upscale").content
    assert not Asset.objects.filter(user=alice).exists()


def test_an_address_that_is_missing_is_named(alice_api: APIClient, fetching: None) -> None:
    answer = alice_api.post("/api/v1/uploads", {}, format="json")

    assert (answer.status_code, answer.json()["errors"][0]["field"]) == (422, "url")


def test_the_page_fetches_a_picture_and_leads_on_to_making(alice: User, alice_client: Client, address: str) -> None:
    page = alice_client.get("/generate?task=upscale").content.decode()
    assert "/gallery/import?task=upscale&amp;model=" in page
    assert "127.0.0.1, *.photos.test" in alice_client.get("/gallery/import").content.decode()

    answer = alice_client.post("/gallery/import", {"url": f" {address} ", "task": "upscale", "model": "studio-x"})

    asset = Asset.objects.get(user=alice)
    where = urlsplit(answer["Location"])
    assert (answer.status_code, where.path) == (302, "/generate")
    assert parse_qs(where.query) == {"task": ["upscale"], "model": ["studio-x"], "input": [str(asset.pk)]}


def test_the_page_says_what_is_wrong_and_keeps_what_was_typed(
    alice: User, alice_client: Client, fetching: None
) -> None:
    answer = alice_client.post("/gallery/import", {"url": "https://elsewhere.test/fox.png", "task": "upscale"})

    page = answer.content.decode()
    assert answer.status_code == 422
    assert "Pictures are not fetched from that site" in page
    assert 'value="https://elsewhere.test/fox.png"' in page
    assert not Asset.objects.filter(user=alice).exists()


def test_a_visitor_fetches_nothing(fetching: None, db: None) -> None:
    before = Asset.objects.count()
    answer = Client().post("/gallery/import", {"url": "https://a.photos.test/fox.png"})

    assert answer.status_code == 302
    assert answer["Location"].startswith("/login")
    assert Asset.objects.count() == before
