"""What the supervisor's children write: whole in `var/log`, and on the terminal only what a person should see.

Children write straight into files, never into a pipe of ours: a pipe blocks them while nobody reads and breaks them
when the supervisor is killed.
"""

from __future__ import annotations

import os
import re
from pathlib import Path
from typing import TextIO

from config.servers import LOG_BYTES

# As it stands in the lines of uvicorn, Dramatiq and Django.
LEVEL = re.compile(r"\b(DEBUG|INFO|WARNING|ERROR|CRITICAL)\b")
LEVEL_WITHIN = 120
"""Characters from the start of a line in which its level is looked for."""


class Echo:
    """Copies what is new in one log to the terminal, each line after the name of who wrote it."""

    def __init__(self, name: str, log: Path, terminal: TextIO, *, verbose: bool) -> None:
        self._prefix = f"{name:<8}| "
        self._log = log
        self._terminal = terminal
        self._verbose = verbose
        self._seen = log.stat().st_size if log.exists() else 0
        self._rest = b""
        # What comes before the first level is a failure to start at all.
        self._loud = True

    def pump(self) -> None:
        """Copy the new lines; a line without a level belongs to the record before it."""
        if not self._log.exists():
            return
        with self._log.open("rb") as log:
            log.seek(self._seen)
            new = log.read()
        self._seen += len(new)
        *lines, self._rest = (self._rest + new).split(b"\n")
        for line in lines:
            self._write(line.decode(errors="replace"))
        if self._seen > LOG_BYTES:
            # The writer appends, so it goes on at the new end.
            os.truncate(self._log, 0)
            self._seen = 0

    def _write(self, line: str) -> None:
        level = LEVEL.search(line[:LEVEL_WITHIN])
        if level:
            self._loud = level[1] in ("WARNING", "ERROR", "CRITICAL")
        elif line.startswith("Traceback "):
            self._loud = True
        if line.strip() and (self._loud or self._verbose):
            print(self._prefix + line, file=self._terminal, flush=True)
