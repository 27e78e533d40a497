"""Pages of videos and meshes, and of two things side by side."""

import re
from collections.abc import Callable
from uuid import uuid4

import pytest
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext

from accounts.models import User
from accounts.viewer import Viewer
from gallery.comparing import facts_of, prompts_of
from gallery.models import Asset
from gallery.tiles import short_number
from tests.factories.gallery import AssetFactory

ViewerOf = Callable[[User], Viewer]


def a_video(user: User, **fields: object) -> Asset:
    return AssetFactory(user=user, **{"kind": "video", "seconds": 65.2, "task": "text-to-video", **fields})


def a_mesh(user: User, **fields: object) -> Asset:
    size = {"width": 1280, "height": 1280}
    return AssetFactory(user=user, **{"kind": "mesh", "faces": 12_480, "task": "image-to-3d", **size, **fields})


def shown(page: str) -> list[str]:
    return re.findall(r'data-tile="([^"]+)"', page)


def test_tiles_say_what_is_no_picture(alice: User, alice_client: Client) -> None:
    a_video(alice), a_mesh(alice), AssetFactory(user=alice)

    page = alice_client.get("/gallery").content.decode()

    assert page.count("tile-badge") == 2
    assert "1:05" in page
    assert "Video, 65 seconds" in page
    assert "12.5k" in page
    assert "3D model, 12480 faces" in page
    assert "style=" not in page


@pytest.mark.parametrize("kind", ["image", "video", "mesh"])
def test_the_gallery_is_narrowed_by_the_address(alice: User, alice_client: Client, kind: str) -> None:
    assets = {"image": AssetFactory(user=alice), "video": a_video(alice), "mesh": a_mesh(alice)}

    page = alice_client.get(f"/gallery?kind={kind}").content.decode()

    assert shown(page) == [str(assets[kind].pk)]
    assert f'href="/gallery?kind={kind}" aria-current="true"' in page
    assert f"/gallery?after={assets[kind].pk}&amp;kind={kind}" in page


def test_a_kind_that_nobody_keeps_is_no_page(alice_client: Client) -> None:
    assert alice_client.get("/gallery?kind=mask").status_code == 404
    assert alice_client.get("/gallery?kind=cat").status_code == 404


def test_kinds_are_offered_once_there_is_more_than_one(alice: User, alice_client: Client) -> None:
    AssetFactory(user=alice)
    assert "gallery-kinds" not in alice_client.get("/gallery").content.decode()

    a_video(alice)
    assert "gallery-kinds" in alice_client.get("/gallery").content.decode()
    assert "Nothing of this kind yet" in alice_client.get("/gallery?kind=mesh").content.decode()


def test_the_page_of_a_video_plays_it_without_a_jump(alice: User, alice_client: Client) -> None:
    asset = a_video(alice)

    page = alice_client.get(f"/a/{asset.pk}").content.decode()

    video = re.search(r"<video[^>]+>", page)
    assert video is not None
    assert re.search(r'src="/f/[^"]+\.mp4" poster="/f/[^"]+\.webp" width="1600" height="1200"', video[0])
    assert all(word in video[0] for word in ("controls", "playsinline", 'preload="metadata"'))
    assert "mesh.js" not in page
    assert "65.2" in page


def test_the_page_of_a_mesh_loads_the_viewer_and_shows_its_poster(alice: User, alice_client: Client) -> None:
    asset = a_mesh(alice)

    page = alice_client.get(f"/a/{asset.pk}").content.decode()

    assert re.search(r'data-src="/f/[^"]+\.glb"', page)
    assert 'data-viewer="/static/vendor/three/viewer-deps.js"' in page
    assert "mesh.js" in page
    assert "12,480" in page
    assert "<video" not in page
    assert "1280 × 1280" not in page, "the poster's size says nothing of a mesh"
    assert "viewer-deps" not in alice_client.get(f"/a/{AssetFactory(user=alice).pk}").content.decode()


