"""Sections of docs/reliability.md that are written by different programs, each leaving the others' alone."""

from pathlib import Path


def later_sections(path: Path) -> str:
    """All from the first `## ` on: what another program than the first one wrote; empty if there is none."""
    if not path.exists():
        return ""
    _head, mark, rest = path.read_text().partition("\n## ")
    return f"{mark}{rest}" if mark else ""


def write_section(path: Path, title: str, text: str) -> None:
    """Write the section under `title` (`## …`) anew, or add it at the end."""
    before, mark, rest = path.read_text().partition(f"\n{title}\n")
    _old, following, later = rest.partition("\n## ")
    kept = f"{following}{later}" if mark and following else ""
    path.write_text(f"{before.rstrip()}\n\n{title}\n\n{text}\n{kept}")
