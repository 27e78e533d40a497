"""What the audit keeps of sign-ins that failed: somebody may be trying doors."""

from typing import Final

from django.core.cache import cache
from django.http import HttpRequest
from django.utils.crypto import salted_hmac

from accounts.models import User
from accounts.services import record_audit, record_of_account

# Who it was that failed, nobody knows.
UNKNOWN: Final = "unknown"
# A lock-out is written down once in so many seconds, however often its door is tried meanwhile.
_LOCK_NOTED_SECONDS = 300


def note_failed_sign_in(request: HttpRequest, *, email: str) -> None:
    """A password that was wrong, or an address that nobody has.

    What was typed in place of an address is not kept: now and then it is a password. Both cases write, so that the time
    an answer takes tells nobody which addresses exist.
    """
    user = _person(email)
    if user is None:
        record_audit(actor=UNKNOWN, action="sign_in.failed", request=request)
    else:
        record_of_account(user=user, action="sign_in.failed", actor=UNKNOWN, request=request)


def note_lock_out(request: HttpRequest, *, email: str) -> None:
    """Too many of them: the next ones are not looked at for some minutes."""
    mark = salted_hmac("accounts.sign_in_notes", email.lower()).hexdigest()
    if not cache.add(f"lock-out-noted:{mark}", 1, timeout=_LOCK_NOTED_SECONDS):
        return
    user = _person(email)
    if user is None:
        record_audit(actor=UNKNOWN, action="sign_in.locked", request=request)
    else:
        record_of_account(user=user, action="sign_in.locked", actor=UNKNOWN, request=request)


def _person(email: str) -> User | None:
    return User.objects.filter(email__iexact=email).first() if email else None
