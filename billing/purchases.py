"""What a person has just bought, for the page that says thank you: it does not wait for anybody's message."""

import re
from dataclasses import dataclass
from enum import StrEnum
from typing import Any

from accounts.viewer import Viewer
from billing.models import Payment
from billing.standing import payments_for, sees_payments
from billing.stripe.applying import apply_session
from billing.stripe.client import NotAtStripe, PaymentsUnavailable, asking, is_configured, plain
from billing.stripe.reading import company_of, identifier

TEST_PREFIX = "test_"
_SESSION = re.compile(r"cs_[A-Za-z0-9_]{1,200}")


class PurchaseState(StrEnum):
    """How far a purchase is."""

    DONE = "done"
    # Paid or agreed to; the provider says that the money takes days.
    PENDING = "pending"
    # Not known to us yet, or the page was left before paying.
    OPEN = "open"
    FAILED = "failed"


@dataclass(frozen=True, slots=True)
class Purchase:
    """A purchase and its payment, where there is one already."""

    session: str
    state: PurchaseState
    payment: Payment | None


def find_purchase(*, viewer: Viewer, session: str) -> Purchase | None:
    """The company's purchase by a session's id; None for another company's, or none at all.

    Stripe is asked, so it is there even if no message of Stripe's has come. While Stripe does not answer, the purchase
    counts as not known yet.
    """
    if not sees_payments(viewer):
        return None
    if session.startswith(TEST_PREFIX) and session.isprintable():
        payment = payments_for(viewer).filter(key=f"test:{session.removeprefix(TEST_PREFIX)}").first()
        return Purchase(session, PurchaseState.DONE, payment) if payment else None
    return _at_stripe(viewer, session) if _SESSION.fullmatch(session) and is_configured() else None


def _at_stripe(viewer: Viewer, session: str) -> Purchase | None:
    try:
        with asking() as client:
            data = plain(client.v1.checkout.sessions.retrieve(session))
        if company_of(data.get("customer")) != viewer.company:
            return None
        apply_session(session)
    except NotAtStripe:
        return None
    except PaymentsUnavailable:
        return Purchase(session, PurchaseState.OPEN, None)
    invoice = identifier(data.get("invoice"))
    keys = [f"session:{session}", f"invoice:{invoice}"]
    payment = payments_for(viewer).filter(key__in=keys).first()
    return Purchase(session, _state(data, payment), payment)


def _state(data: dict[str, Any], payment: Payment | None) -> PurchaseState:
    if payment is not None and payment.state == Payment.State.PAID:
        return PurchaseState.DONE
    if data["status"] == "expired" or (payment is not None and payment.state != Payment.State.OPEN):
        return PurchaseState.FAILED
    if data["status"] == "complete" and data["payment_status"] == "unpaid":
        return PurchaseState.PENDING
    return PurchaseState.OPEN
