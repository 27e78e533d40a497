"""The limit per person in the API. Imports no views: DRF loads this while it sets itself up."""

from typing import TYPE_CHECKING

from rest_framework.request import Request
from rest_framework.throttling import BaseThrottle

from config.base import limits

if TYPE_CHECKING:
    from rest_framework.views import APIView


class PersonThrottle(BaseThrottle):
    """Counts the API requests of a person, however the request proves who it is."""

    def allow_request(self, request: Request, view: "APIView") -> bool:
        """Raise `TooManyRequests` itself, which tells more than DRF's own refusal."""
        if request.user.is_authenticated:
            limits.count(request, "person")
        return True
