"""Files that no row knows, and rows whose files are gone: what a crash, a restored back-up or a hand may leave.

Keys are read from the storage and from the database in the same order and compared side by side, so that millions need
no memory. What looks wrong is looked at once more by itself before anything is done: both sides move meanwhile.
"""

import logging
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import timedelta

from django.core.cache import cache
from django.core.files.storage import default_storage
from django.db.models.functions import Collate
from django.utils import timezone

from config.base import registry
from gallery import files
from gallery.models import AssetRendition

logger = logging.getLogger(__name__)

# A file is older than this before it counts as left: jobs write their files well before their rows.
GRACE = timedelta(days=1)
# Of what is missing, so many keys are named; the rest is counted.
MOST_NAMED = 100
CHUNK = 2000
# Seconds; a little less than a day, so that the clock's turn of tomorrow finds it over.
PAUSE = 20 * 60 * 60


@dataclass
class Sweep:
    """What a sweep saw: how many files, which it removed, and which keys of rows have no file."""

    files: int = 0
    removed: int = 0
    workspaces: int = 0
    missing: int = 0
    missing_keys: list[str] = field(default_factory=list)


def sweep_files(*, older_than: timedelta = GRACE) -> Sweep:
    """Remove files without a row that were last written before `older_than`, and find rows without a file."""
    before = timezone.now() - older_than
    sweep = Sweep(workspaces=files.remove_old_workspaces(before))
    rows = _row_keys()
    row = next(rows, None)
    for key, written_at in files.walk():
        sweep.files += 1
        while row is not None and row < key:
            _note_missing(row, sweep)
            row = next(rows, None)
        if row == key:
            row = next(rows, None)
        elif written_at < before:
            _remove_unknown(key, sweep)
    while row is not None:
        _note_missing(row, sweep)
        row = next(rows, None)
    logger.info("swept %d files: %d removed, %d missing", sweep.files, sweep.removed, sweep.missing)
    if sweep.missing:
        logger.error("%d stored files are gone, first of them %s", sweep.missing, sweep.missing_keys[:5])
    return sweep


def is_due() -> bool:
    """Whether nobody has begun a sweep today; the first who asks has."""
    return cache.add("gallery.sweep", 1, timeout=PAUSE)


def _row_keys() -> Iterator[str]:
    """Keys of all rows in the order of their bytes, a page at a time."""
    ordered = AssetRendition.objects.annotate(place=Collate("key", "C")).order_by("place")
    last = ""
    while page := list(ordered.filter(place__gt=last).values_list("key", flat=True)[:CHUNK]):
        yield from page
        last = page[-1]


def _remove_unknown(key: str, sweep: Sweep) -> None:
    if not AssetRendition.objects.filter(key=key).exists() and not any(registry.is_file_kept(key)):
        default_storage.delete(key)
        sweep.removed += 1


def _note_missing(key: str, sweep: Sweep) -> None:
    if AssetRendition.objects.filter(key=key).exists() and not default_storage.exists(key):
        sweep.missing += 1
        if len(sweep.missing_keys) < MOST_NAMED:
            sweep.missing_keys.append(key)
