"""The embedded database and queue: what `make run` and `make test` stand on when no server is named.

``python -m config.embedded exec [--root FOLDER] [--volatile] -- COMMAND …`` runs a command with DATABASE_URL and
REDIS_URL pointing at servers under `root`: those of whoever already holds `root`, else its own for as long as the
command lasts.
A URL that is already in the environment is left alone and its server is not started.

This runs before settings exist, so nothing of Django is imported here.
"""

from __future__ import annotations

import argparse
import contextlib
import fcntl
import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from types import FrameType

import environ

from config.processes import Guard, die_with, signal_group
from config.servers import EmbeddedError, Postgres, Valkey, write_private

PROJECT = Path(__file__).resolve().parent.parent
TAKE_OVER_SECONDS = 60.0
"""How long to wait for the holder of a root to say where its servers are."""


def enter_development() -> None:
    """The surroundings of `make run`: what `.env` (or ENV_FILE) says and the environment does not; DEBUG on."""
    file = Path(os.environ.get("ENV_FILE") or PROJECT / ".env")
    if file.is_file():
        environ.Env.read_env(file)
    if not os.environ.get("DEBUG"):
        os.environ["DEBUG"] = "1"


def data_folder() -> Path:
    """Where everything that `make run` keeps lies: DATA_DIR, or `var` in the checkout."""
    return Path(os.environ.get("DATA_DIR") or PROJECT / "var").resolve()


class RootBusy(Exception):
    """Another process holds this root."""


@dataclass(frozen=True)
class Services:
    """Where the database and the queue answer, as URLs with their passwords."""

    database_url: str
    redis_url: str

    def as_environment(self) -> dict[str, str]:
        return {"DATABASE_URL": self.database_url, "REDIS_URL": self.redis_url}


@dataclass(frozen=True)
class Holder:
    """What `root`/services.json says of the process that holds the lock."""

    pid: int
    database_url: str
    redis_url: str
    address: str = ""


@contextlib.contextmanager
def holding(root: Path) -> Iterator[None]:
    """Be the one process that runs servers under `root`; RootBusy when another is.

    The lock is the truth: the kernel drops it with its holder, however that one ends.
    """
    root.mkdir(parents=True, exist_ok=True)
    with (root / "lock").open("a") as lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            raise RootBusy from None
        (root / "services.json").unlink(missing_ok=True)
        try:
            yield
        finally:
            (root / "services.json").unlink(missing_ok=True)


def announce(root: Path, services: Services, *, address: str = "") -> None:
    """Tell others where the servers are and, for `make run`, the product itself."""
    holder = Holder(os.getpid(), services.database_url, services.redis_url, address)
    write_private(root / "services.json", json.dumps(asdict(holder)))


def holder_of(root: Path) -> Holder | None:
    """Who holds `root`; None while it says nothing or when what it says is left over from a killed one."""
    try:
        holder = Holder(**json.loads((root / "services.json").read_text()))
        os.kill(holder.pid, 0)
    except (OSError, ValueError, TypeError):
        return None
    return holder


class Servers:
    """The embedded servers of one root: those whose URL the environment does not give."""

    def __init__(self, root: Path, guard: Guard, *, durable: bool = True) -> None:
        given = os.environ.get("DATABASE_URL", ""), os.environ.get("REDIS_URL", "")
        self.postgres = None if given[0] else Postgres(root, guard, durable=durable)
        self.valkey = None if given[1] else Valkey(root, guard)
        self.services = Services(
            self.postgres.url if self.postgres else given[0],
            self.valkey.url if self.valkey else given[1],
        )

    @property
    def running(self) -> list[Postgres | Valkey]:
        return [server for server in (self.postgres, self.valkey) if server is not None]

    def start(self) -> None:
        for server in self.running:
            server.start()

    def stop(self) -> None:
        for server in self.running:
            server.stop()


@contextlib.contextmanager
def services(root: Path, *, durable: bool = True) -> Iterator[Services]:
    """Run the servers under `root` for the length of the block.

    `durable=False` gives up safety from power loss for speed (tests). Raises RootBusy and EmbeddedError.
    """
    root = root.resolve()
    with holding(root):
        guard = Guard()
        try:
            servers = Servers(root, guard, durable=durable)
            try:
                servers.start()
                announce(root, servers.services)
                yield servers.services
            finally:
                servers.stop()
        finally:
            guard.close()


