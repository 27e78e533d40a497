"""What a model costs: us in dollars, the person in credits (CRD-4). Unit and factors are data of the catalogue row."""

from collections.abc import Mapping
from decimal import ROUND_FLOOR, Decimal
from math import ceil
from typing import Any

from gallery.models import Asset
from generation.models import AIModel, Task
from generation.parameters import properties

# What one credit is worth, in USD.
CREDIT_VALUE = Decimal("0.01")
MEGAPIXEL = 1_000_000
SIDES = ("left", "right", "top", "bottom")
# Parameters that decide how many units an output has.
_UNIT_PARAMS = {AIModel.Unit.SECOND: ("duration",), AIModel.Unit.MEGAPIXEL: ("scale", *SIDES)}


def price_of(
    model: AIModel, count: int = 1, *, params: Mapping[str, Any] | None = None, source: Asset | None = None
) -> int:
    """Credits for `count` outputs: floor(cost × markup ÷ credit value), at least 1 each; a price by hand is per unit.

    `params` are completed by the schema's defaults. `source` is the first input, whose size counts where the unit is
    the megapixel; without it an output counts as one.
    """
    if model.fixed_price is None:
        each = cost_of(model, params=params, source=source) * Decimal(model.markup) / CREDIT_VALUE
    else:
        each = model.fixed_price * _multiple(model, params, source)
        if not each:
            return 0
    return max(1, int(each.to_integral_value(ROUND_FLOOR))) * count


def cost_of(model: AIModel, *, params: Mapping[str, Any] | None = None, source: Asset | None = None) -> Decimal:
    """What the provider takes for one output, in USD, by the catalogue."""
    return Decimal(model.provider_cost) * _multiple(model, params, source)


def priced_params(model: AIModel) -> set[str]:
    """Names of the parameters on which the price depends."""
    return (set(model.cost_factors) | set(_UNIT_PARAMS.get(AIModel.Unit(model.unit), ()))) & set(
        properties(model.parameters)
    )


def _multiple(model: AIModel, params: Mapping[str, Any] | None, source: Asset | None) -> Decimal:
    """By what the cost of one unit is multiplied for one output."""
    defaults = {name: rules["default"] for name, rules in properties(model.parameters).items() if "default" in rules}
    chosen = {**defaults, **(params or {})}
    multiple = Decimal(_units(model, chosen, source))
    for name, factors in model.cost_factors.items():
        multiple *= Decimal(str(factors.get(_text(chosen.get(name)), 1)))
    return multiple


def _text(value: Any) -> str:
    """A value as the keys of `cost_factors` are written: JSON has only text for keys."""
    return str(value).lower() if isinstance(value, bool) else str(value)


def _units(model: AIModel, params: Mapping[str, Any], source: Asset | None) -> int:
    if model.unit == AIModel.Unit.SECOND:
        return max(1, ceil(float(params.get("duration") or 1)))
    if model.unit == AIModel.Unit.MEGAPIXEL and source is not None:
        return max(1, ceil(pixels_of(model, params, source) / MEGAPIXEL))
    return 1


def pixels_of(model: AIModel, params: Mapping[str, Any], source: Asset) -> float:
    """How many pixels come out of a picture: more where it is enlarged or extended, else its own."""
    width = source.width + int(params.get("left") or 0) + int(params.get("right") or 0)
    height = source.height + int(params.get("top") or 0) + int(params.get("bottom") or 0)
    scale = float(params.get("scale") or 1) if model.task == Task.UPSCALE else 1
    return width * height * scale * scale
