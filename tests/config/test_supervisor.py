"""`make run`: what is started, what is restarted, and that nothing is left behind."""

from __future__ import annotations

import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

import httpx
import psutil
import pytest

from config.servers import free_port
from config.supervisor import Part
from tests.database import PROJECT
from tests.stack import DEMO, Stack, answers, child_of, product_environment, start_supervisor, tree_of, wait_until_ready

WAIT_SECONDS = 40.0


def _eventually(holds: Callable[[], bool]) -> bool:
    deadline = time.monotonic() + WAIT_SECONDS
    while time.monotonic() < deadline:
        if holds():
            return True
        time.sleep(0.1)
    return False


def _alive(processes: list[psutil.Process]) -> list[psutil.Process]:
    """Zombies count as gone: they hold nothing and wait only to be counted by the system."""
    found = []
    for one in processes:
        try:
            if one.is_running() and one.status() != psutil.STATUS_ZOMBIE:
                found.append(one)
        except psutil.NoSuchProcess:
            continue
    return found


@dataclass
class Home:
    """A checkout's surroundings of their own: nothing is named, so everything is embedded."""

    folder: Path
    port: int
    supervisor: subprocess.Popen[bytes] | None = None

    @property
    def base_url(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    @property
    def output(self) -> Path:
        return self.folder / "output"

    @property
    def environment(self) -> dict[str, str]:
        return product_environment(self.folder / "data", self.port, DATABASE_URL="", REDIS_URL="")

    def start(self) -> subprocess.Popen[bytes]:
        self.supervisor = start_supervisor(self.environment, self.output)
        wait_until_ready(self.supervisor, self.base_url, self.output)
        return self.supervisor

    def end(self) -> None:
        if self.supervisor is not None:
            self.supervisor.kill()
            self.supervisor.wait()


@pytest.fixture
def home(tmp_path: Path) -> Iterator[Home]:
    place = Home(tmp_path, free_port())
    yield place
    place.end()


def _run_beside(environment: dict[str, str]) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", "config.supervisor"],
        cwd=PROJECT,
        env=environment,
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        check=False,
        timeout=WAIT_SECONDS,
    )


@pytest.mark.xdist_group("supervisor")
def test_a_killed_supervisor_leaves_nothing_and_a_stopped_one_exits_cleanly(home: Home) -> None:
    """One long story, because each start of the whole product costs seconds."""
    supervisor = home.start()
    everything = tree_of(supervisor.pid)
    assert {"postgres", "valkey-server"} <= {process.name() for process in everything}

    supervisor.kill()
    supervisor.wait()
    assert _eventually(lambda: not _alive(everything)), _alive(everything)

    # At once again, on the same data.
    supervisor = home.start()
    everything = tree_of(supervisor.pid)
    assert _eventually(lambda: f"ready at {home.base_url}" in home.output.read_text())
    assert "demo@darkroom.local    darkroom-demo" in home.output.read_text()

    # The database is killed, and back on the same address.
    postgres = next(process for process in everything if process.name() == "postgres")
    postgres.kill()
    assert _eventually(lambda: "postgres ended (signal 9)" in home.output.read_text())
    assert _eventually(lambda: answers(home.base_url))

    everything = tree_of(supervisor.pid)
    supervisor.send_signal(signal.SIGTERM)
    assert supervisor.wait(WAIT_SECONDS) == 0
    assert _alive(everything) == []
    assert not (home.folder / "data" / "services.json").exists()


def test_a_visitor_cannot_say_to_come_from_elsewhere(stack: Stack) -> None:
    stack.forget_limits()
    headers = {"X-Forwarded-For": "192.0.2.1"}
    with httpx.Client(base_url=f"{stack.base_url}/api/v1", headers=headers, timeout=20) as client:
        tokens = client.post("/auth/login", json={"email": DEMO[0], "password": DEMO[1]}).json()
        sessions = client.get("/users/me/sessions", headers={"Authorization": f"Bearer {tokens['access']}"}).json()
    assert next(one["address"] for one in sessions if one["is_current"]) == "127.0.0.1"
    assert httpx.get(f"{stack.base_url}/dev/mail", headers=headers, timeout=20).status_code == 404


@pytest.mark.parametrize("name", ["web", "clock", "worker", "studio"])
def test_a_child_that_is_killed_is_started_again(stack: Stack, name: str) -> None:
    before = tree_of(stack.pid_of(name))
    before[0].kill()
    assert _eventually(lambda: not _alive(before)), "what it forked outlived it"
    assert _eventually(lambda: child_of(stack.supervisor.pid, name) not in (None, before[0]))
    assert _eventually(lambda: answers(stack.base_url))


def test_a_second_run_says_where_the_first_one_is(stack: Stack) -> None:
    before = sorted(path.name for path in stack.data.iterdir())
    second = _run_beside(stack.environment)
    assert second.returncode == 1
    assert second.stderr == f"Darkroom already runs here (pid {stack.supervisor.pid}, {stack.base_url}).\n"
    assert sorted(path.name for path in stack.data.iterdir()) == before
    assert answers(stack.base_url)


def test_a_taken_port_is_named_before_anything_starts(tmp_path: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as other:
        port = other.getsockname()[1]
        result = _run_beside(product_environment(tmp_path, port, DATABASE_URL="", REDIS_URL=""))
    assert result.returncode == 1
    assert f"Port {port} is taken by another program: run `make run PORT=" in result.stderr
    assert not (tmp_path / "postgres").exists()


@pytest.mark.parametrize("port", ["eight", "-1", "0", "70000"])
def test_an_impossible_port_is_explained(tmp_path: Path, port: str) -> None:
    result = _run_beside({**product_environment(tmp_path, 0, DATABASE_URL="", REDIS_URL=""), "PORT": port})
    assert result.returncode == 1
    assert "PORT must be a number between 1 and 65535" in result.stderr
    assert not (tmp_path / "postgres").exists()


def test_a_child_that_keeps_dying_is_started_later_and_later() -> None:
    now = 1000.0
    part = Part("web", [], started_at=now - 1)
    delays = []
    for _ in range(8):
        part.note_death(now)
        delays.append(part.not_before - now)
    assert delays[0] == 0.0
    assert delays == sorted(delays)
    assert delays[-1] == 10.0
    part.note_death(now + 100)
    assert part.not_before == now + 100
