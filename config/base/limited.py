"""Asking a child process with limits to decode what comes from outside, which is never done in this one."""

import contextlib
import json
import logging
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from config.base.media import Media, Rendition

logger = logging.getLogger(__name__)

PROJECT = Path(__file__).resolve().parents[2]

# All that the child gets of our environment: no keys, no addresses. COVERAGE_… lets a test run measure the child too.
ENVIRONMENT = ("PATH", "PYTHONPATH", "LANG", "TMPDIR", "COVERAGE_PROCESS_START", "COVERAGE_PROCESS_CONFIG")

# Signals by which the kernel ends a child that wants too much (SIGKILL: also the out-of-memory killer).
EXHAUSTED = {-signal.SIGKILL, -signal.SIGXCPU, -signal.SIGXFSZ}

# How often a caller that wants to know hears that the child still works.
BEAT_SECONDS = 2.0

# Called while the child works; may raise to have it stopped.
Beat = Callable[[], None]


class DecoderFailed(RuntimeError):
    """Nothing was judged: the disk is full, the child could not start or has a bug. May be tried again."""


class ChildRefused(Exception):
    """The child refused what it was given; the message is its code."""


@dataclass(frozen=True, slots=True)
class Limits:
    """What one decoding child may take before it is stopped; memory and CPU hold for each process that it starts."""

    memory_bytes: int = 1 << 30
    cpu_seconds: int = 20
    file_bytes: int = 256 << 20
    wall_seconds: float = 20.0


def ask(module: str, request: dict[str, Any], limits: Limits, *, beat: Beat | None = None) -> Media:
    """Have the child `module` do what `request` asks.

    Raises `ChildRefused` with its code, `DecoderFailed` when it could not judge, and what `beat` raises.
    """
    sent = {
        **request,
        "limits": {
            "memory_bytes": limits.memory_bytes,
            "cpu_seconds": limits.cpu_seconds,
            "file_bytes": limits.file_bytes,
        },
    }
    answer = _ask_child(module, json.dumps(sent), limits.wall_seconds, beat)
    if "media" in answer:
        return _read_media(answer["media"])
    if answer["error"] == "failed":
        raise DecoderFailed(answer.get("detail", ""))
    raise ChildRefused(answer["error"])


def _ask_child(module: str, request: str, wall_seconds: float, beat: Beat | None) -> dict[str, Any]:
    environment = {name: os.environ[name] for name in ENVIRONMENT if name in os.environ}
    try:
        child = subprocess.Popen(
            [sys.executable, "-m", module],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
            encoding="utf-8",
            cwd=PROJECT,
            env=environment,
            # A group of its own, so that what it started ends with it.
            start_new_session=True,
        )
    except OSError as error:
        raise DecoderFailed(str(error)) from error
    try:
        with child:
            told, complained = _wait(child, request, wall_seconds, beat)
    except subprocess.TimeoutExpired:
        return {"error": "too_heavy"}
    if child.returncode in EXHAUSTED or (child.returncode and "MemoryError" in complained[-400:]):
        return {"error": "too_heavy"}
    if child.returncode < 0:
        logger.warning("%s ended by signal %s: %s", module, -child.returncode, complained[-2000:])
        return {"error": "broken"}
    if child.returncode:
        raise DecoderFailed(complained[-2000:])
    answer: dict[str, Any] = json.loads(told)
    return answer


def _wait(child: "subprocess.Popen[str]", request: str, seconds: float, beat: Beat | None) -> tuple[str, str]:
    """Wait for the child's answer, and end it with all that it started when it takes too long or is not wanted."""
    end = time.monotonic() + seconds
    sent: str | None = request
    try:
        while True:
            left = end - time.monotonic()
            try:
                return child.communicate(sent, timeout=min(left, BEAT_SECONDS) if beat else left)
            except subprocess.TimeoutExpired:
                sent = None
                if time.monotonic() >= end or beat is None:
                    raise
                beat()
    except BaseException:
        with contextlib.suppress(ProcessLookupError):
            os.killpg(child.pid, signal.SIGKILL)
        raise


def _read_media(data: dict[str, Any]) -> Media:
    renditions = tuple(Rendition(**{**row, "path": Path(row["path"])}) for row in data["renditions"])
    return Media(**{**data, "renditions": renditions})
