"""An account that is to be deleted: asked for, taken back. What happens on its day is `deletion_erasing`'s.

From the moment that it is asked for nobody is signed in any more and no key works; who signs in again may do nothing
but keep the account. Rows and files stay until the grace period is over, so that keeping it restores everything.
"""

import logging
import smtplib
from collections.abc import Callable
from datetime import datetime

from allauth.usersessions.models import UserSession
from django.conf import settings
from django.db import transaction
from django.http import HttpRequest
from django.utils import timezone
from django.utils.translation import gettext as _

from accounts.company_locks import Role, lock_company, other_owners
from accounts.deletion_receipts import open_receipt
from accounts.models import ApiKey, Company, DeletionReceipt, Membership, User
from accounts.privacy_mail import tell_of_keeping, tell_of_request
from accounts.privacy_refusals import NotEnding, OperatorAccount, SoleOwner
from accounts.services import record_audit
from accounts.sessions import end_other_sessions

logger = logging.getLogger(__name__)


def request_account_deletion(*, user: User, request: HttpRequest | None = None) -> datetime:
    """Have the account deleted after `settings.DELETION_GRACE`; returns when. Asked again, it stays as it was.

    The caller has made sure that it is really the person who asks, and signs the browser out. Raises `SoleOwner`,
    `OperatorAccount`, `NotEnding` when the account is deleted already.
    """
    now = timezone.now()
    at = now + settings.DELETION_GRACE
    with transaction.atomic():
        _refuse_sole_owner(user)
        alive = User.objects.filter(pk=user.pk, deleted_at=None)
        if alive.filter(is_staff=True).exists():
            raise OperatorAccount(
                _("You run this installation. Have another operator take that right from you, then delete the account.")
            )
        if not alive.filter(delete_after=None).update(delete_after=at):
            asked: datetime | None = alive.values_list("delete_after", flat=True).first()
            if asked is None:
                raise NotEnding(_("This account is deleted already."))
            return asked
        receipt = open_receipt(user=user, now=now)
        keys = ApiKey.objects.filter(user=user, revoked_at=None).update(revoked_at=now)
        # Other browsers are led to the sign-in page; the one that asks is told more, by the answer that it waits for.
        current_key = request.session.session_key if request is not None else None
        end_other_sessions(user=user, current_key=current_key, request=request)
        for session in UserSession.objects.filter(user=user):
            session.end()
        record_audit(
            actor=user.email,
            action="account.deletion_requested",
            target=user.email,
            person=user,
            detail={"at": at.isoformat(), "reference": receipt.reference, "keys": keys},
            request=request,
        )
        _mail(lambda: tell_of_request(user, at=at, reference=receipt.reference))
    user.delete_after = at
    return at


def keep_account(*, user: User, request: HttpRequest | None = None) -> None:
    """Take the deletion back: everything is as it was, but for sessions and API keys. Raises `NotEnding`."""
    with transaction.atomic():
        ending = User.objects.filter(pk=user.pk, delete_after__gt=timezone.now(), deleted_at=None)
        if not ending.update(delete_after=None):
            raise NotEnding(_("This account is not to be deleted, or its time is over."))
        DeletionReceipt.objects.filter(user=user, begun_at=None).delete()
        record_audit(actor=user.email, action="account.kept", target=user.email, person=user, request=request)
        _mail(lambda: tell_of_keeping(user))
    user.delete_after = None


def companies_to_hand_over(user: User) -> list[Company]:
    """Companies of several people that would be left without an owner, by name."""
    owned = Membership.objects.filter(user=user, role=Role.OWNER, company__kind=Company.Kind.TEAM)
    # One that is to be deleted goes its way without an owner.
    staying = owned.filter(company__delete_after=None, company__deleted_at=None).select_related("company")
    places = sorted(staying, key=lambda place: place.company.name)
    return [place.company for place in places if not other_owners(place.company, user).exists()]


def _refuse_sole_owner(user: User) -> None:
    """Two owners who go at the same moment wait for each other here: the second is the last one."""
    for company_id in sorted(Membership.objects.filter(user=user).values_list("company_id", flat=True)):
        lock_company(company_id)
    left = companies_to_hand_over(user)
    if left:
        raise SoleOwner(
            _("You are the only owner of %(names)s. Make somebody else its owner or delete it first, then come back.")
            % {"names": ", ".join(company.name for company in left)}
        )


def _mail(send: Callable[[], None]) -> None:
    """Once committed; nobody waits for it, and what was done stands without it."""

    def attempt() -> None:
        try:
            send()
        except (OSError, smtplib.SMTPException):
            logger.exception("A mail about the end of an account could not be sent.")

    transaction.on_commit(attempt, robust=True)
