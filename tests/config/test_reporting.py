"""Faults on their way to Sentry: a real product process, a real client, a loopback server that listens."""

import os
import subprocess
import sys
import threading
from http.server import BaseHTTPRequestHandler, HTTPServer

import brotli

from tests.database import PROJECT

# A view that fails, asked with secrets in every place that a request has.
FAULT = """
import django
django.setup()
import sentry_sdk
from django.test import Client
from config import health

def fail(*args, **kwargs):
    raise RuntimeError("token=planted-token-0123 planted-fal-key-0123")

health.JsonResponse = fail
client = Client(raise_request_exception=False)
client.cookies["sessionid"] = "planted-session-0123"
headers = {"Authorization": "Bearer planted-bearer-0123", "X-Request-ID": "the-request-1"}
assert client.get("/health/live?ticket=planted-ticket-0123", headers=headers).status_code == 500
sentry_sdk.flush(10)
"""


def test_a_fault_is_reported_with_its_request_and_without_secrets(db: None) -> None:
    heard: list[bytes] = []

    class Listener(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers["Content-Length"]))
            heard.append(brotli.decompress(body) if self.headers["Content-Encoding"] == "br" else body)
            self.send_response(200)
            self.send_header("Content-Length", "2")
            self.end_headers()
            self.wfile.write(b"{}")

        def log_message(self, *arguments: object) -> None:
            """Say nothing on the terminal."""

    server = HTTPServer(("127.0.0.1", 0), Listener)
    listening = threading.Thread(target=server.serve_forever)
    listening.start()
    try:
        outcome = subprocess.run(
            [sys.executable, "-c", FAULT],
            cwd=PROJECT,
            env={
                **os.environ,
                "DJANGO_SETTINGS_MODULE": "config.settings",
                "ALLOWED_HOSTS": "testserver",
                "SENTRY_DSN": f"http://public@127.0.0.1:{server.server_port}/1",
                "FAL_KEY": "planted-fal-key-0123",
            },
            capture_output=True,
            text=True,
            check=False,
        )
    finally:
        server.shutdown()
        listening.join()
        server.server_close()

    assert outcome.returncode == 0, outcome.stderr
    text = b"".join(heard).decode()
    assert "RuntimeError" in text
    assert "the-request-1" in text
    assert "planted" not in text
    assert "planted" not in outcome.stderr
