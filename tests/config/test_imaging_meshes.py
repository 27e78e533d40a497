"""Meshes from outside: one whole GLB with nothing written in it, or a refusal; and a poster that shows it."""

import io
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import trimesh
from PIL import Image, ImageChops, ImageStat, PngImagePlugin

from config.base import glb, meshing, textures
from config.base.child import Refused
from config.base.media import Media, MediaError
from config.base.meshes import prepare_mesh
from tests.gallery.media import ball, read_glb, write_glb

Change = Callable[[dict[str, Any]], None]
XMP = b"<x:xmpmeta>made by rules</x:xmpmeta>"


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    made = tmp_path / "out"
    made.mkdir()
    return made


def prepared(content: bytes, folder: Path, text: str | None = None) -> Media:
    source = folder.parent / "made.bin"
    source.write_bytes(content)
    return prepare_mesh(source, folder, watermark_text=text, xmp=XMP)


@pytest.fixture(scope="module")
def textured(tmp_path_factory: pytest.TempPathFactory) -> Media:
    """A ball with a texture, prepared once for all that look at it."""
    folder = tmp_path_factory.mktemp("textured") / "out"
    folder.mkdir()
    return prepared(ball(), folder, "Darkroom")


@pytest.fixture(scope="module")
def plain(tmp_path_factory: pytest.TempPathFactory) -> Media:
    """A ball in the colour of its material."""
    folder = tmp_path_factory.mktemp("plain") / "out"
    folder.mkdir()
    return prepared(ball(texture=""), folder, "Darkroom")


def texture_of(content: bytes) -> Image.Image:
    tree, binary = read_glb(content)
    view = tree["bufferViews"][tree["images"][0]["bufferView"]]
    return Image.open(io.BytesIO(binary[view["byteOffset"] : view["byteOffset"] + view["byteLength"]])).convert("RGB")


def test_a_mesh_keeps_its_shape_and_looks_and_gets_a_poster(textured: Media) -> None:
    media = textured
    assert (media.kind, media.mime, media.faces, media.seconds) == ("mesh", "model/gltf-binary", 1280, None)
    clean = ["original", "thumb-320", "thumb-640", "thumb-1280"]
    assert [row.name for row in media.renditions] == [*clean, "marked", "marked-320", "marked-640", "marked-1280"]
    kept = trimesh.load_scene(media.rendition("original").path)
    before = trimesh.load_scene(io.BytesIO(ball()), file_type="glb")
    assert np.array_equal(kept.to_geometry().vertices, before.to_geometry().vertices)
    assert np.array_equal(kept.to_geometry().faces, before.to_geometry().faces)
    assert texture_of(media.rendition("original").path.read_bytes()).getpixel((5, 5)) == (255, 69, 0)
    assert media.thumbhash


def test_the_poster_shows_the_mesh_in_its_colour(textured: Media, plain: Media) -> None:
    for media, is_red in ((textured, True), (plain, False)):
        with Image.open(media.rendition("thumb-640").path) as poster:
            middle = ImageStat.Stat(poster.convert("RGB").crop((220, 220, 420, 420))).mean
            corner = ImageStat.Stat(poster.convert("RGB").crop((0, 0, 60, 60))).mean
            assert poster.info["xmp"] == XMP
        assert (middle[0] > middle[2]) is is_red
        assert max(middle) > 80
        assert max(corner) < 40, "the ground is dark"


def test_the_mark_is_drawn_into_the_colours_and_the_posters(textured: Media) -> None:
    clean, marked = (textured.rendition(name).path.read_bytes() for name in ("original", "marked"))
    assert ImageStat.Stat(ImageChops.difference(texture_of(clean), texture_of(marked))).sum[0] > 0
    posters = [Image.open(textured.rendition(name).path).convert("RGB") for name in ("thumb-640", "marked-640")]
    assert ImageChops.difference(*posters).getbbox() is not None


