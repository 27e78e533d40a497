"""Access and refresh tokens: allauth's, valid only while their session stands."""

import logging
from typing import Any

# allauth looks for this in what is loaded of the package, and finds it missing once anybody has loaded another part.
import cryptography.hazmat.primitives.ciphers  # noqa: F401
from allauth.headless.internal import sessionkit
from allauth.headless.tokens.strategies.jwt import JWTTokenStrategy, internal
from django.contrib.auth.base_user import AbstractBaseUser
from django.contrib.sessions.backends.base import SessionBase
from django.core.cache import cache
from django.http import HttpRequest

from accounts.models import User
from accounts.services import record_audit
from accounts.viewer import viewer_for

logger = logging.getLogger(__name__)

# Seconds within which a second use of a refresh token is taken for what it nearly always is: the same program asking
# twice at once, or again after a lost answer. It gets nothing, but its session goes on.
TWICE_AT_ONCE = 5


class TokenStrategy(JWTTokenStrategy):
    """15 minutes of access, 7 days of refresh, rotated at each use; a refresh token used again ends its session.

    The access token carries `company` and `role`; an inactive person, or one without an active company, gets none.
    """

    def get_session_token(self, request: HttpRequest) -> str | None:
        """None: no door of ours goes on with a session inside allauth's views, and a session key is no credential."""
        return None

    def get_claims(self, user: AbstractBaseUser) -> dict[str, Any]:
        """What the access token says beside who it is for."""
        viewer = viewer_for(user) if isinstance(user, User) else None
        return {"company": str(viewer.company.pk), "role": viewer.role} if viewer else {}

    def refresh_token(self, refresh_token: str) -> tuple[str, str] | None:
        """Return `(access, refresh)`, or None when the token is not good (any more).

        Of any number of simultaneous uses one alone goes on: the claim is one atomic command of the shared cache.
        """
        payload = internal.decode_token(refresh_token, "refresh")
        if payload is None:
            return None
        if not cache.add(_claim(payload["jti"]), 1, timeout=TWICE_AT_ONCE):
            logger.warning("Refresh token of user %s used twice at once; the second use was refused.", payload["sub"])
            return None
        session = internal.get_token_session(payload)
        if session is None:
            return None
        if payload["jti"] not in internal.get_refresh_token_state(session):
            _end(session, payload)
            return None
        user = internal.validate_token_user(payload, session)
        if not isinstance(user, User) or viewer_for(user) is None:
            return None
        return self._rotate(user, session, payload)

    def _rotate(self, user: User, session: SessionBase, payload: dict[str, Any]) -> tuple[str, str]:
        access = internal.create_access_token(user, session, self.get_claims(user))
        internal.invalidate_refresh_token(session, payload)
        refresh = internal.create_refresh_token(user, session)
        # Once the successor is used, the one before it can no longer come from a lost answer.
        if before := session.get("refreshed_from"):
            cache.delete(_claim(before))
        session["refreshed_from"] = payload["jti"]
        session.save()
        return access, refresh


def end_session(payload: dict[str, Any]) -> None:
    """End the session that an accepted access token belongs to; all its tokens are dead at once."""
    session = internal.get_token_session(payload)
    if session is not None:
        session.flush()


def drop_session(session_key: str) -> None:
    """Forget a session that a sign-up or a refused sign-in began and that nobody can go on with."""
    sessionkit.session_store(session_key).delete()


def _claim(token_id: str) -> str:
    return f"refresh:{token_id}"


def _end(session: SessionBase, payload: dict[str, Any]) -> None:
    """An old refresh token came back: two parties hold tokens of this session, so neither keeps it."""
    user = internal.validate_token_user(payload, session)
    logger.warning("An old refresh token of user %s was used again; its session was ended.", payload["sub"])
    session.flush()
    record_audit(actor=str(user or payload["sub"]), action="refresh_token.reused", target=str(user or payload["sub"]))
