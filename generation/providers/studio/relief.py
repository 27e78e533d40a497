"""A picture as a carved relief: heights from light and form, on a plate with sides and a back, as a GLB file."""

import io
from dataclasses import dataclass
from typing import Any

import cv2
import numpy as np
import numpy.typing as npt
import trimesh
from PIL import Image
from trimesh.visual import TextureVisuals
from trimesh.visual.material import PBRMaterial

from generation.providers.studio.colour import luminance
from generation.providers.studio.cutout import LEAST, clear_subject
from generation.providers.studio.noise import Floats, as_floats, smoothstep
from generation.providers.studio.pixels import Pixels, over_white, read_picture, shrink, to_floats
from generation.providers.studio.request import FACES, Progress, StudioRequest

# trimesh calls itself typed and leaves these without types.
Untyped = Any
Visuals: Untyped = TextureVisuals
Material: Untyped = PBRMaterial

# Long side of the texture, and of the sheet on which the heights are modelled; pixels.
TEXTURE_SIDE, MODELLED_AT = 1024, 512
# The plate and the relief on it, as shares of the long side, which is 1.
PLATE, HEIGHT = 0.035, 0.16


def carve(request: StudioRequest, seed: int, progress: Progress) -> bytes:
    """GLB: Y up, the front to +Z, centred, the long side 1; as many triangles as the quality says, within a hundredth.

    A transparent picture is raised where it is not.
    """
    del seed  # Nothing is left to chance.
    pixels = shrink(read_picture(request.source), side=TEXTURE_SIDE)
    shown = over_white(pixels)
    progress.stage(0.4)
    heights = _heights(shown, _subject(pixels, shown, progress), progress)
    progress.stage(0.3)
    height, width = shown.shape[:2]
    across, down = _grid(FACES[request.quality], width / height)
    front = _front(heights, across, down, (width, height))
    progress.tick()
    scene = trimesh.Scene()
    scene.add_geometry(_mesh(front, _picture_material(shown)), node_name="front", geom_name="front")
    progress.tick()
    scene.add_geometry(_mesh(_block(front, across, down), _plate_material(shown)), node_name="plate", geom_name="plate")
    progress.stage(0.2)
    export: Untyped = scene.export
    return bytes(export(file_type="glb", include_normals=True, tree_postprocessor=_sign))


def _sign(tree: dict[str, Any]) -> None:
    """Who made the file is ours to say."""
    tree["asset"] = {"version": "2.0", "generator": "Darkroom"}


def _subject(pixels: Pixels, shown: Pixels, progress: Progress) -> Floats:
    """0 to 1, on a small sheet: what stands before the ground, from the picture's own transparency if it has any."""
    if pixels.shape[2] == 4 and int(pixels[..., 3].min()) < 128:
        return as_floats(shrink(np.ascontiguousarray(pixels[..., 3:]), side=MODELLED_AT)).squeeze() * np.float32(
            1 / 255
        )
    return clear_subject(shown, progress)


def _heights(pixels: Pixels, subject: Floats, progress: Progress) -> Floats:
    """0 to 1 on a sheet whose long side is at most `MODELLED_AT`: as a carver would, broad forms first."""
    small = shrink(pixels, side=MODELLED_AT)
    light = luminance(to_floats(small))
    unit = float(np.sqrt(light.size))
    # Edges stay, what lies between them is evened out, at three sizes.
    layers, before = [], light
    for size, step in ((0.012, 0.10), (0.03, 0.16), (0.07, 0.25)):
        layers.append(before - (smooth := _evened(before, max(2, round(size * unit)), step)))
        before = smooth
        progress.tick()
    span = max(0.08, float(np.quantile(before, 0.98) - np.quantile(before, 0.02)))
    broad = np.clip((before - float(np.quantile(before, 0.02))) / span, 0, 1)
    detail = layers[0] * 0.5 + layers[1] * 0.9 + layers[2]
    mask = as_floats(cv2.resize(subject, (light.shape[1], light.shape[0]), interpolation=cv2.INTER_LINEAR))
    mask = smoothstep(0.2, 0.8, as_floats(cv2.GaussianBlur(mask, (0, 0), unit * 0.006)))
    dome = _dome(mask, unit)
    reach = 1.0
    if float(mask.mean()) > LEAST:
        # The ground keeps a third of its own relief; who stands before it is rounded off towards the edge.
        heights = 0.16 * broad + mask * (0.34 + 0.30 * dome + 0.16 * broad) + detail * (0.35 + 0.35 * mask)
    else:
        # A landscape that bulges is no relief: flatter.
        heights, reach = 0.75 * broad + 0.9 * detail, 0.6
    heights = cv2.GaussianBlur(as_floats(heights), (0, 0), max(0.8, unit * 0.0035))
    low, high = float(np.quantile(heights, 0.002)), float(np.quantile(heights, 0.998))
    progress.tick()
    return _framed(as_floats(reach * np.clip((heights - low) / max(0.05, high - low), 0, 1)), unit)


