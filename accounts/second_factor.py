"""Sign-ins by API that wait for their second factor.

The password was right; the program holds a token of ours, by which the waiting session is found for a few minutes. The
session's own key leaves the server in no form.
"""

import secrets
from dataclasses import dataclass
from hashlib import sha256

from allauth.headless.internal import sessionkit
from django.core.cache import cache

from accounts.models import User

WAITS_SECONDS = 5 * 60


@dataclass(frozen=True, slots=True)
class Waiting:
    """A sign-in between password and code: its session, and the id of whose it is."""

    session_key: str
    user_id: str

    @property
    def limit_key(self) -> str:
        """What allauth counts wrong codes by."""
        return f"mfa-auth-user-{self.user_id}"


def begin(*, session_key: str, user: User) -> str:
    """Return the token by which the sign-in can be finished within `WAITS_SECONDS`; its session ends with it."""
    session = sessionkit.session_store(session_key)
    session.set_expiry(WAITS_SECONDS)
    session.save()
    token = secrets.token_urlsafe(32)
    cache.set(_name(token), {"session_key": session_key, "user_id": str(user.pk)}, timeout=WAITS_SECONDS)
    return token


def find(token: str) -> Waiting | None:
    """The sign-in that waits under a token; None when it was finished or took too long."""
    found: dict[str, str] | None = cache.get(_name(token))
    return Waiting(**found) if found else None


def finish(token: str) -> None:
    """Have the token lead nowhere from now on."""
    cache.delete(_name(token))


def _name(token: str) -> str:
    return f"second-factor:{sha256(token.encode()).hexdigest()}"
