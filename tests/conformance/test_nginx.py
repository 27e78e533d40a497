"""The real nginx in front of us gives the files that our signatures open, and no others. Run by `make conformance`."""

import os
import re
import shutil
import socket
import subprocess
import threading
import time
from collections.abc import Callable, Iterator
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

CONTENT = os.urandom(50_000)
CONFIGURATION = """
daemon off;
pid {folder}/nginx.pid;
error_log {folder}/error.log;
{user}
events {{}}
http {{
  access_log off;
  client_body_temp_path {folder}/body;
  proxy_temp_path {folder}/proxy;
  fastcgi_temp_path {folder}/fastcgi;
  uwsgi_temp_path {folder}/uwsgi;
  scgi_temp_path {folder}/scgi;
  server {{
    listen 127.0.0.1:{port};
    location / {{
      proxy_pass http://127.0.0.1:{backend};
      proxy_set_header Host $host;
    }}
    location /stored/ {{
      internal;
      alias {media}/;
      # What we said of the file stays with the answer that nginx replaced, unless it is said again here.
      add_header X-Content-Type-Options $upstream_http_x_content_type_options always;
      add_header Content-Security-Policy $upstream_http_content_security_policy always;
    }}
  }}
}}
"""


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
def nginx(backend: int, tmp_path: Path) -> Iterator[str]:
    """The address of an nginx in front of `backend`."""
    program = shutil.which("nginx", path=f"{os.environ['PATH']}:/usr/sbin")
    if program is None:
        pytest.fail("nginx is not installed, so nothing was proved. On Debian and Ubuntu: apt install nginx-light")
    port = free_port()
    user = "user root;" if os.geteuid() == 0 else ""
    text = CONFIGURATION.format(folder=tmp_path, user=user, port=port, backend=backend, media=product.MEDIA_ROOT)
    (tmp_path / "nginx.conf").write_text(text)
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
