"""The child process that takes in meshes. Started by `config.base.meshes`; no web process loads it.

{"source", "folder", "watermark_text", "xmp"} → `config.base.child`
"""

import io
import shutil
import warnings
from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image

from config.base.child import Refused, serve
from config.base.decoding import BOMBS, BROKEN, digest_of, hash_thumb, write_thumbnails
from config.base.glb import Array, Glb, read_glb
from config.base.media import MAX_FACES, MESH_MIME, Media, Rendition
from config.base.rasteriser import Look, Surface, draw
from config.base.textures import mime_of
from config.base.watermark import mark

POSTER_EDGE = 1280
# Larger textures show nothing more on a poster.
TEXTURE_EDGE = 2048
# What the file's own numbers may make of reading it.
DAMAGED = (*BROKEN, AttributeError, OverflowError, RecursionError, UnicodeError)
TRIANGLES, STRIP, FAN = 4, 5, 6
WRITERS = {"image/png": "PNG", "image/jpeg": "JPEG", "image/webp": "WEBP"}


def triangles_of(glb: Glb, primitive: dict[str, Any], points: int) -> Array:
    """The triangles (m, 3) of a primitive; none of lines and points. `Refused` when they lead outside its points."""
    mode = primitive.get("mode", TRIANGLES)
    if mode not in {TRIANGLES, STRIP, FAN}:
        return np.zeros((0, 3), np.int64)
    listed = glb.accessor(primitive["indices"])[:, 0] if "indices" in primitive else np.arange(points)
    listed = listed.astype(np.int64)
    if len(listed) and not 0 <= listed.min() <= listed.max() < points:
        raise Refused("broken")
    if mode == TRIANGLES:
        return listed[: len(listed) // 3 * 3].reshape(-1, 3)
    if len(listed) < 3:
        return np.zeros((0, 3), np.int64)
    if mode == FAN:
        return np.stack([np.full(len(listed) - 2, listed[0]), listed[1:-1], listed[2:]], axis=1)
    return np.stack([listed[:-2], listed[1:-1], listed[2:]], axis=1)


def texture_of(glb: Glb, info: dict[str, Any] | None) -> int | None:
    """The image that a material's texture shows."""
    if info is None:
        return None
    texture = glb.rows("textures")[info["index"]]
    found = texture.get("extensions", {}).get("EXT_texture_webp", {}).get("source", texture.get("source"))
    return None if found is None else int(found)


def base_images(glb: Glb) -> set[int]:
    """The images that give materials their colour."""
    infos = (row.get("pbrMetallicRoughness", {}).get("baseColorTexture") for row in glb.rows("materials"))
    return {found for found in (texture_of(glb, info) for info in infos) if found is not None}


def open_image(content: bytes) -> Image.Image:
    """A texture in RGB or RGBA. `Refused` when it is damaged or too large."""
    mime = mime_of(content)
    try:
        with Image.open(io.BytesIO(content), formats=(WRITERS[mime],)) as image:
            return image.convert("RGBA" if image.has_transparency_data else "RGB")
    except BOMBS as error:
        raise Refused("too_large") from error
    except BROKEN as error:
        raise Refused("broken") from error


def looks_of(glb: Glb) -> list[Look]:
    """What each material looks like, with that of what has none at the end."""
    textures: dict[int, Array] = {}
    looks = []
    for row in glb.rows("materials"):
        base = row.get("pbrMetallicRoughness", {})
        image = texture_of(glb, base.get("baseColorTexture"))
        if image is not None and image not in textures:
            opened = open_image(glb.image(image)).convert("RGB")
            opened.thumbnail((TEXTURE_EDGE, TEXTURE_EDGE), Image.Resampling.BOX)
            textures[image] = np.asarray(opened)
        red, green, blue = (float(part) for part in base.get("baseColorFactor", (1, 1, 1, 1))[:3])
        is_lit = "KHR_materials_unlit" not in row.get("extensions", {})
        looks.append(Look((red, green, blue), None if image is None else textures[image], is_lit))
    return [*looks, Look((0.8, 0.8, 0.8))]


def surfaces_of(glb: Glb) -> list[Surface]:
    """All that the scene shows, in the world. `Refused` for more faces than we take."""
    looks = looks_of(glb)
    found: list[Surface] = []
    faces = 0
    for mesh, world in glb.instances():
        for primitive in mesh["primitives"]:
            points = glb.accessor(primitive["attributes"]["POSITION"])[:, :3].astype(float)
            if not np.isfinite(points).all():
                raise Refused("broken")
            triangles = triangles_of(glb, primitive, len(points))
            faces += len(triangles)
            if faces > MAX_FACES:
                raise Refused("too_large")
            if len(triangles):
                found.append(surface_of(glb, primitive, points, triangles, world, looks))
    if not found:
        raise Refused("broken")
    return found


def surface_of(
    glb: Glb, primitive: dict[str, Any], points: Array, triangles: Array, world: Array, looks: list[Look]
) -> Surface:
    """One primitive, brought into the world."""
    attributes = primitive["attributes"]
    moved = points @ world[:3, :3].T + world[:3, 3]
    normals = None
    if "NORMAL" in attributes:
        normals = glb.accessor(attributes["NORMAL"])[:, :3].astype(float) @ np.linalg.pinv(world[:3, :3])
    colours = glb.accessor(attributes["COLOR_0"])[:, :3].astype(np.float32) if "COLOR_0" in attributes else None
    places = glb.accessor(attributes["TEXCOORD_0"]) if "TEXCOORD_0" in attributes else None
    # Beside the points, single precision is enough and half the work.
    normals = None if normals is None else normals.astype(np.float32)
    places = None if places is None else places.astype(np.float32)
    for beside in (normals, colours, places):
        if beside is not None and (len(beside) != len(points) or not np.isfinite(beside).all()):
            raise Refused("broken")
    look = looks[primitive.get("material", len(looks) - 1)]
    return Surface(moved, triangles, normals, places, colours, look)


def mark_textures(glb: Glb, text: str) -> bool:
    """Draw the watermark into all base colours; False when there are none."""
    images = base_images(glb)
    for image in images:
        view = glb.rows("images")[image]["bufferView"]
        mime = mime_of(glb.views[view])
        marked = mark(open_image(glb.views[view]), text)
        written = io.BytesIO()
        marked.save(written, WRITERS[mime], **({"compress_level": 3} if mime == "image/png" else {"quality": 92}))
        glb.views[view] = written.getvalue()
    return bool(images)


def make(request: dict[str, Any]) -> Media:
    """Clean the mesh, draw its poster, write its renditions. Raises `Refused`."""
    folder, text, xmp = Path(request["folder"]), request["watermark_text"], str(request["xmp"]).encode()
    original, marked = folder / "original.glb", folder / "marked.glb"
    try:
        glb = read_glb(Path(request["source"]))
        surfaces = surfaces_of(glb)
        glb.write(original)
        poster = draw(surfaces, POSTER_EDGE)
        if text and mark_textures(glb, text):
            glb.write(marked)
        elif text:
            shutil.copyfile(original, marked)
    except OSError:
        raise
    except DAMAGED as error:
        raise Refused("broken") from error
    renditions = [describe("original", original), *write_thumbnails(poster, folder, "thumb", xmp)]
    if text:
        renditions.append(describe("marked", marked))
        renditions += write_thumbnails(mark(poster, text), folder, "marked", xmp)
    return Media(
        kind="mesh",
        mime=MESH_MIME,
        width=poster.width,
        height=poster.height,
        faces=sum(len(surface.triangles) for surface in surfaces),
        sha256=digest_of(original),
        thumbhash=hash_thumb(poster),
        renditions=tuple(renditions),
    )


def describe(name: str, path: Path) -> Rendition:
    """The facts of a finished GLB."""
    return Rendition(name, path, MESH_MIME, path.stat().st_size, POSTER_EDGE, POSTER_EDGE)


if __name__ == "__main__":
    warnings.simplefilter("ignore")
    warnings.simplefilter("error", Image.DecompressionBombWarning)
    serve(make)
