"""A double of Google's sign-in: one page that says yes, one endpoint that gives the token for the code, once.

It checks what Google checks (client, secret, redirect, PKCE) and signs what Google signs. Set `person` to who comes.
"""

import base64
import hashlib
import json
import secrets
import threading
import time
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from types import TracebackType
from typing import Any, Self
from urllib.parse import parse_qs, urlencode, urlsplit

import jwt
from cryptography.hazmat.primitives.asymmetric import rsa

ISSUER = "https://accounts.google.com"
CLIENT = "darkroom.apps.example"
SECRET = "a-secret-of-a-double"


class GoogleDouble:
    """`with GoogleDouble() as google:` gives one at `google.url`; `refused` lists what it did not like."""

    def __init__(self) -> None:
        self.person: dict[str, Any] = {}
        self.says_no = False
        self.refused: list[str] = []
        self._codes: dict[str, dict[str, str]] = {}
        self._key = rsa.generate_private_key(public_exponent=65537, key_size=2048)
        self._server = ThreadingHTTPServer(("127.0.0.1", 0), _handler_of(self))
        self.url = f"http://127.0.0.1:{self._server.server_address[1]}"
        self._thread = threading.Thread(target=self._server.serve_forever, args=(0.05,), daemon=True)

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._server.shutdown()
        self._server.server_close()
        self._thread.join()

    def authorize(self, asked: dict[str, str]) -> str:
        """Where the browser is sent back to."""
        back = asked["redirect_uri"]
        if self.says_no:
            return f"{back}?{urlencode({'error': 'access_denied', 'state': asked['state']})}"
        if asked["client_id"] != CLIENT or asked["response_type"] != "code" or "email" not in asked["scope"].split():
            self.refused.append("authorize")
        code = secrets.token_urlsafe(16)
        self._codes[code] = asked
        return f"{back}?{urlencode({'code': code, 'state': asked['state']})}"

    def token(self, asked: dict[str, str]) -> tuple[int, dict[str, Any]]:
        """The answer for a code; each is good once."""
        begun = self._codes.pop(asked.get("code", ""), None)
        if begun is None or (asked["client_id"], asked["client_secret"]) != (CLIENT, SECRET):
            return self._no("code or client")
        digest = hashlib.sha256(asked.get("code_verifier", "").encode()).digest()
        if base64.urlsafe_b64encode(digest).rstrip(b"=").decode() != begun.get("code_challenge"):
            return self._no("verifier")
        if asked["redirect_uri"] != begun["redirect_uri"]:
            return self._no("redirect")
        now = int(time.time())
        claims = {"iss": ISSUER, "aud": CLIENT, "iat": now, "exp": now + 600, **self.person}
        signed = jwt.encode(claims, self._key, algorithm="RS256", headers={"kid": "1"})
        return 200, {"access_token": "a", "token_type": "Bearer", "expires_in": 3599, "id_token": signed}

    def _no(self, what: str) -> tuple[int, dict[str, Any]]:
        self.refused.append(what)
        return 400, {"error": "invalid_grant"}


def _handler_of(double: GoogleDouble) -> type[BaseHTTPRequestHandler]:
    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            query = {name: values[0] for name, values in parse_qs(urlsplit(self.path).query).items()}
            self.send_response(302)
            self.send_header("Location", double.authorize(query))
            self.send_header("Content-Length", "0")
            self.end_headers()

        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers["Content-Length"])).decode()
            status, answer = double.token({name: values[0] for name, values in parse_qs(body).items()})
            content = json.dumps(answer).encode()
            self.send_response(status)
            self.send_header("Content-Type", "application/json")
            self.send_header("Content-Length", str(len(content)))
            self.end_headers()
            self.wfile.write(content)

        def log_message(self, *_: Any) -> None:
            """Nothing."""

    return Handler
