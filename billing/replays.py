"""One answer for each `Idempotency-Key`: a program that asks again, because the answer was lost, buys nothing twice."""

import hashlib
import json
from collections.abc import Callable, Mapping
from typing import Any

from django.core.cache import cache
from django.utils.translation import gettext as _

from accounts.viewer import Viewer
from config.base.refusal import Refusal

KEY_LENGTH = 80
# As long as Stripe remembers its own.
_REMEMBERED_SECONDS = 24 * 60 * 60
# Longer than anything that is asked of Stripe takes.
_UNDER_WAY_SECONDS = 120


class KeyNeeded(Refusal):
    """A request that leads to a payment without an `Idempotency-Key`, or with one that is too long."""

    code = "invalid_idempotency_key"
    status = 400


class KeyReused(Refusal):
    """The key was used before for a different request."""

    code = "idempotency_key_reused"


class UnderWay(Refusal):
    """A request with the same key has not been answered yet."""

    code = "request_under_way"
    status = 409


def once(*, viewer: Viewer, key: str, body: Mapping[str, Any], do: Callable[[], dict[str, Any]]) -> dict[str, Any]:
    """Return what `do` returns, or what it returned the last time for this key of the company.

    A refusal is not remembered: whatever was wrong may be put right. Raises `KeyNeeded`, `KeyReused` and `UnderWay`.
    """
    if not key or len(key) > KEY_LENGTH:
        raise KeyNeeded(
            _("Send an Idempotency-Key of 1 to %(limit)d characters: the same one if you ask again.")
            % {"limit": KEY_LENGTH}
        )
    name = f"replay:{viewer.company.pk}:{hashlib.sha256(key.encode()).hexdigest()}"
    digest = hashlib.sha256(json.dumps(body, sort_keys=True, default=str).encode()).hexdigest()
    if not cache.add(name, {"body": digest, "answer": None}, timeout=_UNDER_WAY_SECONDS):
        return _earlier(cache.get(name), digest)
    try:
        answer = do()
    except BaseException:
        cache.delete(name)
        raise
    cache.set(name, {"body": digest, "answer": answer}, timeout=_REMEMBERED_SECONDS)
    return answer


def _earlier(found: dict[str, Any] | None, digest: str) -> dict[str, Any]:
    if found is not None and found["body"] != digest:
        raise KeyReused(_("This Idempotency-Key was used for another request. Use a new one."))
    if found is None or found["answer"] is None:
        raise UnderWay(_("A request with this Idempotency-Key is under way. Ask again in a moment."), retry_after=2)
    answer: dict[str, Any] = found["answer"]
    return answer
