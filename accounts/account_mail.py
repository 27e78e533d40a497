"""Mails that tell people what was done to their place here, in their own language, once it is committed."""

import logging
import smtplib
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from datetime import datetime

from django.conf import settings
from django.core.mail import EmailMultiAlternatives, get_connection
from django.db import transaction
from django.template.loader import render_to_string
from django.urls import reverse
from django.utils import formats, translation
from django.utils.translation import gettext as _

from accounts.models import Company, Membership, User
from accounts.people import languages

_TEMPLATE = "accounts/email/told"
_RUN_BY = (Membership.Role.OWNER, Membership.Role.ADMIN)

logger = logging.getLogger(__name__)


def tell_of_removal(*, member: Membership, by: User) -> None:
    """Somebody was put out of a company."""
    with _language_of(member.user):
        names = {"company": member.company.name, "person": by.get_full_name(), "email": by.email}
        message = _letter(
            member.user,
            subject=_("You were removed from %(company)s") % names,
            sentence=_("%(person)s (%(email)s) removed you from %(company)s.") % names,
            advice=_("What you made there stays with the company, and your API keys for it have ended."),
            route="generate",
        )
    _send([message])


def tell_of_role(*, member: Membership, before: str, by: User) -> None:
    """Somebody's role in a company is another one now."""
    with _language_of(member.user):
        roles = dict(Membership.Role.choices)
        names = {
            "company": member.company.name,
            "person": by.get_full_name(),
            "email": by.email,
            "before": roles[before],
            "now": roles[member.role],
        }
        message = _letter(
            member.user,
            subject=_("Your role in %(company)s is %(now)s now") % names,
            sentence=_("%(person)s (%(email)s) changed your role in %(company)s from %(before)s to %(now)s.") % names,
            advice=_("It counts at once, in the browser and for API keys."),
            route="company",
        )
    _send([message])


def tell_of_deletion(*, company: Company, at: datetime, by: User) -> None:
    """A company is to be deleted: its owners and admins have until then to change their minds."""
    places = Membership.objects.filter(company=company, role__in=_RUN_BY, user__is_active=True).select_related("user")
    messages = []
    for place in places.order_by("pk"):
        with _language_of(place.user):
            names = {
                "company": company.name,
                "person": by.get_full_name(),
                "email": by.email,
                "day": formats.date_format(at, "DATE_FORMAT"),
            }
            messages.append(
                _letter(
                    place.user,
                    subject=_("%(company)s will be deleted on %(day)s") % names,
                    sentence=_("%(person)s (%(email)s) asked for %(company)s to be deleted on %(day)s.") % names,
                    advice=_("Pictures, prompts, keys and memberships go then. Until that day an owner can keep it."),
                    route="company",
                )
            )
    _send(messages)


def tell_of_sign_in_as(*, person: User, operator: User, reason: str) -> None:
    """An operator looks at the product as this person."""
    with _language_of(person):
        names = {"operator": operator.email, "reason": reason}
        message = _letter(
            person,
            subject=_("An operator signed in as you"),
            sentence=_("An operator of this site, %(operator)s, signed in as you: %(reason)s") % names,
            advice=_(
                "It lasts an hour at most. Nobody can touch your password, address, second factors, keys or payments "
                "that way, and what is done is written down for you."
            ),
            route="security",
        )
    _send([message])


@contextmanager
def _language_of(person: User) -> Iterator[None]:
    known = person.language in dict(languages())
    with translation.override(person.language if known else settings.LANGUAGE_CODE):
        yield


def _letter(person: User, *, subject: str, sentence: str, advice: str, route: str) -> EmailMultiAlternatives:
    context = {
        "sentence": sentence,
        "advice": advice,
        "url": f"{settings.PUBLIC_URL}{reverse(route)}",
        "public_url": settings.PUBLIC_URL,
    }
    text = render_to_string(f"{_TEMPLATE}_message.txt", context).strip()
    message = EmailMultiAlternatives(" ".join(subject.split()), text, to=[person.email])
    message.attach_alternative(render_to_string(f"{_TEMPLATE}_message.html", context).strip(), "text/html")
    return message


def _send(messages: Iterable[EmailMultiAlternatives]) -> None:
    letters = list(messages)
    if letters:
        transaction.on_commit(lambda: _deliver(letters), robust=True)


def _deliver(letters: list[EmailMultiAlternatives]) -> None:
    """Through one connection. What was done stands, whatever becomes of the mails: nobody waits for them."""
    try:
        get_connection().send_messages(letters)
    except (OSError, smtplib.SMTPException):
        logger.exception("%d mails about accounts could not be sent.", len(letters))
