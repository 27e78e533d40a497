"""Draws the poster of a mesh: a small software rasteriser over numpy. Runs in a decoding child.

Which triangle is seen at each pixel is found first; only what is seen is then lit and coloured.
"""

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageDraw, ImageFilter

Array = NDArray[Any]

# Candidate pixels, and pixels to colour, that are worked on at once.
CHUNK = 1_000_000
# The poster is drawn so many times larger and made smaller then, for smooth edges.
OVERSIZE = 1.25
# Three-quarter view: from the right and above, in degrees; and how much of the picture the mesh takes.
AZIMUTH, ELEVATION = 32.0, 18.0
FILL = 0.80
# Camera's distance in radii of the mesh: a calm perspective.
DISTANCE = 4.0
# Light comes from the camera's left and above (key), from behind (rim) and from all around, warmer from below.
KEY, RIM = (-0.5, 0.75, 0.65), (0.6, 0.35, -0.8)
KEY_STRENGTH, RIM_STRENGTH = 0.85, 0.30
SKY, EARTH = (0.42, 0.43, 0.46), (0.20, 0.17, 0.13)
# From sRGB's 256 steps to linear light.
LINEAR = ((np.arange(256) / 255) ** 2.2).astype(np.float32)
# The ground: a warm dark, as under a safelight, lighter behind the mesh.
GROUND_NEAR, GROUND_FAR = (52, 43, 31), (15, 12, 9)


@dataclass(slots=True)
class Look:
    """What a surface looks like: linear colour (r, g, b), texture in sRGB (height, width, 3 of 0…255) or none."""

    colour: tuple[float, float, float]
    texture: Array | None = None
    is_lit: bool = True


@dataclass(slots=True)
class Surface:
    """Triangles (m, 3) over points (n, 3) in the world, with normals (n, 3), texture places (n, 2), colours (n, 3).

    Without normals each triangle is flat, as glTF has it.
    """

    points: Array
    triangles: Array
    normals: Array | None
    places: Array | None
    colours: Array | None
    look: Look


def draw(surfaces: list[Surface], edge: int) -> Image.Image:
    """A square picture of `edge` pixels. What cannot be drawn (no triangle of any size) leaves the ground."""
    size = round(edge * OVERSIZE)
    points = np.concatenate([surface.points for surface in surfaces])
    view, flat, depth = _project(points, size)
    flat = flat.astype(np.float32)
    image = _ground(size, _footprint(points, view, size))
    canvas = np.asarray(image).astype(np.float32) / 255
    nearest = np.zeros(size * size, np.float32)
    first = 0
    for surface in surfaces:
        last = first + len(surface.points)
        seen = _cover(flat[first:last], depth[first:last], surface.triangles, nearest, size)
        _paint(canvas.reshape(-1, 3), seen, surface, view, flat[first:last], depth[first:last], size)
        first = last
    done = Image.fromarray((np.clip(canvas, 0, 1) * 255 + 0.5).astype(np.uint8))
    return done.resize((edge, edge), Image.Resampling.LANCZOS)


@dataclass(slots=True)
class _View:
    """The camera: rows of `turn` are right, up and towards the viewer; then what brings points onto the picture."""

    turn: Array
    centre: Array
    radius: float
    scale: float
    shift: Array

    def flatten(self, points: Array, size: int) -> tuple[Array, Array]:
        """Pixels (n, 2) from the top left, and nearness (1 ÷ distance, which is linear over the picture)."""
        seen = (points - self.centre) @ self.turn.T / self.radius
        nearness = 1 / (DISTANCE - seen[:, 2])
        flat = seen[:, :2] * nearness[:, None] * (1, -1)
        return (flat - self.shift) * self.scale + size / 2, nearness


def _project(points: Array, size: int) -> tuple[_View, Array, Array]:
    turn = _turn()
    low, high = points.min(axis=0), points.max(axis=0)
    centre = (low + high) / 2
    radius = float(np.sqrt(((points - centre) ** 2).sum(axis=1).max())) or 1.0
    view = _View(turn, centre, radius, 1.0, np.zeros(2))
    flat, depth = view.flatten(points, 0)
    least, most = flat.min(axis=0), flat.max(axis=0)
    view.shift = (least + most) / 2
    view.scale = size * FILL / (float((most - least).max()) or 1.0)
    return view, (flat - view.shift) * view.scale + size / 2, depth.astype(np.float32)


