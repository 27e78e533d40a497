"""What every decoding child is: one JSON request on standard input, one JSON answer on standard output.

    {…, "limits": {"memory_bytes", "cpu_seconds", "file_bytes"}}
    {"media": {…}} or {"error": "unsupported" | "broken" | "too_large" | "too_heavy" | … | "failed", "detail"}

Standard library only: a child starts in about 100 ms and carries no secrets, no settings and no database connection
that a decoder's bug could reach.
"""

import contextlib
import json
import resource
import sys
from collections.abc import Callable
from dataclasses import asdict
from typing import Any

from config.base.media import Media


class Refused(Exception):
    """What was sent is refused; the message is the code that goes back to the parent."""


def serve(make: Callable[[dict[str, Any]], Media]) -> None:
    """Answer the one request with what `make` does of it. `make` raises `Refused`."""
    request = json.load(sys.stdin)
    limit(**request.pop("limits"))
    json.dump(answer(make, request), sys.stdout, default=str)


def answer(make: Callable[[dict[str, Any]], Media], request: dict[str, Any]) -> dict[str, Any]:
    """Do what the request asks, and put every foreseen end of it into words that JSON carries."""
    try:
        return {"media": asdict(make(request))}
    except Refused as refusal:
        return {"error": str(refusal)}
    except MemoryError:
        return {"error": "too_heavy"}
    except OSError as error:
        # Only reading the source's bytes and writing can still end here: the disk's fault, not the sender's.
        return {"error": "failed", "detail": str(error)}


def limit(memory_bytes: int, cpu_seconds: int, file_bytes: int) -> None:
    """Bind this process; past a limit it gets MemoryError, SIGXCPU or EFBIG, and harms nobody else."""
    wanted = {
        resource.RLIMIT_AS: memory_bytes,
        resource.RLIMIT_CPU: cpu_seconds,
        resource.RLIMIT_FSIZE: file_bytes,
        resource.RLIMIT_CORE: 0,
    }
    for kind, value in wanted.items():
        # macOS refuses RLIMIT_AS; the wall clock still holds there.
        with contextlib.suppress(ValueError):
            resource.setrlimit(kind, (value, value))
