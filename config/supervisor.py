"""`make run`: start PostgreSQL and Valkey, prepare the database, then keep web, workers and clock alive.

A child that dies is started again; Ctrl-C and SIGTERM stop all in order and exit 0; a supervisor that is killed leaves
nothing behind (see `config.processes`). Everything it keeps lies under DATA_DIR (`var`).
"""

from __future__ import annotations

import argparse
import contextlib
import errno
import http.client
import ipaddress
import os
import secrets
import signal
import socket
import sys
import time
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from types import FrameType
from urllib.parse import urlsplit

import environ

from config.embedded import PROJECT, RootBusy, Servers, announce, data_folder, enter_development, holder_of, holding
from config.output import Echo
from config.processes import Child, Guard, stop_all
from config.servers import EmbeddedError, Postgres, Valkey, open_log, write_private

TICK_SECONDS = 0.1
PATIENCE_SECONDS = 10.0
"""How long children may take to stop; a worker uses it to finish or hand back what it is at."""
STEADY_SECONDS = 30.0
"""A child that lived this long is started again at once when it dies."""
LONGEST_BACK_OFF_SECONDS = 10.0
WARN_AFTER_SECONDS = 60.0
LEAVING_SECONDS = 5.0
LOOK_SECONDS = 0.2
LATE_LOOK_SECONDS = 3.0


class CannotStart(Exception):
    """Nothing was started; the message is for the person at the terminal."""


class Stopped(Exception):
    """A signal asked us to stop."""


@dataclass(frozen=True)
class Configuration:
    """What the environment asks of this run."""

    host: str
    port: int
    debug: bool
    verbose: bool
    data: Path

    @classmethod
    def from_environment(cls) -> Configuration:
        """An empty variable counts as none."""
        given = {name: value for name, value in os.environ.items() if value}
        port = given.get("PORT", "8000")
        # Checked here, since the system takes 70000 for 4464.
        if not port.isdecimal() or not 0 < int(port) < 65536:
            raise CannotStart(f"PORT must be a number between 1 and 65535, not {port!r}.")
        return cls(
            host=given.get("HOST", "127.0.0.1"),
            port=int(port),
            debug=given.get("DEBUG", "0").lower() in environ.Env.BOOLEAN_TRUE_STRINGS,
            verbose=given.get("VERBOSE", "0").lower() in environ.Env.BOOLEAN_TRUE_STRINGS,
            data=data_folder(),
        )

    @property
    def is_loopback(self) -> bool:
        with contextlib.suppress(ValueError):
            return ipaddress.ip_address(self.host).is_loopback
        return self.host == "localhost"

    @property
    def reachable_host(self) -> str:
        """Where this machine itself reaches the server: listening everywhere is no address."""
        return {"0.0.0.0": "127.0.0.1", "::": "::1"}.get(self.host, self.host)  # noqa: S104 - not bound  # nosec B104

    @property
    def address(self) -> str:
        host = f"[{self.reachable_host}]" if ":" in self.reachable_host else self.reachable_host
        return f"http://{host}:{self.port}"

    def require_free_port(self, *, patience: float) -> None:
        """CannotStart unless we may listen within `patience` seconds."""
        deadline = time.monotonic() + patience
        while not self._can_listen():
            if time.monotonic() > deadline:
                other = self.port + 1 if self.port < 65535 else 8000
                raise CannotStart(f"Port {self.port} is taken by another program: run `make run PORT={other}`.")
            time.sleep(TICK_SECONDS)

    def _can_listen(self) -> bool:
        """False while another program has the port; CannotStart when waiting would not help."""
        try:
            found = socket.getaddrinfo(self.host, self.port, type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE)
            family, kind, protocol, _, place = found[0]
            with socket.socket(family, kind, protocol) as probe:
                probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
                probe.bind(place)
                # On some systems a second bind succeeds and only listening does not.
                probe.listen()
        except OSError as error:
            if error.errno == errno.EADDRINUSE:
                return False
            raise CannotStart(f"Cannot listen on {self.host}, port {self.port}: {error.strerror or error}.") from None
        return True


@dataclass
class Part:
    """One child of ours: how it is started and how it has fared."""

    name: str
    command: Sequence[str]
    child: Child | None = None
    started_at: float = 0.0
    failures: int = field(default=0)
    not_before: float = 0.0

    def note_death(self, now: float) -> None:
        """Decide when to start again: at once for the first time, later and later for one that keeps dying."""
        self.failures = 1 if now - self.started_at > STEADY_SECONDS else self.failures + 1
        delay = 0.0 if self.failures == 1 else min(LONGEST_BACK_OFF_SECONDS, 0.5 * 2 ** (self.failures - 1))
        self.not_before = now + delay
        self.child = None


