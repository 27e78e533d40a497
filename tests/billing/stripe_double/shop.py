"""What the tests of the double of Stripe sell, and how they look at it."""

from datetime import UTC, datetime
from typing import Any

from tests.emulators.stripe import StripeDouble

JANUARY = datetime(2027, 1, 31, 12, tzinfo=UTC)
SUCCESS = "http://shop.example/thanks?session={CHECKOUT_SESSION_ID}"


def new_price(api: Any, cents: int, *, interval: str = "", count: int = 1, key: str = "") -> Any:
    """A price of a product of its own."""
    wanted: dict[str, Any] = {"currency": "eur", "unit_amount": cents, "product_data": {"name": f"At {cents}"}}
    if interval:
        wanted["recurring"] = {"interval": interval, "interval_count": count}
    return api.prices.create(wanted | ({"lookup_key": key} if key else {}))


def new_session(api: Any, price: Any, **more: Any) -> Any:
    """A Checkout session that sells one of a price."""
    mode = "subscription" if price.recurring else "payment"
    wanted = {"mode": mode, "line_items": [{"price": price.id, "quantity": 1}], "success_url": SUCCESS}
    return api.checkout.sessions.create(wanted | {"cancel_url": "http://shop.example/plans"} | more)


def subscribed(double: StripeDouble, api: Any, price: Any, customer: Any, **more: Any) -> Any:
    """A subscription that a customer bought at Checkout."""
    session = double.pay(new_session(api, price, customer=customer.id, **more).id)
    return api.subscriptions.retrieve(session["subscription"])


def types(double: StripeDouble) -> list[str]:
    """The types of all events, in their order."""
    return [event.type for event in double.happened()]


def period(subscription: Any) -> tuple[datetime, ...]:
    """Begin and end of a subscription's current period."""
    item = subscription["items"].data[0]
    return tuple(datetime.fromtimestamp(item[f"current_period_{end}"], UTC) for end in ("start", "end"))
