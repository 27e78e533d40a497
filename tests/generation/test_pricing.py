"""Prices: CRD-4's figures, and what size, time and quality make of them."""

from decimal import Decimal
from typing import Any

import pytest

from gallery.models import Asset
from generation.models import AIModel, Task
from generation.pricing import cost_of, price_of, priced_params


def model(**values: Any) -> AIModel:
    """A row that is not in the database."""
    parameters = {"type": "object", "properties": values.pop("properties", {}), "additionalProperties": False}
    return AIModel(**{"task": Task.TEXT_TO_IMAGE, "markup": Decimal("3.5"), "parameters": parameters} | values)


QUALITY = {"quality": {"type": "string", "enum": ["low", "medium", "high"], "default": "low"}}
MESH = {
    "task": Task.IMAGE_TO_3D,
    "provider_cost": Decimal("0.10"),
    "cost_factors": {"quality": {"medium": 1.5, "high": 2}},
    "properties": QUALITY,
}


@pytest.mark.parametrize(("quality", "price"), [("low", 35), ("medium", 52), ("high", 70)])
def test_a_mesh_costs_what_its_quality_says(quality: str, price: int) -> None:
    assert price_of(model(**MESH), params={"quality": quality}) == price


def test_what_is_not_chosen_counts_by_its_default() -> None:
    assert price_of(model(**MESH)) == 35
    assert cost_of(model(**MESH), params={"quality": "high"}) == Decimal("0.20")


def test_the_cheapest_costs_one_credit_and_nano_banana_fourteen() -> None:
    assert price_of(model(provider_cost=Decimal("0.00001"))) == 1
    assert price_of(model(provider_cost=Decimal("0.04"))) == 14
    assert price_of(model(provider_cost=Decimal("0.04")), 3) == 42


def test_a_video_costs_by_the_second_and_by_its_resolution() -> None:
    row = model(
        task=Task.TEXT_TO_VIDEO,
        unit=AIModel.Unit.SECOND,
        provider_cost=Decimal("0.07"),
        cost_factors={"resolution": {"1080p": 2}},
        properties={"duration": {"type": "integer", "enum": [5, 10], "default": 5}, "resolution": {"type": "string"}},
    )

    assert price_of(row) == 122
    assert price_of(row, params={"duration": 10, "resolution": "720p"}) == 245
    assert price_of(row, params={"duration": 10, "resolution": "1080p"}) == 490
    assert priced_params(row) == {"duration", "resolution"}


@pytest.mark.parametrize(
    ("width", "height", "scale", "megapixels"),
    [(500, 500, 2, 1), (1000, 1000, 2, 4), (1001, 1000, 2, 5), (64, 64, 4, 1)],
)
def test_an_upscale_costs_by_begun_megapixels_of_what_comes_out(
    width: int, height: int, scale: int, megapixels: int
) -> None:
    row = model(
        task=Task.UPSCALE,
        unit=AIModel.Unit.MEGAPIXEL,
        provider_cost=Decimal("0.03"),
        properties={"scale": {"type": "integer", "enum": [2, 4], "default": 2}},
    )

    assert (
        cost_of(row, params={"scale": scale}, source=Asset(width=width, height=height)) == Decimal("0.03") * megapixels
    )


def test_an_extended_picture_costs_by_its_new_size() -> None:
    sides = {name: {"type": "integer", "default": 0} for name in ("left", "right", "top", "bottom")}
    row = model(task=Task.OUTPAINT, unit=AIModel.Unit.MEGAPIXEL, provider_cost=Decimal("0.05"), properties=sides)

    assert cost_of(row, params={"right": 1000}, source=Asset(width=1000, height=1000)) == Decimal("0.10")


def test_a_price_by_hand_is_by_the_unit_and_may_be_nothing() -> None:
    row = model(unit=AIModel.Unit.SECOND, fixed_price=3, properties={"duration": {"type": "integer", "default": 4}})

    assert price_of(row) == 12
    assert price_of(model(fixed_price=0), 4) == 0
