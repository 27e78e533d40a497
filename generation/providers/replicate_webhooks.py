"""Whether a webhook is Replicate's own: HMAC-SHA256 of id, time and body with the account's signing secret."""

import hashlib
import json
import re
import time
from collections.abc import Callable, Mapping

from django.core.cache import cache
from django.utils.translation import gettext as _
from replicate.webhook import Webhooks, WebhookSigningSecret

from generation.providers.base import BadSignature, Retryable, WebhookEvent

# Seconds.
TOLERANCE = 300
SECRET_LIFETIME = 24 * 60 * 60
SECRET_PAUSE = 60
DELIVERY_ID = re.compile(r"[A-Za-z0-9_-]{1,100}")
PREDICTION_ID = re.compile(r"[A-Za-z0-9]{1,64}")
# Signatures of several secrets may stand beside each other while one replaces the other.
SIGNATURES = re.compile(r"v1,[A-Za-z0-9+/]{43}=( v1,[A-Za-z0-9+/]{43}=){0,4}")
# What signs a secret as one, before the part in base64.
SECRET = re.compile(r"whsec_[A-Za-z0-9+/]{16,}=*")


def verify(
    headers: Mapping[str, str], body: bytes, *, account: str, fetch_secret: Callable[[], str | None]
) -> WebhookEvent:
    """The event of a delivery; `account` tells one account's secret from another's, `fetch_secret` asks for it.

    Raises `BadSignature`; `Retryable` when the secret cannot be had, so that the delivery should be refused for now
    and will come again.
    """
    given = {name.lower(): value for name, value in headers.items()}
    delivery_id, timestamp, signature = (given.get(f"webhook-{name}", "") for name in ("id", "timestamp", "signature"))
    # All that needs no secret comes first: junk must not cause requests to Replicate.
    if not DELIVERY_ID.fullmatch(delivery_id) or not SIGNATURES.fullmatch(signature):
        raise BadSignature("The headers of a signed delivery are missing.")
    if not timestamp.isascii() or not timestamp.isdigit() or abs(time.time() - int(timestamp[:12])) > TOLERANCE:
        raise BadSignature("The delivery was not signed just now.")
    signed = {f"webhook-{name}": given[f"webhook-{name}"] for name in ("id", "timestamp", "signature")}
    secret = _secret(account, fetch_secret)
    if not _is_signed(signed, body, secret) and not _is_signed(signed, body, _new_secret(account, fetch_secret)):
        raise BadSignature("The signature is not one of Replicate's.")
    return WebhookEvent(external_id=_prediction_of(body), delivery_id=delivery_id)


def _is_signed(headers: dict[str, str], body: bytes, secret: str) -> bool:
    if not secret:
        return False
    try:
        Webhooks.validate(
            headers=headers,
            body=body.decode(),
            secret=WebhookSigningSecret(key=secret),
            tolerance=TOLERANCE,
        )
    except ValueError:
        return False
    return True


def _prediction_of(body: bytes) -> str:
    """Whose delivery it is: said in the body alone, which is signed."""
    try:
        found = json.loads(body)["id"]
    except (ValueError, KeyError, TypeError):
        found = None
    if not isinstance(found, str) or not PREDICTION_ID.fullmatch(found):
        raise BadSignature("The delivery names no prediction.")
    return found


def _secret(account: str, fetch: Callable[[], str | None]) -> str:
    """The secret as it is remembered; fetched when it is not.

    Remembered by the cache, as it is: whoever has it can make us look at a job, and no more.
    """
    known: str = cache.get(_name(account)) or _new_secret(account, fetch)
    if not known:
        raise Retryable(_("Replicate's signing secret cannot be fetched at the moment."), retry_after=SECRET_PAUSE)
    return known


def _new_secret(account: str, fetch: Callable[[], str | None]) -> str:
    """The secret fetched anew, or "": forged signatures must not make us ask more than once a minute."""
    if not cache.add(f"{_name(account)}:asked", 1, SECRET_PAUSE):
        return ""
    secret = fetch() or ""
    if not SECRET.fullmatch(secret):
        return ""
    cache.set(_name(account), secret, SECRET_LIFETIME)
    return secret


def _name(account: str) -> str:
    return f"replicate:secret:{hashlib.sha256(account.encode()).hexdigest()[:16]}"
