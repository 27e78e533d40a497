"""What every page of making asks of a request: who asks, and for a whole page or a piece of one."""

from uuid import UUID

from django.core.exceptions import PermissionDenied
from django.http import HttpRequest
from django.utils.translation import gettext as _

from accounts.viewer import NoCompany, Viewer, viewer_of


def get_viewer(request: HttpRequest) -> Viewer:
    """Who asks, acting for which company. `PermissionDenied` for somebody without one."""
    try:
        return viewer_of(request)
    except NoCompany as error:
        raise PermissionDenied(_("You belong to no active company.")) from error


def is_fragment(request: HttpRequest) -> bool:
    """Whether HTMX asks for a piece of the page."""
    return bool(request.htmx) and not request.htmx.history_restore_request  # type: ignore[attr-defined]


def read_uuid(text: str | None) -> UUID | None:
    """The id, or None where the text is none."""
    try:
        return UUID(text) if text else None
    except ValueError:
        return None
