"""The pages: what they show, that they go on by key, that everything can be undone."""

import json
import re
from collections.abc import Callable
from datetime import timedelta
from uuid import uuid4

import pytest
from django.conf import settings
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.utils import timezone
from pytest_django import DjangoAssertNumQueries

from accounts.models import User
from accounts.viewer import Viewer
from gallery import selectors
from gallery.models import Asset
from gallery.tiles import SHAPES, shape_of
from tests.factories.gallery import AssetFactory

# An id that no row has; fixed, because parameters name tests.
NOBODYS = "00000000-0000-7000-8000-000000000000"

ViewerOf = Callable[[User], Viewer]
HTMX = {"HX-Request": "true"}


def shown(page: str) -> list[str]:
    """The ids of the pictures on a page, in order."""
    return re.findall(r'data-tile="([^"]+)"', page)


def older_in(page: str) -> str | None:
    found = re.search(r'hx-get="([^"]+before=[^"]+)"', page)
    return found[1] if found else None


def deleted(user: User, *, days: float = 0, **fields: object) -> Asset:
    return AssetFactory(user=user, deleted_at=timezone.now() - timedelta(days=days), **fields)


def test_the_front_door_shows_the_plans_that_are_offered(client: Client, db: None) -> None:
    page = client.get("/").content.decode()

    assert "Free" in page
    assert "Pro" in page


@pytest.mark.parametrize("path", ["/gallery", "/gallery/bin", f"/a/{NOBODYS}", f"/a/{NOBODYS}/download"])
def test_pages_ask_a_visitor_to_sign_in(client: Client, db: None, path: str) -> None:
    answer = client.get(path)

    assert answer.status_code == 302
    assert answer["Location"].endswith(f"?next={path}")


def test_an_empty_gallery_says_what_to_do_next(alice_client: Client) -> None:
    page = alice_client.get("/gallery").content.decode()

    assert "No pictures yet" in page
    assert 'href="/generate"' in page


def test_the_gallery_shows_the_newest_first_and_nothing_of_the_bin(alice: User, alice_client: Client) -> None:
    first, second = AssetFactory.create_batch(2, user=alice)
    deleted(alice)

    page = alice_client.get("/gallery").content.decode()

    assert shown(page) == [str(second.pk), str(first.pk)]
    assert 'alt="red fox in the snow' in page
    assert "style=" not in page, "the content policy forbids inline styles"


