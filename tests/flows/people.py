"""People of the running product: they sign up, confirm their address by the mail, and are signed in.

Nothing is written past the product: each has a session of its own, which a program (`api`) and browsers share.
"""

from __future__ import annotations

import re
import time
from collections.abc import Callable
from dataclasses import dataclass
from email import message_from_bytes, policy
from email.message import EmailMessage
from typing import Any, TypeVar
from urllib.parse import urlsplit
from uuid import uuid4

import httpx
from playwright.sync_api import Page

from tests.stack import Stack

PASSWORD = "a-dark-and-quiet-room"
WAIT_SECONDS = 60.0
# Drafts are made in the shortest time; the way of a job is the same.
DRAFT = {"model": "studio-scenes", "task": "text-to-image", "parameters": {"detail": "draft"}}
Found = TypeVar("Found")


def eventually(look: Callable[[], Found], what: str) -> Found:
    """The first true thing that `look` returns; fails when there is none for a long time."""
    deadline = time.monotonic() + WAIT_SECONDS
    while time.monotonic() < deadline:
        if found := look():
            return found
        time.sleep(0.05)
    raise AssertionError(f"Waited in vain for {what}.")


@dataclass
class Person:
    """Somebody with a personal company, the welcome credits and a signed-in session."""

    email: str
    stack: Stack
    client: httpx.Client

    def enter(self, page: Page, path: str) -> None:
        """Open `path` in a browser that is signed in as this person."""
        cookies = [
            {"name": one.name, "value": one.value or "", "url": self.stack.base_url} for one in self.client.cookies.jar
        ]
        page.context.add_cookies(cookies)  # type: ignore[arg-type]
        page.goto(path)

    def get(self, path: str) -> Any:
        """What the API answers, which must be no refusal."""
        answer = self.client.get(f"/api/v1/{path}")
        assert answer.is_success, answer.text
        return answer.json()

    def post(self, path: str, body: dict[str, Any]) -> Any:
        """What the API answers to a body, which must be no refusal."""
        headers = {"X-CSRFToken": self.client.cookies["csrftoken"], "Referer": self.stack.base_url}
        answer = self.client.post(f"/api/v1/{path}", json=body, headers=headers)
        assert answer.is_success, answer.text
        return answer.json()

    def submit(self, prompt: str, **more: Any) -> str:
        """Ask for pictures through the API; returns the job's id."""
        return str(self.post("jobs", {**DRAFT, "prompt": prompt, **more})["id"])

    def finish(self, job: str) -> dict[str, Any]:
        """The job once it has succeeded."""

        def look() -> dict[str, Any] | None:
            found: dict[str, Any] = self.get(f"jobs/{job}")
            assert found["state"] not in ("failed", "cancelled"), found
            return found if found["state"] == "succeeded" else None

        return eventually(look, f"the end of job {job}") or {}

    def wait_until_running(self, job: str) -> None:
        """Returns once a worker is really making it."""
        eventually(lambda: self.get(f"jobs/{job}")["progress"] > 0, f"the beginning of job {job}")

    def make(self, prompt: str, **more: Any) -> dict[str, Any]:
        """Pictures through the API; returns the finished job."""
        return self.finish(self.submit(prompt, **more))

    def money(self) -> tuple[int, int]:
        """Credits that are owned and, of these, held."""
        owned = self.get("credits/balance")
        return owned["balance"], owned["held"]


def new_address(name: str) -> str:
    """An address that nobody has yet."""
    return f"{name}-{uuid4().hex[:12]}@example.com"


def knock(stack: Stack, name: str) -> Person:
    """Sign up through the page, as a browser without scripts does, and leave the mail unread."""
    stack.forget_limits()
    client = httpx.Client(base_url=stack.base_url, timeout=60, follow_redirects=True, trust_env=False)
    person = Person(new_address(name), stack, client)
    _send(client, "/register", {"email": person.email, "password1": PASSWORD})
    return person


def sign_up(stack: Stack, name: str) -> Person:
    """Sign up and confirm the address."""
    person = knock(stack, name)
    answer = _send(person.client, urlsplit(confirmation_link(stack, person.email)).path, {})
    assert answer.url.path == "/generate", answer.text
    return person


def confirmation_link(stack: Stack, email: str) -> str:
    """The link in the mail that was sent to a newcomer."""

    def look() -> str:
        for path in (stack.data / "mail").glob("*.log"):
            mail = message_from_bytes(path.read_bytes(), policy=policy.default)
            assert isinstance(mail, EmailMessage)
            body = mail.get_body(("plain",))
            link = re.search(r"http\S+/verify-email/\S+", body.get_content()) if body and mail["To"] == email else None
            if link:
                return link[0]
        return ""

    return eventually(look, f"a mail to {email}")


def _send(client: httpx.Client, path: str, values: dict[str, str]) -> httpx.Response:
    """Open the page of a form and send it."""
    page = client.get(path)
    token = re.search(r'name="csrfmiddlewaretoken" value="(\w+)"', page.text)
    assert token, page.text
    answer = client.post(path, data={**values, "csrfmiddlewaretoken": token[1]})
    assert answer.is_success, answer.text
    return answer
