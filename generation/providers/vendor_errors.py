"""What an answer that is no success means, for vendors that speak the error dialect of OpenAI.

`{"error": {"message", "type", "param", "code"}}` with HTTP's usual statuses: OpenAI, Together, and most endpoints that
an operator adds.
"""

import json
import logging
from collections.abc import Mapping
from dataclasses import dataclass, field
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

# Of the vendor's own sentence so much is passed on.
SAID_LENGTH = 200
REJECTED_CODES = ("moderation_blocked", "content_policy_violation", "content_filter", "image_generation_user_error")
REJECTED_WORDS = ("nsfw", "safety system", "content policy", "moderation")
QUOTA_CODES = ("insufficient_quota", "billing_hard_limit_reached", "billing_not_active", "credit_limit")
QUOTA_WORDS = ("billing", "exceeded your current quota", "credit limit", "insufficient funds")

logger = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True, kw_only=True)
class Vendor:
    """Who is asked: `title` for people; `remedy` names what an operator must look at; `secret` is never quoted."""

    title: str
    remedy: str
    secret: str = field(default="", repr=False)


def no_key(vendor: Vendor) -> AuthFailed:
    """The error for a provider that has no key here."""
    sentence = _("This installation has no key for %(vendor)s. The operator must set %(remedy)s.")
    return AuthFailed(sentence % {"vendor": vendor.title, "remedy": vendor.remedy})


def unreadable(vendor: Vendor) -> SubmitUnknown:
    """The error for a success whose body is not what it should be: it may have been made, and billed."""
    sentence = _("The answer of %s cannot be read, so it is not known whether it made this.")
    return SubmitUnknown(sentence % vendor.title)


def lost(error: ProviderError, vendor: Vendor) -> ProviderError:
    """What the transport says of a POST without an answer, with the vendor's name in it."""
    if isinstance(error, SubmitUnknown):
        return SubmitUnknown(
            _("%s did not answer as it should, so it is not known whether it took this.") % vendor.title
        )
    if isinstance(error, Retryable):
        return Retryable(_("%s cannot be reached at the moment.") % vendor.title, retry_after=error.retry_after)
    return error


def submit_error(answer: Answered, vendor: Vendor) -> ProviderError:
    """Why a POST did not succeed, and whether it may have been taken."""
    who = vendor.title
    if answer.status < 400:
        return ProviderError(_("%s sends requests on to another address. The operator must check it.") % who)
    if answer.status == 503:
        return Retryable(_("%s is not available at the moment.") % who, retry_after=answer.retry_after)
    if answer.status >= 500 or answer.status == 408:
        return SubmitUnknown(_("%s answered with an error, so it is not known whether it took this.") % who)
    error = _error(answer)
    if answer.status == 402 or _speaks_of(error, QUOTA_CODES, QUOTA_WORDS):
        logger.error("%s: the account is out of money or quota (HTTP %d)", who, answer.status)
        sentence = _("This installation's account at %s is out of credit. The operator must see to it.")
        return QuotaExceeded(sentence % who)
    if answer.status in (409, 425, 429):
        return Retryable(_("%s is too busy at the moment.") % who, retry_after=answer.retry_after)
    if _speaks_of(error, REJECTED_CODES, REJECTED_WORDS):
        sentence = _("The safety check of %s refused this. Try other words or another picture.")
        return ContentRejected(sentence % who)
    if answer.status in (401, 403):
        logger.error("%s: the key was refused (HTTP %d); check %s", who, answer.status, vendor.remedy)
        sentence = _("%(vendor)s refused this installation's key. The operator must check %(remedy)s.")
        return AuthFailed(sentence % {"vendor": who, "remedy": vendor.remedy})
    if answer.status == 404:
        return InvalidInput(_("%s does not offer this model.") % who)
    return _refused_input(error, vendor)


def _refused_input(error: Mapping[str, Any], vendor: Vendor) -> InvalidInput:
    said = str(error.get("message") or "").strip()
    if vendor.secret:
        said = said.replace(vendor.secret, "…")
    if not said:
        return InvalidInput(_("%s cannot work with this input.") % vendor.title)
    sentence = _("%(vendor)s cannot work with this: %(reason)s")
    return InvalidInput(sentence % {"vendor": vendor.title, "reason": said[:SAID_LENGTH]})


def _error(answer: Answered) -> Mapping[str, Any]:
    """The object that describes the error; some endpoints send a bare sentence, or FastAPI's `detail`."""
    try:
        body = json.loads(answer.body)
    except ValueError:
        return {}
    if not isinstance(body, dict):
        return {}
    error = body.get("error", body.get("detail", body))
    if isinstance(error, list) and error and isinstance(error[0], dict):
        return {"message": error[0].get("msg", "")}
    return error if isinstance(error, dict) else {"message": error}


def _speaks_of(error: Mapping[str, Any], codes: tuple[str, ...], words: tuple[str, ...]) -> bool:
    said = str(error.get("message") or "").lower()
    return any(str(error.get(name)) in codes for name in ("code", "type")) or any(word in said for word in words)
