"""A Stripe for tests of money."""

from collections.abc import Iterator
from typing import Any

import pytest

from billing.stripe.webhooks import seed_endpoint
from tests.billing.stripe_life import SECRET, Life, lives
from tests.emulators.stripe import StripeDouble


@pytest.fixture(scope="session")
def stripe_double() -> Iterator[StripeDouble]:
    """One double for all tests of a worker; each begins anew."""
    with StripeDouble() as double:
        yield double


@pytest.fixture
def life(db: None, stripe_double: StripeDouble, settings: Any) -> Iterator[Life]:
    """A company at a Stripe where nothing has happened yet."""
    settings.STRIPE_WEBHOOK_SECRET = SECRET
    seed_endpoint()
    with lives(stripe_double, settings) as one:
        yield one
