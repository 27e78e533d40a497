"""`manage.py load_plans`: offer the plans and packs of a catalogue."""

from argparse import ArgumentParser
from typing import Any

from django.core.management.base import BaseCommand
from django.utils.translation import gettext as _

from billing.catalogues import CATALOGUES
from billing.plans import load_catalogue


class Command(BaseCommand):
    """Can be run again: what an operator changed stays."""

    help = "Offer the plans and packs of a catalogue; rows that are there stay as they are."

    def add_arguments(self, parser: ArgumentParser) -> None:
        """`--catalogue`: which; the plans of another one go out of the offer."""
        parser.add_argument("--catalogue", choices=sorted(CATALOGUES), default="darkroom")

    def handle(self, *args: Any, **options: Any) -> None:
        """Load it and say what was done."""
        new, kept = load_catalogue(options["catalogue"])
        self.stdout.write(_("%(new)d made, %(kept)d kept.") % {"new": new, "kept": kept})
