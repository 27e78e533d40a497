"""Every route of the API, asked by keys that must not: the same walk as `test_strangers`, of Alice's own company."""

from collections.abc import Callable
from datetime import timedelta
from functools import cache
from typing import Any

import pytest
from django.utils import timezone

from accounts import key_scopes
from accounts.authentication import KeyAuthentication
from accounts.models import ApiKey, Company, User
from accounts.viewer import Viewer, viewer_for
from tests.generation.conftest import state_of
from tests.personas import key_of, program_with
from tests.test_strangers import (  # noqa: F401  (fixtures)
    METHODS,
    ROWS,
    Things,
    ask,
    forget_limits,
    maker,
    routes,
    shared_state_of,
    things,
)

READ, GENERATE = "read", "generate"
# The statuses that a route may answer with, by its name and the method.
Expected = Callable[[str, str], set[int]]


@cache
def api_routes() -> dict[str, Any]:
    """View classes of the API by the name of their route."""
    return {
        str(route.name): route.callback.cls  # type: ignore[attr-defined]
        for path, route in routes()
        if path.startswith("api/")
    }


def methods_of(view: Any) -> set[str]:
    return {method for method in METHODS if hasattr(view, method.lower())}


@cache
def looks_at_keys(name: str) -> bool:
    route = next(route for _path, route in routes() if route.name == name)
    view: Any = route.callback
    return KeyAuthentication in view.initkwargs.get("authentication_classes", view.cls.authentication_classes)


def test_each_route_and_method_of_the_api_has_a_scope_and_each_scope_a_route() -> None:
    decided = {name: set(methods) for name, methods in key_scopes.SCOPES.items()}
    assert decided == {name: methods_of(view) for name, view in api_routes().items()}


def test_reading_needs_read_and_what_spends_needs_generate() -> None:
    for name, methods in key_scopes.SCOPES.items():
        for method, scope in methods.items():
            is_change = method != "GET"
            assert not (is_change and scope == READ), name
            assert not (method == "GET" and scope == GENERATE), name
    assert key_scopes.scope_of("api-jobs", "POST") == GENERATE
    assert key_scopes.scope_of("api-uploads", "POST") == GENERATE
    assert key_scopes.scope_of("api-prompt-enhance", "POST") == GENERATE
    assert key_scopes.scope_of("api-jobs", "HEAD") == key_scopes.scope_of("api-jobs", "OPTIONS") == READ


@pytest.mark.parametrize("method", ["GET", "POST", "OPTIONS", "TRACE", None])
def test_what_nobody_decided_on_is_refused(method: str | None) -> None:
    assert key_scopes.scope_of("api-of-tomorrow", method) is None
    assert key_scopes.scope_of(None, method) is None


# Documents for everybody, which look at nobody and take long to write.
DOCUMENTS = {"api-schema", "api-docs", "api-redoc"}


def walk(kind: str, secret: str, company: Company, alices: Things, expected: Expected) -> list[str]:
    """What answered otherwise than `expected(name, method)`, or changed anything."""
    program = program_with(secret)
    before = (state_of(company), shared_state_of(company))
    wrong: list[str] = []
    for name in api_routes():
        if name in DOCUMENTS:
            continue
        forget_limits()
        for method in METHODS:
            status = ask(program, method, name, ROWS[name], alices)
            allowed = expected(name, method) if looks_at_keys(name) else anonymous(name, method)
            if status not in allowed:
                wrong.append(f"{kind} {method} {name}: {status}, not {sorted(allowed)}")
        after = (state_of(company), shared_state_of(company))
        if after != before:
            wrong.append(f"{kind} changed something at {name}")
            before = after
    return wrong


def anonymous(name: str, method: str) -> set[int]:
    """What somebody without any key gets where keys are not looked at."""
    answer = ROWS[name].answers.get(method)
    return {answer[0]} if answer else {401, 403, 405}


def reading(name: str, method: str) -> set[int]:
    if key_scopes.scope_of(name, method) != READ:
        return {403}
    return {"api-job-result": {409}, "api-upgrade": {422}}.get(name, {200})


def strange(name: str, method: str) -> set[int]:
    if key_scopes.scope_of(name, method) in (None, key_scopes.PERSON):
        return {403}
    answer = ROWS[name].answers[method][1]
    return {answer} if isinstance(answer, int) else set(answer)


@pytest.mark.long
def test_keys_that_must_not_change_nothing_anywhere(things: Things, maker: Viewer, bob: User) -> None:  # noqa: F811
    key, secret = key_of(maker, READ)
    mine, company = ApiKey.objects.filter(pk=key.pk), Company.objects.filter(pk=maker.company.pk)
    now = timezone.now()
    # So that "last used" stands still meanwhile.
    mine.update(last_used_at=now + timedelta(minutes=5))
    stranger = viewer_for(bob)
    assert stranger is not None

    wrong = walk("read-only key", secret, maker.company, things, reading)
    wrong += walk("key of another company", key_of(stranger)[1], maker.company, things, strange)
    mine.update(scopes=list(ApiKey.Scope.values), last_used_at=None)
    company.update(is_active=False)
    wrong += walk("key of a suspended company", secret, maker.company, things, lambda _name, _method: {403})
    company.update(is_active=True, entitlements={**maker.company.entitlements, "api": False})
    wrong += walk("key without its plan", secret, maker.company, things, lambda _name, _method: {403})
    company.update(entitlements=maker.company.entitlements)
    mine.update(expires_at=now - timedelta(seconds=1))
    wrong += walk("expired key", secret, maker.company, things, lambda _name, _method: {401})
    mine.update(expires_at=None, revoked_at=now)
    wrong += walk("revoked key", secret, maker.company, things, lambda _name, _method: {401})

    assert not wrong, "\n".join(wrong)
    assert ApiKey.objects.get(pk=key.pk).last_used_at is None
