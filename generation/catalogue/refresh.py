"""Bringing rows up to what their provider publishes today: prices, choices, limits, and endpoints that are gone.

What is read is remembered in `seeded["live"]`, so that the next run of `sync_rows` does not undo it, and so that a
column which an operator changed meanwhile is known and left alone.
"""

from dataclasses import dataclass, field
from decimal import Decimal
from typing import Any

from django.db import transaction

from generation.catalogue.checks import VIDEO_TASKS, as_key, problems_of
from generation.catalogue.narrowing import narrowed
from generation.catalogue.sync import LIVE, default_of, is_untouched, plain
from generation.models import AIModel, Task
from generation.parameters import properties
from generation.providers import names
from generation.providers.base import AuthFailed, Gone, ProviderError
from generation.providers.fal_endpoints import ENDPOINTS
from generation.providers.fal_listing import Allowed, FalListing, Price

# What fal calls the units that we know. "Compute seconds", "units" and such say nothing about one output.
UNITS = {
    **dict.fromkeys(("image", "images", "video", "videos", "generation", "generations"), AIModel.Unit.OUTPUT),
    **dict.fromkeys(("request", "requests", "output", "outputs", "model", "models"), AIModel.Unit.OUTPUT),
    **dict.fromkeys(("megapixel", "megapixels"), AIModel.Unit.MEGAPIXEL),
    **dict.fromkeys(("second", "seconds"), AIModel.Unit.SECOND),
}
SMALLEST, LARGEST = Decimal("0.00001"), Decimal(1_000)
COLUMNS = ["provider_cost", "unit", "parameters", "cost_factors", "is_active", "off_reason", "seeded"]


@dataclass
class Refreshed:
    """What a run did, one line for each thing; `failed` counts what could not be read."""

    lines: list[str] = field(default_factory=list)
    models: int = 0
    failed: int = 0

    def note(self, mark: str, model: AIModel, sentence: str) -> None:
        """Add a line."""
        self.lines.append(f"{mark} {model.slug}: {sentence}")


@dataclass(frozen=True, slots=True)
class Found:
    """What was read about one endpoint; None where it could not be."""

    fields: dict[str, Allowed] | None = None
    price: Price | None = None
    is_gone: bool = False


def refresh_fal(listing: FalListing, *, dry_run: bool = False) -> Refreshed:
    """Read every endpoint of fal that the catalogue names. One that cannot be read changes nothing.

    Each row is written by itself, after its reading: no transaction waits for the network.
    """
    report = Refreshed()
    may_ask_prices = bool(listing.account.key)
    if not may_ask_prices:
        report.lines.append("Prices are not read: set FAL_KEY.")
    for model in AIModel.objects.filter(provider=names.FAL).order_by("position", "slug"):
        report.models += 1
        try:
            found = _read(listing, model, report, with_price=may_ask_prices)
        except AuthFailed as error:
            may_ask_prices = False
            report.failed += 1
            report.lines.append(f"Prices are not read: {error}")
            found = _read(listing, model, report, with_price=False)
        with transaction.atomic():
            row = AIModel.objects.select_for_update().get(pk=model.pk)
            if _apply(row, found, report) and not dry_run:
                row.save(update_fields=COLUMNS)
    return report


def _read(listing: FalListing, model: AIModel, report: Refreshed, *, with_price: bool) -> Found:
    """Everything about one endpoint. Raises `AuthFailed`."""
    fields = price = None
    try:
        fields = listing.fields(model.endpoint)
    except Gone:
        return Found(is_gone=True)
    except ProviderError as error:
        report.failed += 1
        report.note("!", model, f"schema: {error}")
    if with_price:
        try:
            price = listing.price(model.endpoint)
        except AuthFailed:
            raise
        except ProviderError as error:
            report.failed += 1
            report.note("!", model, f"price: {error}")
    return Found(fields=fields, price=price)


def _apply(model: AIModel, found: Found, report: Refreshed) -> bool:
    """Change the row by what was found; whether anything changed."""
    before = [plain(model, column) for column in COLUMNS]
    if found.is_gone:
        _switch_off(model, report)
    elif found.fields is not None:
        _switch_on_again(model, report)
        _narrow(model, found.fields, report)
    if found.price is not None:
        _take_price(model, found.price, report)
    return before != [plain(model, column) for column in COLUMNS]


# --- On and off -------------------------------------------------------------------------------------------------------


def _switch_off(model: AIModel, report: Refreshed) -> None:
    live = model.seeded.get(LIVE, {})
    if not model.is_active:
        return
    if live.get("is_active") is False:
        report.note("?", model, "fal no longer has its endpoint, but an operator switched it on again")
        return
    model.is_active = False
    model.off_reason = f"fal no longer has its endpoint {model.endpoint}."[:200]
    _remember(model, live | {"is_active": False, "off_reason": model.off_reason})
    report.note("-", model, f"switched off: {model.off_reason}")


