"""The development mailbox: the mails that Django's file backend wrote, for whoever sits at this machine."""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime
from email import message_from_bytes, policy
from email.message import EmailMessage
from email.utils import parsedate_to_datetime
from ipaddress import ip_address
from pathlib import Path

from django.conf import settings
from django.http import HttpRequest

_SEPARATOR = b"\n" + b"-" * 79 + b"\n"
_FILE_BACKEND = "django.core.mail.backends.filebased.EmailBackend"
# Files looked at; one holds the mails of one connection, mostly a single one.
_FILES = 50


@dataclass(frozen=True)
class Mail:
    """One mail as a person reads it; `file` and `number` say where it lies."""

    file: str
    number: int
    sender: str
    to: str
    subject: str
    sent_at: datetime | None
    text: str


def is_open_to(request: HttpRequest) -> bool:
    """Only in development, only on a server bound to loopback, only for a visitor on this machine.

    One who comes through a tunnel or a proxy may be anywhere.
    """
    if not (settings.DEBUG and settings.LOOPBACK_ONLY and settings.EMAIL_BACKEND == _FILE_BACKEND):
        return False
    if "X-Forwarded-For" in request.headers:
        return False
    try:
        return ip_address(request.META.get("REMOTE_ADDR", "")).is_loopback
    except ValueError:
        return False


def newest_mails() -> list[Mail]:
    """The newest mails, the last one sent first."""
    files = sorted(Path(settings.EMAIL_FILE_PATH).glob("*.log"), key=lambda path: path.stat().st_mtime_ns, reverse=True)
    return [mail for path in files[:_FILES] for mail in reversed(list(_mails_in(path)))]


def find_mail(*, file: str, number: int) -> Mail | None:
    """One of the newest mails, or None; `file` is only ever compared, never opened."""
    return next((mail for mail in newest_mails() if (mail.file, mail.number) == (file, number)), None)


def _mails_in(path: Path) -> Iterator[Mail]:
    for number, raw in enumerate(part for part in path.read_bytes().split(_SEPARATOR) if part.strip()):
        message = message_from_bytes(raw, policy=policy.default)
        body = message.get_body(preferencelist=("plain", "html")) if isinstance(message, EmailMessage) else None
        yield Mail(
            file=path.name,
            number=number,
            sender=str(message["From"]),
            to=str(message["To"]),
            subject=str(message["Subject"]),
            sent_at=parsedate_to_datetime(str(message["Date"])) if message["Date"] else None,
            text=body.get_content() if body else "",
        )
