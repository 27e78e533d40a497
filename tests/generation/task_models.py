"""One model for each task, for tests of the pages: rows of the local provider with prices that can be told apart."""

from typing import Any

from generation.models import AIModel

SIDE = {"type": "integer", "minimum": 0, "maximum": 2048, "default": 0}
FILM = {
    "duration": {"type": "integer", "title": "Duration", "enum": [2, 4, 8], "default": 4},
    "resolution": {"type": "string", "title": "Resolution", "enum": ["480p", "720p"], "default": "480p"},
}
# By task: USD per unit, parameters, and what else the row says.
ROWS: dict[str, tuple[str, dict[str, Any], dict[str, Any]]] = {
    "text-to-image": ("0.01", {}, {}),
    "image-to-image": ("0.01", {}, {}),
    "edit": ("0.04", {}, {"inputs_allowed": 3}),
    "inpaint": ("0.04", {}, {"prompt_use": "optional"}),
    "outpaint": ("0.02", dict.fromkeys(("left", "right", "top", "bottom"), SIDE), {"unit": "megapixel"}),
    "remove-background": ("0.01", {}, {}),
    "variation": ("0.02", {}, {"prompt_use": "none"}),
    "upscale": ("0.02", {"scale": {"type": "integer", "enum": [2, 4], "default": 2}}, {"unit": "megapixel"}),
    "text-to-video": ("0.02", FILM, {"unit": "second", "outputs_allowed": 1}),
    "image-to-video": (
        "0.02",
        FILM,
        {"unit": "second", "outputs_allowed": 1, "cost_factors": {"resolution": {"720p": 2}}},
    ),
    "image-to-3d": (
        "0.10",
        {"quality": {"type": "string", "title": "Quality", "enum": ["low", "medium", "high"], "default": "low"}},
        {"outputs_allowed": 1, "cost_factors": {"quality": {"medium": 1.5, "high": 2}}},
    ),
}


def offer_only(*tasks: str, **more: Any) -> None:
    """Switch everything else off and offer one model for each of these tasks, called `only-<task>`."""
    AIModel.objects.update(is_active=False)
    for position, task in enumerate(tasks):
        cost, parameters, values = ROWS[task]
        AIModel.objects.create(
            slug=f"only-{task}",
            name=f"Only {task}",
            provider="local",
            endpoint="scenes",
            task=task,
            parameters={"type": "object", "properties": parameters, "additionalProperties": False},
            position=position,
            **{"provider_cost": cost, "resubmittable": True} | values | more,
        )
