"""What an operator is told at `manage.py check --deploy`, on the system page and, daily, in the clock's log."""

import logging
from collections.abc import Sequence
from typing import Any

from django.conf import settings
from django.core.checks import CheckMessage, Info
from django.utils.translation import gettext as _

logger = logging.getLogger(__name__)


def notes() -> list[str]:
    """Sentences about what this installation leaves out."""
    found = []
    if not settings.CLAMAV_URL:
        found.append(_("Uploads are not scanned for malware: CLAMAV_URL is not set. Their content is still checked."))
    if not settings.DEBUG and not (settings.C2PA_CERT and settings.C2PA_KEY):
        found.append(_("Made pictures are signed by a certificate of our own: C2PA_CERT and C2PA_KEY are not set."))
    return found


def check_notes(app_configs: Sequence[Any] | None, **_options: Any) -> list[CheckMessage]:
    """For `manage.py check --deploy`."""
    return [Info(note, id="gallery.I001") for note in notes()]


def log_notes() -> None:
    """For the clock."""
    for note in notes():
        logger.info(note)
