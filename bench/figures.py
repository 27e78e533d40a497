"""Figures and where they go: percentiles, spreads over rounds, tables, sections of docs/performance.md."""

import argparse
import os
import platform
import subprocess
import time
from collections.abc import Iterable, Sequence
from math import ceil
from statistics import median

from bench import PROJECT

PAGE = PROJECT / "docs" / "performance.md"


def percentile(values: Iterable[float], percent: float) -> float:
    """The value below which `percent` of all lie (nearest rank)."""
    ordered = sorted(values)
    return ordered[max(0, ceil(len(ordered) * percent / 100) - 1)]


def spread(values: Sequence[float], digits: int = 1) -> str:
    """Median with lowest and highest of several rounds: `12.3 (11.9–14.0)`."""
    low, middle, high = (f"{value:.{digits}f}" for value in (min(values), median(values), max(values)))
    return middle if low == high else f"{middle} ({low}–{high})"


def table(heads: Sequence[str], rows: Iterable[Sequence[object]]) -> str:
    """A table in Markdown."""
    lines = [heads, ["---"] * len(heads), *rows]
    return "\n".join("| " + " | ".join(str(cell) for cell in line) + " |" for line in lines)


def options(**defaults: int) -> argparse.Namespace:
    """The sizes of a measurement, each an option, and `--write`."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--write", action="store_true", help="put the section into docs/performance.md")
    for name, value in defaults.items():
        parser.add_argument(f"--{name}", type=int, default=value)
    return parser.parse_args()


def say(sentence: str) -> None:
    print(f"{time.strftime('%H:%M:%S')}  {sentence}", flush=True)  # noqa: T201 - a program for the terminal


def publish(name: str, text: str, *, is_written: bool) -> None:
    """Print a section; with `is_written` also put it in the place of its predecessor on the page."""
    whole = f"{text}\n\n{_circumstances(name)}"
    print(f"\n{whole}\n")  # noqa: T201
    if not is_written:
        return
    begin, end = f"<!-- {name}: written by the run -->", f"<!-- /{name} -->"
    page = PAGE.read_text()
    before, found, rest = page.partition(begin)
    after = rest.partition(end)[2] if found else "\n"
    PAGE.write_text(f"{before if found else page + chr(10)}{begin}\n{whole}\n{end}{after}")


def _circumstances(name: str) -> str:
    commit = subprocess.run(["git", "rev-parse", "--short", "HEAD"], cwd=PROJECT, capture_output=True, text=True)
    moment = time.strftime("%Y-%m-%d %H:%M UTC", time.gmtime())
    load = os.getloadavg()[0]
    return (
        f"*`python -m bench.{name}`, {moment}, after commit {commit.stdout.strip()}, {os.cpu_count()} cores, "
        f"Python {platform.python_version()}, load average at the end {load:.1f}.*"
    )