def test_a_mesh_without_textures_is_marked_on_its_posters_only(plain: Media) -> None:
    assert plain.rendition("marked").path.read_bytes() == plain.rendition("original").path.read_bytes()
    assert plain.rendition("marked-640").path.read_bytes() != plain.rendition("thumb-640").path.read_bytes()


def private_mesh() -> bytes:
    """A ball that tells who asked for it, for what and where, in every place that a GLB has for texts."""
    tree, binary = read_glb(ball())
    secret = {"prompt": "red fox", "by": "olena@example.com"}
    tree["asset"] |= {"copyright": "olena@example.com", "generator": "red fox", "extras": secret}
    tree |= {
        "extras": secret,
        "extensions": {"KHR_xmp_json_ld": {"packets": [secret]}},
        "made_for": "olena@example.com",
    }
    tree["extensionsUsed"] = ["KHR_xmp_json_ld", "KHR_materials_unlit"]
    for name in ("nodes", "meshes", "materials", "scenes", "images"):
        tree[name][0] |= {"name": "red fox", "extras": secret}
    tree["materials"][0]["extensions"] = {"KHR_materials_unlit": {}, "ACME_notes": secret}
    buffer = io.BytesIO()
    info = PngImagePlugin.PngInfo()
    info.add_text("parameters", "red fox olena@example.com")
    exif = Image.Exif()
    exif[0x0131] = "olena@example.com"
    Image.new("RGB", (64, 64), "teal").save(buffer, "PNG", pnginfo=info, exif=exif)
    place = len(binary)
    hidden = place + len(buffer.getvalue())
    tree["bufferViews"] += [
        {"buffer": 0, "byteOffset": place, "byteLength": len(buffer.getvalue())},
        {"buffer": 0, "byteOffset": hidden, "byteLength": 17},
    ]
    tree["images"][0] = {"bufferView": len(tree["bufferViews"]) - 2, "mimeType": "image/png", "name": "red fox"}
    binary += buffer.getvalue() + b"olena@example.com"
    tree["buffers"][0] = {"byteLength": len(binary), "name": "red fox"}
    return write_glb(tree, binary)


def test_nothing_is_left_of_what_is_written_in_a_mesh(folder: Path) -> None:
    content = private_mesh()
    assert content.count(b"olena") >= 8

    media = prepared(content, folder, "Darkroom")

    for row in media.renditions:
        told = row.path.read_bytes()
        assert [
            secret for secret in (b"olena", b"red fox", b"example.com", b"ACME", b"made_for") if secret in told
        ] == []
    tree, _binary = read_glb(media.rendition("original").path.read_bytes())
    assert tree["materials"][0]["extensions"] == {"KHR_materials_unlit": {}}
    assert texture_of(media.rendition("original").path.read_bytes()).getpixel((5, 5)) == (0, 128, 128)


def changed(change: Change) -> bytes:
    tree, binary = read_glb(ball(subdivisions=1))
    change(tree)
    return write_glb(tree, binary)


@pytest.mark.parametrize(
    ("change", "code"),
    [
        (lambda tree: tree["images"].append({"uri": "https://example.com/a.png"}), "unsupported_mesh"),
        (lambda tree: tree["buffers"][0].update(uri="../secret.bin"), "unsupported_mesh"),
        (lambda tree: tree.update(extensionsRequired=["KHR_draco_mesh_compression"]), "unsupported_mesh"),
        (lambda tree: tree["accessors"][0].update(count=10**9), "broken_mesh"),
        (lambda tree: tree["accessors"][0].update(byteOffset=-4), "broken_mesh"),
        (lambda tree: tree["accessors"][1].update(count=3), "broken_mesh"),
        (lambda tree: tree["bufferViews"][0].update(byteLength=10**9), "broken_mesh"),
        (lambda tree: tree["nodes"][0].update(children=[0]), "broken_mesh"),
        (lambda tree: tree["nodes"][0].update(mesh=7), "broken_mesh"),
        (lambda tree: tree["meshes"][0]["primitives"][0].update(mode=1), "broken_mesh"),
        (lambda tree: tree.update(scenes=[]), "broken_mesh"),
        (lambda tree: tree.update(asset={"version": "1.0"}), "broken_mesh"),
        (lambda tree: tree.update(nodes="all"), "broken_mesh"),
    ],
    ids=[
        *("image elsewhere", "buffer elsewhere", "needs a decoder", "more numbers than there are", "before the start"),
        *("corner without a point", "longer than the file", "circle", "no such mesh", "lines only", "nothing to see"),
        *("first version", "not a list"),
    ],
)
def test_a_mesh_that_is_not_whole_is_refused(folder: Path, change: Change, code: str) -> None:
    with pytest.raises(MediaError) as refused:
        prepared(changed(change), folder)

    assert refused.value.code == code
    assert "Nothing was charged" in str(refused.value)


