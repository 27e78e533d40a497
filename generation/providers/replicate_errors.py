"""What Replicate means by an error, in the engine's terms."""

import json
import logging
import re
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
# A request that is turned down for lack of credit, whatever its status.
OUT_OF_QUOTA = ("insufficient credit", "spend limit", "free time limit", "billing required")
# "Expected available in 3 seconds."
AVAILABLE_IN = re.compile(r"available in (\d{1,4}) second")

# How the text of a failed prediction begins or what it holds: models write what they like there.
REJECTED = ("nsfw", "(e005)", "flagged as sensitive", "safety checker", "content moderation", "content policy")
UNFIT = (
    "(e006)",
    "input validation",
    "input was invalid",
    "invalid input",
    "cannot identify image",
    "unsupported image",
    "resize input image",
    "gpu memory",
    "must have the same size",
)
OUT_OF_TIME = ("(e6716)", "timed out", "timeout")

logger = logging.getLogger(__name__)


def submit_error(answer: Answered) -> ProviderError:
    """Why the POST of a prediction did not succeed, and whether it may have been taken."""
    if answer.status == 503:
        # Said by the gate in front of the API.
        return Retryable(_("Replicate is not available at the moment."), retry_after=answer.retry_after)
    if answer.status >= 500 or answer.status == 408:
        return SubmitUnknown(_("Replicate answered with an error, so it is not known whether it took this."))
    if answer.status == 404 or _says(answer, "invalid version", "version does not exist"):
        return InvalidInput(_("Replicate no longer offers this model."))
    return _common(answer) or _refused_input(answer)


def upload_error(answer: Answered) -> ProviderError:
    """Why an input could not be uploaded. Uploading again does no harm."""
    if answer.status in (400, 413, 415, 422):
        return _refused_input(answer)
    return _common(answer) or Retryable(_("The picture could not be sent to Replicate at the moment."))


def exchange_error(answer: Answered) -> ProviderError:
    """Why a look or a cancel did not succeed. Asking again does no harm, even when it is the key that was refused."""
    if answer.status in (404, 410):
        return Gone(_("Replicate knows nothing of this request."))
    error = _common(answer)
    if isinstance(error, Retryable):
        return error
    return Retryable(_("Replicate answers with errors at the moment."), retry_after=answer.retry_after)


def failure(prediction: Mapping[str, Any]) -> ProviderError:
    """Why a prediction ended without success, from its status and its text."""
    if prediction.get("status") == "canceled":
        return ProviderError(_("It was cancelled at Replicate."))
    if prediction.get("status") == "aborted":
        return TimedOut(_("Replicate gave this up before it began."))
    text = str(prediction.get("error") or "")
    said = text.lower()
    if any(word in said for word in REJECTED):
        return ContentRejected(_("The model's safety check refused this. Try other words or another picture."))
    if any(word in said for word in UNFIT):
        return InvalidInput(_("The model cannot work with this: %s") % text[:200])
    if any(word in said for word in OUT_OF_TIME):
        return TimedOut(_("Replicate gave this up for lack of time."))
    logger.warning("replicate: prediction %s failed: %s", prediction.get("id"), text[:500])
    return ProviderError(_("Replicate could not make this: something went wrong there."))


def _common(answer: Answered) -> ProviderError | None:
    """What means the same wherever it is said."""
    if answer.status == 402 or (400 <= answer.status < 500 and _says(answer, *OUT_OF_QUOTA)):
        logger.error("replicate: the account has no credit (HTTP %d)", answer.status)
        return QuotaExceeded(
            _("This installation's account at Replicate is out of credit. The operator must see to it.")
        )
    if answer.status in (401, 403):
        logger.error("replicate: the token was refused (HTTP %d); check REPLICATE_API_TOKEN", answer.status)
        return AuthFailed(
            _("Replicate refused this installation's token. The operator must check REPLICATE_API_TOKEN.")
        )
    if answer.status in PASSING or answer.status < 400:
        return Retryable(_("Replicate is too busy at the moment."), retry_after=_pause(answer))
    return None


def _pause(answer: Answered) -> float | None:
    """Seconds to wait: from the header, or from the words, which is where Replicate's throttle says it."""
    if answer.retry_after is not None:
        return answer.retry_after
    found = AVAILABLE_IN.search(answer.text)
    return float(found[1]) if found else None


def _refused_input(answer: Answered) -> ProviderError:
    detail = _body(answer).get("detail")
    if isinstance(detail, str) and detail.strip():
        if any(word in detail.lower() for word in REJECTED):
            return ContentRejected(_("The model's safety check refused this. Try other words or another picture."))
        return InvalidInput(_("The model cannot work with this: %s") % " ".join(detail.split())[:200])
    return InvalidInput(_("The model cannot work with this input."))


def _says(answer: Answered, *words: str) -> bool:
    text = answer.text.lower()
    return any(word in text for word in words)


def _body(answer: Answered) -> Mapping[str, Any]:
    try:
        body = json.loads(answer.body)
    except ValueError:
        return {}
    return body if isinstance(body, dict) else {}
