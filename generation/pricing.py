"""What a model costs in credits."""

from decimal import ROUND_FLOOR, Decimal

from generation.models import AIModel

# What one credit is worth, in USD.
CREDIT_VALUE = Decimal("0.01")


def price_of(model: AIModel, count: int = 1) -> int:
    """Credits for `count` outputs: floor(cost × markup ÷ credit value), at least 1 each, unless set by hand (CRD-4)."""
    each = model.fixed_price
    if each is None:
        each = max(1, int((model.provider_cost * Decimal(model.markup) / CREDIT_VALUE).to_integral_value(ROUND_FLOOR)))
    return each * count