def test_the_gallery_goes_on_by_key_while_pictures_come_and_go(
    alice: User, alice_client: Client, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(selectors, "PAGE_SIZE", 3)
    assets = [str(asset.pk) for asset in reversed(AssetFactory.create_batch(7, user=alice))]
    page = alice_client.get("/gallery").content.decode()
    seen = shown(page)
    AssetFactory(user=alice)
    # The very picture that the cursor names goes too.
    Asset.objects.filter(pk=seen[-1]).update(deleted_at=timezone.now())

    while address := older_in(page):
        page = alice_client.get(address, headers=HTMX).content.decode()
        assert "<html" not in page
        seen += shown(page)

    assert seen == assets


def test_without_scripts_the_same_link_leads_to_a_whole_page(
    alice: User, alice_client: Client, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(selectors, "PAGE_SIZE", 3)
    AssetFactory.create_batch(4, user=alice)
    address = older_in(alice_client.get("/gallery").content.decode())

    page = alice_client.get(address or "").content.decode()

    assert "<html" in page
    assert len(shown(page)) == 1
    assert "That is all." in page
    assert "Newest pictures" in page


def test_what_came_since_is_given_alone(alice: User, alice_client: Client) -> None:
    old, new = AssetFactory.create_batch(2, user=alice)

    page = alice_client.get(f"/gallery?after={old.pk}", headers=HTMX).content.decode()

    assert shown(page) == [str(new.pk)]
    assert f"after={new.pk}" in page
    nothing = alice_client.get(f"/gallery?after={new.pk}", headers=HTMX).content.decode()
    assert (shown(nothing), f"after={new.pk}" in nothing) == ([], True)


@pytest.mark.parametrize("query", ["/gallery?before=x", "/gallery/bin?before=x", "/gallery/bin?before=2026-01-01_x"])
def test_an_address_that_was_never_given_leads_nowhere(alice_client: Client, query: str) -> None:
    assert alice_client.get(query).status_code == 404


@pytest.mark.parametrize("path", ["/gallery", "/gallery/bin", "/api/v1/assets?page_size=100"])
def test_the_number_of_queries_does_not_depend_on_the_number_of_pictures(
    alice: User, alice_client: Client, django_assert_num_queries: DjangoAssertNumQueries, path: str
) -> None:
    make = deleted if path.endswith("bin") else lambda user: AssetFactory(user=user)
    make(alice)
    alice_client.get(path)
    with CaptureQueriesContext(connection) as at_one:
        alice_client.get(path)
    for _number in range(49):
        make(alice)

    with django_assert_num_queries(len(at_one.captured_queries)):
        alice_client.get(path)

    assert len(at_one.captured_queries) <= 8


def test_the_asset_page_has_the_same_queries_with_many_relatives(
    alice: User, alice_client: Client, django_assert_num_queries: DjangoAssertNumQueries
) -> None:
    parents = AssetFactory.create_batch(5, user=alice)
    lone = AssetFactory(user=alice, parents=[parents[0].pk])
    AssetFactory(user=alice, parents=[lone.pk])
    related = AssetFactory(user=alice, parents=[parent.pk for parent in parents])
    AssetFactory.create_batch(9, user=alice, parents=[related.pk])
    alice_client.get(f"/a/{lone.pk}")
    with CaptureQueriesContext(connection) as at_few:
        alice_client.get(f"/a/{lone.pk}")

    with django_assert_num_queries(len(at_few.captured_queries)):
        alice_client.get(f"/a/{related.pk}")


def test_the_asset_page_shows_how_it_was_made_and_its_relatives(alice: User, alice_client: Client) -> None:
    older, parent = AssetFactory.create_batch(2, user=alice)
    asset = AssetFactory(user=alice, parents=[parent.pk, uuid4()], seed=4242, params={"style": "oil", "unused": None})
    child = AssetFactory(user=alice, parents=[asset.pk])

    page = alice_client.get(f"/a/{asset.pk}").content.decode()

    assert asset.prompt in page
    assert "4242" in page
    assert "oil" in page
    assert "unused" not in page
    assert f'href="/a/{child.pk}" rel="prev"' in page
    assert f'href="/a/{parent.pk}" rel="next"' in page
    assert "Made from" in page
    assert "Led to" in page
    assert f'hx-get="/generate/for/{asset.pk}"' in page
    assert "/generate?prompt=red%20fox%20in%20the%20snow" in page
    assert str(older.pk) not in page


def test_deleting_one_goes_back_to_the_gallery_with_undo(alice: User, alice_client: Client) -> None:
    asset = AssetFactory(user=alice)

    answer = alice_client.post(f"/a/{asset.pk}/delete")

    assert answer["Location"] == "/gallery"
    page = alice_client.get("/gallery").content.decode()
    assert "The picture is in the bin." in page
    assert 'action="/gallery/restore"' in page
    assert "The picture is in the bin." not in alice_client.get("/gallery").content.decode(), "said once"

    alice_client.post("/gallery/restore", {"ids": [str(asset.pk)]})

    assert shown(alice_client.get("/gallery").content.decode()) == [str(asset.pk)]


def test_deleting_many_in_place_answers_with_undo(alice: User, alice_client: Client) -> None:
    assets = AssetFactory.create_batch(3, user=alice)
    ids = [str(asset.pk) for asset in assets[:2]]

    answer = alice_client.post("/gallery/delete", {"ids": ids}, headers=HTMX)

    assert answer.status_code == 204
    events = json.loads(answer["HX-Trigger"])
    assert events["gallery:left"] == {"ids": ids}
    assert events["toast"]["text"] == "2 pictures moved to the bin."
    assert events["toast"]["action"] == {"label": "Undo", "url": "/gallery/restore", "values": {"ids": ids}}
    assert shown(alice_client.get("/gallery").content.decode()) == [str(assets[2].pk)]

    answer = alice_client.post("/gallery/restore", events["toast"]["action"]["values"], headers=HTMX)

    assert json.loads(answer["HX-Trigger"])["gallery:back"] == {"ids": ids}
    assert len(shown(alice_client.get("/gallery").content.decode())) == 3


@pytest.mark.parametrize("path", ["/gallery/delete", "/gallery/restore"])
def test_choosing_nothing_says_so_and_changes_nothing(alice: User, alice_client: Client, path: str) -> None:
    AssetFactory(user=alice)
    deleted(alice)

    answer = alice_client.post(path, follow=True)

    assert "No picture is chosen." in answer.content.decode()
    assert Asset.objects.kept().filter(user=alice).count() == 1
    assert "No picture is chosen." in alice_client.post(path, headers=HTMX)["HX-Trigger"]


def test_the_bin_shows_the_last_deleted_first_and_until_when(
    alice: User, alice_client: Client, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(selectors, "PAGE_SIZE", 2)
    first = deleted(alice, days=1)
    second, third = deleted(alice, days=2), deleted(alice, days=3)
    Asset.objects.filter(pk=third.pk).update(deleted_at=second.deleted_at)
    deleted(alice, days=31)

    page = alice_client.get("/gallery/bin").content.decode()

    seen = shown(page)
    gone_at = timezone.now() + settings.BIN_LIFETIME - timedelta(days=1)
    assert f"Gone for good on {gone_at:%B} {gone_at.day}" in page or f"on {gone_at.day} {gone_at:%B}" in page
    seen += shown(alice_client.get(older_in(page) or "", headers=HTMX).content.decode())
    assert seen == [str(first.pk), str(third.pk), str(second.pk)]


def test_one_of_the_bin_is_restored_whatever_else_is_ticked(alice: User, alice_client: Client) -> None:
    one, other = deleted(alice), deleted(alice)

    alice_client.post("/gallery/restore", {"only": str(one.pk), "ids": [str(other.pk)]})

    assert list(Asset.objects.kept().filter(user=alice)) == [one]


def test_a_binned_picture_keeps_its_page_and_can_be_restored_there(alice: User, alice_client: Client) -> None:
    asset = deleted(alice)

    page = alice_client.get(f"/a/{asset.pk}").content.decode()

    assert "In the bin. Gone for good on" in page
    assert alice_client.post(f"/a/{asset.pk}/restore")["Location"] == f"/a/{asset.pk}"
    assert Asset.objects.kept().filter(pk=asset.pk).exists()


def test_what_was_in_the_bin_too_long_has_no_page(alice: User, alice_client: Client) -> None:
    asset = deleted(alice, days=31)

    assert alice_client.get(f"/a/{asset.pk}").status_code == 404
    assert (
        "Nothing was in the bin any more"
        in alice_client.post("/gallery/restore", {"ids": [str(asset.pk)]}, follow=True).content.decode()
    )


def test_the_download_link_leads_to_an_address_that_saves(alice: User, alice_client: Client) -> None:
    asset = AssetFactory(user=alice)

    answer = alice_client.get(f"/a/{asset.pk}/download")

    assert answer.status_code == 302
    saved = alice_client.get(answer["Location"])
    assert saved["Content-Disposition"].startswith("attachment; ")
    saved.close()


def test_a_stranger_finds_nothing_and_changes_nothing(alice: User, bob: User, bob_client: Client) -> None:
    asset, gone, own = AssetFactory(user=alice), deleted(alice), AssetFactory(user=bob)

    for path in (f"/a/{asset.pk}", f"/a/{gone.pk}", f"/a/{asset.pk}/download"):
        assert bob_client.get(path).status_code == 404, path
    for path, form in (
        (f"/a/{asset.pk}/delete", {}),
        (f"/a/{gone.pk}/restore", {}),
        ("/gallery/delete", {"ids": [str(own.pk), str(asset.pk)]}),
        ("/gallery/restore", {"ids": [str(gone.pk)]}),
        ("/gallery/restore", {"only": [str(gone.pk)]}),
    ):
        assert bob_client.post(path, form).status_code == 404, path
        assert bob_client.post(path, form, headers=HTMX).status_code == 404, path
    assert shown(bob_client.get(f"/gallery?before={uuid4()}").content.decode()) in ([], [str(own.pk)])
    assert shown(bob_client.get("/gallery/bin").content.decode()) == []
    assert set(Asset.objects.kept().filter(pk__in=[asset.pk, own.pk])) == {asset, own}
    assert Asset.objects.binned().filter(pk=gone.pk).exists()


def test_relatives_of_another_company_are_not_shown(alice: User, bob: User, alice_client: Client) -> None:
    foreign = AssetFactory(user=bob)
    asset = AssetFactory(user=alice, parents=[foreign.pk])
    child = AssetFactory(user=bob, parents=[asset.pk])

    page = alice_client.get(f"/a/{asset.pk}").content.decode()

    assert str(foreign.pk) not in page
    assert str(child.pk) not in page


@pytest.mark.parametrize(
    ("size", "shape"), [((1024, 1024), 100), ((1344, 768), 178), ((768, 1344), 56), ((9000, 90), 300), ((1, 9000), 33)]
)
def test_a_picture_gets_the_nearest_shape_that_the_style_sheet_knows(size: tuple[int, int], shape: int) -> None:
    assert shape_of(*size) == shape
    sheet = (settings.BASE_DIR / "static" / "css" / "shapes.css").read_text()
    assert all(f'[data-shape="{known}"]' in sheet for known in SHAPES if known != 100)
