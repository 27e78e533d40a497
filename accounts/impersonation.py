"""Operators who are signed in as somebody, to see what that person sees.

The operator's own session stays the operator's: it names the row of this sign-in, and each request looks whether that
still stands. Sessions, tokens and keys of the person are not touched, and none is made. Beginning and end are told to
the person by mail and stand in the audit of every company of the person; what is done meanwhile names both.
"""

from datetime import timedelta
from typing import Final
from uuid import UUID

from allauth.account.internal.flows.reauthentication import did_recently_reauthenticate
from allauth.core.exceptions import ReauthenticationRequired
from django.db import IntegrityError, transaction
from django.http import HttpRequest
from django.utils import timezone
from django.utils.translation import gettext as _

from accounts.account_mail import tell_of_sign_in_as
from accounts.company_refusals import NotAllowed
from accounts.models import SignInAs, User
from accounts.services import record_of_account
from accounts.viewer import SESSION_KEY, forget_viewer, viewer_for
from config.base import realtime
from config.base.refusal import Refusal
from config.event_ticket import session_mark

LASTS = timedelta(hours=1)
PERMISSION: Final = "accounts.sign_in_as"
# Where the operator's session keeps the id of the row, and which company the operator acted for before.
STATE: Final = "sign_in_as"
_COMPANY: Final = "sign_in_as_company"


class CannotSignInAs(Refusal):
    """Nobody is signed in as this person."""

    code = "cannot_sign_in_as"
    status = 409


def begin(*, operator: User, person: User, reason: str, request: HttpRequest) -> SignInAs:
    """Have the operator's session act as `person` from the next request on, for `LASTS` at most.

    Raises `NotAllowed` for whoever lacks the permission, `CannotSignInAs` for people who are operators themselves, are
    switched off or have no active company, and allauth's `ReauthenticationRequired` when the operator did not prove
    within the last minutes who is sitting there.
    """
    if not may_sign_in_as(operator):
        raise NotAllowed(_("You may not sign in as somebody else."))
    _refuse_person(operator, person)
    refuse_without_proof(request)
    now = timezone.now()
    with transaction.atomic():
        for earlier in SignInAs.objects.filter(operator=operator, ended_at=None).select_related("operator", "person"):
            _close(earlier, request=request)
        try:
            with transaction.atomic():
                row = SignInAs.objects.create(
                    operator=operator, person=person, reason=reason[:300], begun_at=now, until=now + LASTS
                )
        except IntegrityError as error:
            raise CannotSignInAs(_("You signed in as somebody elsewhere at this moment. Try again.")) from error
        _note(row, "sign_in_as.begun", request)
        tell_of_sign_in_as(person=person, operator=operator, reason=row.reason)
    request.session[_COMPANY] = request.session.pop(SESSION_KEY, None)
    request.session[STATE] = str(row.pk)
    return row


def refuse_without_proof(request: HttpRequest) -> None:
    """Raises `ReauthenticationRequired`, which leads to the question for the password or a second factor and back."""
    if not did_recently_reauthenticate(request):
        raise ReauthenticationRequired


def standing(*, row_id: object, operator: User) -> SignInAs | None:
    """The sign-in that a session names, while it stands: neither ended nor too old, and both people as they must be."""
    key = _uuid(row_id)
    if key is None:
        return None
    row = (
        SignInAs.objects.filter(pk=key, operator=operator, ended_at=None, until__gt=timezone.now())
        .select_related("person")
        .first()
    )
    if row is None or not may_sign_in_as(operator) or not _may_be_looked_through(row.person):
        return None
    row.operator = operator
    return row


def end(*, row: SignInAs, request: HttpRequest) -> None:
    """End it now; the session is the operator's alone again. Ending it twice writes nothing twice."""
    with transaction.atomic():
        _close(row, request=request)
        mark = session_mark(request.session.session_key or "")
        for place in row.person.memberships.all():
            realtime.revoke_session(company_id=place.company_id, session=mark)
    # Tickets to the person's events name the old key; the operator's next ones name another.
    request.session.cycle_key()
    leave(request)


def leave(request: HttpRequest) -> None:
    """Have the session forget a sign-in that has ended, and act for the operator's company again."""
    request.session.pop(STATE, None)
    before = request.session.pop(_COMPANY, None)
    request.session.pop(SESSION_KEY, None)
    if before is not None:
        request.session[SESSION_KEY] = before
    forget_viewer(request)


def end_overdue() -> int:
    """What the clock does: write down the end of those whose time is over; returns how many."""
    due = SignInAs.objects.filter(ended_at=None, until__lte=timezone.now()).select_related("operator", "person")
    ended = 0
    for row in due.order_by("pk")[:100]:
        with transaction.atomic():
            ended += _close(row, request=None)
    return ended


def may_sign_in_as(operator: User) -> bool:
    """Whether somebody may sign in as others: an active operator with the permission."""
    return operator.is_active and operator.is_staff and operator.has_perm(PERMISSION)


def _refuse_person(operator: User, person: User) -> None:
    if person.pk == operator.pk:
        raise CannotSignInAs(_("This is you."))
    if person.is_staff or person.is_superuser:
        raise CannotSignInAs(_("Nobody signs in as another operator."))
    if not _may_be_looked_through(person) or viewer_for(person) is None:
        raise CannotSignInAs(_("This person is switched off, or has no active company."))


def _may_be_looked_through(person: User) -> bool:
    is_there = person.is_active and person.delete_after is None and person.deleted_at is None
    return is_there and not person.is_staff and not person.is_superuser


def _close(row: SignInAs, *, request: HttpRequest | None) -> bool:
    """Write the end down, once. The clock's ends are at the time at which it was over."""
    at = min(timezone.now(), row.until)
    if not SignInAs.objects.filter(pk=row.pk, ended_at=None).update(ended_at=at):
        return False
    _note(row, "sign_in_as.ended", request)
    return True


def _note(row: SignInAs, action: str, request: HttpRequest | None) -> None:
    detail = {"reason": row.reason, "id": str(row.pk)}
    record_of_account(user=row.person, action=action, actor=row.operator.email, detail=detail, request=request)


def _uuid(value: object) -> UUID | None:
    try:
        return UUID(str(value))
    except ValueError:
        return None
