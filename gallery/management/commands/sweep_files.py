"""`manage.py sweep_files`: remove files that no row knows, report rows whose files are gone."""

from argparse import ArgumentParser
from datetime import timedelta
from typing import Any

from django.core.management.base import BaseCommand, CommandError

from gallery.sweeping import GRACE, sweep_files


class Command(BaseCommand):
    """What the clock has a worker do each day, now."""

    help = "Remove stored files without a row; exit with an error when rows have lost their files."

    def add_arguments(self, parser: ArgumentParser) -> None:
        """`--older-than`: hours for which a file without a row is left alone."""
        hours = GRACE.total_seconds() / 3600
        parser.add_argument("--older-than", type=float, default=hours, metavar="HOURS", help="default: %(default)s")

    def handle(self, *args: Any, **options: Any) -> None:
        """Sweep once and say what was found."""
        sweep = sweep_files(older_than=timedelta(hours=options["older_than"]))
        self.stdout.write(f"{sweep.files} files, {sweep.removed} without a row removed, {sweep.missing} missing.")
        for key in sweep.missing_keys:
            self.stdout.write(f"missing: {key}")
        if sweep.missing:
            raise CommandError("Rows have lost their files: restore them from a back-up.")
