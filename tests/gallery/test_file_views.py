"""Files by their address: parts of them, what browsers keep, and what is left to the server in front."""

import re
from collections.abc import Callable
from typing import Any

import pytest
from django.core.files.base import ContentFile
from django.core.files.storage import default_storage
from django.test import Client
from hypothesis import given
from hypothesis import strategies as st
from pytest_django import Settings

from accounts.models import User
from accounts.viewer import Viewer
from gallery.byte_ranges import Unsatisfiable, read_range
from gallery.delivery import delivery_for
from gallery.models import Asset
from tests.factories.gallery import AssetFactory

ViewerOf = Callable[[User], Viewer]
CONTENT = bytes(range(256)) * 300
SIZE = len(CONTENT)


@pytest.fixture
def asset(alice: User) -> Asset:
    """An upload whose original is larger than what is read at a time."""
    asset = AssetFactory(user=alice, origin="upload")
    default_storage.save(asset.renditions.get(name="original").key, ContentFile(CONTENT))
    return asset


@pytest.fixture
def address(alice: User, viewer: ViewerOf, asset: Asset) -> str:
    return delivery_for(viewer(alice)).url(asset)


def fetch(address: str, **headers: str) -> tuple[Any, bytes]:
    answer = Client().get(address, headers=headers)
    content = b"".join(answer.streaming_content) if answer.streaming else answer.content
    answer.close()
    return answer, content


@pytest.mark.parametrize(
    ("wanted", "first", "last"),
    [
        ("bytes=0-0", 0, 0),
        ("bytes=100-70000", 100, 70_000),
        ("bytes=76799-", SIZE - 1, SIZE - 1),
        ("bytes=-500", SIZE - 500, SIZE - 1),
        ("bytes=-999999999", 0, SIZE - 1),
        ("bytes=76000-999999999", 76_000, SIZE - 1),
    ],
)
def test_a_part_of_a_file_is_given(address: str, wanted: str, first: int, last: int) -> None:
    answer, content = fetch(address, range=wanted)

    assert answer.status_code == 206
    assert content == CONTENT[first : last + 1]
    assert answer["Content-Range"] == f"bytes {first}-{last}/{SIZE}"
    assert answer["Content-Length"] == str(len(content))
    assert answer["Content-Type"] == "image/png"
    assert answer["X-Content-Type-Options"] == "nosniff"


@pytest.mark.parametrize("wanted", ["bytes=76800-", "bytes=999999-9999999", "bytes=-0"])
def test_a_part_outside_the_file_is_refused_with_its_size(address: str, wanted: str) -> None:
    answer, content = fetch(address, range=wanted)

    assert (answer.status_code, content) == (416, b"")
    assert answer["Content-Range"] == f"bytes */{SIZE}"


@pytest.mark.parametrize("wanted", ["bytes=5-2", "bytes=a-b", "pages=1-2", "bytes=0-1,5-6", "bytes=-", "bytes=1-²"])
def test_what_is_no_single_range_is_answered_with_the_whole_file(address: str, wanted: str) -> None:
    answer, content = fetch(address, range=wanted)

    assert (answer.status_code, content) == (200, CONTENT)
    assert answer["Accept-Ranges"] == "bytes"


def test_a_download_goes_on_only_with_the_same_file(address: str) -> None:
    whole, _content = fetch(address)

    assert fetch(address, range="bytes=500-", if_range=whole["ETag"])[0].status_code == 206
    assert fetch(address, range="bytes=500-", if_range='"another"')[1] == CONTENT
    assert fetch(address, range="bytes=500-", if_range="Sat, 21 Nov 2026 00:00:00 GMT")[1] == CONTENT


def test_whoever_has_the_file_is_not_sent_it_again(address: str) -> None:
    whole, _content = fetch(address)

    answer, content = fetch(address, if_none_match=whole["ETag"])

    assert (answer.status_code, content) == (304, b"")
    assert answer["ETag"] == whole["ETag"]
    assert answer["Cache-Control"] == whole["Cache-Control"]
    assert fetch(address, if_none_match='"another"')[0].status_code == 200


def test_two_files_never_share_a_tag(alice: User, viewer: ViewerOf, asset: Asset) -> None:
    giver = delivery_for(viewer(alice))

    addresses = [giver.url(asset, name) for name in ("original", "thumb-320", "thumb-640")]

    assert len({fetch(address)[0]["ETag"] for address in addresses}) == 3


def test_only_the_head_is_given_when_only_that_is_asked_for(address: str) -> None:
    answer = Client().head(address, headers={"range": "bytes=0-9"})

    assert (answer.status_code, answer["Content-Length"]) == (200, str(SIZE))
    answer.close()


def test_the_server_in_front_is_told_which_file_and_nothing_is_read(
    settings: Settings, address: str, asset: Asset
) -> None:
    settings.FILES_ACCEL_PREFIX = "/stored"
    key = asset.renditions.get(name="original").key
    default_storage.delete(key)

    answer, content = fetch(address, range="bytes=0-9")

    assert (answer.status_code, content) == (200, b"")
    assert answer["X-Accel-Redirect"] == f"/stored/{key}"
    assert answer["Content-Type"] == "image/png"
    assert re.fullmatch(r"private, max-age=\d+, immutable", answer["Cache-Control"])


def test_a_changed_address_is_not_told_to_the_server_in_front(settings: Settings, address: str) -> None:
    settings.FILES_ACCEL_PREFIX = "/stored"

    answer, _content = fetch(address.replace("/f/", "/f/x"))

    assert answer.status_code == 404
    assert "X-Accel-Redirect" not in answer


def test_with_a_cache_in_front_addresses_lead_there_and_may_be_kept_by_it(
    settings: Settings, alice: User, viewer: ViewerOf, asset: Asset
) -> None:
    settings.CDN_URL = "https://cdn.example"

    address = delivery_for(viewer(alice)).url(asset)

    assert address.startswith("https://cdn.example/f/")
    answer, content = fetch(address.removeprefix("https://cdn.example"))
    assert content == CONTENT
    assert re.fullmatch(r"public, max-age=\d+, immutable", answer["Cache-Control"])


@given(header=st.text(max_size=40) | st.from_regex(r"bytes=\d{0,20}-\d{0,20}", fullmatch=True), size=st.integers(0, 99))
def test_whatever_is_asked_for_a_part_lies_within_the_file(header: str, size: int) -> None:
    try:
        part = read_range(header, size)
    except Unsatisfiable:
        return
    assert part is None or 0 <= part.first <= part.last < size
