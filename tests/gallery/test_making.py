"""What providers made: stored with all that belongs to it, signed, private, delivered as the plan has it."""

import io
import json
from collections.abc import Callable
from functools import cache
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import c2pa
import pytest
from django.core.files.storage import default_storage
from django.db import transaction
from django.test import Client

from accounts.models import User
from accounts.viewer import Viewer
from config.base.ids import uuid7
from config.base.media import MediaError
from config.base.provenance import ALGORITHMIC, TRAINED
from gallery import making
from gallery.delivery import Delivery, delivery_for
from gallery.files import StoredAsset
from gallery.models import Asset
from gallery.sweeping import sweep_files
from tests.gallery.media import AAC, H264, ball, film, read_glb, write_glb

ViewerOf = Callable[[User], Viewer]
CLEAN = ("original", "thumb-320", "thumb-640")
MARKED = ("marked", "marked-320", "marked-640")
SECRETS = [
    form
    for text in ("red fox in the snow", "olena@example.com", "+48.4647+035.0462", "Olena")
    for form in (text.encode(), text.encode("utf-16-le"), text.encode("utf-16-be"))
]


def store(kind: str, content: bytes, **options: Any) -> StoredAsset:
    place = {"company_id": uuid7(), "folder": "job", "asset_id": uuid7()}
    with TemporaryDirectory() as folder:
        source = Path(folder) / "made"
        source.write_bytes(content)
        return making.store_made(kind=kind, source=source, **{"marked": True, **place, **options})


def private_film() -> bytes:
    """A film that tells the prompt, the person and the place wherever MP4 and H.264 have room for it."""
    words = {"title": "red fox in the snow", "artist": "Olena", "comment": "olena@example.com"}
    tags = [part for name, value in words.items() for part in ("-metadata", f"{name}={value}")]
    tags += ["-metadata", "location=+48.4647+035.0462/", "-metadata:s:v", "handler_name=Olena"]
    tags += ["-metadata:s:a", "handler_name=olena@example.com", "-movflags", "use_metadata_tags"]
    text = "086f3693-b7b3-4f2c-9653-21492feee5b8+olena@example.com"
    return film(*H264, *AAC, *tags, "-bsf:v", f"h264_metadata=sei_user_data={text}")


def private_ball() -> bytes:
    tree, binary = read_glb(ball())
    tree["asset"] |= {"copyright": "Olena", "extras": {"prompt": "red fox in the snow", "at": "+48.4647+035.0462"}}
    tree["nodes"][0]["name"] = "olena@example.com"
    return write_glb(tree, binary)


def made(kind: str) -> StoredAsset:
    """A private film or mesh as it was stored, once for all that look at it; again where a sweep has been meanwhile."""
    if not all(default_storage.exists(file.key) for file in _made(kind).files):
        _made.cache_clear()
    return _made(kind)


@cache
def _made(kind: str) -> StoredAsset:
    return store(kind, private_film() if kind == "video" else private_ball(), source_type=TRAINED)


def content_of(key: str) -> bytes:
    with default_storage.open(key) as file:
        content: bytes = file.read()
    return content


def keep(stored: StoredAsset, viewer: Viewer) -> Asset:
    with transaction.atomic():
        return making.keep_made(
            stored=stored,
            company=viewer.company,
            user=viewer.user,
            prompt="red fox in the snow",
            task="text-to-video",
            model_name="Local studio",
            params={},
            seed=7,
            credits=10,
            elapsed_ms=900,
            parents=[],
        )


@pytest.mark.parametrize(
    ("kind", "extras"), [("video", ()), ("mesh", ("thumb-1280", "marked-1280", "manifest", "marked-manifest"))]
)
def test_the_row_says_what_the_files_are(alice: User, viewer: ViewerOf, kind: str, extras: tuple[str, ...]) -> None:
    asset = keep(made(kind), viewer(alice))

    asset.refresh_from_db()
    rows = {row.name: row for row in asset.renditions.all()}
    assert set(rows) == {*CLEAN, *MARKED, *extras}
    assert asset.kind == kind
    assert asset.bytes == rows["original"].bytes == len(content_of(rows["original"].key))
    if kind == "video":
        assert (asset.mime, asset.faces, rows["marked"].mime) == ("video/mp4", None, "video/mp4")
        assert asset.seconds == pytest.approx(2, abs=0.1)
    else:
        assert (asset.mime, asset.faces, asset.seconds) == ("model/gltf-binary", 1280, None)
        assert (asset.width, asset.height) == (1280, 1280)


@pytest.mark.parametrize("kind", ["video", "mesh"])
def test_no_file_tells_the_prompt_the_person_or_the_place(kind: str) -> None:
    source = private_film() if kind == "video" else private_ball()
    assert sum(secret in source for secret in SECRETS) >= 3, "the source would tell"

    for file in made(kind).files:
        content = content_of(file.key)
        assert [secret for secret in SECRETS if secret in content] == [], file.name


def test_the_official_reader_believes_what_a_film_says() -> None:
    for file in made("video").files:
        if file.name not in {"original", "marked"}:
            continue
        reader = c2pa.Reader("video/mp4", io.BytesIO(content_of(file.key)))
        assert reader.get_validation_state() == "Valid"
        told = json.loads(reader.json())
        assert b"digitalsourcetype/trainedAlgorithmicMedia" in content_of(file.key)
        (manifest,) = told["manifests"].values()
        actions = [row["data"]["actions"] for row in manifest["assertions"] if row["label"].startswith("c2pa.actions")]
        assert actions[0][0]["digitalSourceType"].endswith("/trainedAlgorithmicMedia")


