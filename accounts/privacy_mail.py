"""Mails about a person's own data: a copy is ready, the account is to be deleted, is kept, is gone."""

from datetime import datetime
from typing import Any

from django.conf import settings
from django.core.mail import EmailMultiAlternatives
from django.template.loader import render_to_string
from django.urls import reverse
from django.utils import translation

from accounts.models import DataExport, DeletionReceipt, User
from accounts.people import languages


def tell_of_export(export: DataExport, *, path: str) -> None:
    """Say that the copy can be fetched at `path`. Raises what the mail server does."""
    context = {"url": f"{settings.PUBLIC_URL}{path}", "export": export}
    _send("export_ready", to=export.user.email, language=export.user.language, context=context)


def tell_of_request(user: User, *, at: datetime, reference: str) -> None:
    """Say that the account will be deleted, and how to keep it."""
    context = {"url": f"{settings.PUBLIC_URL}{reverse('login')}", "at": at, "reference": reference}
    _send("deletion_asked", to=user.email, language=user.language, context=context)


def tell_of_keeping(user: User) -> None:
    """Say that the account is kept after all."""
    context = {"url": f"{settings.PUBLIC_URL}{reverse('reset-password')}"}
    _send("deletion_kept", to=user.email, language=user.language, context=context)


def tell_of_end(receipt: DeletionReceipt, *, to: str, lines: list[str]) -> None:
    """Say that the account is deleted, and how much of what went."""
    _send("deletion_done", to=to, language=receipt.language, context={"receipt": receipt, "lines": lines})


def _send(name: str, *, to: str, language: str, context: dict[str, Any]) -> None:
    template = f"accounts/email/{name}"
    values = context | {"public_url": settings.PUBLIC_URL}
    with translation.override(language if language in dict(languages()) else settings.LANGUAGE_CODE):
        message = EmailMultiAlternatives(
            " ".join(render_to_string(f"{template}_subject.txt", values).split()),
            render_to_string(f"{template}_message.txt", values).strip(),
            to=[to],
        )
        html = render_to_string(f"{template}_message.html", values).strip()
    message.attach_alternative(html, "text/html")
    message.send()
