"""Asking Stripe: one client, short patience, and errors that people understand."""

import logging
from collections.abc import Iterator
from contextlib import contextmanager
from functools import cache
from typing import Any

import stripe
from django.conf import settings
from django.utils.translation import gettext as _

from billing.refusals import PaymentsNotSetUp
from config.base.refusal import Refusal

# Seconds that one answer may take; a page waits for it.
TIMEOUT = 8
RETRIES = 2

logger = logging.getLogger(__name__)


class PaymentsUnavailable(Refusal):
    """Stripe does not answer, or answers with a fault; nothing was bought."""

    code = "payments_unavailable"
    status = 503


class PaymentDeclined(Refusal):
    """The card was declined; nothing changed."""

    code = "payment_declined"
    status = 402


class NotAtStripe(LookupError):
    """Stripe knows no such object."""


def is_configured() -> bool:
    """Whether people can pay with real money, or with Stripe's test cards."""
    return bool(settings.STRIPE_SECRET_KEY)


@contextmanager
def asking() -> Iterator[stripe.StripeClient]:
    """Stripe's client; its errors come out as refusals with a sentence. Raises `NotAtStripe` for what is not there."""
    if not is_configured():
        raise PaymentsNotSetUp(_("Payments are not set up here yet. Ask whoever runs this site."))
    try:
        yield _client(settings.STRIPE_SECRET_KEY, getattr(settings, "STRIPE_API_HOST", ""))
    except stripe.CardError as error:
        raise PaymentDeclined(
            _("The payment was declined: %(reason)s Nothing was changed; try another card.")
            % {"reason": error.user_message or _("the bank gave no reason.")}
        ) from error
    except stripe.StripeError as error:
        if error.http_status == 404 or error.code == "resource_missing":
            raise NotAtStripe(str(error)) from error
        logger.warning("Stripe refused or did not answer: %s %s", type(error).__name__, error)
        raise PaymentsUnavailable(
            _("The payment service cannot be reached at the moment. Nothing was charged; try again in a few minutes."),
            retry_after=60,
        ) from error


@cache
def _client(key: str, host: str) -> stripe.StripeClient:
    return stripe.StripeClient(
        key,
        stripe_version=settings.STRIPE_API_VERSION,
        base_addresses={"api": host} if host else None,
        http_client=stripe.RequestsClient(timeout=TIMEOUT),
        max_network_retries=RETRIES,
    )


def plain(answer: Any) -> dict[str, Any]:
    """An object of Stripe's as nested dicts and lists."""
    found: dict[str, Any] = answer.to_dict()
    return found