def test_a_mesh_has_a_manifest_beside_it_that_knows_its_very_bytes() -> None:
    files = {file.name: file for file in made("mesh").files}
    for mesh, manifest in (("original", "manifest"), ("marked", "marked-manifest")):
        told = content_of(files[manifest].key)
        content = content_of(files[mesh].key)
        reader = c2pa.Reader("model/gltf-binary", io.BytesIO(content), manifest_data=told)
        assert reader.get_validation_state() == "Valid"
        assert b"digitalsourcetype/trainedAlgorithmicMedia" in told

        other = c2pa.Reader("model/gltf-binary", io.BytesIO(content[:-1] + b"!"), manifest_data=told)
        assert other.get_validation_state() == "Invalid"


def test_a_providers_own_manifest_is_kept_as_what_the_film_came_from() -> None:
    first = store("video", film(), source_type=TRAINED, marked=False)
    delivered = content_of(next(file.key for file in first.files if file.name == "original"))

    stored = store("video", delivered, source_type=TRAINED, marked=False)

    content = content_of(next(file.key for file in stored.files if file.name == "original"))
    reader = c2pa.Reader("video/mp4", io.BytesIO(content))
    assert reader.get_validation_state() == "Valid"
    told = json.loads(reader.json())
    assert len(told["manifests"]) == 2
    assert told["manifests"][told["active_manifest"]]["ingredients"][0]["relationship"] == "parentOf"


@pytest.mark.parametrize(
    ("kind", "content", "code"),
    [
        ("video", ball(), "unsupported_video"),
        ("mesh", film(), "unsupported_mesh"),
        ("image", film(), "unsupported_picture"),
        ("video", b"", "unsupported_video"),
    ],
    ids=["mesh as film", "film as mesh", "film as picture", "nothing"],
)
def test_what_is_not_what_the_task_makes_is_refused_and_leaves_no_file(kind: str, content: bytes, code: str) -> None:
    place = {"company_id": uuid7(), "asset_id": uuid7()}

    with pytest.raises(MediaError) as refused:
        store(kind, content, **place)

    assert refused.value.code == code
    with pytest.raises(FileNotFoundError):
        default_storage.listdir(f"{place['company_id']}/job/{place['asset_id']}")


@pytest.mark.parametrize("kind", ["video", "mesh"])
def test_a_plan_that_marks_gives_no_clean_file_of_any_kind(alice: User, viewer: ViewerOf, kind: str) -> None:
    asset = keep(made(kind), viewer(alice))
    clean = {file.name: content_of(file.key) for file in made(kind).files if not file.name.startswith("marked")}
    delivery = Delivery(viewer(alice), is_marked=True)

    given = [delivery.url(asset, name) for name in clean]

    assert all(given)
    for url, content in zip(given, clean.values(), strict=True):
        answer = Client().get(url)
        assert answer.getvalue() != content
    assert delivery.url(asset, "marked") == ""
    Asset.objects.get(pk=asset.pk).renditions.filter(name__startswith="marked").delete()
    bare = Asset.objects.prefetch_related("renditions").get(pk=asset.pk)
    assert [delivery.url(bare, name) for name in (*CLEAN, "manifest")] == ["", "", "", ""]
    assert delivery.script_url(bare) == ""


@pytest.mark.parametrize(
    ("kind", "mime", "extension"), [("video", "video/mp4", "mp4"), ("mesh", "model/gltf-binary", "glb")]
)
def test_files_leave_under_their_type_and_name(
    alice: User, alice_client: Client, viewer: ViewerOf, kind: str, mime: str, extension: str
) -> None:
    asset = keep(made(kind), viewer(alice))
    address = delivery_for(viewer(alice)).url(asset)

    whole = Client().get(address)
    part = Client().get(address, headers={"Range": "bytes=100-199"})
    saved = alice_client.get(f"/a/{asset.pk}/download", follow=True)

    assert (whole["Content-Type"], whole["X-Content-Type-Options"]) == (mime, "nosniff")
    assert (part.status_code, part["Content-Length"], part["Content-Type"]) == (206, "100", mime)
    assert part.getvalue() == whole.getvalue()[100:200]
    assert saved["Content-Disposition"] == f'attachment; filename="darkroom-red-fox-in-the-snow-7.{extension}"'
    saved.close()


def test_the_sweep_knows_the_files_of_every_kind(alice: User, viewer: ViewerOf) -> None:
    keys = set()
    for kind in ("video", "mesh"):
        keys |= {row.key for row in keep(made(kind), viewer(alice)).renditions.all()}

    sweep = sweep_files()

    assert all(default_storage.exists(key) for key in keys)
    assert not keys & set(sweep.missing_keys)


def test_the_same_output_again_overwrites_the_first(alice: User) -> None:
    place = {"company_id": uuid7(), "asset_id": uuid7()}
    store("video", film(size="160x90"), marked=False, **place)

    again = store("video", film(), marked=False, **place)

    assert again.width == 320
    assert len(default_storage.listdir(f"{place['company_id']}/job/{place['asset_id']}")[1]) == len(again.files)


def test_the_studio_says_of_its_films_that_none_was_trained() -> None:
    stored = store("video", film(), source_type=ALGORITHMIC, marked=False)

    for file in stored.files:
        content = content_of(file.key)
        assert b"trained" not in content.lower()
        assert b"digitalsourcetype/algorithmicMedia" in content
