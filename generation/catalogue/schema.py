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


NEGATIVE_PROMPT = {
    "type": "string",
    "title": gettext_noop("Leave out"),
    "description": gettext_noop("What should not be in the picture."),
    "maxLength": 500,
}


def scale(*times: int) -> dict[str, Any]:
    """How many times larger; the first value is the default."""
    return {"type": "integer", "title": gettext_noop("Times larger"), "enum": sorted(times), "default": times[0]}


def duration(*seconds: int) -> dict[str, Any]:
    """How long a video is; the first value is the default."""
    return {"type": "integer", "title": gettext_noop("Seconds"), "enum": sorted(seconds), "default": seconds[0]}


def resolution(*names: str) -> dict[str, Any]:
    """How fine a video is, such as "720p"; the first value is the default."""
    return {
        "type": "string",
        "title": gettext_noop("Resolution"),
        "enum": sorted(names, key=_lines),
        "default": names[0],
    }


def _lines(name: str) -> int:
    return int(name.rstrip("p"))


def video_ratio(*ratios: str) -> dict[str, Any]:
    """The shape of a video made from words; the first value is the default."""
    return {"type": "string", "title": gettext_noop("Aspect ratio"), "enum": list(ratios), "default": ratios[0]}


def side(title: str, maximum: int = 2048) -> dict[str, Any]:
    """How many pixels are added at one side of a picture."""
    return {"type": "integer", "title": title, "minimum": 0, "maximum": maximum, "default": 0}


def sides(maximum: int = 2048) -> dict[str, dict[str, Any]]:
    """The four parameters of an outpaint."""
    return {
        "left": side(gettext_noop("Pixels at the left"), maximum),
        "right": side(gettext_noop("Pixels at the right"), maximum),
        "top": side(gettext_noop("Pixels at the top"), maximum),
        "bottom": side(gettext_noop("Pixels at the bottom"), maximum),
    }


# 1 000, 5 000 and 10 000 faces.
MESH_QUALITY = {
    "type": "string",
    "title": gettext_noop("Quality"),
    "description": gettext_noop("Low has 1 000 faces, medium 5 000, high 10 000."),
    "enum": ["low", "medium", "high"],
    "default": "low",
}


def file_format(*values: str) -> dict[str, Any]:
    """The file format of the output; the first value is the default."""
    return {"type": "string", "title": gettext_noop("File format"), "enum": list(values), "default": values[0]}


def schema(**properties: dict[str, Any]) -> dict[str, Any]:
    """The whole schema of a model."""
    return {"type": "object", "properties": properties, "additionalProperties": False}
