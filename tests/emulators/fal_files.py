"""What the double of fal makes: real pictures, films and meshes, different for each seed."""

import colorsys
import struct
import subprocess
import zlib
from functools import lru_cache
from random import Random

import imageio_ffmpeg
import numpy as np
import trimesh


def picture(seed: int, width: int = 256, height: int = 192) -> bytes:
    """A valid PNG of stripes in colours that depend on the seed."""
    random = Random(seed)
    colours = [bytes(random.randrange(256) for _channel in range(3)) for _stripe in range(8)]
    row = b"\0" + b"".join(colours[x * len(colours) // width] for x in range(width))
    header = struct.pack(">IIBBBBB", width, height, 8, 2, 0, 0, 0)
    parts = ((b"IHDR", header), (b"IDAT", zlib.compress(row * height, 1)), (b"IEND", b""))
    chunks = [
        struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data)) for kind, data in parts
    ]
    return b"\x89PNG\r\n\x1a\n" + b"".join(chunks)


@lru_cache(maxsize=32)
def film(seed: int, seconds: int = 5, width: int = 320, height: int = 180) -> bytes:
    """An mp4 (H.264, 12 frames a second) of one colour that turns dark, for as long as was asked for."""
    red, green, blue = (round(255 * part) for part in colorsys.hsv_to_rgb(seed % 360 / 360, 0.7, 0.9))
    source = f"color=0x{red:02x}{green:02x}{blue:02x}:size={width}x{height}:rate=12:duration={seconds}"
    fade = f"fade=type=out:start_time=0:duration={seconds}"
    # The index comes first when the file can be sought in; on a pipe it comes in pieces, which players read as well.
    how = ["-c:v", "libx264", "-preset", "ultrafast", "-pix_fmt", "yuv420p", "-movflags", "frag_keyframe+empty_moov"]
    command = [imageio_ffmpeg.get_ffmpeg_exe(), "-v", "error", "-f", "lavfi", "-i", source, "-vf", fade, *how]
    made = subprocess.run([*command, "-f", "mp4", "-"], capture_output=True, check=True, timeout=60)
    return made.stdout


@lru_cache(maxsize=32)
def mesh(seed: int, faces: int = 1_000) -> bytes:
    """A GLB of a hilly sheet with `faces` triangles, an even number."""
    rows = max(1, int((faces / 2) ** 0.5))
    while faces // 2 % rows:
        rows -= 1
    columns = faces // 2 // rows
    across, down = np.meshgrid(np.linspace(0, 1, columns + 1), np.linspace(0, 1, rows + 1))
    hills = 0.1 * np.sin(across * (3 + seed % 7)) * np.cos(down * (2 + seed % 5))
    vertices = np.column_stack([across.ravel(), hills.ravel(), down.ravel()])
    corner = (np.arange(rows)[:, None] * (columns + 1) + np.arange(columns)).ravel()
    below = corner + columns + 1
    triangles = np.concatenate(
        [np.column_stack([corner, below, corner + 1]), np.column_stack([corner + 1, below, below + 1])]
    )
    exported = trimesh.Trimesh(vertices=vertices, faces=triangles, process=False).export(file_type="glb")
    assert isinstance(exported, bytes)
    return exported
