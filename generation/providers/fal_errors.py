"""What fal means by an error, in the engine's terms."""

import json
import logging
from collections.abc import Mapping
from typing import Any

from django.utils.translation import gettext as _

from generation.providers.base import (
    AuthFailed,
    ContentRejected,
    Gone,
    InvalidInput,
    ProviderError,
    QuotaExceeded,
    Retryable,
    SubmitUnknown,
    TimedOut,
)
from generation.providers.transport import Answered

PASSING = (408, 409, 425, 429)
REJECTED_TYPES = ("content_policy_violation",)
TIMEOUT_TYPES = ("generation_timeout", "request_timeout", "startup_timeout")
# What an account without money, or one that fal has locked, is told with a 403.
OUT_OF_QUOTA = ("exhausted balance", "user is locked", "top up", "insufficient balance")

logger = logging.getLogger(__name__)


def submit_error(answer: Answered) -> ProviderError:
    """Why a POST to the queue did not succeed, and whether it may have been taken."""
    if answer.status == 503:
        # Said by the gate in front of the queue.
        return Retryable(_("fal is not available at the moment."), retry_after=answer.retry_after)
    if answer.status >= 500 or answer.status == 408:
        return SubmitUnknown(_("fal answered with an error, so it is not known whether it took this."))
    if answer.status == 404:
        return InvalidInput(_("fal no longer offers this model."))
    return _common(answer) or _refused_input(answer)


def upload_error(answer: Answered) -> ProviderError:
    """Why an input could not be uploaded. Uploading again does no harm."""
    if answer.status in (400, 413, 415, 422):
        return _refused_input(answer)
    return _common(answer) or Retryable(_("The picture could not be sent to fal at the moment."))


def exchange_error(answer: Answered) -> ProviderError:
    """Why a look at the status or a cancel did not succeed. Asking again does no harm."""
    if answer.status in (404, 410):
        return Gone(_("fal knows nothing of this request."))
    return _stumbled(answer)


def result_error(answer: Answered) -> ProviderError:
    """How the work ended, from the answer to the request for its result: fal passes the model's own status on."""
    if answer.status in (404, 410):
        return Gone(_("fal no longer has the result."))
    if answer.status == 400 and "in progress" in answer.text.lower():
        return Retryable(_("fal is not done yet."), retry_after=answer.retry_after)
    kinds = _types(answer)
    if any(kind in TIMEOUT_TYPES for kind in kinds):
        return TimedOut(_("fal gave this up for lack of time."))
    if answer.status in (401, 402, 403, *PASSING) or (answer.status >= 500 and not kinds):
        # Nothing of the model's: the queue itself stumbled.
        return _stumbled(answer)
    if answer.status in (400, 413, 422):
        return _refused_input(answer)
    return ProviderError(_("fal could not make this: something went wrong there."))


def _stumbled(answer: Answered) -> Retryable:
    """A refusal to let us look at what was taken, and is paid for: worth looking again, even when it is the key's."""
    error = _common(answer)
    if isinstance(error, Retryable):
        return error
    return Retryable(_("fal answers with errors at the moment."), retry_after=answer.retry_after)


def _common(answer: Answered) -> ProviderError | None:
    """What means the same wherever it is said."""
    text = answer.text.lower()
    if answer.status == 402 or (400 <= answer.status < 500 and any(word in text for word in OUT_OF_QUOTA)):
        logger.error("fal: the account has no money or is locked (HTTP %d)", answer.status)
        return QuotaExceeded(_("This installation's account at fal is out of credit. The operator must see to it."))
    if answer.status in (401, 403):
        logger.error("fal: the key was refused (HTTP %d); check FAL_KEY", answer.status)
        return AuthFailed(_("fal refused this installation's key. The operator must check FAL_KEY."))
    if answer.status in PASSING or answer.status < 400:
        return Retryable(_("fal is too busy at the moment."), retry_after=answer.retry_after)
    return None


def _refused_input(answer: Answered) -> ProviderError:
    if any(kind in REJECTED_TYPES for kind in _types(answer)):
        return ContentRejected(_("fal's safety check refused this. Try other words or another picture."))
    sentence = _said(answer)
    if sentence:
        return InvalidInput(_("fal cannot work with this: %s") % sentence)
    return InvalidInput(_("fal cannot work with this input."))


def _body(answer: Answered) -> Mapping[str, Any]:
    try:
        body = json.loads(answer.body)
    except ValueError:
        return {}
    return body if isinstance(body, dict) else {}


def _details(answer: Answered) -> list[Mapping[str, Any]]:
    detail = _body(answer).get("detail")
    return [row for row in detail if isinstance(row, dict)] if isinstance(detail, list) else []


def _types(answer: Answered) -> list[str]:
    """The machine-readable kinds of an error: of the model's own, and of the queue's."""
    kinds = [row.get("type") for row in _details(answer)]
    kinds += [_body(answer).get("error_type"), answer.headers.get("x-fal-error-type")]
    return [kind for kind in kinds if isinstance(kind, str) and kind]


def _said(answer: Answered) -> str:
    """fal's own sentence, which it writes for people, cut to a length that fits."""
    rows = _details(answer)
    said = rows[0].get("msg") if rows else _body(answer).get("detail")
    return said[:200] if isinstance(said, str) else ""
