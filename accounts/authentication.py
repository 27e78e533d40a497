"""How a program proves who it acts for. Imports no views: DRF loads this while it sets itself up."""

from allauth.headless.contrib.rest_framework.authentication import JWTTokenAuthentication


class JWTAuthentication(JWTTokenAuthentication):
    """`Authorization: Bearer <access token>` of a session that still stands."""
