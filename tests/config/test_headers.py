"""What browsers are told to refuse, what we refuse to read, and who may call the API from elsewhere."""

from typing import Any

import pytest
from django.conf import settings as configured
from django.test import Client, override_settings
from playwright.sync_api import Browser
from rest_framework.test import APIClient

from tests.browser import NewPage
from tests.factories.accounts import PersonFactory
from tests.stack import ADMIN, Stack

EVERYWHERE = {
    "X-Frame-Options": "DENY",
    "X-Content-Type-Options": "nosniff",
    "Referrer-Policy": "same-origin",
    "Cross-Origin-Opener-Policy": "same-origin",
}


@pytest.mark.parametrize("path", ["/", "/login", "/no-such-page", "/api/v1/models", "/admin/login/", "/api/v1/docs"])
def test_every_answer_carries_the_headers(db: None, path: str) -> None:
    answer = Client().get(path)

    assert EVERYWHERE.items() <= answer.headers.items()
    assert "camera=()" in answer["Permissions-Policy"]
    policy = answer["Content-Security-Policy"]
    assert "object-src 'none'" in policy
    assert "frame-ancestors 'none'" in policy


def test_no_page_lets_written_in_scripts_run_and_two_paths_alone_let_written_in_styles(db: None) -> None:
    client = Client()
    client.force_login(PersonFactory(is_operator=True))
    for path in ("/", "/gallery", "/api/v1/docs", "/api/v1/redoc", "/admin/"):
        directives = dict(
            part.strip().partition(" ")[::2] for part in client.get(path)["Content-Security-Policy"].split(";")
        )
        assert "unsafe-inline" not in directives.get("script-src", directives["default-src"])
        is_exception = path in ("/api/v1/redoc", "/admin/")
        assert ("unsafe-inline" in directives.get("style-src", "")) == is_exception
    assert set(configured.CSP_EXCEPTIONS) == {"/admin/", "/api/v1/redoc"}


@override_settings(SECURE_SSL_REDIRECT=True)
def test_production_speaks_https_only(db: None) -> None:
    client = Client()

    assert client.get("/login").status_code == 301
    answer = client.get("/login", secure=True)

    assert "max-age=31536000" in answer["Strict-Transport-Security"]
    cookie = answer.cookies["csrftoken"]
    assert (cookie["secure"], cookie["samesite"]) == (True, "Lax")
    assert client.get("/health/live").status_code == 200


def test_the_session_cookie_is_kept_from_scripts_and_from_plain_http() -> None:
    assert configured.SESSION_COOKIE_SECURE
    assert configured.SESSION_COOKIE_HTTPONLY
    assert configured.SESSION_COOKIE_SAMESITE == "Lax"


@pytest.mark.parametrize(
    ("path", "content_type", "announced", "status"),
    [
        ("/api/v1/auth/login", "application/json", 2 * 1024 * 1024 + 1, 413),
        ("/api/v1/uploads", "multipart/form-data; boundary=x", 12 * 1024 * 1024 + 1, 413),
        ("/api/v1/auth/login", "application/json", "-5", 413),
        ("/api/v1/auth/login", "application/json", 2, 422),
    ],
)
def test_a_body_is_refused_by_its_announced_length(
    db: None, path: str, content_type: str, announced: Any, status: int
) -> None:
    answer = Client().generic("POST", path, b"{}", content_type=content_type, CONTENT_LENGTH=str(announced))

    assert answer.status_code == status
    assert answer["Content-Type"] == "application/problem+json"
    assert (answer.json()["code"] == "body_too_large") == (status == 413)


def test_a_form_that_is_too_large_is_a_page_or_a_toast(db: None) -> None:
    def send(**headers: str) -> Any:
        return Client().generic(
            "POST", "/login", b"", content_type="text/plain", CONTENT_LENGTH=str(3 << 20), headers=headers
        )

    assert "too large to send" in send().content.decode()
    assert "too large to send" in send(**{"HX-Request": "true"})["HX-Trigger"]


@override_settings(CORS_ALLOWED_ORIGINS=["https://app.example"])
def test_only_listed_origins_may_call_the_api_and_never_with_cookies(db: None) -> None:
    client = APIClient()

    def ask(origin: str, path: str = "/api/v1/models", **more: str) -> Any:
        return client.options(path, headers={"Origin": origin, "Access-Control-Request-Method": "POST", **more})

    allowed = ask("https://app.example", **{"Access-Control-Request-Headers": "authorization,idempotency-key"})

    assert allowed["Access-Control-Allow-Origin"] == "https://app.example"
    assert "idempotency-key" in allowed["Access-Control-Allow-Headers"]
    assert "Access-Control-Allow-Credentials" not in allowed
    assert "Access-Control-Allow-Origin" not in ask("https://evil.example")
    assert "Access-Control-Allow-Origin" not in ask("https://app.example", "/login")
    answer = client.get("/api/v1/models", headers={"Origin": "https://app.example"})
    assert "RateLimit-Remaining" in answer["Access-Control-Expose-Headers"]


def test_the_admin_and_swagger_work_under_their_policies(stack: Stack, new_page: NewPage) -> None:
    # `new_page` fails the test by itself when a page breaks its own policy or a script of it fails.
    page = new_page()
    page.goto("/api/v1/docs")
    page.locator(".opblock").first.wait_for()

    page.goto("/admin/")
    page.fill("input[name=login]", ADMIN[0])
    page.fill("input[name=password]", ADMIN[1])
    page.get_by_role("button", name="Sign in", exact=True).click()
    page.wait_for_url("**/admin/")
    page.goto("/admin/accounts/user/")
    page.locator("#result_list tbody tr").first.wait_for()
    # Alpine takes this away once it runs.
    page.locator("html:not([x-cloak])").wait_for()
    page.locator("#result_list tbody tr th a, #result_list tbody tr td a").first.click()
    page.locator("form#user_form").wait_for()


def test_redoc_works_under_its_policy_and_loads_nothing_from_elsewhere(stack: Stack, browser: Browser) -> None:
    page = browser.new_page(base_url=stack.base_url)
    complaints: list[str] = []
    page.on("console", lambda message: complaints.append(message.text) if message.type == "error" else None)

    page.goto("/api/v1/redoc")
    page.locator("redoc h1").first.wait_for()
    page.locator("[role=search] input").fill("upload")
    page.locator("[role=search] [role=menuitem]").first.wait_for()
    page.close()

    # Its maker's logo in a corner, the one thing that it asks others for, is not fetched.
    assert [text for text in complaints if "cdn.redoc.ly/redoc/logo-mini.svg" not in text] == []