def test_a_picture_made_from_another_can_be_held_against_it(alice: User, alice_client: Client) -> None:
    first = AssetFactory(user=alice)
    second = AssetFactory(user=alice, parents=[first.pk])
    film = a_video(alice, parents=[first.pk])

    page = alice_client.get(f"/a/{second.pk}").content.decode()

    assert f'href="/compare?a={first.pk}&amp;b={second.pk}" aria-controls="asset-compare"' in page
    assert "data-slider" in page
    assert "data-slider" not in alice_client.get(f"/a/{first.pk}").content.decode()
    assert "data-slider" not in alice_client.get(f"/a/{film.pk}").content.decode()
    assert f"/compare?a={first.pk}&amp;b={film.pk}" in alice_client.get(f"/a/{film.pk}").content.decode()


def test_two_things_lie_over_each_other_with_what_differs(alice: User, alice_client: Client) -> None:
    first = AssetFactory(user=alice, prompt="red fox in the snow", seed=1, params={"steps": 4, "style": "ink"})
    second = AssetFactory(user=alice, prompt="blue fox in the snow, at night", seed=2, params={"steps": 4})

    page = alice_client.get(f"/compare?a={first.pk}&b={second.pk}").content.decode()

    assert page.count("<figure") == 2, "beside each other without scripts"
    assert 'type="range"' in page
    assert "<del>red</del> fox in the" in page
    assert "<ins>blue</ins> fox in the" in page
    assert "<ins>at night</ins>" in page
    assert re.search(r'<tr><th scope="row">Seed</th><td>1</td><td>2</td>', page)
    assert re.search(r'<tr class="is-same"><th scope="row">Steps</th><td>4</td><td>4</td>', page)
    assert re.search(r'<tr><th scope="row">Style</th><td>ink</td><td>–</td>', page)
    assert "style=" not in page


@pytest.mark.parametrize(
    "query", ["", "?a=1&b=2", "?a={own}", "?a={own}&b={own}", "?a={own}&b={none}", "?a={own}&b={bobs}"]
)
def test_a_comparison_needs_two_things_of_the_viewers(alice: User, bob: User, alice_client: Client, query: str) -> None:
    filled = query.format(own=AssetFactory(user=alice).pk, bobs=AssetFactory(user=bob).pk, none=uuid4())

    assert alice_client.get(f"/compare{filled}").status_code == 404


def test_a_plan_that_marks_compares_marked_pictures(alice: User, alice_client: Client) -> None:
    first, second = AssetFactory(user=alice, names=("original", "thumb-640")), AssetFactory(user=alice)

    page = alice_client.get(f"/compare?a={first.pk}&b={second.pk}").content.decode()

    assert "Your plan has no copy of one of these." in page
    assert "data-slider" not in page


def queries_of(client: Client, path: str) -> int:
    client.get(path)
    with CaptureQueriesContext(
        connection,
    ) as asked:
        assert client.get(path).status_code == 200
    return len(asked)


def test_pages_ask_the_same_of_many_as_of_one(alice: User, alice_client: Client) -> None:
    root = AssetFactory(user=alice)
    mesh = a_mesh(alice, parents=[root.pk])
    a_video(alice, parents=[mesh.pk])
    pair = f"/compare?a={root.pk}&b={mesh.pk}"
    paths = ("/gallery", "/gallery?kind=video", f"/a/{mesh.pk}", pair)
    few = [queries_of(alice_client, path) for path in paths]

    for _ in range(12):
        a_video(alice, parents=[mesh.pk])
        a_mesh(alice)

    assert [queries_of(alice_client, path) for path in paths] == few
    assert max(few) <= 14


def test_facts_and_words_know_what_only_one_has() -> None:
    first = Asset(prompt="a red fox.", params={"steps": 4}, width=10, height=10, bytes=1, origin="upload")
    second = Asset(prompt="A red fox", params={}, width=20, height=10, bytes=1, origin="made", credits=2, seed=0)

    facts = {fact.name: fact for fact in facts_of(first, second)}
    left, right = prompts_of(first, second)

    assert (facts["Seed"].first, facts["Seed"].second) == ("", "0")
    assert facts["File"].is_same
    assert not facts["Size"].is_same
    assert (facts["Price"].first, facts["Price"].second) == ("", "2 credits")
    assert [words.is_own for words in (*left, *right)] == [False, False], "a full stop makes no difference"


@pytest.mark.parametrize(
    ("number", "text"), [(0, "0"), (950, "950"), (1000, "1k"), (12_480, "12.5k"), (999_960, "1M"), (1_900_000, "1.9M")]
)
def test_numbers_fit_a_badge(number: int, text: str) -> None:
    assert short_number(number) == text
