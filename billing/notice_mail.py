"""Sending mails about money: each once.

A worker takes a notice by one conditional UPDATE before it speaks to the mail server, so of many at once one sends. If
it dies between the two, the mail is lost rather than sent twice: everything that mails tell stands on the billing page
too. A mail server that says no, or nothing, gives the notice back, and the clock asks again for three days.
"""

import logging
import smtplib
from datetime import timedelta
from uuid import UUID

from django.conf import settings
from django.core.cache import cache
from django.core.mail import EmailMultiAlternatives
from django.template.loader import render_to_string
from django.utils import timezone, translation

from accounts.models import Company, Membership, User
from billing.letters import letter_of
from billing.models import BillingNotice
from billing.notices import ask_to_send

_TEMPLATE = "billing/email/notice"
# How long a worker has for a notice before the clock asks again, and how often that is.
PATIENCE = timedelta(minutes=1)
AGAIN_SECONDS = 15 * 60
# After this long a mail would surprise more than it helps; operators see it in the admin.
GIVEN_UP = timedelta(days=3)
BATCH = 500

logger = logging.getLogger(__name__)


def send_notice(*, notice_id: UUID) -> bool:
    """Send a notice that nobody has sent; True if this call did."""
    waiting = BillingNotice.objects.filter(pk=notice_id, sent_at=None)
    notice = waiting.select_related("company").first()
    if notice is None:
        return False
    people = people_of(notice.company)
    with translation.override(people[0].language if people else settings.LANGUAGE_CODE):
        message = _written(notice, _addresses(notice.company, people))
    if not waiting.update(sent_at=timezone.now()):
        return False
    if not message.to:
        logger.info("notice %s has nobody to go to", notice_id)
        return False
    try:
        message.send()
    except (OSError, smtplib.SMTPException) as error:
        BillingNotice.objects.filter(pk=notice_id).update(sent_at=None)
        logger.warning("notice %s was not taken by the mail server, the clock tries again: %s", notice_id, error)
        return False
    return True


def send_waiting() -> int:
    """What the clock does: ask again for what was not sent; returns for how many."""
    now = timezone.now()
    waiting = BillingNotice.objects.filter(
        sent_at=None, created_at__lt=now - PATIENCE, created_at__gt=now - GIVEN_UP
    ).order_by("created_at")
    asked = 0
    for notice_id in list(waiting.values_list("pk", flat=True)[:BATCH]):
        if cache.add(f"billing.notice:{notice_id}", 1, timeout=AGAIN_SECONDS):
            ask_to_send(notice_id)
            asked += 1
    return asked


def people_of(company: Company) -> list[User]:
    """Who hears about a company's money: its owners and admins, the owners first."""
    roles = (Membership.Role.OWNER, Membership.Role.ADMIN)
    if company.deleted_at is not None:
        return []
    rows = Membership.objects.filter(company=company, role__in=roles, user__is_active=True).select_related("user")
    return [row.user for row in rows.order_by("-role", "id")]


def _addresses(company: Company, people: list[User]) -> list[str]:
    """Theirs, and the company's own for invoices; each once."""
    wanted = [person.email for person in people]
    if company.email and company.deleted_at is None:
        wanted.append(company.email)
    return list({address.lower(): address for address in wanted}.values())


def _written(notice: BillingNotice, addresses: list[str]) -> EmailMultiAlternatives:
    letter = letter_of(notice.kind, notice.context)
    context = {
        "letter": letter,
        "label": letter.label,
        "url": letter.url,
        "company": notice.company,
        "public_url": settings.PUBLIC_URL,
    }
    message = EmailMultiAlternatives(
        " ".join(letter.subject.split()),
        render_to_string(f"{_TEMPLATE}_message.txt", context).strip(),
        to=addresses,
    )
    message.attach_alternative(render_to_string(f"{_TEMPLATE}_message.html", context).strip(), "text/html")
    return message
