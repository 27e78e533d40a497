"""`manage.py prepare`: everything between an empty database and a serving site, in one process."""

from argparse import ArgumentParser
from typing import Any

from django.core.management import call_command
from django.core.management.base import BaseCommand


class Command(BaseCommand):
    """Migrate, seed and, when asked, make the demo accounts."""

    help = "Migrate the database, write plans and catalogue and, with --demo, the demo accounts."

    def add_arguments(self, parser: ArgumentParser) -> None:
        """`--demo`: also make the demo accounts (refused unless DEBUG and bound to loopback)."""
        parser.add_argument("--demo", action="store_true", help="also make the demo accounts")

    def handle(self, *args: Any, **options: Any) -> None:
        """Run the steps in order; each can be run again."""
        call_command("migrate", interactive=False, verbosity=options["verbosity"])
        call_command("seed")
        if options["demo"]:
            call_command("make_demo")
