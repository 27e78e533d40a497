"""Doubles of Google's and Apple's sign-in: a page that says yes, an endpoint that gives the token for the code, once.

They check what the real ones check (client, secret, redirect, PKCE at Google, a signed secret at Apple) and sign what
those sign. Set `person` to who comes.
"""

import base64
import hashlib
import json
import secrets
import threading
import time
from html import escape
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from types import TracebackType
from typing import Any, Self
from urllib.parse import parse_qs, urlencode, urlsplit

import jwt
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat
from jwt.algorithms import RSAAlgorithm

ISSUER = "https://accounts.google.com"
CLIENT = "darkroom.apps.example"
SECRET = "a-secret-of-a-double"
APPLE = "https://appleid.apple.com"
TEAM = "TEAM123456"
KEY_ID = "KEY1234567"


class _Door:
    """A sign-in at another address, `url`; `refused` lists what it did not like."""

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

    def authorize(self, asked: dict[str, str]) -> tuple[str, str]:
        """What the browser is answered: where to go, or a page."""
        raise NotImplementedError

    def token(self, asked: dict[str, str]) -> tuple[int, dict[str, Any]]:
        """The answer for a code; each is good once."""
        raise NotImplementedError

    def keys(self) -> dict[str, Any]:
        """What signatures are checked by, as a JWK set."""
        return {"keys": [{**RSAAlgorithm.to_jwk(self._key.public_key(), as_dict=True), "kid": "1", "alg": "RS256"}]}

    def _code(self, asked: dict[str, str]) -> str:
        code = secrets.token_urlsafe(16)
        self._codes[code] = asked
        return code

    def _yes(self, issuer: str) -> tuple[int, dict[str, Any]]:
        return 200, {"access_token": "a", "token_type": "Bearer", "expires_in": 3599, "id_token": self._signed(issuer)}

    def _signed(self, issuer: str) -> str:
        now = int(time.time())
        claims = {"iss": issuer, "aud": CLIENT, "iat": now, "exp": now + 600, **self.person}
        return jwt.encode(claims, self._key, algorithm="RS256", headers={"kid": "1"})

    def _no(self, what: str) -> tuple[int, dict[str, Any]]:
        self.refused.append(what)
        return 400, {"error": "invalid_grant"}


class GoogleDouble(_Door):
    """`with GoogleDouble() as google:` gives one at `google.url`."""

    def authorize(self, asked: dict[str, str]) -> tuple[str, str]:
        """Where the browser is sent back to, and no page."""
        back = asked["redirect_uri"]
        if self.says_no:
            return f"{back}?{urlencode({'error': 'access_denied', 'state': asked['state']})}", ""
        if asked["client_id"] != CLIENT or asked["response_type"] != "code" or "email" not in asked["scope"].split():
            self.refused.append("authorize")
        return f"{back}?{urlencode({'code': self._code(asked), 'state': asked['state']})}", ""

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
        return self._yes(ISSUER)


class AppleDouble(_Door):
    """`with AppleDouble() as apple:` gives one at `apple.url`; `certificate_key` is what Apple gave the operator.

    The browser is not sent back but posts a form from Apple's page, so our cookies are not with it. `name` is told the
    first time only.
    """

    def __init__(self) -> None:
        super().__init__()
        self.name: dict[str, str] | None = None
        self._secret_key = ec.generate_private_key(ec.SECP256R1())
        pem = self._secret_key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())
        self.certificate_key = pem.decode()

    def authorize(self, asked: dict[str, str]) -> tuple[str, str]:
        """Nowhere to go, and a page whose form is sent to us."""
        fields = {"state": asked["state"]}
        if self.says_no:
            fields |= {"error": "user_cancelled_authorize"}
        else:
            if (asked["client_id"], asked["response_type"]) != (CLIENT, "code id_token"):
                self.refused.append("authorize")
            if asked["response_mode"] != "form_post" or set(asked["scope"].split()) != {"name", "email"}:
                self.refused.append("scope")
            fields |= {"code": self._code(asked), "id_token": self._signed(APPLE)}
            if self.name is not None:
                fields["user"] = json.dumps({"name": self.name, "email": self.person.get("email")})
        inputs = "".join(f'<input name="{name}" value="{escape(value)}">' for name, value in fields.items())
        return "", f'<form method="post" action="{escape(asked["redirect_uri"])}">{inputs}</form>'

    def token(self, asked: dict[str, str]) -> tuple[int, dict[str, Any]]:
        """The answer for a code, to whoever signs with the operator's key."""
        begun = self._codes.pop(asked.get("code", ""), None)
        if begun is None or asked["client_id"] != CLIENT or asked["redirect_uri"] != begun["redirect_uri"]:
            return self._no("code, client or redirect")
        try:
            proof = jwt.decode(
                asked["client_secret"], self._secret_key.public_key(), algorithms=["ES256"], audience=APPLE
            )
        except jwt.InvalidTokenError:
            return self._no("secret")
        kid = jwt.get_unverified_header(asked["client_secret"])["kid"]
        if (proof["iss"], proof["sub"], kid) != (TEAM, CLIENT, KEY_ID):
            return self._no("secret")
        return self._yes(APPLE)


def _handler_of(double: _Door) -> type[BaseHTTPRequestHandler]:
    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            asked = urlsplit(self.path)
            if asked.path == "/keys":
                self._answer(200, "application/json", json.dumps(double.keys()))
                return
            query = {name: values[0] for name, values in parse_qs(asked.query).items()}
            address, page = double.authorize(query)
            self._answer(302 if address else 200, "text/html", page, Location=address)

        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers["Content-Length"])).decode()
            status, answer = double.token({name: values[0] for name, values in parse_qs(body).items()})
            self._answer(status, "application/json", json.dumps(answer))

        def _answer(self, status: int, kind: str, text: str, **headers: str) -> None:
            content = text.encode()
            self.send_response(status)
            for name, value in {"Content-Type": kind, "Content-Length": str(len(content)), **headers}.items():
                if value:
                    self.send_header(name, value)
            self.end_headers()
            self.wfile.write(content)

        def log_message(self, *_: Any) -> None:
            """Nothing."""

    return Handler