def _evened(image: Floats, radius: int, step: float) -> Floats:
    """The guided filter with the picture as its own guide: steps larger than `step` stay."""
    window = (2 * radius + 1, 2 * radius + 1)
    mean = cv2.blur(image, window)
    spread = np.maximum(cv2.blur(image * image, window) - mean * mean, 0)
    a = spread / (spread + step * step)
    return as_floats(cv2.blur(a, window) * image + cv2.blur(mean * (1 - a), window))


def _dome(mask: Floats, unit: float) -> Floats:
    """How far inside its outline each part of the subject lies, as a round form rises: steep first, then flat."""
    inside = cv2.distanceTransform((mask > 0.5).astype(np.uint8), cv2.DIST_L2, 5)
    reach = max(4.0, min(float(inside.max()), 0.22 * unit))
    part = np.clip(inside / reach, 0, 1)
    return as_floats(cv2.GaussianBlur(as_floats(np.sqrt(1 - (1 - part) ** 2)), (0, 0), unit * 0.008))


def _framed(heights: Floats, unit: float) -> Floats:
    """A narrow rim that falls to the plate, so that the sides are of one height."""
    rows, columns = heights.shape
    ys, xs = np.arange(rows)[:, None], np.arange(columns)[None, :]
    inset = np.minimum(np.minimum(ys, rows - 1 - ys), np.minimum(xs, columns - 1 - xs))
    return as_floats(heights * smoothstep(0.0, 0.03 * unit, as_floats(inset)))


def _grid(faces: int, ratio: float) -> tuple[int, int]:
    """Cells across and down whose triangles, with those of the sides and the back, come nearest to `faces`."""
    options = [
        (abs(_count(across, down) - faces), abs(np.log(across / down / ratio)), across, down)
        for across in range(3, 200)
        for down in range(max(3, round(across / ratio) - 1), max(3, round(across / ratio) + 1) + 1)
    ]
    _miss, _skew, across, down = min(options)
    return across, down


def _count(across: int, down: int) -> int:
    """Two triangles a cell in front, two an edge at the sides, one an edge at the back."""
    return 2 * across * down + 6 * (across + down)


@dataclass(frozen=True, slots=True)
class Surface:
    """Corners (n, 3), their normals and places on the picture (n, 2), and triangles (m, 3), counter-clockwise."""

    corners: Floats
    normals: Floats
    places: Floats
    triangles: npt.NDArray[np.int64]


