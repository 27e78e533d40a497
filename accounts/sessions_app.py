"""allauth's list of sessions, written by us: see `accounts.sessions`."""

from allauth.usersessions.apps import UserSessionsConfig


class SessionsConfig(UserSessionsConfig):
    """Without allauth's receivers, which take every sign-in for one over the network."""

    def ready(self) -> None:
        """Connect nothing; `accounts.receivers` notes sign-ins, the middleware notes requests."""
