"""Parameters that several models share, as JSON Schema."""

from typing import Any

from django.utils.translation import gettext_noop

from generation.parameters import ASPECT_RATIOS

ASPECT_RATIO = {
    "type": "string",
    "title": gettext_noop("Aspect ratio"),
    "enum": list(ASPECT_RATIOS),
    "default": "1:1",
}
# An edit keeps the shape of the picture unless another is asked for: no default.
NEW_ASPECT_RATIO = {
    "type": "string",
    "title": gettext_noop("Aspect ratio"),
    "description": gettext_noop("Left open, the picture keeps its own."),
    "enum": list(ASPECT_RATIOS),
}
STRENGTH = {
    "type": "number",
    "title": gettext_noop("Strength"),
    "description": gettext_noop("Low keeps the picture, 1 paints it anew."),
    "minimum": 0.05,
    "maximum": 1,
    "default": 0.85,
}


def steps(default: int, minimum: int, maximum: int) -> dict[str, Any]:
    """How many steps the model takes."""
    return {
        "type": "integer",
        "title": gettext_noop("Steps"),
        "description": gettext_noop("More steps are finer and slower."),
        "minimum": minimum,
        "maximum": maximum,
        "default": default,
    }


GUIDANCE = {
    "type": "number",
    "title": gettext_noop("Guidance"),
    "description": gettext_noop("How closely the words are followed."),
    "minimum": 1,
    "maximum": 20,
    "default": 3.5,
}


def file_format(*values: str) -> dict[str, Any]:
    """The file format of the output; the first value is the default."""
    return {"type": "string", "title": gettext_noop("File format"), "enum": list(values), "default": values[0]}


def schema(**properties: dict[str, Any]) -> dict[str, Any]:
    """The whole schema of a model."""
    return {"type": "object", "properties": properties, "additionalProperties": False}
