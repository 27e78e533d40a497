"""`request.company`: the company in whose name a signed-in page request acts, or None."""

from collections.abc import Callable

from django.http import HttpRequest, HttpResponse
from django.utils.functional import SimpleLazyObject

from accounts.models import Company
from accounts.viewer import NoCompany, viewer_of


class CompanyMiddleware:
    """Attach the company, found only when it is asked for."""

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponse]) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        request.company = SimpleLazyObject(lambda: _company(request))  # type: ignore[attr-defined]
        return self.get_response(request)


def _company(request: HttpRequest) -> Company | None:
    try:
        return viewer_of(request).company
    except NoCompany:
        return None
