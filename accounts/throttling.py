"""The limit per API key. Imports no views: DRF loads this while it sets itself up."""

from typing import TYPE_CHECKING

from rest_framework.request import Request
from rest_framework.throttling import BaseThrottle

from accounts.models import ApiKey
from config.base import limits

if TYPE_CHECKING:
    from rest_framework.views import APIView


class KeyThrottle(BaseThrottle):
    """Counts the requests of a key by itself, beside those of its person: one program leaves room for the others."""

    def allow_request(self, request: Request, view: "APIView") -> bool:
        """Raise `TooManyRequests` itself, which tells more than DRF's own refusal."""
        if isinstance(request.auth, ApiKey):
            decision = limits.take(request._request, name="key", who=f"key:{request.auth.pk}")
            if decision is not None and not decision.is_allowed:
                raise decision.refusal()
        return True
