"""What allauth asks us about people."""

import logging
import smtplib
from typing import Any
from urllib.parse import urlencode

from allauth.account.adapter import DefaultAccountAdapter
from allauth.account.internal.stagekit import clear_login
from allauth.account.models import EmailAddress
from allauth.account.utils import get_next_redirect_url
from allauth.core.internal.httpkit import is_headless_request
from django.conf import settings
from django.contrib import messages
from django.contrib.auth.base_user import AbstractBaseUser
from django.core.exceptions import ValidationError
from django.db import IntegrityError, transaction
from django.forms import BaseForm
from django.http import HttpRequest, HttpResponse
from django.urls import reverse
from django.utils import timezone
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from accounts.devices import device_name
from accounts.models import User
from accounts.notices import notice_of
from accounts.refusals import MailNotSent
from accounts.services import sign_up
from accounts.sign_in_notes import note_failed_sign_in, note_lock_out
from accounts.viewer import viewer_for
from config.base.client_address import client_address

logger = logging.getLogger(__name__)


class AccountAdapter(DefaultAccountAdapter):
    """Ours: the person comes with a company, links lead to the public address, sentences say what to do."""

    error_messages = DefaultAccountAdapter.error_messages | {
        "email_password_mismatch": gettext_lazy("E-mail address and password do not match. Check both and try again."),
        "too_many_login_attempts": gettext_lazy(
            "Too many failed sign-ins. Wait a few minutes, or reset your password to get in at once."
        ),
        "invalid_or_expired_key": gettext_lazy(
            "This link was used already or is too old. Sign in to have a new one sent."
        ),
        "invalid_password_reset": gettext_lazy("This link was used already or is too old. Ask for a new one."),
        "enter_current_password": gettext_lazy("This is not your current password."),
    }

    def is_ajax(self, request: HttpRequest) -> bool:
        """Pages answer with pages; programs have the API."""
        return False

    def populate_username(self, request: HttpRequest, user: AbstractBaseUser) -> None:
        """Leave the user name to `sign_up`, which makes it unique under races."""

    def save_user(self, request: HttpRequest, user: User, form: BaseForm, commit: bool = True) -> User:
        """Save the person and the personal company together. Raises `EmailTaken`."""
        super().save_user(request, user, form, commit=False)
        user.full_name = form.cleaned_data.get("full_name", "")
        if commit:
            sign_up(user=user)
        return user

    def confirm_email(self, request: HttpRequest, email_address: EmailAddress) -> bool:
        """Mark the address as proved and welcome the person (see `receivers`), both or neither.

        False, with a sentence for the page, when somebody else has the address by now.
        """
        try:
            with transaction.atomic():
                return bool(super().confirm_email(request, email_address))
        except IntegrityError:
            sentence = _("%(email)s belongs to another account already.") % {"email": email_address.email}
            self.add_message(request, messages.ERROR, message=sentence)
            return False

    def _get_login_attempts_cache_key(self, request: HttpRequest, **credentials: Any) -> str:
        """By account alone. allauth's own key names the host that was asked for, whose port is the visitor's to choose:
        each port would be five tries more.
        """
        return str(credentials.get("email", "")).lower()

    def pre_authenticate(self, request: HttpRequest, **credentials: Any) -> None:
        """Turn away, and note, who failed too often."""
        try:
            super().pre_authenticate(request, **credentials)
        except ValidationError:
            note_lock_out(request, email=str(credentials.get("email") or ""))
            raise

    def authentication_failed(self, request: HttpRequest, **credentials: Any) -> None:
        """Note that a password was wrong."""
        note_failed_sign_in(request, email=str(credentials.get("email") or ""))

    def pre_login(self, request: HttpRequest, user: User, **kwargs: Any) -> HttpResponse | None:
        """Turn away who is inactive, or has no active company to act for."""
        answer: HttpResponse | None
        # Who asked for the account to be deleted signs in, to keep it.
        if user.is_active and user.delete_after is None and viewer_for(user) is None:
            clear_login(request)
            answer = self.respond_user_inactive(request, user)
        else:
            answer = super().pre_login(request, user, **kwargs)
        return answer

    def get_email_confirmation_url(self, request: HttpRequest, emailconfirmation: Any) -> str:
        """The link in the mail; it carries where the person was going, so that this survives another browser."""
        url: str = super().get_email_confirmation_url(request, emailconfirmation)
        onward = get_next_redirect_url(request)
        return f"{url}?{urlencode({'next': onward})}" if onward else url

    def get_password_change_redirect_url(self, request: HttpRequest) -> str:
        return reverse("profile")

    def send_notification_mail(
        self,
        template_prefix: str,
        user: AbstractBaseUser,
        context: dict[str, Any] | None = None,
        email: str | None = None,
    ) -> None:
        """Tell the person by mail what was changed about signing in, once that is committed."""
        address = str(email or getattr(user, "email", ""))
        request = self.request
        values = {
            "sentence": notice_of(template_prefix, context or {}),
            "timestamp": timezone.now(),
            "ip": str(client_address(request) or ""),
            "device": device_name(request.headers.get("User-Agent", "")),
            "reset_url": f"{settings.PUBLIC_URL}{reverse('reset-password')}",
            "public_url": settings.PUBLIC_URL,
        }
        transaction.on_commit(lambda: self._send_notice(address, values), robust=True)

    def _send_notice(self, address: str, values: dict[str, Any]) -> None:
        try:
            self.render_mail("accounts/email/notice", address, values).send()
        except (OSError, smtplib.SMTPException):
            # The change stands; nobody waits for this mail.
            logger.exception("A notice of a changed account could not be sent.")

    def send_mail(self, template_prefix: str, email: str, context: dict[str, Any]) -> None:
        """Send one of our mails. A mail server that fails is told to the person, and raised to a program."""
        try:
            super().send_mail(template_prefix, email, context | {"public_url": settings.PUBLIC_URL})
        except (OSError, smtplib.SMTPException):
            logger.exception("Mail %s could not be sent.", template_prefix)
            sentence = _("We could not send the mail just now. Try again in a few minutes.")
            if is_headless_request(self.request):
                raise MailNotSent(sentence, retry_after=120) from None
            self.add_message(self.request, messages.ERROR, message=sentence)
