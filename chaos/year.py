"""Let companies pay, fail to pay, change their minds and spend for a simulated year; then prove every credit.

    make year                                        # 1 000 companies, 365 days
    python -m chaos.year --companies 25 --days 400   # on the servers of DATABASE_URL and REDIS_URL, emptied before

Exits with 1 when a proof fails. `--report FILE` writes the section of that file that is about it.
"""

import argparse
import json
import os
import secrets
import subprocess
import sys
import time
from pathlib import Path

from chaos.sections import write_section

PROJECT = Path(__file__).resolve().parent.parent
TITLE = "## A simulated year of money"
_LIVE = """
import json
from django.utils import timezone
from chaos.lives import simulate
counts, _companies = simulate(companies=%d, days=%d, seed=%d, until=timezone.now())
print("COUNTS " + json.dumps(counts))
"""


def manage(*arguments: str) -> subprocess.CompletedProcess[str]:
    """`manage.py …` as production would run it."""
    environment = {
        **os.environ,
        "DEBUG": "0",
        "SECRET_KEY": os.environ.get("SECRET_KEY") or secrets.token_urlsafe(50),
        "ALLOWED_HOSTS": "localhost",
        "PUBLIC_URL": "http://localhost",
        "LOG_LEVEL": "WARNING",
        "EMAIL_URL": "memorymail://",
    }
    command = [sys.executable, "manage.py", *arguments]
    return subprocess.run(command, cwd=PROJECT, env=environment, capture_output=True, text=True, check=False)


def must(*arguments: str) -> str:
    """The output of a command that may not fail."""
    done = manage(*arguments)
    if done.returncode:
        raise RuntimeError(done.stdout + done.stderr)
    return done.stdout


def section(wish: argparse.Namespace, counts: dict[str, int], audit: str, seconds: float) -> str:
    """What happened, as Markdown."""
    lines = [
        "Written by `make year`. Facts about subscriptions and payments come at once, twice, late or never until they",
        "are asked for again; the clock of the product is moved by hand. Then `audit_ledger` looks at every row.",
        "",
        "| what | times |",
        "| --- | --- |",
        *(f"| {name} | {counts[name]} |" for name in sorted(counts)),
        "",
        f"{wish.companies} companies, {wish.days} days, seed {wish.seed}, {seconds:.0f} s. {audit}",
    ]
    return "\n".join(lines)


def main() -> int:
    """Run, print, and say by the exit code whether all is well."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--companies", type=int, default=1000)
    parser.add_argument("--days", type=int, default=365)
    parser.add_argument("--seed", type=int, default=2026)
    parser.add_argument("--report", type=Path)
    wish = parser.parse_args()
    must("migrate", "--verbosity", "0")
    must("seed")
    began = time.monotonic()
    code = _LIVE % (wish.companies, wish.days, wish.seed)
    said = must("shell", "--no-imports", "-c", code)
    counts = json.loads(said.partition("COUNTS ")[2])
    audit = manage("audit_ledger")
    verdict = (audit.stdout.strip().splitlines() or [audit.stderr.strip()])[-1]
    text = section(wish, counts, verdict, time.monotonic() - began)
    print(text)  # noqa: T201
    if audit.returncode:
        print(audit.stdout + audit.stderr)  # noqa: T201
    if wish.report:
        write_section(wish.report, TITLE, text)
    return audit.returncode


if __name__ == "__main__":
    sys.exit(main())
