"""One double of Stripe a module, begun anew for each test on 31 January 2027."""

from collections.abc import Iterator
from typing import Any

import pytest
from stripe import StripeClient

from tests.billing.stripe_double.shop import JANUARY, new_price
from tests.emulators.stripe import StripeDouble


@pytest.fixture(scope="module")
def running() -> Iterator[StripeDouble]:
    with StripeDouble(control=True) as double:
        yield double


@pytest.fixture
def double(running: StripeDouble) -> StripeDouble:
    running.forget()
    running.now = JANUARY
    running.delivery = "manual"
    return running


@pytest.fixture
def api(double: StripeDouble) -> Any:
    return StripeClient(double.key, base_addresses={"api": double.url}, max_network_retries=2).v1


@pytest.fixture
def month(api: Any) -> Any:
    return new_price(api, 3_000, interval="month", key="studio-monthly")


@pytest.fixture
def customer(api: Any) -> Any:
    return api.customers.create({"email": "alice@example.com", "metadata": {"company": "7"}})
