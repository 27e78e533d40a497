"""A person's sessions: browsers and programs that are signed in, noted by us in allauth's rows, and their endings."""

from dataclasses import dataclass
from datetime import datetime

from allauth.usersessions.models import UserSession
from django.core.cache import cache
from django.db import transaction
from django.http import HttpRequest
from django.utils import timezone

from accounts.devices import device_name, is_phone
from accounts.models import User
from accounts.services import record_audit
from accounts.viewer import memberships_of
from config.base import realtime
from config.base.client_address import client_address
from config.event_ticket import session_mark

# Seconds in which a session is noted at most once: "last seen" is that exact.
SEEN_SECONDS = 300
_UNKNOWN_ADDRESS = "0.0.0.0"  # noqa: S104 - no address that anything listens on  # nosec B104


@dataclass(frozen=True)
class Session:
    """One session in words. `id` is the row's; the key of the session itself leaves the database nowhere."""

    id: int
    device: str
    is_phone: bool
    address: str
    began_at: datetime
    last_seen_at: datetime
    is_current: bool


def note_session(request: HttpRequest, *, user: User) -> None:
    """Write down that `user` is here in this session, from this address, by this program."""
    key = request.session.session_key
    if not key:
        return
    UserSession.objects.update_or_create(
        session_key=key,
        defaults={
            "user": user,
            "ip": str(client_address(request) or _UNKNOWN_ADDRESS),
            "user_agent": request.headers.get("User-Agent", "")[: _agent_length()],
            "last_seen_at": timezone.now(),
        },
    )


def note_seen(request: HttpRequest, *, user: User) -> None:
    """`note_session`, once in `SEEN_SECONDS`."""
    key = request.session.session_key
    if key and cache.add(f"session-seen:{session_mark(key)}", 1, timeout=SEEN_SECONDS):
        note_session(request, user=user)


def sessions_of(user: User, *, current_key: str | None) -> list[Session]:
    """The sessions that still stand, the one that asks first, then the last seen. Rows of others are forgotten."""
    rows = UserSession.objects.purge_and_list(user)
    found = [_described(row, current_key) for row in rows]
    return sorted(found, key=lambda one: (one.is_current, one.last_seen_at), reverse=True)


def end_session_of(*, user: User, session_id: int, request: HttpRequest | None = None) -> bool:
    """End one session of the person at once, with its open pages. False when the person has no such session."""
    row = UserSession.objects.filter(pk=session_id, user=user).first()
    if row is None:
        return False
    _end(user, [row], request)
    return True


def end_other_sessions(*, user: User, current_key: str | None, request: HttpRequest | None = None) -> int:
    """End every session of the person but the one that asks; returns how many."""
    rows = list(UserSession.objects.filter(user=user).exclude(session_key=current_key or ""))
    _end(user, rows, request)
    return len(rows)


def _end(user: User, rows: list[UserSession], request: HttpRequest | None) -> None:
    if not rows:
        return
    with transaction.atomic():
        for row in rows:
            row.end()
            for place in memberships_of(user):
                realtime.revoke_session(company_id=place.company_id, session=session_mark(row.session_key))
        record_audit(
            actor=user.email,
            action="sessions.ended",
            target=user.email,
            detail={"devices": [device_name(row.user_agent) for row in rows]},
            request=request,
        )


def _described(row: UserSession, current_key: str | None) -> Session:
    return Session(
        id=row.pk,
        device=device_name(row.user_agent),
        is_phone=is_phone(row.user_agent),
        address="" if row.ip == _UNKNOWN_ADDRESS else row.ip,
        began_at=row.created_at,
        last_seen_at=row.last_seen_at,
        is_current=row.session_key == current_key,
    )


def _agent_length() -> int:
    return int(UserSession._meta.get_field("user_agent").max_length or 0)
