"""What Stability means by an error, in the engine's terms.

Stability bills successes alone, but says nothing of answers that were lost on the way: a status of 500 and above, other
than 503 of the gate in front, leaves it open whether something was made, so it is never asked for again by itself.
"""

import json
import logging
from collections.abc import Mapping
from typing import Any

from django.utils.translation import gettext as _

from generation.providers.base import (
    AuthFailed,
    ContentRejected,
    InvalidInput,
    ProviderError,
    QuotaExceeded,
    Retryable,
    SubmitUnknown,
)
from generation.providers.transport import Answered

PASSING = (409, 425, 429)
MODERATION = ("content_moderation", "content_filtered")
SAID_LENGTH = 200

logger = logging.getLogger(__name__)


def make_error(answer: Answered) -> ProviderError:
    """Why a POST made nothing, or may have made something."""
    name = str(_body(answer).get("name", "")).lower()
    if answer.status == 503:
        return Retryable(_("Stability is not available at the moment."), retry_after=answer.retry_after)
    if answer.status >= 500 or answer.status == 408:
        return SubmitUnknown(_("Stability answered with an error, so it is not known whether it made this."))
    if answer.status == 402 or name == "payment_required":
        logger.error("stability: the account has no credits (HTTP %d)", answer.status)
        return QuotaExceeded(
            _("This installation's account at Stability is out of credit. The operator must see to it.")
        )
    if name in MODERATION or "content moderation" in answer.text.lower():
        return rejected()
    if answer.status in (401, 403):
        logger.error("stability: the key was refused (HTTP %d); check STABILITY_API_KEY", answer.status)
        return AuthFailed(_("Stability refused this installation's key. The operator must check STABILITY_API_KEY."))
    if answer.status in PASSING:
        return Retryable(_("Stability is too busy at the moment."), retry_after=answer.retry_after)
    if answer.status == 404:
        return InvalidInput(_("Stability no longer offers this model."))
    if answer.status < 400:
        return ProviderError(_("Stability sends requests on to another address. The operator must check it."))
    return _refused_input(answer)


def rejected() -> ContentRejected:
    """The words, the picture or what was made of them did not pass."""
    return ContentRejected(_("Stability's safety check refused this. Try other words or another picture."))


def _refused_input(answer: Answered) -> InvalidInput:
    errors = _body(answer).get("errors")
    said = " ".join(str(error) for error in errors) if isinstance(errors, list) else ""
    if not said:
        return InvalidInput(_("Stability cannot work with this input."))
    return InvalidInput(_("Stability cannot work with this: %s") % said[:SAID_LENGTH])


def _body(answer: Answered) -> Mapping[str, Any]:
    try:
        body = json.loads(answer.body)
    except ValueError:
        return {}
    return body if isinstance(body, dict) else {}
