"""Whether a webhook is fal's own: Ed25519 over request, user, time and body, with keys that fal publishes."""

import base64
import hashlib
import re
import time
from collections.abc import Mapping

import httpx
from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey
from django.core.cache import cache
from django.utils.translation import gettext as _

from generation.providers.base import BadSignature, Retryable, WebhookEvent
from generation.providers.transport import Answered, OnceTransport

# Seconds.
TOLERANCE = 300
KEYS_LIFETIME = 24 * 60 * 60
KEYS_PAUSE = 60
MOST_KEYS = 20
REQUEST_ID = re.compile(r"[A-Za-z0-9_-]{1,100}")


def verify(headers: Mapping[str, str], body: bytes, *, keys_url: str) -> WebhookEvent:
    """The event of a delivery.

    Raises `BadSignature`; `Retryable` when fal's keys cannot be had, so that the delivery should be refused for now
    and will come again.
    """
    given = {name.lower(): value for name, value in headers.items()}
    request_id, user_id, timestamp, signature = (
        given.get(f"x-fal-webhook-{name}", "") for name in ("request-id", "user-id", "timestamp", "signature")
    )
    # All that needs no key comes first: junk must not cause requests to fal.
    if not REQUEST_ID.fullmatch(request_id) or not user_id:
        raise BadSignature("The headers of a signed delivery are missing.")
    if not timestamp.isascii() or not timestamp.isdigit() or abs(time.time() - int(timestamp[:12])) > TOLERANCE:
        raise BadSignature("The delivery was not signed just now.")
    try:
        signed = bytes.fromhex(signature)
    except ValueError:
        raise BadSignature("The signature is not hexadecimal.") from None
    message = "\n".join((request_id, user_id, timestamp, hashlib.sha256(body).hexdigest())).encode()
    if not _is_signed(message, signed, _keys(keys_url)) and not _is_signed(message, signed, _new_keys(keys_url)):
        raise BadSignature("The signature is not one of fal's.")
    # The same bytes delivered twice are one delivery; one that is sent again is signed again, and looked at again.
    return WebhookEvent(external_id=request_id, delivery_id=hashlib.sha256(message).hexdigest()[:40])


def _is_signed(message: bytes, signature: bytes, keys: list[str]) -> bool:
    for key in keys:
        try:
            Ed25519PublicKey.from_public_bytes(bytes.fromhex(key)).verify(signature, message)
        except InvalidSignature:
            continue
        return True
    return False


def _keys(url: str) -> list[str]:
    """fal's keys as they are remembered; fetched when they are not."""
    known: list[str] | None = cache.get(_name(url))
    if known is None:
        known = _new_keys(url)
    if not known:
        raise Retryable(_("fal's keys cannot be fetched at the moment."), retry_after=KEYS_PAUSE)
    return known


def _new_keys(url: str) -> list[str]:
    """fal's keys fetched anew, or none: forged signatures must not make us ask more than once a minute."""
    if not cache.add(f"{_name(url)}:asked", 1, KEYS_PAUSE):
        return []
    try:
        with httpx.Client(transport=OnceTransport()) as client:
            keys = _read_keys(client.get(url).json())
    except (Answered, Retryable, ValueError, KeyError, TypeError):
        return []
    if keys:
        cache.set(_name(url), keys, KEYS_LIFETIME)
    return keys


def _read_keys(found: dict[str, list[dict[str, str]]]) -> list[str]:
    """The Ed25519 keys of a key set as hexadecimal, which any cache can keep."""
    rows = [row for row in found["keys"][:MOST_KEYS] if row.get("crv", "Ed25519") == "Ed25519"]
    keys = [base64.urlsafe_b64decode(row["x"] + "=" * (-len(row["x"]) % 4)) for row in rows]
    return [key.hex() for key in keys if len(key) == 32]


def _name(url: str) -> str:
    return f"fal:keys:{hashlib.sha256(url.encode()).hexdigest()[:16]}"
