"""The mail that asks somebody into a company, in HTML and plain text."""

import logging
import smtplib

from django.conf import settings
from django.core.mail import EmailMultiAlternatives
from django.db import transaction
from django.template.loader import render_to_string
from django.urls import reverse
from django.utils.translation import gettext as _

from accounts.models import Invitation
from accounts.refusals import MailNotSent

_TEMPLATE = "accounts/email/invitation"

logger = logging.getLogger(__name__)


def send_invitation(invitation: Invitation, *, token: str) -> None:
    """Send the mail once the invitation is committed, in the language of whoever invites.

    A mail server that fails is told by `MailNotSent`, after the commit: the invitation is kept.
    """
    context = {
        "invitation": invitation,
        "url": f"{settings.PUBLIC_URL}{reverse('invitation', args=[token])}",
        "public_url": settings.PUBLIC_URL,
    }
    message = EmailMultiAlternatives(
        " ".join(render_to_string(f"{_TEMPLATE}_subject.txt", context).split()),
        render_to_string(f"{_TEMPLATE}_message.txt", context).strip(),
        to=[invitation.email],
    )
    message.attach_alternative(render_to_string(f"{_TEMPLATE}_message.html", context).strip(), "text/html")
    transaction.on_commit(lambda: _send(message))


def _send(message: EmailMultiAlternatives) -> None:
    try:
        message.send()
    except (OSError, smtplib.SMTPException) as error:
        logger.exception("An invitation could not be sent.")
        raise MailNotSent(
            _("The invitation is kept, but its mail could not be sent just now. Send it again in a few minutes."),
            retry_after=120,
        ) from error