@contextlib.contextmanager
def borrowed(root: Path) -> Iterator[Services]:
    """The servers of whoever holds `root`; that one ends after us. RootBusy if there are none yet."""
    with (root / "users").open("a") as users:
        fcntl.flock(users, fcntl.LOCK_SH)
        holder = holder_of(root)
        if holder is None:
            raise RootBusy
        yield Services(holder.database_url, holder.redis_url)


def _wait_for_borrowers(root: Path) -> None:
    (root / "services.json").unlink(missing_ok=True)
    with (root / "users").open("a") as users:
        fcntl.flock(users, fcntl.LOCK_EX)


def run_command(command: Sequence[str], extra: dict[str, str], *, with_parent: bool) -> int:
    """Run `command` with `extra` in its environment and signals passed on; its exit code (128 + n for signal n).

    At a terminal it stays in our process group, where Ctrl-C reaches it without us; elsewhere it leads its own, so that
    a launcher killed -9 takes all of it along.
    """
    interactive = sys.stdin.isatty()
    guard = Guard()
    process = subprocess.Popen(
        list(command),
        env={**os.environ, **extra},
        start_new_session=not interactive,
        preexec_fn=die_with(signal.SIGTERM),
    )
    if not interactive:
        guard.watch(process.pid, signal.SIGTERM)

    def pass_on(number: int, _frame: FrameType | None) -> None:
        if not (interactive and number == signal.SIGINT) and process.returncode is None:
            process.send_signal(number)

    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        signal.signal(number, pass_on)
    parent = os.getppid()
    while True:
        try:
            code = process.wait(0.5 if with_parent else None)
            break
        except subprocess.TimeoutExpired:
            if os.getppid() != parent:
                process.terminate()
    if not interactive:
        signal_group(process.pid, signal.SIGKILL)
        guard.forget(process.pid)
    guard.close()
    return code if code >= 0 else 128 - code


def execute(root: Path, command: Sequence[str], *, durable: bool, with_parent: bool) -> int:
    """The `exec` command: on the holder's servers if `root` is held, else on our own."""
    root = root.resolve()
    if os.environ.get("DATABASE_URL") and os.environ.get("REDIS_URL"):
        return run_command(command, {}, with_parent=with_parent)
    deadline = time.monotonic() + TAKE_OVER_SECONDS
    while True:
        try:
            with services(root, durable=durable) as own:
                code = run_command(command, own.as_environment(), with_parent=with_parent)
                _wait_for_borrowers(root)
                return code
        except RootBusy:
            pass
        try:
            with borrowed(root) as lent:
                return run_command(command, lent.as_environment(), with_parent=with_parent)
        except RootBusy:
            if time.monotonic() > deadline:
                raise EmbeddedError(f"{root} is held by another process that offers no database.") from None
        time.sleep(0.05)


def main(arguments: Sequence[str]) -> int:
    parser = argparse.ArgumentParser(prog="python -m config.embedded", description=__doc__)
    commands = parser.add_subparsers(required=True)
    runner = commands.add_parser("exec", help="run a command against the embedded servers")
    runner.add_argument("--root", type=Path, help="folder of the data (default: DATA_DIR, or var)")
    runner.add_argument(
        "--volatile",
        action="store_true",
        help="for tests: faster, not safe from power loss, and .env (which may name real servers) is not read",
    )
    runner.add_argument("--with-parent", action="store_true", help="end when the process that started us has gone")
    runner.add_argument("command", nargs=argparse.REMAINDER, metavar="-- COMMAND …")
    options = parser.parse_args(arguments)
    command = options.command[1:] if options.command[:1] == ["--"] else options.command
    if not command:
        parser.error("no command given")
    if not options.volatile:
        enter_development()
    root = options.root or data_folder()
    try:
        return execute(root, command, durable=not options.volatile, with_parent=options.with_parent)
    except EmbeddedError as error:
        print(error, file=sys.stderr)
        return 1
    except FileNotFoundError as error:
        print(f"{error.filename}: not found", file=sys.stderr)
        return 127


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