def _turn() -> Array:
    azimuth, elevation = np.radians(AZIMUTH), np.radians(ELEVATION)
    towards = np.array(
        [np.sin(azimuth) * np.cos(elevation), np.sin(elevation), np.cos(azimuth) * np.cos(elevation)],
    )
    right = np.cross((0.0, 1.0, 0.0), towards)
    right /= np.linalg.norm(right)
    return np.stack([right, np.cross(towards, right), towards])


def _footprint(points: Array, view: _View, size: int) -> list[tuple[float, float]]:
    """Where the mesh stands: the corners of its base on the picture."""
    low, high = points.min(axis=0), points.max(axis=0)
    corners = [(low[0], low[2]), (high[0], low[2]), (high[0], high[2]), (low[0], high[2])]
    flat, _depth = view.flatten(np.array([(x, low[1], z) for x, z in corners]), size)
    return [(float(x), float(y)) for x, y in flat]


def _ground(size: int, footprint: list[tuple[float, float]]) -> Image.Image:
    across = np.linspace(-1, 1, size, dtype=np.float32)
    # In single precision: twice as fast, and more than a picture needs.
    near, beyond = np.array(GROUND_NEAR, np.float32), np.array(GROUND_FAR, np.float32)
    far = np.clip(np.sqrt(across[None, :] ** 2 + (across[:, None] - 0.1) ** 2) / 1.25, 0, 1) ** 1.3
    shades = near + far[..., None] * (beyond - near)
    # A grain of one step keeps the gradient from banding.
    grain = np.random.default_rng(1).random((size, size, 1), np.float32) * 1.2 - 0.6
    image = Image.fromarray(np.clip(shades + grain, 0, 255).astype(np.uint8))
    shadow = Image.new("L", (size, size), 0)
    ImageDraw.Draw(shadow).polygon(footprint, fill=170)
    image.paste((4, 3, 2), mask=shadow.filter(ImageFilter.GaussianBlur(size / 40)))
    return image


def _cover(flat: Array, depth: Array, triangles: Array, nearest: Array, size: int) -> Array:
    """Which triangle is the nearest at each pixel (size², -1 where none is), by pixel centres; `nearest` is kept up."""
    seen = np.full(size * size, -1, np.int32)
    corners = flat[triangles]
    low = np.clip(np.ceil(corners.min(axis=1) - 0.5), 0, size).astype(np.int32)
    high = np.clip(np.floor(corners.max(axis=1) - 0.5), -1, size - 1).astype(np.int32)
    extent = np.maximum(high - low + 1, 0)
    counts = extent[:, 0].astype(np.int64) * extent[:, 1]
    planes = _planes(corners, depth[triangles], low + 0.5)
    ends = np.cumsum(counts)
    start = 0
    while start < len(triangles):
        begun = ends[start - 1] if start else 0
        stop = max(start + 1, int(np.searchsorted(ends, begun + CHUNK, side="right")))
        part = slice(start, stop)
        which, column, row = _candidates(counts[part], extent[part, 0])
        inside, near = _near(planes[:, :, part], which, column, row)
        which = which[inside]
        place = (low[part, 1][which] + row[inside]) * size + low[part, 0][which] + column[inside]
        closer = np.flatnonzero(near > nearest[place])
        # Of several at one pixel the last one written stays: the nearest.
        order = closer[np.argsort(near[closer], kind="stable")]
        nearest[place[order]] = near[order]
        seen[place[order]] = start + which[order]
        start = stop
    return seen


def _planes(corners: Array, depth: Array, origin: Array) -> Array:
    """What is linear over each triangle on the picture: the shares of its three corners, and how near it is.

    (4, 3, m): the value at `origin`, and by how much it grows a pixel to the right and a pixel down.
    """
    (ax, ay), (bx, by), (cx, cy) = (corners[:, corner].T for corner in range(3))
    area = (bx - ax) * (cy - ay) - (by - ay) * (cx - ax)
    is_flat = np.abs(area) < 1e-9
    area[is_flat] = 1
    x, y = origin[:, 0] - ax, origin[:, 1] - ay
    second = np.stack([x * (cy - ay) - y * (cx - ax), cy - ay, ax - cx]) / area
    third = np.stack([y * (bx - ax) - x * (by - ay), ay - by, bx - ax]) / area
    first = np.array([[1.0], [0.0], [0.0]]) - second - third
    # A triangle seen from its edge covers nothing.
    first[:, is_flat] = [[-1.0], [0.0], [0.0]]
    near = first * depth[:, 0] + second * depth[:, 1] + third * depth[:, 2]
    return np.stack([first, second, third, near]).astype(np.float32)


