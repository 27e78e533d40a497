"""The real nginx in front of us gives the files that our signatures open, and no others. Run by `make conformance`."""

import os
import re
import shutil
import socket
import subprocess
import threading
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from wsgiref.simple_server import WSGIServer, make_server

import httpx
import pytest
from django.conf import settings as product
from django.core.files.base import ContentFile
from django.core.files.storage import default_storage
from pytest_django import Settings

from accounts.models import User
from accounts.viewer import Viewer
from config.servers import free_port
from config.wsgi import application
from gallery.delivery import delivery_for
from gallery.models import Asset
from tests.factories.gallery import AssetFactory
from tests.loopback import serving

CONTENT = os.urandom(50_000)
SHIPPED = Path(product.BASE_DIR) / "deploy" / "nginx" / "darkroom.conf"
AROUND = """
daemon off;
pid {folder}/nginx.pid;
error_log {folder}/error.log;
{user}
events {{}}
http {{
  client_body_temp_path {folder}/body;
  proxy_temp_path {folder}/proxy;
  fastcgi_temp_path {folder}/fastcgi;
  uwsgi_temp_path {folder}/uwsgi;
  scgi_temp_path {folder}/scgi;
  {shipped}
}}
"""
SECOND = threading.Event()


def configuration(folder: Path, port: int, backend: int, stream: int) -> str:
    """What we ship, with this machine's ports and folders in place of the containers'."""
    shipped = SHIPPED.read_text()
    for ours, here in (
        ("server web:8000", f"server 127.0.0.1:{backend}"),
        ("server events:8001", f"server 127.0.0.1:{stream}"),
        ("listen 80;", f"listen 127.0.0.1:{port};"),
        ("/data/media/", f"{product.MEDIA_ROOT}/"),
        ("/dev/stdout", f"{folder}/access.log"),
    ):
        assert ours in shipped, ours
        shipped = shipped.replace(ours, here)
    return AROUND.format(folder=folder, user="user root;" if os.geteuid() == 0 else "", shipped=shipped)


def two_events(connection: socket.socket) -> None:
    """An event stream that says its second word only when it is told to."""
    connection.sendall(b"HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\n\r\ndata: first\n\n")
    SECOND.wait(20)
    connection.sendall(b"data: second\n\n")


@pytest.fixture
def stream() -> Iterator[int]:
    """The port of an event stream."""
    SECOND.clear()
    with serving(two_events) as server:
        yield server.port


@pytest.fixture
def backend(settings: Settings) -> Iterator[int]:
    """The port of our pages over WSGI, in this process, so that it has the test's rows and files."""
    settings.FILES_ACCEL_PREFIX = "/stored"
    server = make_server("127.0.0.1", 0, application, server_class=WSGIServer)
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    yield server.server_port
    server.shutdown()
    server.server_close()
    thread.join()


@pytest.fixture
def nginx(backend: int, stream: int, tmp_path: Path) -> Iterator[str]:
    """The address of an nginx in front of `backend` and `stream`, configured as we ship it."""
    program = shutil.which("nginx", path=f"{os.environ['PATH']}:/usr/sbin")
    if program is None:
        pytest.fail("nginx is not installed, so nothing was proved. On Debian and Ubuntu: apt install nginx-light")
    port = free_port()
    (tmp_path / "nginx.conf").write_text(configuration(tmp_path, port, backend, stream))
    server = subprocess.Popen([program, "-p", str(tmp_path), "-c", str(tmp_path / "nginx.conf")])
    try:
        _wait_for(server, port, tmp_path)
        yield f"http://127.0.0.1:{port}"
    finally:
        server.terminate()
        server.wait()


def _wait_for(server: "subprocess.Popen[bytes]", port: int, folder: Path) -> None:
    for _attempt in range(200):
        if server.poll() is not None:
            break
        with socket.socket() as probe:
            if probe.connect_ex(("127.0.0.1", port)) == 0:
                return
        time.sleep(0.05)
    pytest.fail((folder / "error.log").read_text())


