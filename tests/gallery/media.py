"""True films and models for tests, made by ffmpeg and trimesh; those of a kind are made once."""

import io
import json
import struct
import subprocess
import tempfile
from functools import cache
from pathlib import Path
from typing import Any

import imageio_ffmpeg
import numpy as np
import trimesh
from PIL import Image

H264 = ("-c:v", "libx264", "-preset", "ultrafast", "-pix_fmt", "yuv420p")
AAC = ("-c:a", "aac")


def ffmpeg(*arguments: str) -> bytes:
    command = [imageio_ffmpeg.get_ffmpeg_exe(), "-hide_banner", "-loglevel", "error", "-nostdin", "-y", *arguments]
    return subprocess.run(command, check=True, capture_output=True).stdout


@cache
def film(
    *how: str,
    size: str = "320x180",
    seconds: float = 2,
    source: str = "testsrc2",
    suffix: str = "mp4",
    sound: bool = True,
) -> bytes:
    """A test film; `how` are ffmpeg's arguments for coding and metadata, by default H.264 and AAC."""
    inputs = ["-f", "lavfi", "-i", f"{source}{':' if '=' in source else '='}s={size}:r=10:d={seconds}"]
    if sound:
        inputs += ["-f", "lavfi", "-i", f"sine=d={seconds}"]
    coding = how or (*H264, *(AAC if sound else ()))
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / f"film.{suffix}"
        ffmpeg(*inputs, *coding, "-movflags", "+faststart", str(path)) if suffix == "mp4" else ffmpeg(
            *inputs, *coding, str(path)
        )
        return path.read_bytes()


def facts(content: bytes) -> dict[str, str]:
    """Codecs, size and the like of a film, by ffmpeg."""
    with tempfile.NamedTemporaryFile(suffix=".mp4") as file:
        file.write(content)
        file.flush()
        told = ffmpeg("-i", file.name, "-map", "0", "-c", "copy", "-f", "framecrc", "-").decode()
    return {
        name: value.strip()
        for name, _c, value in (row[1:].partition(":") for row in told.splitlines() if row[0] == "#")
    }


def frame(content: bytes, at: float = 0.5) -> Image.Image:
    """A frame of a film."""
    with tempfile.NamedTemporaryFile(suffix=".mp4") as file:
        file.write(content)
        file.flush()
        png = ffmpeg("-ss", str(at), "-i", file.name, "-frames:v", "1", "-c:v", "png", "-f", "image2pipe", "-")
    return Image.open(io.BytesIO(png)).convert("RGB")


@cache
def ball(colour: str = "orangered", *, subdivisions: int = 3, texture: str = "PNG") -> bytes:
    """A ball with a texture of one colour (`texture` is its format), or in its material's colour with texture=""."""
    mesh = trimesh.creation.icosphere(subdivisions=subdivisions)
    points = mesh.vertices
    places = np.stack([points[:, 0] / 2 + 0.5, points[:, 1] / 2 + 0.5], axis=1)
    material = trimesh.visual.material.PBRMaterial(baseColorFactor=[90, 160, 220, 255])
    if texture:
        picture = Image.new("RGB", (256, 256), colour)
        picture.format = texture
        material = trimesh.visual.material.PBRMaterial(baseColorTexture=picture, metallicFactor=0.0)
    mesh.visual = trimesh.visual.TextureVisuals(uv=places, material=material)
    content = mesh.export(file_type="glb")
    assert isinstance(content, bytes)
    return content


def read_glb(content: bytes) -> tuple[dict[str, Any], bytes]:
    """The tree and the binary part of a GLB."""
    length = struct.unpack_from("<I", content, 12)[0]
    return json.loads(content[20 : 20 + length]), content[28 + length :]


def write_glb(tree: dict[str, Any], binary: bytes) -> bytes:
    """A GLB of a tree and a binary part."""
    text = json.dumps(tree).encode()
    text += b" " * (-len(text) % 4)
    binary += b"\0" * (-len(binary) % 4)
    body = struct.pack("<II", len(text), 0x4E4F534A) + text + struct.pack("<II", len(binary), 0x004E4942) + binary
    return struct.pack("<III", 0x46546C67, 2, 12 + len(body)) + body
