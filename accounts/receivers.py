"""What allauth tells us. The only signals received in this app, connected in `AccountsConfig.ready()`."""

from contextlib import suppress
from typing import Any

from allauth.account.adapter import get_adapter
from allauth.account.models import EmailAddress
from allauth.account.signals import email_changed, email_confirmed, password_changed, password_reset, password_set
from allauth.account.utils import get_next_redirect_url
from allauth.mfa.models import Authenticator
from allauth.mfa.signals import (
    authentication_failed,
    authenticator_added,
    authenticator_removed,
    authenticator_reset,
)
from allauth.socialaccount.models import SocialAccount, SocialLogin
from allauth.socialaccount.signals import social_account_added, social_account_removed
from django.contrib import messages
from django.contrib.auth.signals import user_logged_in
from django.db import transaction
from django.dispatch import receiver
from django.http import HttpRequest
from django.utils.translation import gettext

from accounts.invitations import accept, joinable, token_in
from accounts.models import User
from accounts.services import record_of_account, verify_person
from accounts.sessions import note_session
from accounts.sign_in_notes import UNKNOWN
from accounts.viewer import SESSION_KEY
from config.base.refusal import Refusal


@receiver(email_confirmed, sender=EmailAddress)
def welcome(email_address: EmailAddress, **_: Any) -> None:
    """The adapter confirms in one transaction, so the proof and the welcome stand or fall together."""
    user = email_address.user
    if isinstance(user, User):
        verify_person(user=user)


@receiver(email_confirmed, sender=EmailAddress)
def join_as_invited(request: HttpRequest, email_address: EmailAddress, **_: Any) -> None:
    """Whoever signed up by an invitation's link belongs to the company once the address is proved.

    What stands in the way (no seat left, another address) is told by the invitation's page, which comes next.
    """
    token = token_in(get_next_redirect_url(request) or "")
    if token and isinstance(email_address.user, User):
        with suppress(Refusal), transaction.atomic():
            place = accept(user=email_address.user, token=token, request=request)
            # The sign-in that follows keeps it.
            request.session[SESSION_KEY] = str(place.company_id)


@receiver(email_confirmed, sender=EmailAddress)
def offer_companies(request: HttpRequest, email_address: EmailAddress, **_: Any) -> None:
    """Whose address opens a company is told so; the account menu has the way in."""
    user = email_address.user
    for company in joinable(user) if isinstance(user, User) else []:
        sentence = gettext("%(company)s is open to your address. You can join it in the account menu.")
        get_adapter(request).add_message(request, messages.INFO, message=sentence % {"company": company.name})


@receiver(password_changed, sender=User)
def note_changed_password(request: HttpRequest, user: User, **_: Any) -> None:
    record_of_account(user=user, action="password.changed", request=request)


@receiver(password_reset, sender=User)
def note_reset_password(request: HttpRequest, user: User, **_: Any) -> None:
    record_of_account(user=user, action="password.reset", request=request)


@receiver(password_set, sender=User)
def note_first_password(request: HttpRequest, user: User, **_: Any) -> None:
    record_of_account(user=user, action="password.set", request=request)


@receiver(user_logged_in, sender=User)
def note_sign_in(request: HttpRequest, user: User, **_: Any) -> None:
    """The session of a browser or of a program begins."""
    note_session(request, user=user)
    record_of_account(user=user, action="sign_in.done", request=request)


@receiver(email_changed, sender=EmailAddress)
def note_changed_email(
    request: HttpRequest,
    user: User,
    to_email_address: EmailAddress,
    from_email_address: EmailAddress | None = None,
    **_: Any,
) -> None:
    # Told at the first confirmation too, when there was no other address.
    if from_email_address is not None:
        detail = {"from": from_email_address.email, "to": to_email_address.email}
        record_of_account(user=user, action="email.changed", detail=detail, request=request)


@receiver(authenticator_added, sender=Authenticator)
def note_added_factor(request: HttpRequest, user: User, authenticator: Authenticator, **_: Any) -> None:
    _note_factor(request, user, authenticator, "added")


@receiver(authenticator_removed, sender=Authenticator)
def note_removed_factor(request: HttpRequest, user: User, authenticator: Authenticator, **_: Any) -> None:
    _note_factor(request, user, authenticator, "removed")


@receiver(authenticator_reset, sender=Authenticator)
def note_new_codes(request: HttpRequest, user: User, authenticator: Authenticator, **_: Any) -> None:
    _note_factor(request, user, authenticator, "renewed")


@receiver(authentication_failed, sender=Authenticator)
def note_failed_factor(request: HttpRequest, user: User, authenticator: Authenticator, **_: Any) -> None:
    """A wrong code, after the right password or before something important."""
    detail = {"kind": authenticator.type}
    record_of_account(user=user, action="second_factor.failed", actor=UNKNOWN, detail=detail, request=request)


@receiver(social_account_added, sender=SocialLogin)
def note_connected(request: HttpRequest, sociallogin: SocialLogin, **_: Any) -> None:
    _note_connection(request, sociallogin.account, "connected")


@receiver(social_account_removed, sender=SocialAccount)
def note_disconnected(request: HttpRequest, socialaccount: SocialAccount, **_: Any) -> None:
    _note_connection(request, socialaccount, "disconnected")


def _note_factor(request: HttpRequest, user: User, authenticator: Authenticator, what: str) -> None:
    detail = {"kind": authenticator.type}
    record_of_account(user=user, action=f"second_factor.{what}", detail=detail, request=request)


def _note_connection(request: HttpRequest, account: SocialAccount, what: str) -> None:
    detail = {"provider": account.provider}
    record_of_account(user=account.user, action=f"sign_in.{what}", detail=detail, request=request)
