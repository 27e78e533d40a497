"""What a person has just bought, for the page that says thank you: it does not wait for anybody's message."""

from dataclasses import dataclass
from enum import StrEnum

from accounts.viewer import Viewer
from billing.models import Payment
from billing.standing import payments_for, sees_payments

TEST_PREFIX = "test_"


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
    """The company's purchase by a session's id; None for another company's, or none at all."""
    if not session or not sees_payments(viewer):
        return None
    if session.startswith(TEST_PREFIX):
        payment = payments_for(viewer).filter(key=f"test:{session.removeprefix(TEST_PREFIX)}").first()
        return Purchase(session, PurchaseState.DONE, payment) if payment else None
    return None
