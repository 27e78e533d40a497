"""What every page of making asks of a request: who asks, and for a whole page or a piece of one."""

from uuid import UUID

from django.http import HttpRequest

from accounts.viewer import Viewer, viewer_of


def get_viewer(request: HttpRequest) -> Viewer:
    """Who asks, acting for which company. Raises `accounts.viewer.NoCompany`, which has a page of its own."""
    return viewer_of(request)


def is_fragment(request: HttpRequest) -> bool:
    """Whether HTMX asks for a piece of the page."""
    return bool(request.htmx) and not request.htmx.history_restore_request  # type: ignore[attr-defined]


def read_uuid(text: str | None) -> UUID | None:
    """The id, or None where the text is none."""
    try:
        return UUID(text) if text else None
    except ValueError:
        return None