def _switch_on_again(model: AIModel, report: Refreshed) -> None:
    """Only what this command switched off, and nobody touched since."""
    live = dict(model.seeded.get(LIVE, {}))
    if live.pop("is_active", None) is not False:
        return
    reason = live.pop("off_reason", "")
    if not model.is_active and model.off_reason == reason:
        model.is_active, model.off_reason = True, ""
        report.note("+", model, "its endpoint is back: switched on again")
    _remember(model, live)


# --- Choices and limits -----------------------------------------------------------------------------------------------


def _narrow(model: AIModel, fields: dict[str, Allowed], report: Refreshed) -> None:
    endpoint = ENDPOINTS.get(model.endpoint)
    if endpoint is None:
        report.note("?", model, f"this program does not know how to ask {model.endpoint}")
        return
    # From the list's own schema, so that a value that comes back at fal comes back here.
    schema, notes = narrowed(model.seeded.get("parameters", model.parameters), endpoint, fields)
    for note in notes:
        report.note("?", model, note)
    if not is_untouched(model, "parameters"):
        if notes:
            report.note("=", model, "parameters stay as an operator set them")
        return
    if schema != model.parameters:
        report.note("~", model, "parameters")
    _set(model, "parameters", schema)
    factors = {
        name: {value: factor for value, factor in by_value.items() if _is_offered(schema, name, value)}
        for name, by_value in model.seeded.get("cost_factors", model.cost_factors).items()
    }
    if is_untouched(model, "cost_factors"):
        _set(model, "cost_factors", {name: by_value for name, by_value in factors.items() if by_value})


def _is_offered(schema: dict[str, Any], name: str, value: str) -> bool:
    choices = properties(schema).get(name, {}).get("enum")
    return choices is None or value in [as_key(choice) for choice in choices]


# --- Prices -----------------------------------------------------------------------------------------------------------


def _take_price(model: AIModel, price: Price, report: Refreshed) -> None:
    unit = UNITS.get(price.unit)
    endpoint = ENDPOINTS.get(model.endpoint)
    if unit == AIModel.Unit.MEGAPIXEL and endpoint is not None and endpoint.is_one_megapixel:
        unit = AIModel.Unit.OUTPUT
    told = f"{price.amount} {price.currency} per {price.unit}"
    wanted = {"provider_cost": price.amount, "unit": unit}
    if unit is None or price.currency != "USD" or not _fits(model, unit):
        report.note("?", model, f"fal's price is {told}: not taken over")
    elif not price.amount.is_finite() or not SMALLEST <= price.amount <= LARGEST or problems_of(_row(model) | wanted):
        report.note("?", model, f"fal's price is {told}: that cannot be right, not taken over")
    elif (Decimal(model.provider_cost), model.unit) == (price.amount, unit):
        for column, value in wanted.items():
            if is_untouched(model, column):
                _set(model, column, value)
    elif not all(is_untouched(model, column) for column in wanted):
        report.note("=", model, f"fal's price is {told}; cost and unit stay as an operator set them")
    elif model.fixed_price is not None and model.unit != unit:
        report.note("=", model, f"fal's price is {told}; the price by hand is per {model.unit}, so nothing changes")
    else:
        report.note("~", model, f"cost {model.provider_cost} per {model.unit} → {price.amount} per {unit}")
        for column, value in wanted.items():
            _set(model, column, value)


def _fits(model: AIModel, unit: AIModel.Unit) -> bool:
    """Whether an output of the task has that unit: for a picture, a second can only be one of computing."""
    if unit == AIModel.Unit.SECOND:
        return model.task in VIDEO_TASKS
    return unit == AIModel.Unit.OUTPUT or Task(model.task).output_kind == "image"


def _row(model: AIModel) -> dict[str, Any]:
    return {"task": model.task, "parameters": model.parameters, "cost_factors": model.cost_factors}


def _set(model: AIModel, column: str, value: Any) -> None:
    """Set an untouched column to what was read; remembered only where it differs from the list."""
    live = dict(model.seeded.get(LIVE, {}))
    setattr(model, column, value)
    if plain(model, column) == model.seeded.get(column, default_of(column)):
        live.pop(column, None)
    else:
        live[column] = plain(model, column)
    _remember(model, live)


def _remember(model: AIModel, live: dict[str, Any]) -> None:
    seeded = {name: seed for name, seed in model.seeded.items() if name != LIVE}
    model.seeded = seeded | {LIVE: live} if live else seeded
