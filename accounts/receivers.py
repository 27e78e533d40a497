"""What allauth tells us. The only signals received in this app, connected in `AccountsConfig.ready()`."""

from contextlib import suppress
from typing import Any

from allauth.account.adapter import get_adapter
from allauth.account.models import EmailAddress
from allauth.account.signals import email_confirmed, password_changed, password_reset
from allauth.account.utils import get_next_redirect_url
from django.contrib import messages
from django.db import transaction
from django.dispatch import receiver
from django.http import HttpRequest
from django.utils.translation import gettext

from accounts.invitations import accept, joinable, token_in
from accounts.models import User
from accounts.services import record_audit, verify_person
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
def note_changed_password(user: User, **_: Any) -> None:
    record_audit(actor=user.email, action="password.changed", target=user.email)


@receiver(password_reset, sender=User)
def note_reset_password(user: User, **_: Any) -> None:
    record_audit(actor=user.email, action="password.reset", target=user.email)
