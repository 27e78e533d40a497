"""The product under destruction: `make run`'s own supervisor with everything embedded, and doubles of two providers."""

import contextlib
import http.client
import json
import os
import subprocess
import sys
import time
import urllib.request
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import psutil
import redis

from config.servers import free_port

WORKERS = "darkroom:workers"

PROJECT = Path(__file__).resolve().parent.parent
# What in a command line tells the supervisor's children apart.
MARKS = {
    "web": "config.asgi",
    "worker": "default",
    "studio worker": "blocking",
    "caller": "direct",
    "clock": "clock",
    "PostgreSQL": "postgres",
    "Valkey": "valkey",
}
START_SECONDS = 120


@dataclass
class Product:
    """A running product and what is done to it."""

    base_url: str
    data: Path
    supervisor: subprocess.Popen[bytes]
    # Addresses of the providers' doubles by name.
    doubles: dict[str, str]

    @property
    def services(self) -> dict[str, str]:
        """The addresses of the embedded PostgreSQL and Valkey."""
        return dict(json.loads((self.data / "services.json").read_text()))

    def is_ready(self) -> bool:
        """Whether it says that all of it works."""
        try:
            with urllib.request.urlopen(f"{self.base_url}/health/ready", timeout=5) as answer:  # noqa: S310
                return bool(answer.status == 200)
        except (OSError, http.client.HTTPException):
            return False

    def wait_until_ready(self, seconds: float = START_SECONDS) -> float:
        """Return the seconds it took. Raises `TimeoutError`."""
        began = time.monotonic()
        while time.monotonic() - began < seconds:
            if self.is_ready():
                return time.monotonic() - began
            if self.supervisor.poll() is not None:
                raise RuntimeError("The supervisor has ended.")
            time.sleep(0.1)
        raise TimeoutError(f"not ready after {seconds} s")

    def kill(self, name: str) -> bool:
        """kill -9 a child of the supervisor with all below it; False when it does not run just now."""
        for process in psutil.Process(self.supervisor.pid).children():
            with contextlib.suppress(psutil.NoSuchProcess):
                if any(MARKS[name] in Path(word).name or word == MARKS[name] for word in process.cmdline()[:8]):
                    for victim in [process, *process.children(recursive=True)]:
                        with contextlib.suppress(psutil.NoSuchProcess):
                            victim.kill()
                    return True
        return False

    def wait_for_beat(self, name: str, since: float, seconds: float = START_SECONDS) -> None:
        """Wait until a worker has said since the Unix time `since` that it lives; other children say nothing."""
        queue = {"worker": "default", "studio worker": "blocking", "caller": "direct"}.get(name)
        deadline = time.monotonic() + seconds
        while queue and time.monotonic() < deadline:
            with contextlib.suppress(redis.RedisError, OSError):
                with redis.Redis.from_url(self.services["redis_url"], socket_timeout=5) as client:
                    beat = client.zscore(WORKERS, queue)
                if isinstance(beat, float) and beat > since:
                    return
            time.sleep(0.1)

    def flush_queue(self) -> bool:
        """Lose every message that waits or is being worked on."""
        with redis.Redis.from_url(self.services["redis_url"], socket_timeout=5) as client:
            for key in client.scan_iter("dramatiq:*", count=1000):
                client.delete(key)
        return True

    def double(self, provider: str, **wishes: Any) -> dict[str, Any]:
        """Tell a provider's double how to behave; what happened there so far."""
        body = json.dumps(wishes).encode() if wishes else None
        request = urllib.request.Request(f"{self.doubles[provider]}/_control", data=body)  # noqa: S310
        with urllib.request.urlopen(request, timeout=10) as answer:  # noqa: S310
            return dict(json.loads(answer.read() or b"{}"))


@contextlib.contextmanager
def running(folder: Path, say: Callable[[str], None]) -> Iterator[Product]:
    """Start the doubles and the product under `folder`; stop all."""
    with contextlib.ExitStack() as stack:
        doubles = {name: stack.enter_context(_double(name)) for name in ("fal", "openai")}
        port = free_port()
        base_url = f"http://127.0.0.1:{port}"
        output = stack.enter_context((folder / "output").open("wb"))
        supervisor = subprocess.Popen(
            [sys.executable, "-m", "config.supervisor", "--with-parent"],
            cwd=PROJECT,
            env=_environment(folder / "data", port, base_url, doubles),
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=subprocess.STDOUT,
        )
        stack.callback(supervisor.wait)
        stack.callback(supervisor.terminate)
        product = Product(base_url, folder / "data", supervisor, doubles)
        say(f"ready after {product.wait_until_ready():.1f} s")
        yield product


@contextlib.contextmanager
def _double(provider: str) -> Iterator[str]:
    """A provider's double as a process; its address."""
    port = free_port()
    command = [sys.executable, "-m", f"tests.emulators.{provider}", "--port", str(port), "--control"]
    double = subprocess.Popen(command, cwd=PROJECT, stdout=subprocess.DEVNULL)
    try:
        yield f"http://127.0.0.1:{port}"
    finally:
        double.terminate()
        double.wait()


def _environment(data: Path, port: int, base_url: str, doubles: dict[str, str]) -> dict[str, str]:
    kept = {name: value for name, value in os.environ.items() if name in ("PATH", "HOME", "LANG", "TMPDIR")}
    limits = dict.fromkeys(("ADDRESS", "PERSON", "UPLOADS", "PROCESSING", "DOWNLOADS"), "0")
    return (
        kept
        | {f"RATE_LIMIT_{name}": value for name, value in limits.items()}
        | {
            "DATA_DIR": str(data),
            "HOST": "127.0.0.1",
            "PORT": str(port),
            "ENV_FILE": os.devnull,
            "DEBUG": "1",
            "PUBLIC_URL": base_url,
            "FAL_KEY": "test-key-id:test-key-secret",
            "FAL_QUEUE_URL": doubles["fal"],
            "FAL_REST_URL": doubles["fal"],
            "FAL_CDN_URL": doubles["fal"],
            "OPENAI_API_KEY": "test-key-of-a-double",
            "OPENAI_BASE_URL": doubles["openai"],
            # As the product has them, only shorter, so that a run does not wait ten minutes for a lost submit.
            "JOB_LEASE_SECONDS": "5",
            "JOB_UNKNOWN_SECONDS": "15",
        }
    )
