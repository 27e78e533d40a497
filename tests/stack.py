"""The running product for tests: web, event stream, workers and clock, started as `make run` starts them.

It has a database, a Valkey database and a data folder of its own; tests keep apart by company. Whoever asks for `stack`
goes to one test process (see `conftest.py`), so it is started once.
"""

from __future__ import annotations

import http.client
import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import psutil
import psycopg
import pytest
import redis

from config.servers import free_port
from tests.database import PROJECT, Slot, take_slot

START_SECONDS = 90.0
STOP_SECONDS = 30.0
DEMO = ("demo@darkroom.local", "darkroom-demo")
ADMIN = ("admin@darkroom.local", "darkroom-admin")

# What tests set for themselves and a started product must find out alone.
OF_TESTS = {
    "ALLOWED_HOSTS",
    "DEBUG",
    "EMAIL_URL",
    "LOG_LEVEL",
    "LOOPBACK_ONLY",
    "PUBLIC_URL",
    "SECRET_KEY",
    "SECURE_SSL_REDIRECT",
}
# As the supervisor calls them, and what in their command line tells them apart.
MARKS = {"web": "config.asgi", "clock": "clock", "worker": "default", "studio": "blocking"}


def product_environment(data: Path, port: int, **more: str) -> dict[str, str]:
    """The environment of a `make run` that uses `data` and `port` and reads no `.env`."""
    inherited = {name: value for name, value in os.environ.items() if name not in OF_TESTS}
    own = {"DATA_DIR": str(data), "HOST": "127.0.0.1", "PORT": str(port), "ENV_FILE": os.devnull, "DEBUG": "1"}
    return {**inherited, **own, **more}


def start_supervisor(environment: dict[str, str], output: Path) -> subprocess.Popen[bytes]:
    """Start `make run`'s command; what it says goes to `output`."""
    with output.open("ab") as file:
        return subprocess.Popen(
            [sys.executable, "-m", "config.supervisor", "--with-parent"],
            cwd=PROJECT,
            env=environment,
            stdin=subprocess.DEVNULL,
            stdout=file,
            stderr=subprocess.STDOUT,
        )


def wait_until_ready(supervisor: subprocess.Popen[bytes], base_url: str, output: Path) -> None:
    """Returns once database, queue and workers answer; fails with what the supervisor said."""
    deadline = time.monotonic() + START_SECONDS
    while supervisor.poll() is None and time.monotonic() < deadline:
        if answers(base_url):
            return
        time.sleep(0.1)
    pytest.fail(f"The product did not start:\n{output.read_text()}")


def answers(base_url: str) -> bool:
    """Whether the product says that all of it works."""
    connection = http.client.HTTPConnection(urlsplit(base_url).netloc, timeout=10)
    try:
        connection.request("GET", "/health/ready")
        return connection.getresponse().status == 200
    except (OSError, http.client.HTTPException):
        return False
    finally:
        connection.close()


def tree_of(pid: int) -> list[psutil.Process]:
    """A process and all below it."""
    root = psutil.Process(pid)
    return [root, *root.children(recursive=True)]


def child_of(supervisor_pid: int, name: str) -> psutil.Process | None:
    """The process that the supervisor calls `name`; None while there is none."""
    for process in psutil.Process(supervisor_pid).children():
        try:
            if any(word.startswith(MARKS[name]) for word in process.cmdline()):
                return process
        except psutil.NoSuchProcess:
            continue
    return None


@dataclass
class Stack:
    """One running product and what tests do to it."""

    base_url: str
    data: Path
    slot: Slot
    supervisor: subprocess.Popen[bytes]
    environment: dict[str, str]

    def pid_of(self, name: str) -> int:
        """Process id of `web`, `clock`, `worker` or `studio` (the worker that runs the local studio)."""
        deadline = time.monotonic() + STOP_SECONDS
        while time.monotonic() < deadline:
            process = child_of(self.supervisor.pid, name)
            if process is not None:
                return process.pid
            time.sleep(0.05)
        raise AssertionError(f"{name} does not run")

    def kill(self, name: str) -> None:
        """kill -9 a process and all below it, as when its machine loses power. The supervisor starts another."""
        for process in tree_of(self.pid_of(name)):
            process.kill()

    def kill_worker(self, name: str = "studio") -> None:
        """kill -9 the worker, whatever it is at."""
        self.kill(name)

    def pause_worker(self, name: str = "studio") -> None:
        """Stop the worker in its tracks; nothing is lost and nothing goes on."""
        self._signal(name, signal.SIGSTOP)

    def resume_worker(self, name: str = "studio") -> None:
        """Let a paused worker go on."""
        self._signal(name, signal.SIGCONT)

    def flush_queue(self) -> None:
        """Lose every message that waits or is being worked on."""
        with redis.Redis.from_url(self.slot.redis_url) as client:
            for key in client.scan_iter("dramatiq:*", count=1000):
                client.delete(key)

    def forget_limits(self) -> None:
        """Let somebody knock as if for the first time: all tests' people come from one address."""
        with redis.Redis.from_url(self.slot.redis_url) as client:
            for key in client.scan_iter("*allauth*rl*", count=1000):
                client.delete(key)

    def query(self, statement: str, *values: Any) -> list[tuple[Any, ...]]:
        """Rows of the product's own database (the tests' ORM looks at another one)."""
        with psycopg.connect(self.slot.database_url, autocommit=True) as connection:
            cursor = connection.execute(statement.encode(), values)
            return cursor.fetchall() if cursor.description else []

    def manage(self, *arguments: str) -> subprocess.CompletedProcess[str]:
        """`manage.py …` on what the product uses."""
        return subprocess.run(
            [sys.executable, "manage.py", *arguments],
            cwd=PROJECT,
            env=self.environment,
            capture_output=True,
            text=True,
            check=False,
        )

    def _signal(self, name: str, number: signal.Signals) -> None:
        for process in tree_of(self.pid_of(name)):
            process.send_signal(number)


@contextmanager
def running_product(folder: Path, port: int, **more: str) -> Iterator[Stack]:
    """A whole product, running with a database and a data folder of its own; `more` is added to its environment."""
    slot = take_slot(os.environ["TEST_SERVER_URL"], os.environ["TEST_QUEUE_URL"])
    slot.create_database()
    environment = product_environment(
        folder / "data",
        port,
        DATABASE_URL=slot.database_url,
        REDIS_URL=slot.redis_url,
        # What a killed worker held goes on after this; a quarter of the product's own, so that tests wait less.
        JOB_LEASE_SECONDS="5",
        **more,
    )
    output = folder / "output"
    supervisor = start_supervisor(environment, output)
    base_url = f"http://127.0.0.1:{port}"
    try:
        wait_until_ready(supervisor, base_url, output)
        yield Stack(base_url, folder / "data", slot, supervisor, environment)
    finally:
        supervisor.terminate()
        try:
            supervisor.wait(STOP_SECONDS)
        finally:
            supervisor.kill()
            slot.release()


@pytest.fixture(scope="session")
def stack(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stack]:
    """The whole product, running. The demo accounts (`DEMO`, `ADMIN`) exist; mail lies in `stack.data / "mail"`."""
    with running_product(tmp_path_factory.mktemp("stack"), free_port()) as product:
        yield product
