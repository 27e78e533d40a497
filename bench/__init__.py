"""Measurements of the product on real servers: `make bench`, or one alone as `python -m bench.submit`.

Whoever imports this package without servers is started once more, on an embedded PostgreSQL (durable, as in
production) and Valkey in a temporary folder that goes afterwards. What is measured beside each other is measured in
one run: seconds differ from machine to machine, ratios hold better. Nothing here passes or fails.
"""

import os
import shutil
import signal
import subprocess
import sys
import tempfile
from pathlib import Path

import django

PROJECT = Path(__file__).resolve().parent.parent
FOLDER = "BENCH_FOLDER"
LIMITS = ("ADDRESS", "PERSON", "UPLOADS", "PROCESSING", "DOWNLOADS")


def _surroundings(folder: str) -> dict[str, str]:
    """What production sets; nothing of the person's own, and limits so high that they are counted but never met."""
    kept = {name: value for name, value in os.environ.items() if name in ("PATH", "HOME", "LANG", "TMPDIR")}
    return (
        kept
        | {f"RATE_LIMIT_{name}": "100000000" for name in LIMITS}
        | {
            FOLDER: folder,
            "DATA_DIR": f"{folder}/data",
            "ENV_FILE": os.devnull,
            "DJANGO_SETTINGS_MODULE": "config.settings",
            "DEBUG": "0",
            "SECRET_KEY": "only-for-measurements-" + "0123456789" * 4,
            "ALLOWED_HOSTS": "127.0.0.1",
            "SECURE_SSL_REDIRECT": "0",
            "STATIC_BUILT": "0",
            "LOG_LEVEL": "WARNING",
            "FAL_KEY": "test-key-id:test-key-secret",
            "dramatiq_worker_timeout": "50",
        }
    )


def _on_own_servers() -> int:
    # So that the folder goes also then.
    signal.signal(signal.SIGTERM, lambda number, _frame: sys.exit(128 + number))
    folder = tempfile.mkdtemp(prefix="darkroom-bench-")
    command = [sys.executable, "-m", "config.embedded", "exec", "--with-parent", "--root", folder, "--"]
    try:
        again = [*command, sys.executable, *sys.orig_argv[1:]]
        return subprocess.run(again, cwd=PROJECT, env=_surroundings(folder), check=False).returncode
    except KeyboardInterrupt:
        return 130
    finally:
        shutil.rmtree(folder, ignore_errors=True)


if FOLDER not in os.environ:
    sys.exit(_on_own_servers())
django.setup()
