"""`manage.py sync_catalogue`: bring the catalogue up to this version's lists, and to what providers publish today."""

from argparse import ArgumentParser
from typing import Any

from django.core.management.base import BaseCommand, CommandError

from generation.catalogue import listed
from generation.catalogue.refresh import refresh_fal
from generation.catalogue.sync import sync_rows
from generation.providers.fal_listing import FalListing


class Command(BaseCommand):
    """What an operator changed stays; what is wrong is told and stops nothing else."""

    help = "Write the lists of models into the catalogue; what an operator changed stays. Can be run again."

    def add_arguments(self, parser: ArgumentParser) -> None:
        """`--refresh fal` also reads prices and schemas; `--dry-run` only tells."""
        parser.add_argument("--dry-run", action="store_true", help="tell what would be done, and change nothing")
        parser.add_argument("--refresh", choices=["fal"], help="also read this provider's live schemas and prices")

    def handle(self, *args: Any, **options: Any) -> None:
        """Write, read, and tell; ends with status 1 when something could not be done."""
        is_dry = bool(options["dry_run"])
        if is_dry:
            self.stdout.write("Nothing is changed: this only tells.")
        report = sync_rows(listed(), dry_run=is_dry)
        for line in [*report.lines(), report.sentence()]:
            self.stdout.write(line)
        failed = len(report.failed)
        if options["refresh"]:
            with FalListing() as listing:
                refreshed = refresh_fal(listing, dry_run=is_dry)
            for line in refreshed.lines:
                self.stdout.write(line)
            self.stdout.write(f"fal: {refreshed.models} models read, {refreshed.failed} readings failed.")
            failed += refreshed.failed
        if failed:
            raise CommandError(f"{failed} of the above could not be done; everything else was.")
