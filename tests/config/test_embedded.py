"""PostgreSQL and Valkey from wheels, through the command that everything else uses."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import psutil
import psycopg
import pytest

from tests.database import PROJECT

WAIT_SECONDS = 30.0

WRITE = """
import os, psycopg, redis
with psycopg.connect(os.environ["DATABASE_URL"]) as connection:
    connection.execute("CREATE TABLE kept AS SELECT 'ночь' AS word")
redis.Redis.from_url(os.environ["REDIS_URL"]).set("kept", "message")
"""
READ = """
import os, psycopg, redis
with psycopg.connect(os.environ["DATABASE_URL"]) as connection:
    print(connection.execute("SELECT word FROM kept").fetchone()[0])
print(redis.Redis.from_url(os.environ["REDIS_URL"]).get("kept").decode())
"""
# Says where the servers are, then stays.
STAY = "import os, time; print(os.environ['DATABASE_URL'], flush=True); time.sleep(600)"
# Says where the servers are, and uses them once a file appears.
BORROW = """
import os, pathlib, psycopg, sys, time
print(os.environ["DATABASE_URL"], flush=True)
while not pathlib.Path(sys.argv[1]).exists():
    time.sleep(0.02)
time.sleep(0.3)
with psycopg.connect(os.environ["DATABASE_URL"]) as connection:
    print(connection.execute("SELECT word FROM kept").fetchone()[0], flush=True)
"""


def _environment(**more: str) -> dict[str, str]:
    bare = {name: value for name, value in os.environ.items() if name not in ("DATABASE_URL", "REDIS_URL")}
    return {**bare, "ENV_FILE": os.devnull, **more}


def _exec(root: Path, *command: str) -> list[str]:
    return [sys.executable, "-m", "config.embedded", "exec", "--root", str(root), "--", *command]


def _run(root: Path, *command: str, **more: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        _exec(root, *command),
        cwd=PROJECT,
        env=_environment(**more),
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        check=False,
        timeout=WAIT_SECONDS,
    )


def _start(root: Path, *command: str) -> subprocess.Popen[str]:
    return subprocess.Popen(
        _exec(root, *command),
        cwd=PROJECT,
        env=_environment(),
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        text=True,
    )


def _first_line(process: subprocess.Popen[str]) -> str:
    assert process.stdout is not None
    return process.stdout.readline().strip()


def _tree(pid: int) -> list[psutil.Process]:
    return psutil.Process(pid).children(recursive=True)


def _all_gone(processes: list[psutil.Process]) -> bool:
    """Zombies count as gone: they hold nothing and wait only to be counted by the system."""
    deadline = time.monotonic() + WAIT_SECONDS
    while time.monotonic() < deadline:
        if not [one for one in processes if one.is_running() and one.status() != psutil.STATUS_ZOMBIE]:
            return True
        time.sleep(0.05)
    return False


@pytest.fixture(scope="module")
def root(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with data in it."""
    folder = tmp_path_factory.mktemp("embedded")
    assert _run(folder, sys.executable, "-c", WRITE).returncode == 0
    return folder


def test_data_survives_a_restart(root: Path) -> None:
    assert _run(root, sys.executable, "-c", READ).stdout.split() == ["ночь", "message"]


def test_the_exit_code_of_the_command_is_passed_on(root: Path) -> None:
    assert _run(root, sys.executable, "-c", "raise SystemExit(7)").returncode == 7


def test_a_second_command_uses_the_servers_of_the_first_which_waits_for_it(root: Path, tmp_path: Path) -> None:
    gate = tmp_path / "gate"
    with _start(root, sys.executable, "-c", STAY) as first:
        url = _first_line(first)
        with _start(root, sys.executable, "-c", BORROW, str(gate)) as second:
            assert _first_line(second) == url
            first.terminate()
            gate.touch()
            assert _first_line(second) == "ночь"
            assert second.wait(WAIT_SECONDS) == 0
        assert first.wait(WAIT_SECONDS) == 128 + signal.SIGTERM


def test_a_signal_reaches_the_command_and_the_servers_stop(root: Path) -> None:
    with _start(root, sys.executable, "-c", STAY) as process:
        _first_line(process)
        tree = _tree(process.pid)
        process.send_signal(signal.SIGTERM)
        assert process.wait(WAIT_SECONDS) == 128 + signal.SIGTERM
    assert _all_gone(tree)
    assert not (root / "services.json").exists()


def test_killing_the_launcher_leaves_no_process_and_no_stale_address(root: Path) -> None:
    with _start(root, sys.executable, "-c", STAY) as process:
        url = _first_line(process)
        tree = _tree(process.pid)
        process.kill()
        process.wait(WAIT_SECONDS)
        left_behind = json.loads((root / "services.json").read_text())
        again = _run(root, sys.executable, "-c", READ)
    assert left_behind["database_url"] == url
    assert again.stdout.split() == ["ночь", "message"]
    assert _all_gone(tree)


def test_a_server_that_is_named_in_the_environment_is_not_started(tmp_path: Path) -> None:
    named = os.environ["DATABASE_URL"]
    result = _run(tmp_path, sys.executable, "-c", "import os; print(os.environ['DATABASE_URL'])", DATABASE_URL=named)
    assert result.stdout.strip() == named
    assert not (tmp_path / "postgres").exists()
    assert (tmp_path / "valkey").exists()


def test_strangers_on_this_machine_are_not_let_in(root: Path) -> None:
    with _start(root, sys.executable, "-c", STAY) as process:
        url = _first_line(process)
        with pytest.raises(psycopg.OperationalError, match="password authentication failed"):
            psycopg.connect(url.replace(":" + (root / "password").read_text().strip(), ":guess"))
        process.terminate()
    assert {(root / name).stat().st_mode & 0o077 for name in ("password", "postgres", "valkey")} == {0}


def test_postgres_runs_where_user_namespaces_are_forbidden(tmp_path: Path) -> None:
    """As root in most containers; for a normal user, who needs none, this is one more start."""
    forbidding = tmp_path / "bin" / "unshare"
    forbidding.parent.mkdir()
    forbidding.write_text("#!/bin/sh\nexit 1\n")
    forbidding.chmod(0o755)
    root = tmp_path / "private"
    root.mkdir(mode=0o700)
    path = f"{forbidding.parent}{os.pathsep}{os.environ['PATH']}"
    assert _run(root, sys.executable, "-c", WRITE, PATH=path).returncode == 0
    owned_by_us = (root / "postgres").stat().st_uid == os.geteuid()
    assert owned_by_us == (os.geteuid() != 0)
    # Back where they are allowed: the files change hands once more.
    assert _run(root, sys.executable, "-c", READ).stdout.split() == ["ночь", "message"]


def test_a_missing_command_is_named(root: Path) -> None:
    result = _run(root, "no-such-command-here")
    assert result.returncode == 127
    assert "no-such-command-here: not found" in result.stderr
