"""GLB files: read with every index checked, cleaned of all texts, written anew. Runs in a decoding child.

trimesh would read them too, but what is delivered goes to browsers, so that each reference has to be looked at here.
"""

import json
import re
import struct
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from config.base.child import Refused
from config.base.media import MAX_MESH_BYTES
from config.base.textures import without_texts

Array = NDArray[Any]

MAGIC, VERSION, JSON_CHUNK, BIN_CHUNK = 0x46546C67, 2, 0x4E4F534A, 0x004E4942
COMPONENTS = {5120: "<i1", 5121: "<u1", 5122: "<i2", 5123: "<u2", 5125: "<u4", 5126: "<f4"}
WIDTHS = {"SCALAR": 1, "VEC2": 2, "VEC3": 3, "VEC4": 4, "MAT2": 4, "MAT3": 9, "MAT4": 16}
LISTS = (
    *("accessors", "animations", "bufferViews", "buffers", "cameras", "images", "materials", "meshes", "nodes"),
    *("samplers", "scenes", "skins", "textures"),
)
# Those that browsers show without a decoder of their own and that hold no text.
EXTENSIONS = {
    "EXT_mesh_gpu_instancing",
    "EXT_texture_webp",
    "KHR_lights_punctual",
    "KHR_materials_anisotropy",
    "KHR_materials_clearcoat",
    "KHR_materials_dispersion",
    "KHR_materials_emissive_strength",
    "KHR_materials_ior",
    "KHR_materials_iridescence",
    "KHR_materials_sheen",
    "KHR_materials_specular",
    "KHR_materials_transmission",
    "KHR_materials_unlit",
    "KHR_materials_volume",
    "KHR_mesh_quantization",
    "KHR_texture_transform",
}
# The only properties whose value is a word; any other text could be a prompt, a name or a place.
WORDS = {"type", "mimeType", "path", "interpolation", "alphaMode"}
WORD = re.compile(r"[A-Za-z0-9_/.-]{1,40}", re.ASCII)


@dataclass(slots=True)
class Glb:
    """A GLB in memory: its tree, and the bytes of each buffer view."""

    tree: dict[str, Any]
    views: list[bytes]

    def rows(self, name: str) -> list[dict[str, Any]]:
        """A list of the tree; empty when there is none."""
        found: list[dict[str, Any]] = self.tree.get(name, [])
        return found

    def accessor(self, index: int) -> Array:
        """The numbers of an accessor, (count, width); normalised ones as floats. `Refused` when they are not there."""
        row = _at(self.rows("accessors"), index)
        kind, width, count = np.dtype(COMPONENTS[row["componentType"]]), WIDTHS[row["type"]], _count(row["count"])
        if "bufferView" not in row:
            return np.zeros((count, width), kind)
        view = _at(self.rows("bufferViews"), row["bufferView"])
        offset, step = _count(row.get("byteOffset", 0)), _count(view.get("byteStride", 0)) or kind.itemsize * width
        content = self.views[row["bufferView"]]
        if count and offset + step * (count - 1) + kind.itemsize * width > len(content):
            raise Refused("broken")
        found: Array = np.ndarray((count, width), kind, content, offset, (step, kind.itemsize))
        if row.get("normalized") and kind.kind in "iu":
            return np.maximum(found.astype(np.float32) / np.iinfo(kind).max, -1)
        return found

    def image(self, index: int) -> bytes:
        """The file of an image."""
        return bytes(self.views[_at(self.rows("images"), index)["bufferView"]])

    def instances(self) -> Iterator[tuple[dict[str, Any], Array]]:
        """Each mesh that the scene shows, with its matrix (4, 4) into the world."""
        scenes, nodes = self.rows("scenes"), self.rows("nodes")
        if not scenes:
            return
        waiting = [(key, np.eye(4), 0) for key in _at(scenes, self.tree.get("scene", 0)).get("nodes", [])]
        seen = 0
        while waiting:
            key, above, depth = waiting.pop()
            seen += 1
            if seen > len(nodes) or depth > 100:
                # Every node has one parent: more than there are is a circle.
                raise Refused("broken")
            node = _at(nodes, key)
            world = above @ matrix_of(node)
            if "mesh" in node:
                yield _at(self.rows("meshes"), node["mesh"]), world
            waiting += [(child, world, depth + 1) for child in node.get("children", [])]

    def write(self, path: Path) -> None:
        """Write the file."""
        views, content, place = [], [], 0
        for row, view in zip(self.rows("bufferViews"), self.views, strict=True):
            views.append({**row, "buffer": 0, "byteOffset": place, "byteLength": len(view)})
            padded = view + b"\0" * (-len(view) % 4)
            content.append(padded)
            place += len(padded)
        tree = {**self.tree, "bufferViews": views, "buffers": [{"byteLength": place}]} if views else dict(self.tree)
        text = json.dumps(tree, separators=(",", ":"), allow_nan=False).encode()
        text += b" " * (-len(text) % 4)
        chunks = [struct.pack("<II", len(text), JSON_CHUNK), text]
        if place:
            chunks += [struct.pack("<II", place, BIN_CHUNK), *content]
        with path.open("wb") as stream:
            stream.write(struct.pack("<III", MAGIC, VERSION, 12 + sum(map(len, chunks))))
            stream.writelines(chunks)


