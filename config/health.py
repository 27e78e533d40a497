"""Health of this installation, for supervisors and load balancers."""

from collections.abc import Callable

import redis
from django.db import DatabaseError, connection
from django.http import HttpRequest, JsonResponse
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_GET

from config.base import realtime
from config.worker import unserved_queues


@require_GET
@never_cache
def live(request: HttpRequest) -> JsonResponse:
    """The process answers."""
    return JsonResponse({"status": "ok"})


@require_GET
@never_cache
def ready(request: HttpRequest) -> JsonResponse:
    """200 when the database, Redis and a worker on every queue answer; 503 with the part that does not."""
    checks = {"database": _database(), "redis": _redis(), "workers": _workers()}
    healthy = all(answer == "ok" for answer in checks.values())
    body = {"status": "ok" if healthy else "unavailable", "checks": checks}
    response = JsonResponse(body, status=200 if healthy else 503)
    # Whoever asks is told; a line in the log for each question of a load balancer helps nobody.
    response._has_been_logged = True  # type: ignore[attr-defined]
    return response


def _answer(check: Callable[[], str]) -> str:
    try:
        return check()
    except (DatabaseError, redis.RedisError):
        return "does not answer"


def _database() -> str:
    def check() -> str:
        with connection.cursor() as cursor:
            cursor.execute("SELECT 1")
        return "ok"

    return _answer(check)


def _redis() -> str:
    def check() -> str:
        realtime.connection().ping()
        return "ok"

    return _answer(check)


def _workers() -> str:
    def check() -> str:
        missing = unserved_queues()
        return "ok" if not missing else "no worker on: " + ", ".join(missing)

    return _answer(check)
