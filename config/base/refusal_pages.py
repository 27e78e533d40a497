"""A refusal that no view caught: a page with its sentence and status, a toast for htmx, a problem for programs."""

import json
from collections.abc import Callable

from django.http import HttpRequest, HttpResponse
from django.shortcuts import render

from config.base.problem import problem_response
from config.base.refusal import Refusal

API = "/api/"


class RefusalMiddleware:
    """Turns a `Refusal` raised by a page into an answer (DRF's views have their own handler)."""

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponse]) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        return self.get_response(request)

    def process_exception(self, request: HttpRequest, error: Exception) -> HttpResponse | None:
        """Answer a refusal; leave everything else to Django."""
        return refuse(request, error) if isinstance(error, Refusal) else None


def refuse(request: HttpRequest, refusal: Refusal) -> HttpResponse:
    """Answer with a refusal in the form that the asker understands. Works before it is known who asks."""
    if request.path_info.startswith(API):
        response = problem_response(status=refusal.status, code=refusal.problem_code, detail=refusal.sentence)
    elif request.headers.get("HX-Request") == "true" and refusal.status in (413, 429):
        # Nothing is swapped for such a status; the page shows the sentence as a toast.
        response = HttpResponse(status=refusal.status)
        response.headers["HX-Trigger"] = json.dumps({"toast": {"level": "error", "text": refusal.sentence}})
    else:
        template = "429.html" if refusal.status == 429 else "refused.html"
        response = render(request, template, {"refusal": refusal}, status=refusal.status)
    if refusal.retry_after is not None:
        response.headers["Retry-After"] = str(refusal.retry_after)
    return response
