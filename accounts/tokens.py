"""Access and refresh tokens: allauth's, valid only while their session stands."""

import logging
import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any
from uuid import UUID

# allauth looks for this in what is loaded of the package, and finds it missing once anybody has loaded another part.
import cryptography.hazmat.primitives.ciphers  # noqa: F401
from allauth.headless.internal import sessionkit
from allauth.headless.tokens.strategies.jwt import JWTTokenStrategy, internal
from django.contrib.sessions.backends.base import SessionBase
from django.contrib.sessions.models import Session
from django.core.cache import cache
from django.db import transaction
from django.http import HttpRequest
from django.utils.translation import gettext as _

from accounts.company_refusals import NotAllowed
from accounts.models import User
from accounts.refusals import CompanyLost, InvalidRefreshToken
from accounts.services import record_audit, record_of_account
from accounts.viewer import SESSION_KEY, AccountEnding, Viewer, viewer_for

logger = logging.getLogger(__name__)

# Seconds within which a second use of a refresh token is taken for what it nearly always is: the same program asking
# twice at once, or again after a lost answer. It gets nothing, but its session goes on.
TWICE_AT_ONCE = 5
# Where a session keeps which refresh tokens ended by switching the company, and when.
_SWITCHED = "switched_from"


class TokenStrategy(JWTTokenStrategy):
    """15 minutes of access, 7 days of refresh, rotated at each use; a refresh token used again ends its session.

    The access token carries `company` and `role`. The session remembers the company, so that refreshing keeps it; an
    inactive person, or one without an active company, gets no token; nor does an account that is to be deleted
    (`AccountEnding`).
    """

    def get_session_token(self, request: HttpRequest) -> str | None:
        """The session that our own door goes on with, if it does: a session key is no credential of anybody's."""
        return getattr(request, "_waiting_session", None)

    def create_access_token(self, request: HttpRequest) -> str | None:
        """The access token of a new sign-in, for the company that a sign-in begins with."""
        user = request.user
        try:
            viewer = viewer_for(user, company_id=request.session.get(SESSION_KEY)) if isinstance(user, User) else None
        except AccountEnding:
            # Nobody gets hold of this session.
            request.session.flush()
            raise
        if viewer is None:
            return None
        # A sign-in that waited for its second factor was to be forgotten soon.
        request.session.pop("_session_expiry", None)
        return _access(viewer, request.session)

    def refresh_token(self, refresh_token: str) -> tuple[str, str] | None:
        """Return `(access, refresh)`, or None when the token is not good (any more).

        Of any number of simultaneous uses one alone goes on: the claim is one atomic command of the shared cache.
        Raises `CompanyLost`, `CompanyInactive` when the person cannot act for the session's company any more; the
        token stays as good as it was.
        """
        payload = internal.decode_token(refresh_token, "refresh")
        if payload is None:
            return None
        if not cache.add(_claim(payload["jti"]), 1, timeout=TWICE_AT_ONCE):
            logger.warning("Refresh token of user %s used twice at once; the second use was refused.", payload["sub"])
            return None
        with _held_session(payload) as session:
            if session is None:
                return None
            if payload["jti"] not in internal.get_refresh_token_state(session):
                if not _was_switched_just_now(session, payload):
                    _end(session, payload)
                return None
            user = internal.validate_token_user(payload, session)
            viewer = _viewer_of(user, session) if isinstance(user, User) else None
            return self._rotate(viewer, session, payload) if viewer else None

    def _rotate(self, viewer: Viewer, session: SessionBase, payload: dict[str, Any]) -> tuple[str, str]:
        access = _access(viewer, session)
        internal.invalidate_refresh_token(session, payload)
        refresh = internal.create_refresh_token(viewer.user, session)
        # Once the successor is used, the one before it can no longer come from a lost answer.
        if before := session.get("refreshed_from"):
            cache.delete(_claim(before))
        session["refreshed_from"] = payload["jti"]
        session.save()
        return access, refresh