def _front(heights: Floats, across: int, down: int, size: tuple[int, int]) -> Surface:
    """The relief itself. Its long side is 1, its middle in the origin."""
    width, height = (side / max(size) for side in size)
    us, vs = np.meshgrid(np.linspace(0, 1, across + 1), np.linspace(0, 1, down + 1))
    rows, columns = heights.shape
    # Between two corners lies more than one height: what a corner takes is their mean.
    cell = max(columns / across, rows / down)
    even = as_floats(cv2.GaussianBlur(heights, (0, 0), max(0.3, cell * 0.35)))
    at = as_floats(us * (columns - 1)), as_floats(vs * (rows - 1))
    depth = cv2.remap(even, *at, cv2.INTER_LINEAR)
    edge = np.zeros_like(depth, bool)
    edge[[0, -1], :], edge[:, [0, -1]] = True, True
    depth = np.where(edge, 0, depth) * HEIGHT
    middle = (PLATE + HEIGHT) / 2
    corners = np.stack([(us - 0.5) * width, (0.5 - vs) * height, depth + PLATE - middle], axis=-1).reshape(-1, 3)
    slope_x = np.gradient(even, axis=1) * HEIGHT * columns / width
    slope_y = -np.gradient(even, axis=0) * HEIGHT * rows / height
    slopes = [cv2.remap(as_floats(slope), *at, cv2.INTER_LINEAR).ravel() for slope in (slope_x, slope_y)]
    normals = np.stack([-slopes[0], -slopes[1], np.ones(corners.shape[0])], axis=-1)
    index = np.arange((across + 1) * (down + 1)).reshape(down + 1, across + 1)
    a, b, c, d = index[:-1, :-1], index[1:, :-1], index[1:, 1:], index[:-1, 1:]
    # The diagonal turns from cell to cell, or all ridges would lean one way.
    odd = (np.add.outer(np.arange(down), np.arange(across)) % 2 == 1)[..., None]
    first = np.where(odd, np.stack([a, b, d], -1), np.stack([a, b, c], -1)).reshape(-1, 3)
    second = np.where(odd, np.stack([b, c, d], -1), np.stack([a, c, d], -1)).reshape(-1, 3)
    return Surface(
        as_floats(corners),
        as_floats(normals / np.linalg.norm(normals, axis=1, keepdims=True)),
        as_floats(np.stack([us.ravel(), 1 - vs.ravel()], axis=-1)),
        np.concatenate([first, second]),
    )


def _block(front: Surface, across: int, down: int) -> Surface:
    """Sides and back: with the front they enclose a body without a gap."""
    index = np.arange((across + 1) * (down + 1)).reshape(down + 1, across + 1)
    # Around the outline as the front is seen: left side down, along the bottom, up the right, back along the top.
    runs = (
        (index[:, 0], (-1, 0, 0)),
        (index[-1], (0, -1, 0)),
        (index[::-1, -1], (1, 0, 0)),
        (index[0, ::-1], (0, 1, 0)),
    )
    corners, normals, triangles, outline = [], [], [], []
    back = float(-(PLATE + HEIGHT) / 2)
    first = 0
    for run, normal in runs:
        top = front.corners[run]
        low = top.copy()
        low[:, 2] = back
        count = len(run)
        at = first + np.arange(count - 1)
        triangles += [
            np.stack([at, at + count, at + 1], -1),
            np.stack([at + 1, at + count, at + count + 1], -1),
        ]
        corners += [top, low]
        normals.append(np.tile(normal, (2 * count, 1)))
        outline.append(low[:-1])
        first += 2 * count
    rim = np.concatenate(outline)
    around = first + 1 + np.arange(len(rim))
    triangles.append(np.stack([np.full(len(rim), first), np.roll(around, -1), around], -1))
    corners += [np.array([[0, 0, back]]), rim]
    normals.append(np.tile((0, 0, -1), (len(rim) + 1, 1)))
    places = np.zeros((first + 1 + len(rim), 2))
    return Surface(
        as_floats(np.concatenate(corners)),
        as_floats(np.concatenate(normals)),
        as_floats(places),
        np.concatenate(triangles),
    )


def _mesh(surface: Surface, material: Untyped) -> trimesh.Trimesh:
    return trimesh.Trimesh(
        vertices=surface.corners,
        faces=surface.triangles,
        vertex_normals=surface.normals,
        visual=Visuals(uv=surface.places, material=material),
        process=False,
    )


def _picture_material(pixels: Pixels) -> Untyped:
    """The picture as a JPEG inside the file; matt."""
    file = io.BytesIO()
    Image.fromarray(pixels).save(file, "JPEG", quality=88)
    # Opened from JPEG, it is written as JPEG.
    return Material(
        name="picture", baseColorTexture=Image.open(file), metallicFactor=0.0, roughnessFactor=0.8, doubleSided=False
    )


def _plate_material(pixels: Pixels) -> Untyped:
    """The picture's own colour, dark."""
    colour = pixels.reshape(-1, 3).mean(axis=0) * 0.45
    base = [int(part) for part in colour] + [255]
    return Material(name="plate", baseColorFactor=base, metallicFactor=0.0, roughnessFactor=0.9, doubleSided=False)