@pytest.fixture
def asset(alice: User) -> Asset:
    asset = AssetFactory(user=alice, origin="upload")
    default_storage.save(asset.renditions.get(name="original").key, ContentFile(CONTENT))
    return asset


@pytest.fixture
def address(alice: User, viewer: Callable[[User], Viewer], asset: Asset, nginx: str) -> str:
    return nginx + delivery_for(viewer(alice)).download_url(asset)


def test_a_signed_address_gives_the_file_with_our_headers(address: str) -> None:
    answer = httpx.get(address)

    assert (answer.status_code, answer.content) == (200, CONTENT)
    assert answer.headers["Content-Type"] == "image/png"
    assert answer.headers["Content-Disposition"].startswith("attachment; filename=")
    assert re.fullmatch(r"private, max-age=\d+, immutable", answer.headers["Cache-Control"])
    assert answer.headers["X-Content-Type-Options"] == "nosniff"
    assert answer.headers["Content-Security-Policy"].endswith("sandbox")
    assert "X-Accel-Redirect" not in answer.headers


def test_nginx_gives_parts_and_says_that_nothing_changed(address: str) -> None:
    whole = httpx.get(address)
    part = httpx.get(address, headers={"Range": "bytes=10-19"})
    outside = httpx.get(address, headers={"Range": "bytes=50000-"})
    same = httpx.get(address, headers={"If-None-Match": whole.headers["ETag"]})
    goes_on = httpx.get(address, headers={"Range": "bytes=40000-", "If-Range": whole.headers["ETag"]})

    assert (part.status_code, part.content) == (206, CONTENT[10:20])
    assert part.headers["Content-Range"] == "bytes 10-19/50000"
    assert outside.status_code == 416
    assert (same.status_code, same.content) == (304, b"")
    assert (goes_on.status_code, goes_on.content) == (206, CONTENT[40_000:])


def test_without_our_signature_nothing_is_given(address: str, nginx: str, asset: Asset) -> None:
    key = asset.renditions.get(name="original").key

    assert httpx.get(f"{nginx}/stored/{key}").status_code == 404
    assert httpx.get(f"{nginx}/stored/../stored/{key}").status_code == 404
    assert httpx.get(address.replace("/f/", "/f/x")).status_code == 404
    assert httpx.get(f"{nginx}/stored/", headers={"X-Accel-Redirect": f"/stored/{key}"}).status_code == 404


def test_a_file_that_is_gone_is_not_found(address: str, asset: Asset) -> None:
    default_storage.delete(asset.renditions.get(name="original").key)

    assert httpx.get(address).status_code == 404


def test_events_come_through_one_by_one(nginx: str) -> None:
    with httpx.stream("GET", f"{nginx}/events/", timeout=20) as answer:
        lines = answer.iter_lines()
        assert next(lines) == "data: first", "it came although the second was not yet said"
        SECOND.set()
        assert [line for line in lines if line] == ["data: second"]


def test_a_flood_is_stopped_and_files_are_not_counted(nginx: str, address: str) -> None:
    with httpx.Client(base_url=nginx) as client, ThreadPoolExecutor(16) as pool:
        answers = list(pool.map(lambda _number: client.get("/health/live").status_code, range(600)))

    assert set(answers) == {200, 429}
    assert httpx.get(address).status_code == 200


def test_what_is_not_for_the_public_is_not_given(nginx: str, tmp_path: Path, address: str) -> None:
    assert httpx.get(f"{nginx}/metrics").status_code == 404
    assert httpx.get(address).status_code == 200

    refused = httpx.post(f"{nginx}/api/v1/uploads", content=bytes(14 << 20))

    assert refused.status_code == 413
    log = (tmp_path / "access.log").read_text()
    assert log.count('"status":200') == 1
    assert address.split("/")[4] not in log, "addresses are keys"
