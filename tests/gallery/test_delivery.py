"""Addresses of files: who gets which copy, how long an address works, what it can be bent into."""

import base64
import json
import re
from collections.abc import Callable, Iterator
from itertools import count
from typing import Any

import pytest
from django.conf import settings
from django.test import Client

from accounts.models import User
from accounts.viewer import Viewer
from billing.models import Plan
from gallery import delivery, file_views
from gallery.delivery import delivery_for
from gallery.files import UPLOADS
from gallery.models import Asset
from tests.factories.gallery import CLEAN, AssetFactory, tiny

ViewerOf = Callable[[User], Viewer]
HOUR = 3600
# Ten minutes past a full hour.
NOW = 1_800_000 * 1000 + 600
ADDRESS = re.compile(r"/f/[\w.=-]+/[\w.-]+")


class Clock:
    """Stands in for the module `time`, so that hours pass at once."""

    def __init__(self) -> None:
        self.now = float(NOW)

    def time(self) -> float:
        return self.now


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> Clock:
    stopped = Clock()
    monkeypatch.setattr(delivery, "time", stopped)
    monkeypatch.setattr(file_views, "time", stopped)
    return stopped


@pytest.fixture
def asset(alice: User) -> Asset:
    return AssetFactory(user=alice, prompt="Red fox, in the snow! At dawn, far away from here", seed=42)


def put_on(user: User, slug: str) -> None:
    user.memberships.get().company.subscription.__class__.objects.filter(company__memberships__user=user).update(
        plan=Plan.objects.get(slug=slug)
    )


def keys_in(text: str) -> set[str]:
    """The storage keys that the addresses in a page or an answer name."""
    tokens = {address.split("/")[2].split(".")[0] for address in ADDRESS.findall(text)}
    return {json.loads(base64.urlsafe_b64decode(token + "=" * (-len(token) % 4)))[0] for token in tokens}


def fetch(address: str, client: Client | None = None) -> tuple[Any, bytes]:
    """The answer and what it carries, read to the end; an answer that streams holds its file open until then."""
    answer = (client or Client()).get(address)
    content = b"".join(answer.streaming_content) if answer.streaming else answer.content
    answer.close()
    return answer, content


def parts_of(address: str) -> tuple[str, str, str]:
    """Value, signature and name of an address."""
    _empty, _f, token, name = address.split("/")
    value, _dot, signature = token.partition(".")
    return value, signature, name


def test_an_address_gives_the_file_to_whoever_holds_it(alice: User, viewer: ViewerOf, asset: Asset) -> None:
    put_on(alice, "pro")
    address = delivery_for(viewer(alice)).url(asset)

    answer, content = fetch(address)

    assert answer.status_code == 200
    assert content == tiny("PNG", "red")
    assert answer["Content-Type"] == "image/png"
    assert answer["X-Content-Type-Options"] == "nosniff"
    assert answer["Content-Security-Policy"].endswith("sandbox")
    assert re.fullmatch(r"private, max-age=\d+, immutable", answer["Cache-Control"])
    assert answer["Content-Disposition"] == 'inline; filename="darkroom-red-fox-in-the-snow-at-42.png"'


def test_a_download_is_saved_under_a_telling_name(alice: User, viewer: ViewerOf, asset: Asset) -> None:
    address = delivery_for(viewer(alice)).download_url(asset)

    answer, _content = fetch(address)

    assert answer["Content-Disposition"] == 'attachment; filename="darkroom-red-fox-in-the-snow-at-42.png"'


@pytest.mark.parametrize("prompt", ["", "лисиця в снігу", '"; rm -rf /\r\nSet-Cookie: a=b', "x" * 500])
def test_names_are_safe_whatever_the_prompt(alice: User, viewer: ViewerOf, prompt: str) -> None:
    asset = AssetFactory(user=alice, prompt=prompt, seed=7)

    answer, _content = fetch(delivery_for(viewer(alice)).download_url(asset))

    assert re.fullmatch(r'attachment; filename="darkroom-[a-z0-9-]{1,90}\.png"', answer["Content-Disposition"])


def test_an_address_stays_the_same_within_the_hour_and_works_for_one_to_two(
    alice: User, viewer: ViewerOf, asset: Asset, clock: Clock
) -> None:
    giver = delivery_for(viewer(alice))
    first = giver.url(asset)
    clock.now += 49 * 60
    assert giver.url(asset) == first

    clock.now += 2 * 60
    assert giver.url(asset) != first

    clock.now = NOW + HOUR
    answer, _content = fetch(first)
    assert answer.status_code == 200
    assert answer["Cache-Control"] == f"private, max-age={50 * 60}, immutable"


def test_an_expired_address_says_so(alice: User, viewer: ViewerOf, asset: Asset, clock: Clock) -> None:
    address = delivery_for(viewer(alice)).url(asset)
    clock.now += settings.FILE_URL_LIFETIME.total_seconds() - 600

    answer, content = fetch(address)

    assert answer.status_code == 410
    assert b"This address has expired" in content


