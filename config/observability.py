"""What each request leaves behind: an id that goes in and out, one log line, its time among the metrics."""

import logging
import re
import time
from collections.abc import Callable

from django.http import HttpRequest, HttpResponse
from prometheus_client import Counter, Histogram

from config.base import logs
from config.base.ids import uuid7
from config.base.logs import current_request
from config.base.redaction import redactor

HEADER = "X-Request-ID"
# What a proxy or a program may name a request; anything else would be somebody's way of writing into our logs.
_GIVEN_ID = re.compile(r"[A-Za-z0-9_-]{8,64}")
# Asked for all the time by machines, or many at once by each page.
_QUIET_ROUTES = {"health-live", "health-ready", "metrics", "file"}

REQUESTS = Counter("darkroom_http_requests", "Requests answered.", ["view", "method", "status"])
SECONDS = Histogram(
    "darkroom_http_request_seconds",
    "Seconds from a request's arrival to its answer.",
    ["view"],
    buckets=(0.005, 0.01, 0.025, 0.05, 0.1, 0.2, 0.35, 0.5, 1, 2.5, 5, 10),
)
_METHODS = {"GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"}

logger = logging.getLogger("darkroom.request")


class RequestMiddleware:
    """Outermost: everything that a request causes happens inside it."""

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponse]) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        given = request.headers.get(HEADER, "")
        name = given if _GIVEN_ID.fullmatch(given) else uuid7().hex
        begun = time.perf_counter()
        token = current_request.set(request)
        logs.forget()
        logs.bind(request=name)
        try:
            response = self.get_response(request)
            _write_down(request, response, time.perf_counter() - begun)
        finally:
            current_request.reset(token)
            logs.forget()
        response.headers[HEADER] = name
        return response


def _write_down(request: HttpRequest, response: HttpResponse, seconds: float) -> None:
    match = request.resolver_match
    view = (match.view_name or match.route) if match else "none"
    method = request.method if request.method in _METHODS else "OTHER"
    REQUESTS.labels(view, method, str(response.status_code)).inc()
    SECONDS.labels(view).observe(seconds)
    if view in _QUIET_ROUTES and response.status_code < 500:
        return
    # The route, not the address: what stands in an address may be a key.
    route = f"/{match.route}" if match else redactor.text(request.path)
    logger.info(
        "%s %s %d", method, route, response.status_code, extra={"view": view, "milliseconds": round(seconds * 1000)}
    )
