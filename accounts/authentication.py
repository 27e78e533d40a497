"""How a program proves who it acts for. Imports no views: DRF loads this while it sets itself up."""

from typing import Any

from allauth.headless.contrib.rest_framework.authentication import JWTTokenAuthentication
from django.utils.translation import gettext as _
from rest_framework.exceptions import AuthenticationFailed
from rest_framework.request import Request

from accounts.models import User
from accounts.viewer import viewer_for


class JWTAuthentication(JWTTokenAuthentication):
    """`Authorization: Bearer <access token>` of a session that still stands, of a person with an active company."""

    def authenticate(self, request: Request) -> tuple[User, dict[str, Any]] | None:
        """Return the user and the token's claims; the viewer is kept for `viewer_of`, which needs no query then."""
        found: tuple[User, dict[str, Any]] | None = super().authenticate(request)
        if found is None:
            return None
        viewer = viewer_for(found[0])
        if viewer is None:
            raise AuthenticationFailed(_("Your account or your company is not active."), code="inactive")
        request._request._viewer = viewer  # type: ignore[attr-defined]
        return found

    def authenticate_credentials(self, key: str) -> tuple[User, dict[str, Any]]:
        """Check the access token and its session."""
        try:
            accepted: tuple[User, dict[str, Any]] = super().authenticate_credentials(key)
        except AuthenticationFailed as error:
            raise AuthenticationFailed(
                _("This access token is not valid (any more). Refresh it, or sign in again."), code="invalid_token"
            ) from error
        return accepted