def parts_of(configuration: Configuration) -> list[Part]:
    """The processes of the product, in the order in which they are stopped."""
    python = sys.executable
    web = ["uvicorn", "config.asgi:application", "--host", configuration.host, "--port", str(configuration.port)]
    # Who is in front of us the settings say; uvicorn would believe whatever a program on this machine sends.
    web += ["--no-proxy-headers"]
    # An open event stream has no end of its own to wait for.
    web += ["--no-access-log", "--log-level", "info", "--timeout-graceful-shutdown", "2"]
    worker = ["dramatiq", "config.broker", "--processes", "1", "--worker-shutdown-timeout", "8000"]
    return [
        Part("web", [python, "-m", *web]),
        Part("clock", [python, "manage.py", "clock"]),
        Part("worker", [python, "-m", *worker, "--threads", "8", "--queues", "default", "priority", "bulk"]),
        Part("studio", [python, "-m", *worker, "--threads", "2", "--queues", "blocking-first", "blocking"]),
        Part("caller", [python, "-m", *worker, "--threads", "8", "--queues", "direct-first", "direct"]),
    ]


def secret_key(data: Path) -> str:
    """A key for development that survives a restart, so that people stay signed in."""
    path = data / "secret_key"
    if not path.exists():
        write_private(path, secrets.token_urlsafe(50))
    return path.read_text().strip()


def child_environment(configuration: Configuration, servers: Servers) -> dict[str, str]:
    """What every child of ours gets; what the person set wins."""
    derived = {
        "PUBLIC_URL": configuration.address,
        # A provider reaches us only where a person said so.
        "PROVIDER_WEBHOOKS": "1" if os.environ.get("PUBLIC_URL") else "0",
        # Dramatiq's default idle poll lets a job wait 210 ms; this is about 12 at a few per cent of a core.
        "dramatiq_worker_timeout": "50",
        "PYTHONUNBUFFERED": "1",
    }
    if configuration.debug and not os.environ.get("SECRET_KEY"):
        derived["SECRET_KEY"] = secret_key(configuration.data)
    given = {name: value for name, value in os.environ.items() if value}
    fixed = {
        "DJANGO_SETTINGS_MODULE": "config.settings",
        "DATA_DIR": str(configuration.data),
        "DEBUG": str(int(configuration.debug)),
        "LOOPBACK_ONLY": str(int(configuration.is_loopback)),
    }
    return {**derived, **given, **fixed, **servers.services.as_environment()}


