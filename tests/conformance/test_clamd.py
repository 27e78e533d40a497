"""The real ClamAV with a signature of our own, so that none is downloaded. Run by `make conformance`."""

import os
import shutil
import subprocess
import tempfile
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from django.core.files.uploadedfile import SimpleUploadedFile
from pytest_django import Settings

from accounts.models import User
from accounts.viewer import Viewer
from config.base import scanning
from config.base.scanning import ScannerFailed
from config.servers import free_port
from gallery import services
from gallery.models import Asset
from tests.factories.gallery import tiny

SIGN = b"darkroom-sign-of-evil"
CONFIGURATION = """
Foreground yes
DatabaseDirectory {folder}/signatures
TemporaryDirectory {folder}
LocalSocket {folder}/clamd.sock
TCPSocket {port}
TCPAddr 127.0.0.1
LogFile {folder}/clamd.log
StreamMaxLength 1M
"""


@pytest.fixture(scope="module")
def clamd() -> Iterator[tuple[str, str]]:
    """The addresses of a running clamd, over TCP and over its socket."""
    program = shutil.which("clamd", path=f"{os.environ['PATH']}:/usr/sbin")
    if program is None:
        pytest.fail("clamd is not installed, so nothing was proved. On Debian and Ubuntu: apt install clamav-daemon")
    with tempfile.TemporaryDirectory() as name:
        folder, port = Path(name), free_port()
        (folder / "signatures").mkdir()
        (folder / "signatures" / "own.ndb").write_text(f"Darkroom.Test:0:*:{SIGN.hex()}\n")
        (folder / "clamd.conf").write_text(CONFIGURATION.format(folder=folder, port=port))
        server = subprocess.Popen([program, "-c", str(folder / "clamd.conf")], stdout=subprocess.DEVNULL)
        try:
            for _attempt in range(600):
                if server.poll() is not None or (folder / "clamd.sock").exists():
                    break
                time.sleep(0.05)
            if not (folder / "clamd.sock").exists():
                pytest.fail((folder / "clamd.log").read_text())
            yield f"tcp://127.0.0.1:{port}", f"unix://{folder}/clamd.sock"
        finally:
            server.terminate()
            server.wait()


@pytest.mark.parametrize("way", [0, 1], ids=["tcp", "unix"])
def test_clamd_tells_good_from_evil(clamd: tuple[str, str], way: int, tmp_path: Path) -> None:
    (tmp_path / "good").write_bytes(tiny("PNG", "red"))
    (tmp_path / "evil").write_bytes(tiny("PNG", "red") + SIGN)

    assert scanning.scan(tmp_path / "good", address=clamd[way]) == ""
    assert scanning.scan(tmp_path / "evil", address=clamd[way]).startswith("Darkroom.Test")


def test_what_is_too_large_for_clamd_is_not_judged(clamd: tuple[str, str], tmp_path: Path) -> None:
    (tmp_path / "large").write_bytes(bytes(4 << 20))

    with pytest.raises(ScannerFailed):
        scanning.scan(tmp_path / "large", address=clamd[0])


def test_an_upload_that_clamd_refuses_leaves_nothing(
    clamd: tuple[str, str], settings: Settings, alice: User, viewer: Callable[[User], Viewer]
) -> None:
    settings.CLAMAV_URL = clamd[1]
    who = viewer(alice)

    with pytest.raises(services.UploadInfected):
        services.upload_picture(viewer=who, file=SimpleUploadedFile("a.png", tiny("PNG", "red") + SIGN))
    assert not Asset.objects.filter(user=alice).exists()
    assert services.upload_picture(viewer=who, file=SimpleUploadedFile("a.png", tiny("PNG", "red"))).pk