def read_glb(path: Path) -> Glb:
    """Read a GLB that stands on nothing outside itself, without any text in it. `Refused`."""
    if path.stat().st_size > MAX_MESH_BYTES:
        raise Refused("too_large")
    content = path.read_bytes()
    if len(content) < 20 or struct.unpack_from("<II", content) != (MAGIC, VERSION):
        raise Refused("unsupported")
    tree, binary = _read_chunks(content)
    for row in tree.get("buffers", []) + tree.get("images", []):
        if "uri" in row:
            raise Refused("external")
    if set(tree.get("extensionsRequired", [])) - EXTENSIONS:
        raise Refused("unsupported")
    views = []
    for row in tree.get("bufferViews", []):
        first, length = _count(row.get("byteOffset", 0)), _count(row["byteLength"])
        if row.get("buffer") != 0 or first + length > len(binary):
            raise Refused("broken")
        views.append(binary[first : first + length])
    if sum(map(len, views)) > MAX_MESH_BYTES:
        # Views may lie over each other; ours do not.
        raise Refused("too_large")
    glb = Glb(_clean_tree(tree), views)
    _clean_views(glb)
    return glb


def matrix_of(node: dict[str, Any]) -> Array:
    """The matrix (4, 4) of a node into its parent."""
    if "matrix" in node:
        return np.array(node["matrix"], float).reshape(4, 4).T
    x, y, z, w = (float(part) for part in node.get("rotation", (0, 0, 0, 1)))
    turned = np.array(
        [
            [1 - 2 * (y * y + z * z), 2 * (x * y - z * w), 2 * (x * z + y * w)],
            [2 * (x * y + z * w), 1 - 2 * (x * x + z * z), 2 * (y * z - x * w)],
            [2 * (x * z - y * w), 2 * (y * z + x * w), 1 - 2 * (x * x + y * y)],
        ]
    )
    made = np.eye(4)
    made[:3, :3] = turned * np.array(node.get("scale", (1, 1, 1)), float)
    made[:3, 3] = node.get("translation", (0, 0, 0))
    return made


def _read_chunks(content: bytes) -> tuple[dict[str, Any], bytes]:
    """The tree and the binary part; other chunks are left out."""
    announced = struct.unpack_from("<I", content, 8)[0]
    found: dict[int, bytes] = {}
    at = 12
    while at + 8 <= len(content):
        length, kind = struct.unpack_from("<II", content, at)
        if at + 8 + length > len(content):
            raise Refused("broken")
        found.setdefault(kind, content[at + 8 : at + 8 + length])
        at += 8 + length
    tree = json.loads(found.get(JSON_CHUNK, b""))
    if announced != len(content) or not isinstance(tree, dict) or not str(tree["asset"]["version"]).startswith("2."):
        raise Refused("broken")
    return tree, found.get(BIN_CHUNK, b"")


def _clean_tree(tree: dict[str, Any]) -> dict[str, Any]:
    cleaned: dict[str, Any] = {"asset": {"version": "2.0", "generator": "Darkroom"}}
    for name in (*LISTS, "scene", "extensions"):
        if name in tree:
            cleaned[name] = _without_texts(tree[name])
    for name in ("extensionsUsed", "extensionsRequired"):
        kept = [known for known in tree.get(name, []) if known in EXTENSIONS]
        if kept:
            cleaned[name] = kept
    return cleaned


def _without_texts(value: Any) -> Any:
    """A part of the tree without names, notes, extensions that we do not know and texts of any other kind."""
    if isinstance(value, list):
        return [_without_texts(row) for row in value if not isinstance(row, str)]
    if not isinstance(value, dict):
        return value
    cleaned = {}
    for key, part in value.items():
        if key in {"extras", "name"} or not WORD.fullmatch(key):
            continue
        if isinstance(part, str) and not (key in WORDS and WORD.fullmatch(part)):
            continue
        if key == "extensions":
            known = {name: _without_texts(row) for name, row in part.items() if name in EXTENSIONS}
            if known:
                cleaned[key] = known
            continue
        cleaned[key] = _without_texts(part)
    return cleaned


def _clean_views(glb: Glb) -> None:
    """Images without what is written in them; nothing where no accessor and no image looks."""
    images = {row["bufferView"] for row in glb.rows("images")}
    used = set(images)
    for row in glb.rows("accessors"):
        parts = (row, *(row.get("sparse", {}).get(name, {}) for name in ("indices", "values")))
        used |= {part["bufferView"] for part in parts if "bufferView" in part}
    for key in range(len(glb.views)):
        if key in images:
            glb.views[key] = without_texts(glb.views[key])
        elif key not in used:
            glb.views[key] = bytes(4)


def _at(rows: list[Any], index: Any) -> Any:
    if not isinstance(index, int) or not 0 <= index < len(rows):
        raise Refused("broken")
    return rows[index]


def _count(value: Any) -> int:
    if not isinstance(value, int) or value < 0:
        raise Refused("broken")
    return value
