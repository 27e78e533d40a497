"""The malware scanner's word on an upload, from a double on loopback that speaks ClamAV's protocol."""

import logging
import socket
import struct
import threading
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from django.conf import settings as product
from django.core.files.uploadedfile import SimpleUploadedFile
from django.core.management import call_command
from pytest_django import Settings
from rest_framework.test import APIClient

from accounts.models import User
from accounts.viewer import Viewer
from config.base import scanning
from config.base.scanning import ScannerFailed
from config.servers import free_port
from gallery import checks, services
from gallery.models import Asset
from tests.factories.gallery import tiny

ViewerOf = Callable[[User], Viewer]


class Scanner:
    """Finds `EVIL` in what it is sent, unless told to answer otherwise; keeps what it was sent."""

    def __init__(self) -> None:
        self.answer: bytes | None = None
        self.limit = 1 << 30
        self.seen: list[bytes] = []
        self._socket = socket.create_server(("127.0.0.1", 0))
        self.address = f"tcp://127.0.0.1:{self._socket.getsockname()[1]}"
        self._thread = threading.Thread(target=self._serve, daemon=True)
        self._thread.start()

    def _serve(self) -> None:
        while True:
            try:
                connection, _peer = self._socket.accept()
            except OSError:
                return
            with connection, connection.makefile("rb") as stream:
                assert stream.read(10) == b"zINSTREAM\0"
                content = self._receive(stream)
                if content is None:
                    continue
                self.seen.append(content)
                verdict = b"stream: Darkroom.Test FOUND\0" if b"EVIL" in content else b"stream: OK\0"
                connection.sendall(verdict if self.answer is None else self.answer)

    def _receive(self, stream: "socket.SocketIO") -> bytes | None:  # type: ignore[name-defined]
        content = b""
        while size := struct.unpack(">I", stream.read(4))[0]:
            content += stream.read(size)
            if len(content) > self.limit:
                return None
        return content

    def close(self) -> None:
        self._socket.shutdown(socket.SHUT_RDWR)
        self._socket.close()
        self._thread.join()


@pytest.fixture
def scanner(settings: Settings) -> Iterator[Scanner]:
    made = Scanner()
    settings.CLAMAV_URL = made.address
    yield made
    made.close()


def send(api: APIClient, content: bytes) -> tuple[int, str]:
    answer = api.post("/api/v1/uploads", {"file": SimpleUploadedFile("fox.png", content)}, format="multipart")
    return answer.status_code, answer.json().get("code", "")


def nothing_is_left(user: User, viewer: ViewerOf) -> bool:
    company = viewer(user).company
    files = [path for path in (Path(product.MEDIA_ROOT) / str(company.pk)).rglob("*") if path.is_file()]
    return not Asset.objects.filter(company=company).exists() and not files


def test_what_the_scanner_lets_pass_is_kept(alice: User, alice_api: APIClient, scanner: Scanner) -> None:
    assert send(alice_api, tiny("PNG", "red")) == (201, "")

    assert scanner.seen == [tiny("PNG", "red")], "it sees the bytes as they were sent"
    assert Asset.objects.filter(user=alice).count() == 1


def test_what_the_scanner_finds_is_refused(
    alice: User, viewer: ViewerOf, alice_api: APIClient, scanner: Scanner, caplog: pytest.LogCaptureFixture
) -> None:
    assert send(alice_api, tiny("PNG", "red") + b"EVIL") == (422, "upload_infected")

    assert nothing_is_left(alice, viewer)
    assert "Darkroom.Test" in caplog.text


@pytest.mark.parametrize(
    "answer",
    [b"", b"INSTREAM size limit exceeded. ERROR\0", b"UNKNOWN COMMAND\0", b"stream: ERROR\0", b"\xff" * 9000],
    ids=["nothing", "too large", "unknown", "error", "nonsense"],
)
def test_without_a_verdict_nothing_is_taken_in(
    alice: User, viewer: ViewerOf, alice_api: APIClient, scanner: Scanner, answer: bytes
) -> None:
    scanner.answer = answer

    assert send(alice_api, tiny("PNG", "red")) == (503, "upload_not_judged")
    assert nothing_is_left(alice, viewer)


def test_a_scanner_that_hangs_up_because_of_the_size_has_not_judged(scanner: Scanner, tmp_path: Path) -> None:
    scanner.limit = 1000
    (tmp_path / "large").write_bytes(bytes(8 << 20))

    with pytest.raises(ScannerFailed):
        scanning.scan(tmp_path / "large", address=scanner.address)


def test_a_scanner_that_is_away_takes_nothing_in(
    alice: User, viewer: ViewerOf, alice_api: APIClient, settings: Settings, tmp_path: Path
) -> None:
    for address in (f"tcp://127.0.0.1:{free_port()}", f"unix://{tmp_path}/nobody.sock"):
        settings.CLAMAV_URL = address
        assert send(alice_api, tiny("PNG", "red")) == (503, "upload_not_judged")
    assert nothing_is_left(alice, viewer)


def test_a_scanner_that_says_nothing_is_given_up(tmp_path: Path) -> None:
    (tmp_path / "file").write_bytes(b"x")
    with socket.create_server(("127.0.0.1", 0)) as silent, pytest.raises(ScannerFailed):
        scanning.scan(tmp_path / "file", address=f"tcp://127.0.0.1:{silent.getsockname()[1]}", seconds=0.2)


def test_an_address_that_is_none_is_the_operators_mistake(tmp_path: Path) -> None:
    (tmp_path / "file").write_bytes(b"x")
    with pytest.raises(ValueError, match="CLAMAV_URL"):
        scanning.scan(tmp_path / "file", address="clamav:3310")


def test_without_a_scanner_pictures_are_taken_in_and_the_operator_is_told(
    alice: User,
    viewer: ViewerOf,
    settings: Settings,
    caplog: pytest.LogCaptureFixture,
    capsys: pytest.CaptureFixture[str],
) -> None:
    settings.CLAMAV_URL = ""

    services.upload_picture(viewer=viewer(alice), file=SimpleUploadedFile("fox.png", tiny("PNG", "red")))
    with caplog.at_level(logging.INFO):
        checks.log_notes()
    # What else is wrong with a deployment that is a test is not asked here.
    call_command("check", deploy=True, fail_level="CRITICAL")

    assert "Uploads are not scanned" in caplog.text
    assert "gallery.I001" in capsys.readouterr().err
    settings.CLAMAV_URL = "tcp://127.0.0.1:3310"
    assert not [note for note in checks.notes() if "scanned" in note]
