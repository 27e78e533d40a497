"""Child processes that never outlive us: how PostgreSQL, Valkey, the web server and the workers are started.

Two lines of defence stand behind a launcher that is killed -9. On Linux the kernel signals each direct child
(``PR_SET_PDEATHSIG``). Beside it a guard, a process of its own in a session of its own, holds the reading end of a pipe
whose writing end only the launcher has: when that closes, the guard stops every process *group* it was told of. That
reaches what children forked themselves (Dramatiq's workers) and works where the kernel offers no such signal (macOS).

Run as a script this file is the guard; it therefore imports nothing but the standard library.
"""

from __future__ import annotations

import ctypes
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterable, Mapping, Sequence
from pathlib import Path
from typing import IO

PR_SET_PDEATHSIG = 1
GUARD_PATIENCE_SECONDS = 4.0
"""How long a group may take to end after its polite signal before the guard kills it."""

_libc = ctypes.CDLL(None, use_errno=True) if sys.platform == "linux" else None


def die_with(death_signal: signal.Signals) -> Callable[[], None]:
    """What a new child runs between fork and exec. Must not import or lock anything: other threads may hold locks."""

    def set_death_signal() -> None:
        if _libc is not None:
            _libc.prctl(PR_SET_PDEATHSIG, int(death_signal))

    return set_death_signal


def signal_group(group: int, number: int) -> bool:
    """Send signal `number` to process group `group`; False when nobody is left in it."""
    try:
        os.killpg(group, number)
    except ProcessLookupError:
        return False
    except PermissionError:  # macOS answers so for a group of zombies only
        return False
    return True


class Guard:
    """Outlives the launcher just long enough to stop what it started."""

    def __init__(self) -> None:
        read_end, self._pipe = os.pipe()
        self._process = subprocess.Popen(
            [sys.executable, "-I", "-S", str(Path(__file__).resolve())],
            stdin=read_end,
            stdout=subprocess.DEVNULL,
            start_new_session=True,
            cwd="/",
        )
        os.close(read_end)

    @property
    def pid(self) -> int:
        return self._process.pid

    def watch(self, group: int, polite: signal.Signals) -> None:
        self._tell(f"+ {group} {int(polite)}\n")

    def forget(self, group: int) -> None:
        self._tell(f"- {group} 0\n")

    def close(self) -> None:
        """End the guard; whatever it still watches is stopped."""
        os.close(self._pipe)
        self._process.wait()

    def _tell(self, line: str) -> None:
        try:
            os.write(self._pipe, line.encode())
        except BrokenPipeError:  # somebody killed the guard: the kernel's signal is still there
            return


class Child:
    """A process that leads its own session and is watched by `guard`."""

    def __init__(
        self,
        command: Sequence[str],
        *,
        guard: Guard,
        env: Mapping[str, str] | None = None,
        cwd: Path | None = None,
        output: IO[bytes] | int | None = None,
        polite: signal.Signals = signal.SIGTERM,
    ) -> None:
        self.polite = polite
        self._guard = guard
        self.process = subprocess.Popen(
            list(command),
            env=dict(env) if env is not None else None,
            cwd=cwd,
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=None if output is None else subprocess.STDOUT,
            start_new_session=True,
            preexec_fn=die_with(polite),
        )
        guard.watch(self.pid, polite)

    @property
    def pid(self) -> int:
        return self.process.pid

    def is_running(self) -> bool:
        return self.process.poll() is None

    def signal(self, number: int) -> None:
        if self.is_running():
            self.process.send_signal(number)

    def wait(self, timeout: float) -> bool:
        """True when the process has ended within `timeout` seconds."""
        try:
            self.process.wait(timeout)
        except subprocess.TimeoutExpired:
            return False
        return True

    def bury(self) -> None:
        """Kill what is left of the group (a leader killed -9 leaves its forks working) and stop watching it."""
        signal_group(self.pid, signal.SIGKILL)
        self.process.wait()
        self._guard.forget(self.pid)

    def stop(self, timeout: float) -> None:
        """Ask politely, wait up to `timeout` seconds, then kill."""
        self.signal(self.polite)
        self.wait(timeout)
        self.bury()


def stop_all(children: Iterable[Child], timeout: float) -> None:
    """Stop several at once: all are asked first, and share the same `timeout` in seconds."""
    group = list(children)
    for child in group:
        child.signal(child.polite)
    deadline = time.monotonic() + timeout
    for child in group:
        child.wait(max(0.0, deadline - time.monotonic()))
        child.bury()


def _guard_until_launcher_is_gone() -> None:
    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP, signal.SIGQUIT):
        signal.signal(number, signal.SIG_IGN)
    watched: dict[int, int] = {}
    for line in sys.stdin:
        verb, group, polite = line.split()
        if verb == "+":
            watched[int(group)] = int(polite)
        else:
            watched.pop(int(group), None)
    for group_id, polite_number in watched.items():
        signal_group(group_id, signal.SIGCONT)
        signal_group(group_id, polite_number)
    deadline = time.monotonic() + GUARD_PATIENCE_SECONDS
    while time.monotonic() < deadline and any(signal_group(group_id, 0) for group_id in watched):
        time.sleep(0.05)
    for group_id in watched:
        signal_group(group_id, signal.SIGKILL)


if __name__ == "__main__":
    _guard_until_launcher_is_gone()
