"""The studio's reliefs and cut-outs: as many faces as asked, closed, valid; edges where the thing's edges are."""

import io
import json
import struct
from typing import Any

import cv2
import numpy as np
import pytest
import trimesh

from generation.providers.studio import Refused
from tests.generation.studio_pictures import Picture, decode, difference, encode, landscape, make, thing

FACES = {"low": 1_000, "medium": 5_000, "high": 10_000}


def carved(picture: Picture, quality: str = "low") -> bytes:
    return make("image-to-3d", encode(picture), quality=quality)


def scene_of(glb: bytes) -> trimesh.Scene:
    scene = trimesh.load_scene(io.BytesIO(glb), file_type="glb", process=False)
    assert isinstance(scene, trimesh.Scene)
    return scene


def body_of(glb: bytes) -> trimesh.Trimesh:
    body = scene_of(glb).to_mesh()
    body.merge_vertices(merge_tex=True, merge_norm=True)
    return body


def document(glb: bytes) -> tuple[dict[str, Any], bytes]:
    """The JSON and the binary part, once the container is found to be right."""
    magic, version, length = struct.unpack("<4sII", glb[:12])
    assert (magic, version, length) == (b"glTF", 2, len(glb))
    size, kind = struct.unpack("<I4s", glb[12:20])
    assert kind == b"JSON"
    rest = glb[20 + size :]
    binary, kind = struct.unpack("<I4s", rest[:8])
    assert kind == b"BIN\x00"
    assert binary % 4 == size % 4 == 0
    assert len(rest) == 8 + binary
    return json.loads(glb[20 : 20 + size]), rest[8:]


@pytest.mark.parametrize("quality", ["low", "medium", "high"])
@pytest.mark.parametrize("shape", [(240, 180), (120, 260)], ids=["wide", "tall"])
def test_a_relief_has_the_faces_of_its_quality(quality: str, shape: tuple[int, int]) -> None:
    scene = scene_of(carved(thing(*shape), quality))
    count = sum(len(part.faces) for part in scene.geometry.values())
    assert count == pytest.approx(FACES[quality], rel=0.05)


def test_a_relief_is_a_closed_body_about_one_unit_large_around_the_origin() -> None:
    body = body_of(carved(thing(240, 180)))
    assert body.is_watertight
    assert body.is_winding_consistent
    assert body.volume > 0
    low, high = body.bounds
    assert max(high - low) == pytest.approx(1, abs=0.01)
    assert np.allclose(low + high, 0, atol=0.03)
    # Y is up: the picture is wider than high, and deepest along Z.
    assert (high - low)[0] > (high - low)[1] > (high - low)[2]


def test_a_relief_is_valid_gltf_with_the_picture_inside() -> None:
    tree, binary = document(carved(thing(1600, 1200)))
    assert tree["asset"] == {"version": "2.0", "generator": "Darkroom"}
    for view in tree["bufferViews"]:
        assert view.get("byteOffset", 0) + view["byteLength"] <= len(binary)
    for mesh in tree["meshes"]:
        for part in mesh["primitives"]:
            assert {"POSITION", "NORMAL", "TEXCOORD_0"} <= set(part["attributes"])
            assert {"min", "max"} <= set(tree["accessors"][part["attributes"]["POSITION"]])
    (image,) = tree["images"]
    assert image["mimeType"] == "image/jpeg"
    view = tree["bufferViews"][image["bufferView"]]
    start = view.get("byteOffset", 0)
    texture = cv2.imdecode(np.frombuffer(binary[start : start + view["byteLength"]], np.uint8), cv2.IMREAD_COLOR)
    assert texture is not None
    assert texture.shape == (768, 1024, 3)
    assert difference(texture.astype(np.uint8), cv2.resize(thing(1600, 1200), (1024, 768)).astype(np.uint8)) < 4


def test_normals_are_unit_long_and_look_out_of_the_front() -> None:
    front = scene_of(carved(thing())).geometry["front"]
    assert np.allclose(np.linalg.norm(front.vertex_normals, axis=1), 1, atol=1e-3)
    assert (front.vertex_normals[:, 2] > 0).all()
    assert np.einsum("ij,ij->i", front.face_normals, front.vertex_normals[front.faces[:, 0]]).mean() > 0.8


def test_who_stands_before_the_ground_is_raised() -> None:
    front = scene_of(carved(thing(), "medium")).geometry["front"]
    away = np.hypot(front.vertices[:, 0], front.vertices[:, 1])
    middle, outside = front.vertices[away < 0.12, 2], front.vertices[(away > 0.33) & (away < 0.4), 2]
    assert middle.mean() > outside.mean() + 0.05


def test_reliefs_follow_their_picture_and_are_repeatable() -> None:
    assert carved(thing()) == carved(thing())
    heights = [scene_of(carved(picture)).geometry["front"].vertices[:, 2] for picture in (thing(240, 180), landscape())]
    assert np.abs(heights[0] - heights[1]).mean() > 0.005


def test_the_open_part_of_a_transparent_picture_stays_low() -> None:
    picture = np.dstack([landscape(200, 200), np.zeros((200, 200), np.uint8)])
    cv2.circle(picture, (100, 100), 60, (80, 120, 90, 255), -1)
    front = scene_of(carved(picture, "medium")).geometry["front"]
    away = np.hypot(front.vertices[:, 0], front.vertices[:, 1])
    assert front.vertices[away < 0.2, 2].mean() > front.vertices[(away > 0.35) & (away < 0.45), 2].mean() + 0.04


# --- Cut-outs ---------------------------------------------------------------------------------------------------------


def test_a_thing_is_freed_of_its_ground_with_a_fine_edge() -> None:
    picture = thing(480, 400)
    made = decode(make("remove-background", encode(picture)))
    assert made.shape == (400, 480, 4)
    ys, xs = np.mgrid[0:400, 0:480]
    truth = np.clip((1 - np.hypot(xs - 240, ys - 200) / 120) * 120 + 0.5, 0, 1)
    alpha = made[..., 3] / 255
    assert np.abs(alpha - truth).mean() < 0.012
    assert ((alpha > 0.5) & (truth > 0.5)).sum() / ((alpha > 0.5) | (truth > 0.5)).sum() > 0.97
    # The edge is a few pixels wide, and shows the thing's red, not the ground's grey.
    edge = (alpha > 0.2) & (alpha < 0.8)
    assert 0 < edge.sum() < 480 * 5
    blue, _green, red = made[edge, :3].astype(float).mean(axis=0)
    assert red > blue + 25
    inside = alpha == 1
    assert np.array_equal(made[inside, :3], picture[inside])


def test_what_is_open_already_stays_open() -> None:
    picture = np.dstack([thing(), np.full((200, 240), 255, np.uint8)])
    picture[:, :120, 3] = 0
    made = decode(make("remove-background", encode(picture)))
    assert (made[:, :118, 3] == 0).all()
    assert made[100, 150, 3] == 255


def test_a_picture_of_nothing_is_refused() -> None:
    with pytest.raises(Refused) as refusal:
        make("remove-background", encode(np.full((120, 160, 3), 127, np.uint8)))
    assert refusal.value.reason == "no-subject"
