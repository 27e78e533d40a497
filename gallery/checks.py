"""What an operator is told at `manage.py check` and when a process starts."""

import logging
from collections.abc import Sequence
from typing import Any

from django.conf import settings
from django.core.checks import CheckMessage, Info
from django.utils.translation import gettext as _

logger = logging.getLogger(__name__)


def notes() -> list[str]:
    """Sentences about what this installation leaves out."""
    if settings.CLAMAV_URL:
        return []
    return [_("Uploads are not scanned for malware: CLAMAV_URL is not set. Their content is checked and rewritten.")]


def check_scanner(app_configs: Sequence[Any] | None, **_options: Any) -> list[CheckMessage]:
    """`manage.py check` says it, too."""
    return [Info(note, id="gallery.I001") for note in notes()]


def log_notes() -> None:
    """Say it once a process, in its log."""
    for note in notes():
        logger.info(note)
