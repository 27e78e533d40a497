"""A refusal that no view caught, as a page with its sentence and status (the API has its own handler)."""

from collections.abc import Callable

from django.http import HttpRequest, HttpResponse
from django.shortcuts import render

from config.base.refusal import Refusal


class RefusalMiddleware:
    """Turns a `Refusal` raised by a page into `refused.html`."""

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponse]) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        return self.get_response(request)

    def process_exception(self, request: HttpRequest, error: Exception) -> HttpResponse | None:
        """Answer a refusal; leave everything else to Django."""
        if not isinstance(error, Refusal):
            return None
        response = render(request, "refused.html", {"refusal": error}, status=error.status)
        if error.retry_after is not None:
            response.headers["Retry-After"] = str(error.retry_after)
        return response
