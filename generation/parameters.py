"""A model's parameter schema (JSON Schema, in the catalogue row) drives the form, the API's checks and the docs."""

from collections.abc import Callable, Mapping
from typing import Any

from django.utils.translation import gettext as _
from jsonschema import Draft202012Validator
from jsonschema.exceptions import ValidationError, best_match

from config.base.refusal import Refusal

ASPECT_RATIOS = ("1:1", "16:9", "9:16", "21:9", "4:3", "3:4", "3:2", "2:3")
SEED_LIMIT = 2**31
COUNT_LIMIT = 8


class InvalidParameter(Refusal):
    """A parameter that the model does not take, or a value that it does not allow; `field` names it."""

    code = "invalid_parameter"


def properties(schema: Mapping[str, Any]) -> dict[str, dict[str, Any]]:
    """The schema's parameters by name."""
    found: dict[str, dict[str, Any]] = schema.get("properties", {})
    return found


def complete(schema: Mapping[str, Any], given: Mapping[str, Any]) -> dict[str, Any]:
    """Return `given` with the schema's defaults filled in. Raises `InvalidParameter` naming what is wrong.

    None means "not given": forms and programs send it for what they leave open.
    """
    params = {name: rules["default"] for name, rules in properties(schema).items() if "default" in rules}
    params |= {name: value for name, value in given.items() if value is not None}
    error = best_match(Draft202012Validator(dict(schema)).iter_errors(params))
    if error is not None:
        raise _refusal(error, schema)
    return params


def _refusal(error: ValidationError, schema: Mapping[str, Any]) -> InvalidParameter:
    field = str(error.path[0]) if error.path else ""
    if error.validator == "additionalProperties":
        unknown = sorted(set(_names(error.instance)) - set(properties(schema)))
        field = unknown[0]
        names = ", ".join(sorted(properties(schema))) or "–"
        sentence = _("This model does not take “%(name)s”. It takes: %(names)s.") % {"name": field, "names": names}
        return InvalidParameter(sentence, field=field, code="unknown_parameter")
    if error.validator == "required":
        field = next(iter(sorted(set(_names(error.validator_value)) - set(_names(error.instance)))), "")
    title = str(properties(schema).get(field, {}).get("title", field))
    explain = _SENTENCES.get(str(error.validator), lambda _rule: _("has a value that the model does not allow"))
    return InvalidParameter(f"{title}: {explain(error.validator_value)}.", field=field)


def _names(value: Any) -> list[str]:
    return [str(name) for name in value]


_SENTENCES: dict[str, Callable[[Any], str]] = {
    "enum": lambda rule: _("choose one of %(values)s") % {"values": ", ".join(str(value) for value in rule)},
    "minimum": lambda rule: _("must be at least %(limit)s") % {"limit": rule},
    "maximum": lambda rule: _("must be at most %(limit)s") % {"limit": rule},
    "maxLength": lambda rule: _("must be at most %(limit)s characters long") % {"limit": rule},
    "multipleOf": lambda rule: _("must be a multiple of %(step)s") % {"step": rule},
    "required": lambda _rule: _("is missing"),
    "type": lambda rule: {
        "integer": _("must be a whole number"),
        "number": _("must be a number"),
        "string": _("must be text"),
        "boolean": _("must be true or false"),
    }.get(str(rule), _("has the wrong type")),
}