def switch_tokens(*, payload: dict[str, Any], company_id: UUID, request: HttpRequest) -> tuple[Viewer, str, str]:
    """Return `(viewer, access, refresh)` for another company of the person whose accepted access token says `payload`.

    The session remembers the company, and its earlier refresh tokens end. Raises `NotAllowed` when the person does not
    belong to the company, `CompanyInactive`, `InvalidRefreshToken` when the session ended at this moment.
    """
    with _held_session(payload) as session:
        user = internal.validate_token_user(payload, session) if session else None
        if session is None or not isinstance(user, User):
            raise InvalidRefreshToken(_("Your session has ended. Sign in again."))
        viewer = viewer_for(user, company_id=str(company_id))
        if viewer is None or viewer.company.pk != company_id:
            raise NotAllowed(_("You do not belong to this company."))
        earlier = internal.get_refresh_token_state(session)
        # One that is used at this very moment is the same program's: refused, and no reason to end the session.
        session[_SWITCHED] = {"at": time.time(), "tokens": list(earlier)}
        earlier.clear()
        access, refresh = _access(viewer, session), internal.create_refresh_token(user, session)
        session.save()
        record_audit(
            actor=user.email,
            action="company.switched",
            target=viewer.company.name,
            company=viewer.company,
            request=request,
        )
    return viewer, access, refresh


def accept_access(token: str) -> tuple[User, dict[str, Any]] | None:
    """The person and the claims of an access token whose session stands."""
    found = internal.validate_access_token(token)
    return (found[0], found[1]) if found and isinstance(found[0], User) else None


def end_session(payload: dict[str, Any]) -> None:
    """End the session that an accepted access token belongs to; all its tokens are dead at once."""
    session = internal.get_token_session(payload)
    if session is not None:
        session.flush()


def drop_session(session_key: str) -> None:
    """Forget a session that a sign-up or a refused sign-in began and that nobody can go on with."""
    sessionkit.session_store(session_key).delete()


@contextmanager
def _held_session(payload: dict[str, Any]) -> Iterator[SessionBase | None]:
    """The session of a token, or None, which nobody else refreshes or switches meanwhile."""
    key = internal.session_key_from_sid(payload["sid"])
    with transaction.atomic():
        Session.objects.select_for_update().filter(session_key=key).first()
        yield internal.get_token_session(payload)


def _viewer_of(user: User, session: SessionBase) -> Viewer | None:
    """Who acts in a session: for the company that it remembers, and for no other."""
    company_id = session.get(SESSION_KEY)
    viewer = viewer_for(user, company_id=company_id)
    if viewer is not None and str(viewer.company.pk) != company_id:
        raise CompanyLost(_("You do not belong to the company of this token any more. Sign in again."))
    return viewer


def _access(viewer: Viewer, session: SessionBase) -> str:
    session[SESSION_KEY] = str(viewer.company.pk)
    claims = {"company": str(viewer.company.pk), "role": viewer.role}
    return str(internal.create_access_token(viewer.user, session, claims))


def _claim(token_id: str) -> str:
    return f"refresh:{token_id}"


def _was_switched_just_now(session: SessionBase, payload: dict[str, Any]) -> bool:
    switched = session.get(_SWITCHED, {"at": 0, "tokens": []})
    return payload["jti"] in switched["tokens"] and time.time() - switched["at"] < TWICE_AT_ONCE


def _end(session: SessionBase, payload: dict[str, Any]) -> None:
    """An old refresh token came back: two parties hold tokens of this session, so neither keeps it."""
    user = internal.validate_token_user(payload, session)
    logger.warning("An old refresh token of user %s was used again; its session was ended.", payload["sub"])
    session.flush()
    if isinstance(user, User):
        record_of_account(user=user, action="refresh_token.reused")
    else:
        record_audit(actor=payload["sub"], action="refresh_token.reused", target=payload["sub"])
