"""How a program proves who it acts for. Imports no views: DRF loads this while it sets itself up."""

from typing import Any, cast

from allauth.headless.contrib.rest_framework.authentication import JWTTokenAuthentication
from django.http import HttpRequest
from django.utils.translation import gettext as _
from rest_framework.authentication import BaseAuthentication, get_authorization_header
from rest_framework.exceptions import AuthenticationFailed, PermissionDenied
from rest_framework.request import Request

from accounts import key_scopes
from accounts.keys import authenticate, viewer_by
from accounts.models import ApiKey, User
from accounts.refusals import CompanyLost, Inactive, KeyEnded
from accounts.viewer import Viewer, viewer_for
from config.base import limits
from config.base.client_address import visitor_name

# What a 401 says of how one may sign in (RFC 9110: one challenge for each scheme).
CHALLENGE = 'Bearer realm="api", Token realm="api"'
_KEY_BEGINS = "dk_"


class InsufficientScope(PermissionDenied):
    """A good key that may not do this."""

    default_code = "insufficient_scope"

    def __init__(self, detail: str, *, scope: str) -> None:
        super().__init__(detail)
        wanted = f', scope="{scope}"' if scope else ""
        # DRF answers with it as WWW-Authenticate (RFC 6750, 3.1).
        self.auth_header = f'Bearer realm="api", error="insufficient_scope"{wanted}'


class TokenAuthentication(JWTTokenAuthentication):
    """`Authorization: Bearer <access token>` of a session that still stands, whatever became of its company."""

    def authenticate(self, request: Request) -> tuple[User, dict[str, Any]] | None:
        """Return the user and the token's claims; None when there is no access token."""
        if _key_in(request) is not None:
            return None
        return cast("tuple[User, dict[str, Any]] | None", super().authenticate(request))

    def authenticate_credentials(self, key: str) -> tuple[User, dict[str, Any]]:
        """Check the access token and its session."""
        try:
            accepted: tuple[User, dict[str, Any]] = super().authenticate_credentials(key)
        except AuthenticationFailed as error:
            raise AuthenticationFailed(
                _("This access token is not valid (any more). Refresh it, or sign in again."), code="invalid_token"
            ) from error
        return accepted

    def authenticate_header(self, request: Request) -> str:
        return CHALLENGE


class JWTAuthentication(TokenAuthentication):
    """The same, of a person who acts for the company that the token names."""

    def authenticate(self, request: Request) -> tuple[User, dict[str, Any]] | None:
        """Return the user and the token's claims; the viewer is kept for `viewer_of`, which needs no query then.

        The company and the person's role there are as the database has them now, whatever the token says. Raises
        `CompanyLost`, `CompanyInactive`: nobody acts for another company than the token's without knowing.
        """
        found = super().authenticate(request)
        if found is None:
            return None
        company_id = found[1].get("company")
        viewer = viewer_for(found[0], company_id=company_id)
        if viewer is None:
            raise AuthenticationFailed(_("Your account or your company is not active."), code="inactive")
        if str(viewer.company.pk) != company_id:
            raise CompanyLost(
                _("You do not belong to the company of this token any more. Switch to another one, or sign in again.")
            )
        _keep(request, viewer)
        return found


class KeyAuthentication(BaseAuthentication):
    """`Authorization: Token dk_…` or `Bearer dk_…`: a key, and only for what its scopes allow on this route."""

    def authenticate(self, request: Request) -> tuple[User, ApiKey] | None:
        """Return the key's person and the key. One query, and one more in a minute for "last used".

        Raises `AuthenticationFailed` (invalid_key, key_expired, key_revoked, inactive), `InsufficientScope`,
        `CompanyInactive`, `PlanRequired`, and `TooManyRequests` after many keys that are none.
        """
        secret = _key_in(request)
        if secret is None:
            return None
        key = authenticate(secret)
        if key is None:
            _count_failure(request._request)
            raise AuthenticationFailed(_("There is no such API key. Check that you copied all of it."), "invalid_key")
        try:
            viewer = viewer_by(key)
        except (KeyEnded, Inactive) as refusal:
            raise AuthenticationFailed(refusal.sentence, refusal.problem_code) from refusal
        _refuse_out_of_scope(request._request, viewer)
        _keep(request, viewer)
        return key.user, key

    def authenticate_header(self, request: Request) -> str:
        return CHALLENGE


def _key_in(request: Request) -> str | None:
    """What was sent as an API key; None when nothing was. A `Token` is nothing else than a key."""
    scheme, _space, credential = get_authorization_header(request).decode("iso-8859-1").strip().partition(" ")
    if scheme.lower() == "token" or (scheme.lower() == "bearer" and credential.strip().startswith(_KEY_BEGINS)):
        return credential.strip()
    return None


def _refuse_out_of_scope(request: HttpRequest, viewer: Viewer) -> None:
    scope = key_scopes.scope_of(request.resolver_match.url_name if request.resolver_match else None, request.method)
    if scope is None or scope == key_scopes.PERSON:
        raise InsufficientScope(_("No API key may do this. Sign in as a person."), scope="")
    if not viewer.can(scope):
        raise InsufficientScope(
            _('This API key may not do this: it needs the scope "%(scope)s".') % {"scope": scope}, scope=scope
        )


def _count_failure(request: HttpRequest) -> None:
    """Count a key that is none, by address. Good keys from the same address are not held up by it."""
    decision = limits.take(request, name="key_failures", who=f"address:{visitor_name(request)}")
    if decision is not None and not decision.is_allowed:
        raise decision.refusal()


def _keep(request: Request, viewer: Viewer) -> None:
    request._request._viewer = viewer  # type: ignore[attr-defined]
