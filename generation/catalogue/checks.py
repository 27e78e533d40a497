"""What must hold of a row of the catalogue, whoever wrote it: a seed or an operator in the admin."""

from collections.abc import Mapping
from decimal import Decimal, InvalidOperation
from typing import Any

from django.utils.translation import gettext as _
from jsonschema import Draft202012Validator
from jsonschema.exceptions import SchemaError, best_match

from generation.models import AIModel, Task
from generation.parameters import properties

# What pages and the API can ask for.
PARAMETER_TYPES = ("string", "integer", "number", "boolean")
LARGEST_FACTOR = 1_000
VIDEO_TASKS = (Task.TEXT_TO_VIDEO, Task.IMAGE_TO_VIDEO)


def problems_of(row: Mapping[str, Any]) -> dict[str, str]:
    """What is wrong with a row, by column; empty when it can be offered. Columns that are missing are not judged."""
    problems: dict[str, str] = {}
    schema = row.get("parameters", {})
    if sentence := schema_problem(schema):
        problems["parameters"] = sentence
    elif sentence := factors_problem(row.get("cost_factors", {}), schema):
        problems["cost_factors"] = sentence
    for column in ("provider_cost", "markup"):
        if column in row and not _is_positive(row[column], or_zero=column == "provider_cost"):
            problems[column] = _("Give a number that is not negative.")
    for column in ("outputs_allowed", "inputs_allowed", "seconds_expected", "seconds_allowed"):
        if column in row and not _is_positive(row[column]):
            problems[column] = _("Give a number above zero.")
    smallest, largest = row.get("min_side"), row.get("max_side")
    if smallest and largest and smallest > largest:
        problems["max_side"] = _("The largest side is smaller than the smallest.")
    if row.get("unit") == AIModel.Unit.SECOND and row.get("task") not in VIDEO_TASKS:
        problems["unit"] = _("Only a video has seconds.")
    elif (
        row.get("unit") == AIModel.Unit.SECOND and "parameters" not in problems and "duration" not in properties(schema)
    ):
        problems["unit"] = _("A price per second needs a parameter “duration”.")
    return problems


def schema_problem(schema: Any) -> str:
    """What is wrong with a schema of parameters, as a sentence; "" when nothing is."""
    if not isinstance(schema, dict):
        return _("Give a JSON object.")
    try:
        Draft202012Validator.check_schema(schema)
    except SchemaError as error:
        where = ".".join(str(step) for step in error.path)
        return _("This is no valid JSON Schema (draft 2020-12): %s") % f"{where}: {error.message}".lstrip(": ")
    if schema.get("type", "object") != "object":
        return _("Parameters are an object: its “type” must be “object”.")
    for name, rules in properties(schema).items():
        if not isinstance(rules, dict) or rules.get("type") not in PARAMETER_TYPES:
            types = ", ".join(PARAMETER_TYPES)
            return _("“%(name)s” needs a “type”, one of: %(types)s.") % {"name": name, "types": types}
        if "default" in rules and best_match(Draft202012Validator(rules).iter_errors(rules["default"])):
            return _("The default of “%s” is a value that the schema does not allow.") % name
    return ""


def factors_problem(factors: Any, schema: Mapping[str, Any]) -> str:
    """What is wrong with factors of a cost, as a sentence; "" when nothing is."""
    if not isinstance(factors, dict):
        return _("Give a JSON object.")
    by_name: dict[str, Any] = factors
    for name, by_value in by_name.items():
        rules = properties(schema).get(name)
        if rules is None:
            return _("The model has no parameter “%s”.") % name
        if not isinstance(by_value, dict) or not by_value:
            return _("“%s” needs values and factors, such as {“high”: 2}.") % name
        known = [as_key(value) for value in rules.get("enum", [])]
        for value, factor in by_value.items():
            if known and value not in known:
                sentence = _("“%(name)s” has no value “%(value)s”; it has: %(known)s.")
                return sentence % {"name": name, "value": value, "known": ", ".join(known)}
            if isinstance(factor, bool) or not isinstance(factor, int | float) or not 0 < factor <= LARGEST_FACTOR:
                return _("The factor of “%(value)s” must be a number above zero.") % {"value": value}
    return ""


def as_key(value: Any) -> str:
    """A value as the keys of factors are written: JSON has only text for keys."""
    return str(value).lower() if isinstance(value, bool) else str(value)


def _is_positive(value: Any, *, or_zero: bool = False) -> bool:
    try:
        number = Decimal(str(value))
    except InvalidOperation:
        return False
    return number.is_finite() and (number > 0 or (or_zero and number == 0))
