"""A refusal that no view caught: a page with its sentence and status, a toast for htmx, a problem for programs."""

import json
from collections.abc import Callable

from django.conf import settings
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import render
from django.utils.translation import gettext as _
from django.views.defaults import page_not_found

from config.base.problem import problem_response, refusal_members
from config.base.refusal import Refusal

API = "/api/"
HTML = "text/html; charset=utf-8"


class RefusalMiddleware:
    """Turns a `Refusal` raised by a page into an answer (DRF's views have their own handler)."""

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponse]) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        response = self.get_response(request)
        if response.status_code != 404 or response.headers.get("Content-Type", "") != HTML:
            return response
        if request.path_info.startswith(API):
            sentence = _("There is nothing at this address. The API is described at /api/v1/docs.")
            return problem_response(status=404, code="not_found", detail=sentence)
        # In development too people see our page; the log names the address.
        return page_not_found(request, Http404()) if settings.DEBUG else response

    def process_exception(self, request: HttpRequest, error: Exception) -> HttpResponse | None:
        """Answer a refusal; leave everything else to Django."""
        return refuse(request, error) if isinstance(error, Refusal) else None


def refuse(request: HttpRequest, refusal: Refusal) -> HttpResponse:
    """Answer with a refusal in the form that the asker understands. Works before it is known who asks."""
    if request.path_info.startswith(API):
        response = problem_response(
            status=refusal.status, code=refusal.problem_code, detail=refusal.sentence, more=refusal_members(refusal)
        )
    elif request.headers.get("HX-Request") == "true" and refusal.status in (413, 429):
        # Nothing is swapped for such a status; the page shows the sentence as a toast.
        response = HttpResponse(status=refusal.status)
        response.headers["HX-Trigger"] = json.dumps({"toast": {"level": "error", "text": refusal.sentence}})
    else:
        template = "429.html" if refusal.status == 429 else refusal.template
        response = render(request, template, {"refusal": refusal}, status=refusal.status)
    if refusal.retry_after is not None:
        response.headers["Retry-After"] = str(refusal.retry_after)
    return response
