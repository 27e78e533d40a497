"""What allauth tells us. The only signals received in this app, connected in `AccountsConfig.ready()`."""

from typing import Any

from allauth.account.models import EmailAddress
from allauth.account.signals import email_confirmed, password_changed, password_reset
from django.dispatch import receiver

from accounts.models import User
from accounts.services import record_audit, verify_person


@receiver(email_confirmed, sender=EmailAddress)
def welcome(email_address: EmailAddress, **_: Any) -> None:
    """The adapter confirms in one transaction, so the proof and the welcome stand or fall together."""
    user = email_address.user
    if isinstance(user, User):
        verify_person(user=user)


@receiver(password_changed, sender=User)
def note_changed_password(user: User, **_: Any) -> None:
    record_audit(actor=user.email, action="password.changed", target=user.email)


@receiver(password_reset, sender=User)
def note_reset_password(user: User, **_: Any) -> None:
    record_audit(actor=user.email, action="password.reset", target=user.email)
