"""What is measured: `make run`'s own supervisor on the servers of this run, and people who use it."""

import contextlib
import http.client
import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import psutil
from django.test import Client

from accounts.models import Company, User
from accounts.services import add_verified_person
from accounts.viewer import Viewer, viewer_for
from bench import FOLDER, PROJECT
from billing.models import Plan, Subscription
from billing.services import grant_credits
from config.servers import free_port

START_SECONDS = 120
PASSWORD = "a-dark-and-quiet-room"  # noqa: S105 - of people who live for one run


@dataclass(frozen=True)
class Product:
    """A running product."""

    base_url: str
    supervisor: psutil.Popen

    @property
    def web(self) -> psutil.Process:
        """The process that answers."""
        return next(child for child in self.supervisor.children() if "config.asgi:application" in child.cmdline())

    def pause_the_rest(self) -> None:
        """Stop workers and clock in their tracks: what is measured then is the web process and the servers alone."""
        self._signal_the_rest(signal.SIGSTOP)

    def resume(self) -> None:
        """Let them go on."""
        self._signal_the_rest(signal.SIGCONT)

    def _signal_the_rest(self, number: int) -> None:
        for child in self.supervisor.children():
            if {"config.broker", "clock"} & set(child.cmdline()):
                for process in [child, *child.children(recursive=True)]:
                    with contextlib.suppress(psutil.NoSuchProcess):
                        process.send_signal(number)


@contextlib.contextmanager
def running(**environment: str) -> Iterator[Product]:
    """Start the product and stop it; the database is this process's own."""
    port = free_port()
    base_url = f"http://127.0.0.1:{port}"
    own = {"HOST": "127.0.0.1", "PORT": str(port), "PUBLIC_URL": base_url, "LOG_LEVEL": "INFO"}
    output = Path(os.environ[FOLDER], "output")
    with output.open("ab") as file:
        supervisor = psutil.Popen(
            [sys.executable, "-m", "config.supervisor", "--with-parent"],
            cwd=PROJECT,
            env={**os.environ, **own, **environment},
            stdin=subprocess.DEVNULL,
            stdout=file,
            stderr=subprocess.STDOUT,
        )
    product = Product(base_url, supervisor)
    try:
        _wait(product, output)
        yield product
    finally:
        product.resume()
        supervisor.terminate()
        supervisor.wait()


def _wait(product: Product, output: Path) -> None:
    deadline = time.monotonic() + START_SECONDS
    while time.monotonic() < deadline and product.supervisor.poll() is None:
        with contextlib.suppress(OSError, http.client.HTTPException), Caller(product.base_url) as caller:
            if caller.ask("GET", "/health/ready")[0] == 200:
                return
        time.sleep(0.2)
    raise RuntimeError(f"The product did not start:\n{output.read_text()}")


class Caller:
    """One connection that is kept open, as a program or a browser keeps it."""

    def __init__(self, base_url: str, headers: dict[str, str] | None = None) -> None:
        self._connection = http.client.HTTPConnection(urlsplit(base_url).netloc, timeout=60)
        self._headers = headers or {}

    def __enter__(self) -> "Caller":
        return self

    def __exit__(self, *_error: object) -> None:
        self._connection.close()

    def reconnect(self) -> None:
        """Begin anew with the next request: a server closes what was idle for some seconds."""
        self._connection.close()

    def ask(self, method: str, path: str, body: dict[str, Any] | None = None) -> tuple[int, bytes]:
        """Send a request; status and whole body of the answer."""
        headers = self._headers | ({"Content-Type": "application/json"} if body is not None else {})
        self._connection.request(method, path, json.dumps(body) if body is not None else None, headers)
        answer = self._connection.getresponse()
        return answer.status, answer.read()

    def seconds(self, method: str, path: str, body: dict[str, Any] | None = None) -> float:
        """How long an answer takes. Raises `RuntimeError` when it is a refusal."""
        begun = time.perf_counter()
        status, content = self.ask(method, path, body)
        taken = time.perf_counter() - begun
        if status >= 300:
            raise RuntimeError(f"{method} {path}: {status} {content[:300]!r}")
        return taken


def make_viewer(name: str) -> Viewer:
    """A verified person on the largest plan, with credits to spare and every job let go at once."""
    person = add_verified_person(email=f"{name}@example.com", password=PASSWORD)
    company = Company.objects.get(memberships__user=person)
    Plan.objects.filter(slug="enterprise").update(parallel_jobs=10_000)
    Subscription.objects.filter(company=company).update(plan=Plan.objects.get(slug="enterprise"))
    grant_credits(company=company, amount=1_000_000, kind="grant", key=f"bench:{name}", cause="Measurement")
    viewer = viewer_for(person)
    if viewer is None:
        raise RuntimeError(f"{name} has no company.")
    return viewer


def as_program(product: Product, viewer: Viewer) -> Caller:
    """The person's program, with an access token."""
    with Caller(product.base_url) as caller:
        who = {"email": viewer.user.email, "password": PASSWORD}
        status, content = caller.ask("POST", "/api/v1/auth/login", who)
    if status != 200:
        raise RuntimeError(content.decode())
    return Caller(product.base_url, {"Authorization": f"Bearer {json.loads(content)['access']}"})


def session_of(user: User) -> str:
    """The cookie of a browser in which the person is signed in."""
    client = Client()
    client.force_login(user)
    return client.cookies["sessionid"].value


def as_browser(product: Product, viewer: Viewer) -> Caller:
    """The person's browser, without its scripts."""
    return Caller(product.base_url, {"Cookie": f"sessionid={session_of(viewer.user)}", "Accept": "text/html"})