class Supervisor:
    """Owns every process of one running Darkroom. All are started from the main thread: the kernel's death signal
    follows the thread that forked."""

    def __init__(self, configuration: Configuration, guard: Guard, *, with_parent: bool) -> None:
        self._configuration = configuration
        self._guard = guard
        self._parent = os.getppid() if with_parent else None
        self._stopping = False
        self._servers = Servers(configuration.data, guard)
        self._server_deaths = {server.name: Part(server.name, []) for server in self._servers.running}
        self._parts = parts_of(configuration)
        self._echoes: dict[str, Echo] = {}
        self._env: Mapping[str, str] = {}

    def run(self) -> None:
        """Until a signal (or the parent's end, when asked to follow it) stops us."""
        for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
            signal.signal(number, self._on_signal)
        try:
            self._servers.start()
            announce(self._configuration.data, self._servers.services, address=self._configuration.address)
            self._env = child_environment(self._configuration, self._servers)
            self._prepare()
            self._supervise()
        except Stopped:
            _say("\nStopping …")
        finally:
            stop_all([part.child for part in self._parts if part.child is not None], PATIENCE_SECONDS)
            self._servers.stop()
            self._pump()

    def _on_signal(self, _number: int, _frame: FrameType | None) -> None:
        self._stopping = True

    def _tick(self) -> None:
        """A short rest in which signals are noticed."""
        time.sleep(TICK_SECONDS)
        self._pump()
        if self._stopping or (self._parent is not None and os.getppid() != self._parent):
            raise Stopped

    def _pump(self) -> None:
        for echo in self._echoes.values():
            echo.pump()

    def _launch(self, name: str, command: Sequence[str]) -> Child:
        path = self._configuration.data / "log" / f"{name}.log"
        with open_log(path) as log:
            # What preparing says is told once, at its end, if it fails.
            if name not in self._echoes and (name != "prepare" or self._configuration.verbose):
                self._echoes[name] = Echo(name, path, sys.stderr, verbose=self._configuration.verbose)
            return Child(command, guard=self._guard, env=self._env, cwd=PROJECT, output=log)

    def _prepare(self) -> None:
        """Migrate, seed and, where nobody else can reach us, make the demo accounts: in one process, for speed."""
        command = [sys.executable, "manage.py", "prepare", *(["--demo"] if self.has_demo else [])]
        child = self._launch("prepare", command)
        try:
            while child.is_running():
                self._tick()
        finally:
            child.stop(PATIENCE_SECONDS)
        self._pump()
        if child.process.returncode != 0:
            log = self._configuration.data / "log" / "prepare.log"
            tail = "\n".join(log.read_text(errors="replace").splitlines()[-15:])
            raise CannotStart(f"The database could not be prepared; the end of {log}:\n{tail}")

    @property
    def has_demo(self) -> bool:
        return self._configuration.debug and self._configuration.is_loopback

    def _supervise(self) -> None:
        begun = next_look = time.monotonic()
        ready = warned = False
        while True:
            self._keep_servers_alive()
            self._keep_parts_alive()
            now = time.monotonic()
            if not ready and now >= next_look:
                ready = self._answers()
                next_look = now + (LATE_LOOK_SECONDS if warned else LOOK_SECONDS)
                if ready:
                    _say(welcome(self._configuration, has_demo=self.has_demo))
                elif not warned and now - begun > WARN_AFTER_SECONDS:
                    warned = True
                    _say(f"Darkroom does not answer yet; what happens is in {self._configuration.data / 'log'}.")
            self._tick()

    def _keep_parts_alive(self) -> None:
        now = time.monotonic()
        for part in self._parts:
            if part.child is not None and not part.child.is_running():
                _say(f"{part.name} ended ({_cause(part.child)}) and is started again.")
                part.child.bury()
                part.note_death(now)
            if part.child is None and now >= part.not_before:
                part.child = self._launch(part.name, part.command)
                part.started_at = now

    def _keep_servers_alive(self) -> None:
        for server in self._servers.running:
            if server.child is None or not server.child.is_running():
                self._revive(server, self._server_deaths[server.name])

    def _revive(self, server: Postgres | Valkey, record: Part) -> None:
        now = time.monotonic()
        if server.child is not None:
            _say(f"{server.name} ended ({_cause(server.child)}) and is started again.")
            server.child.bury()
            server.child = None
            record.note_death(now)
        if now < record.not_before:
            return
        record.started_at = now
        try:
            server.start()
        except EmbeddedError as error:
            _say(str(error))
            record.note_death(time.monotonic())

    def _answers(self) -> bool:
        """Whether database, queue and a worker on every queue answer through the web server."""
        configuration = self._configuration
        connection = http.client.HTTPConnection(configuration.reachable_host, configuration.port, timeout=5)
        host = urlsplit(self._env["PUBLIC_URL"]).netloc
        try:
            connection.request("GET", "/health/ready", headers={"Host": host})
            return connection.getresponse().status == 200
        except (OSError, http.client.HTTPException):
            return False
        finally:
            connection.close()


def _cause(child: Child) -> str:
    code = child.process.returncode
    return f"signal {-code}" if code < 0 else f"code {code}"


def _say(text: str) -> None:
    print(text, flush=True)


def welcome(configuration: Configuration, *, has_demo: bool) -> str:
    """What a newcomer needs once everything answers."""
    address = os.environ.get("PUBLIC_URL") or configuration.address
    lines = ["", f"  Darkroom is ready at {address}", ""]
    if has_demo:
        lines += [
            "  Sign in as   demo@darkroom.local    darkroom-demo",
            f"       or as   admin@darkroom.local   darkroom-admin   (administration: {address}/admin/)",
        ]
    if configuration.debug:
        lines += [f"  Mail         {address}/dev/mail"]
    lines += [f"  Logs         {configuration.data / 'log'}", "  Stop         Ctrl-C", ""]
    return "\n".join(lines)


@contextlib.contextmanager
def _sole_run(configuration: Configuration) -> Iterator[None]:
    """Be the only Darkroom on this data, or say who is."""
    # Only who was killed leaves this behind, and then also a web server that is about to leave the port.
    was_killed = (configuration.data / "services.json").exists()
    try:
        with holding(configuration.data):
            configuration.require_free_port(patience=LEAVING_SECONDS if was_killed else 0.0)
            yield
    except RootBusy:
        holder = holder_of(configuration.data)
        if holder is None or not holder.address:
            where = f"pid {holder.pid}" if holder else "just starting or stopping"
            raise CannotStart(f"Another Darkroom command ({where}) uses {configuration.data}.") from None
        raise CannotStart(f"Darkroom already runs here (pid {holder.pid}, {holder.address}).") from None


def main(arguments: Sequence[str]) -> int:
    parser = argparse.ArgumentParser(prog="python -m config.supervisor", description=__doc__)
    parser.add_argument("--with-parent", action="store_true", help="end when the process that started us has gone")
    options = parser.parse_args(arguments)
    enter_development()
    try:
        configuration = Configuration.from_environment()
        with _sole_run(configuration):
            guard = Guard()
            try:
                Supervisor(configuration, guard, with_parent=options.with_parent).run()
            finally:
                guard.close()
    except (CannotStart, EmbeddedError) as error:
        print(error, file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
