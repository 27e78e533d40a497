"""Every page that there is, asked by a visitor, a person and an operator: what browsers are told about it."""

from collections.abc import Iterator
from typing import Any

import pytest
from django.conf import settings as configured
from django.contrib import admin
from django.http import HttpResponse
from django.test import Client
from django.urls import NoReverseMatch, reverse

from accounts.viewer import Viewer
from tests.factories.accounts import PersonFactory
from tests.personas import browser_of, program_of
from tests.test_strangers import ROWS, Things, address, forget_limits, maker, own_routes, things  # noqa: F401

EVERYWHERE = {
    "X-Frame-Options": "DENY",
    "X-Content-Type-Options": "nosniff",
    "Referrer-Policy": "same-origin",
    "Cross-Origin-Opener-Policy": "same-origin",
    "Strict-Transport-Security": "max-age=31536000; includeSubDomains; preload",
}
# Pictures, a style sheet and nothing else: addressed by what they hold, so that browsers may keep them.
KEPT_BY_BROWSERS = {"avatar", "company-brand-css", "company-logo", "file"}
READABLE_COOKIES = {configured.CSRF_COOKIE_NAME}


def directives_of(answer: HttpResponse) -> dict[str, str]:
    parts = (part.strip().partition(" ")[::2] for part in answer["Content-Security-Policy"].split(";"))
    return dict(parts)


def policy_complaints(path: str, policy: dict[str, str]) -> Iterator[str]:
    """What is wrong with a policy: the strict one, a path's exception, or a file's, which allows nothing."""
    if path.startswith("/f/"):
        if policy.get("default-src") != "'none'" or "sandbox" not in policy or "script-src" in policy:
            yield f"a file may do something: {policy}"
        return
    exception = next((found for prefix, found in configured.CSP_EXCEPTIONS.items() if path.startswith(prefix)), {})
    for name in ("script-src", "style-src", "default-src"):
        loose = {"'unsafe-inline'", "'unsafe-eval'", "*"} & set(policy.get(name, "").split())
        if loose - set(exception.get(name, [])):
            yield f"{name} {policy[name]}"
    if "'unsafe-inline'" in policy.get("script-src", policy["default-src"]):
        yield "scripts may be written into the page"
    for name, value in (("object-src", "'none'"), ("frame-ancestors", "'none'"), ("base-uri", "'self'")):
        if policy.get(name) != value:
            yield f"{name} {policy.get(name)}"


def complaints(path: str, answer: Any, *, is_private: bool) -> Iterator[str]:
    """What is wrong with the headers of one answer."""
    for name, value in EVERYWHERE.items():
        if answer.headers.get(name) != value:
            yield f"{name}: {answer.headers.get(name)}"
    if "camera=()" not in answer.headers.get("Permissions-Policy", ""):
        yield "no Permissions-Policy"
    yield from policy_complaints(path, directives_of(answer))
    if is_private and "no-store" not in answer.headers.get("Cache-Control", ""):
        yield f"may be kept: {answer.headers.get('Cache-Control')}"
    for name, cookie in answer.cookies.items():
        if not cookie["max-age"] and cookie["max-age"] != "" and not cookie.value:
            continue
        if not cookie["secure"] or cookie["samesite"] not in ("Lax", "Strict"):
            yield f"cookie {name}: secure {cookie['secure']!r}, same site {cookie['samesite']!r}"
        if not cookie["httponly"] and name not in READABLE_COOKIES:
            yield f"cookie {name} can be read by scripts"


def scan(client: Client, paths: dict[str, str], *, is_private: bool) -> tuple[int, list[str]]:
    """How many of the pages answered with 200, and what is wrong with any of the answers."""
    found, wrong = 0, []
    for name, path in paths.items():
        forget_limits()
        answer = client.get(path, secure=True)
        if answer.streaming:
            list(answer.streaming_content)
        answer.close()
        found += answer.status_code == 200
        told = complaints(path, answer, is_private=is_private and name not in KEPT_BY_BROWSERS)
        wrong += [f"{path}: {sentence}" for sentence in told]
    return found, wrong


def own_paths(things: Things) -> dict[str, str]:  # noqa: F811
    return {name: address(name, ROWS[name], things) for name in own_routes() if "GET" in ROWS[name].answers}


def admin_paths() -> dict[str, str]:
    """The index, the lists, and the form of the newest row of each list."""
    paths = {"admin": "/admin/", "system": reverse("admin-system")}
    for model in admin.site._registry:
        label = f"{model._meta.app_label}_{model._meta.model_name}"
        for kind in ("changelist", "add"):
            paths[f"{label}_{kind}"] = reverse(f"admin:{label}_{kind}")
        row = model._default_manager.order_by("-pk").first()
        try:
            paths[f"{label}_change"] = reverse(f"admin:{label}_change", args=[row.pk]) if row else "/admin/"
        except NoReverseMatch:
            continue
    return paths


def test_visitors_are_told(things: Things, maker: Viewer) -> None:  # noqa: F811
    found, wrong = scan(Client(), own_paths(things), is_private=False)
    assert wrong == []
    assert found >= 15


@pytest.mark.parametrize("kind", ["pages", "api"])
def test_people_are_told_and_their_pages_are_kept_nowhere(things: Things, maker: Viewer, kind: str) -> None:  # noqa: F811
    paths = {name: path for name, path in own_paths(things).items() if name.startswith("api-") == (kind == "api")}
    for name in ("logout", "account_logout"):
        paths.pop(name, None)
    client = browser_of(maker.user) if kind == "pages" else program_of(maker.user)
    found, wrong = scan(client, paths, is_private=True)
    assert wrong == []
    assert found >= 15


def test_operators_are_told(things: Things, maker: Viewer) -> None:  # noqa: F811
    found, wrong = scan(browser_of(PersonFactory(is_operator=True)), admin_paths(), is_private=True)
    assert wrong == []
    assert found >= 25
