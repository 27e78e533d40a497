"""Where the general limits are applied: per address before anything else, per person once it is known who asks.

The limits of single acts (uploads, jobs, downloads) are counted by their views through `config.base.limits.count`.
"""

from collections.abc import Callable

from django.contrib.auth import SESSION_KEY
from django.http import HttpRequest, HttpResponse
from django.urls import Resolver404, resolve

from config.base import limits
from config.base.client_address import visitor_name
from config.base.refusal_pages import refuse

API = "/api/"
# Asked for by pages, machines and providers rather than by people. Downloads of files have a limit of their own.
FREE_PATHS = ("/static/", "/f/", "/health/", "/metrics", "/hooks/", "/stripe/webhook/", "/favicon.ico")
# What open pages fetch again when the event stream says so; completions while typing have a limit of their own.
FREE_FRAGMENTS = {"jobs-tray", "credits-pill", "job", "prompt-complete"}
NEWER_TILES = "gallery"


class AddressLimitMiddleware:
    """Counts requests per address, and tells programs how much of their limits is left."""

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponse]) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        request.is_free_of_limits = _is_free(request)  # type: ignore[attr-defined]
        decision = None
        if not request.is_free_of_limits:  # type: ignore[attr-defined]
            decision = limits.take(request, name="address", who=visitor_name(request))
        if decision is None or decision.is_allowed:
            response = self.get_response(request)
        else:
            response = refuse(request, decision.refusal())
        if request.path_info.startswith(API):
            _tell(request, response)
        return response


class PersonLimitMiddleware:
    """Counts the page requests of a signed-in person, before anything of theirs is read; the API has a throttle."""

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponse]) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        if request.path_info.startswith(API) or request.is_free_of_limits:  # type: ignore[attr-defined]
            return self.get_response(request)
        person = request.session.get(SESSION_KEY)
        decision = _of_person(request, f"user:{person}") if person else None
        if decision is None or decision.is_allowed:
            return self.get_response(request)
        return refuse(request, decision.refusal())


def _of_person(request: HttpRequest, who: str) -> limits.Decision | None:
    """What everybody may is decided without the database; only beyond it is the plan asked for."""
    decision = limits.take(request, name="person", who=who, factor=1)
    if decision is None or decision.is_allowed:
        return decision
    factor = limits.factor_of(request, "person")
    return limits.take(request, name="person", who=who, factor=factor) if factor > 1 else decision


def _is_free(request: HttpRequest) -> bool:
    if request.path_info.startswith(FREE_PATHS):
        return True
    # Read plainly: django-htmx has not seen the request yet.
    if request.method != "GET" or request.headers.get("HX-Request") != "true":
        return False
    try:
        name = resolve(request.path_info).url_name
    except Resolver404:
        return False
    return name in FREE_FRAGMENTS or (name == NEWER_TILES and "after" in request.GET)


def _tell(request: HttpRequest, response: HttpResponse) -> None:
    """`RateLimit-Limit`, `-Remaining` and `-Reset` (seconds) of the limit that is nearest to its end."""
    decisions = limits.decisions_of(request)
    if not decisions:
        return
    nearest = min(decisions, key=lambda decision: (decision.is_allowed, decision.remaining / decision.limit))
    response.headers["RateLimit-Limit"] = str(nearest.limit)
    response.headers["RateLimit-Remaining"] = str(nearest.remaining)
    response.headers["RateLimit-Reset"] = str(nearest.retry_after or nearest.reset)