def forged(address: str) -> Iterator[str]:
    value, signature, name = parts_of(address)
    content = json.loads(base64.urlsafe_b64decode(value + "=" * (-len(value) % 4)))
    for index, other in ((0, "another/company/file/original.png"), (1, content[1] + HOUR), (2, 1)):
        changed = content.copy()
        changed[index] = other
        bent = base64.urlsafe_b64encode(json.dumps(changed, separators=(",", ":")).encode()).decode().rstrip("=")
        yield f"/f/{bent}.{signature}/{name}"
    yield f"/f/{value}.{signature[::-1]}/{name}"
    yield f"/f/{value}.{signature}/malware.exe"
    yield f"/f/{value}./{name}"
    yield f"/f/{value}/{name}"
    yield f"/f/nonsense/{name}"
    yield f"/f/.é/{name}"


def test_a_changed_address_leads_nowhere(alice: User, viewer: ViewerOf, asset: Asset) -> None:
    address = delivery_for(viewer(alice)).url(asset)
    assert fetch(address)[0].status_code == 200

    for number, bent in zip(count(), forged(address), strict=False):
        assert fetch(bent)[0].status_code == 404, number


def test_a_file_that_is_gone_is_not_found(alice: User, viewer: ViewerOf, asset: Asset) -> None:
    address = delivery_for(viewer(alice)).url(asset)
    for row in asset.renditions.all():
        delivery.default_storage.delete(row.key)

    assert fetch(address)[0].status_code == 404


def test_an_address_is_read_only(alice: User, viewer: ViewerOf, asset: Asset) -> None:
    assert Client().post(delivery_for(viewer(alice)).url(asset)).status_code == 405


def test_free_gets_marked_copies_of_what_was_made_and_never_the_clean_ones(
    alice: User, alice_client: Client, viewer: ViewerOf, asset: Asset
) -> None:
    put_on(alice, "free")
    other = AssetFactory(user=alice, parents=[asset.pk])
    texts = [alice_client.get(page).content.decode() for page in ("/gallery", f"/a/{asset.pk}", f"/a/{other.pk}")]
    texts.append(alice_client.get("/api/v1/assets").content.decode())
    texts.append(alice_client.get(f"/api/v1/assets/{asset.pk}").content.decode())
    texts.append(alice_client.get(f"/a/{asset.pk}/download")["Location"])
    giver = delivery_for(viewer(alice))
    texts.extend([giver.url(asset), giver.thumbnail(asset, 320), giver.thumbnail(asset, 5000), giver.srcset(asset)])

    for text in texts:
        keys = keys_in(text)
        assert keys
        assert all(key.rpartition("/")[2].startswith("marked") for key in keys), keys
    assert fetch(giver.url(asset))[1] == tiny("PNG", "blue")


def test_after_an_upgrade_the_clean_ones_are_given(
    alice: User, alice_client: Client, viewer: ViewerOf, asset: Asset
) -> None:
    put_on(alice, "free")
    marked = delivery_for(viewer(alice)).url(asset)
    put_on(alice, "pro")

    page = alice_client.get("/gallery").content.decode()

    names = {key.rpartition("/")[2].partition(".")[0] for key in keys_in(page)}
    assert names <= set(CLEAN)
    assert delivery_for(viewer(alice)).url(asset) != marked


def test_uploads_are_never_marked(alice: User, viewer: ViewerOf) -> None:
    put_on(alice, "free")
    upload = AssetFactory(user=alice, origin="upload")

    keys = keys_in(delivery_for(viewer(alice)).url(upload) + delivery_for(viewer(alice)).srcset(upload))

    assert {key.rpartition("/")[2].partition(".")[0] for key in keys} == set(CLEAN)
    assert all(f"/{UPLOADS}/" in key for key in keys)


def test_without_marked_copies_free_gets_nothing_rather_than_the_clean_ones(
    alice: User, alice_client: Client, viewer: ViewerOf
) -> None:
    put_on(alice, "free")
    asset = AssetFactory(user=alice, names=CLEAN)

    giver = delivery_for(viewer(alice))

    assert (giver.url(asset), giver.thumbnail(asset), giver.srcset(asset)) == ("", "", "")
    for page in ("/gallery", f"/a/{asset.pk}"):
        answer = alice_client.get(page)
        assert answer.status_code == 200
        assert keys_in(answer.content.decode()) == set()
    assert alice_client.get(f"/a/{asset.pk}/download").status_code == 404


@pytest.mark.parametrize(("width", "name"), [(100, "thumb-320"), (640, "thumb-640"), (900, "thumb-1280")])
def test_the_thumbnail_is_the_smallest_that_is_large_enough(
    alice: User, viewer: ViewerOf, asset: Asset, width: int, name: str
) -> None:
    put_on(alice, "pro")

    (key,) = keys_in(delivery_for(viewer(alice)).thumbnail(asset, width))

    assert f"/{name}." in key


def test_providers_get_the_clean_original_on_every_plan(alice: User, asset: Asset) -> None:
    put_on(alice, "free")

    with delivery.open_original(asset) as file:
        assert file.read() == tiny("PNG", "red")
