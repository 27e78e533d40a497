"""Pieces of the gallery that pages of other apps show."""

from django import template
from django.conf import settings

register = template.Library()


@register.inclusion_tag("gallery/_import_link.html")
def import_link(task: str, model: str) -> dict[str, object]:
    """A link to the page that fetches a picture for a task and model; nothing where fetching is off."""
    return {"is_on": bool(settings.IMPORT_ALLOWED_HOSTS), "task": task, "model": model}
