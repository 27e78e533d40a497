"""Access and refresh tokens: allauth's, valid only while their session stands."""

from allauth.headless.tokens.strategies.jwt import JWTTokenStrategy


class TokenStrategy(JWTTokenStrategy):
    """15 minutes of access, 7 days of refresh, rotated at each use."""