def _candidates(counts: Array, columns: Array) -> tuple[Array, Array, Array]:
    """Every pixel of the bounding boxes: of which triangle, and its column and row in the box."""
    which = np.repeat(np.arange(len(counts), dtype=np.int32), counts)
    within = np.arange(len(which), dtype=np.int32) - np.repeat((np.cumsum(counts) - counts).astype(np.int32), counts)
    row, column = np.divmod(within, columns[which])
    return which, column, row


def _near(planes: Array, which: Array, column: Array, row: Array) -> tuple[Array, Array]:
    """The candidates that lie inside of their triangles, and how near each is."""
    right, down = column.astype(np.float32), row.astype(np.float32)
    inside = np.ones(len(which), bool)
    for start, across, along in planes[:3]:
        inside &= start[which] + across[which] * right + along[which] * down >= -1e-5
    chosen = np.flatnonzero(inside)
    start, across, along = (part[which[chosen]] for part in planes[3])
    return chosen, start + across * right[chosen] + along * down[chosen]


def _shares(corners: Array, x: Array, y: Array) -> Array:
    """How much each corner has of a point in its triangle, (n, 3); the triangles have an area."""
    (ax, ay), (bx, by), (cx, cy) = (corners[:, corner].T for corner in range(3))
    area = (bx - ax) * (cy - ay) - (by - ay) * (cx - ax)
    second = ((x - ax) * (cy - ay) - (y - ay) * (cx - ax)) / area
    third = ((bx - ax) * (y - ay) - (by - ay) * (x - ax)) / area
    return np.stack([1 - second - third, second, third], axis=1)


def _paint(canvas: Array, seen: Array, surface: Surface, view: _View, flat: Array, depth: Array, size: int) -> None:
    """Colour the pixels (size², 3 of 0…1 in sRGB) at which this surface is seen."""
    pixels = np.flatnonzero(seen >= 0)
    for start in range(0, len(pixels), CHUNK // 4):
        chunk = pixels[start : start + CHUNK // 4]
        corners = surface.triangles[seen[chunk]]
        row, column = np.divmod(chunk.astype(np.int32), size)
        shares = _shares(flat[corners], column.astype(np.float32) + 0.5, row.astype(np.float32) + 0.5)
        # Nearness makes them right in perspective.
        shares = shares * depth[corners]
        shares /= shares.sum(axis=1, keepdims=True)
        colour = _colour(surface, corners, shares)
        if surface.look.is_lit:
            normals = surface.normals
            facing = _flat(surface.points[corners]) if normals is None else _mix(normals[corners], shares)
            colour = colour * _light(facing, view)
        canvas[chunk] = np.clip(colour, 0, 1).astype(np.float32) ** np.float32(1 / 2.2)


def _flat(corners: Array) -> Array:
    """Normals (n, 3) of triangles (n, 3, 3); not of length 1."""
    return np.asarray(np.cross(corners[:, 1] - corners[:, 0], corners[:, 2] - corners[:, 0]))


def _mix(values: Array, shares: Array) -> Array:
    """Values at the corners (n, 3, k) and shares (n, 3) → values between them (n, k)."""
    return np.asarray(np.einsum("nck,nc->nk", values, shares))


def _colour(surface: Surface, corners: Array, shares: Array) -> Array:
    """Linear colours (n, 3)."""
    colour = np.broadcast_to(np.array(surface.look.colour, np.float32), (len(corners), 3))
    if surface.colours is not None:
        colour = colour * _mix(surface.colours[corners], shares)
    texture = surface.look.texture
    if texture is not None and surface.places is not None:
        place = _mix(surface.places[corners], shares)
        height, width = texture.shape[:2]
        column = np.floor(place[:, 0] * width).astype(np.int64) % width
        row = np.floor(place[:, 1] * height).astype(np.int64) % height
        colour = colour * LINEAR[texture[row, column]]
    return colour


def _light(normals: Array, view: _View) -> Array:
    """How much light falls on surfaces (n, 3), seen from either side."""
    turned = (normals @ view.turn.T).astype(np.float32)
    length = np.sqrt(np.einsum("nk,nk->n", turned, turned))
    # Towards the viewer, whichever side is seen.
    turned *= (np.where(turned[:, 2] < 0, -1, 1) / np.maximum(length, 1e-12)).astype(np.float32)[:, None]
    sky, earth = np.array(SKY, np.float32), np.array(EARTH, np.float32)
    light = earth + (turned[:, 1:2] + 1) / 2 * (sky - earth)
    for direction, strength in ((KEY, KEY_STRENGTH), (RIM, RIM_STRENGTH)):
        unit = np.array(direction, np.float32) / np.float32(np.linalg.norm(direction))
        light += np.float32(strength) * np.maximum(turned @ unit, 0)[:, None]
    return np.asarray(light)
