"""A picture made on a plan that marks: marked wherever it is shown or given, clean after an upgrade, marked again."""

import io
from collections.abc import Iterator

import pytest
from django.test import Client
from PIL import Image
from rest_framework.test import APIClient

from accounts.viewer import Viewer
from gallery.delivery import delivery_for, open_original
from gallery.models import Asset
from generation import pipeline
from tests.factories.generation import submit
from tests.factories.teams import put_on
from tests.gallery.test_delivery import fetch, keys_in


@pytest.fixture
def asset(maker: Viewer) -> Asset:
    """A picture that the studio really made."""
    pipeline.start(job_id=submit(maker, seed=5).pk)
    return Asset.objects.get(company=maker.company, origin="made")


def places(asset: Asset, browser: Client, program: APIClient) -> Iterator[tuple[str, str]]:
    """Every page and answer that shows the picture, by its address."""
    job = asset.renditions.get(name="original").key.split("/")[1]
    fragment = {"HX-Request": "true"}
    for address in (
        "/gallery",
        "/generate",
        f"/generate?input={asset.pk}",
        "/generate/pick",
        f"/generate/for/{asset.pk}",
        f"/a/{asset.pk}",
        f"/jobs/{job}",
    ):
        yield address, browser.get(address).content.decode()
        yield f"{address} (fragment)", browser.get(address, headers=fragment).content.decode()
    yield "download", browser.get(f"/a/{asset.pk}/download").headers["Location"]
    for address in ("assets", f"assets/{asset.pk}", "jobs", f"jobs/{job}", f"jobs/{job}/status", f"jobs/{job}/result"):
        yield address, program.get(f"/api/v1/{address}").content.decode()


def test_the_plan_in_force_decides_what_is_given_everywhere(
    maker: Viewer, asset: Asset, alice_client: Client, alice_api: APIClient
) -> None:
    seen = {True: set[str](), False: set[str]()}
    for plan, is_marked in (("free", True), ("basic", False), ("free", True)):
        put_on(maker.company, plan)
        for address, text in places(asset, alice_client, alice_api):
            names = {key.rpartition("/")[2] for key in keys_in(text)}
            assert all(name.startswith("marked") == is_marked for name in names), (plan, address, names)
            if names:
                seen[is_marked].add(address)
    # As many places show it on either plan, and each kind of place does.
    assert seen[True] == seen[False]
    assert {"/gallery", f"/a/{asset.pk}", "download", "assets", f"assets/{asset.pk}"} <= seen[True]


def test_the_mark_is_in_the_pixels_and_the_clean_original_stays_for_later(maker: Viewer, asset: Asset) -> None:
    put_on(maker.company, "free")
    given = fetch(delivery_for(maker).url(asset))[1]
    put_on(maker.company, "pro")
    clean = fetch(delivery_for(maker).url(asset))[1]
    with open_original(asset) as file:
        assert clean == file.read()
    marked_pixels, clean_pixels = (_pixels(content) for content in (given, clean))
    assert marked_pixels.size == clean_pixels.size
    assert marked_pixels.tobytes() != clean_pixels.tobytes()


def _pixels(content: bytes) -> Image.Image:
    return Image.open(io.BytesIO(content)).convert("RGB")


def test_what_is_in_the_bin_is_marked_too(maker: Viewer, asset: Asset, alice_client: Client) -> None:
    put_on(maker.company, "free")
    alice_client.post(f"/a/{asset.pk}/delete")
    for address in ("/gallery/bin", f"/a/{asset.pk}"):
        names = {key.rpartition("/")[2] for key in keys_in(alice_client.get(address).content.decode())}
        assert names, address
        assert all(name.startswith("marked") for name in names)