@pytest.mark.parametrize(
    ("content", "code"),
    [
        (b"solid cube", "unsupported_mesh"),
        (ball(subdivisions=1)[:-40], "broken_mesh"),
        (b"glTF\2\0\0\0\x14\0\0\0\0\0\0\0JSON", "broken_mesh"),
    ],
    ids=["text", "cut short", "empty"],
)
def test_what_is_no_glb_is_refused(folder: Path, content: bytes, code: str) -> None:
    with pytest.raises(MediaError) as refused:
        prepared(content, folder)

    assert refused.value.code == code


def test_more_faces_or_bytes_than_we_take_are_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    source = tmp_path / "made.glb"
    source.write_bytes(ball())
    monkeypatch.setattr(meshing, "MAX_FACES", 1279)
    with pytest.raises(Refused, match="too_large"):
        meshing.surfaces_of(glb.read_glb(source))

    monkeypatch.setattr(glb, "MAX_MESH_BYTES", 100)
    with pytest.raises(Refused, match="too_large"):
        glb.read_glb(source)


@pytest.mark.parametrize(("mode", "faces"), [(4, 2), (5, 4), (6, 4)], ids=["triangles", "strip", "fan"])
def test_faces_are_counted_as_they_are_drawn(tmp_path: Path, mode: int, faces: int) -> None:
    points = np.array([[0, 0, 0], [1, 0, 0], [0, 1, 0], [1, 1, 0], [0, 2, 0], [1, 2, 0]], np.float32).tobytes()
    tree = {
        "asset": {"version": "2.0"},
        "scenes": [{"nodes": [0]}],
        "nodes": [{"mesh": 0, "scale": [2, 2, 2], "translation": [1, 0, 0]}],
        "meshes": [{"primitives": [{"attributes": {"POSITION": 0}, "mode": mode}]}],
        "accessors": [{"bufferView": 0, "componentType": 5126, "count": 6, "type": "VEC3"}],
        "bufferViews": [{"buffer": 0, "byteLength": len(points)}],
        "buffers": [{"byteLength": len(points)}],
    }
    source = tmp_path / "made.glb"
    source.write_bytes(write_glb(json.loads(json.dumps(tree)), points))

    (surface,) = meshing.surfaces_of(glb.read_glb(source))

    assert len(surface.triangles) == faces
    assert surface.points.max(axis=0).tolist() == [3, 4, 0]


@pytest.mark.parametrize("kind", ["JPEG", "PNG", "WEBP"])
def test_a_texture_loses_its_texts_and_keeps_its_pixels(kind: str) -> None:
    exif = Image.Exif()
    exif[0x0131] = "olena@example.com"
    buffer = io.BytesIO()
    picture = Image.effect_mandelbrot((64, 48), (-2, -1.5, 1, 1.5), 20).convert("RGB")
    picture.save(buffer, kind, exif=exif, **({} if kind == "PNG" else {"xmp": b"red fox"}))
    assert b"olena" in buffer.getvalue()

    cleaned = textures.without_texts(buffer.getvalue())

    assert b"olena" not in cleaned
    assert b"red fox" not in cleaned
    with Image.open(io.BytesIO(buffer.getvalue())) as before, Image.open(io.BytesIO(cleaned)) as after:
        assert after.tobytes() == before.tobytes()
