"""`manage.py reconcile_stripe`: mend what a lost webhook left."""

from argparse import ArgumentParser
from typing import Any

from django.core.management.base import BaseCommand, CommandError

from billing.stripe.reconcile import reconcile
from config.base.refusal import Refusal


class Command(BaseCommand):
    """The clock does the same once a day."""

    help = "Follow everything at Stripe that was made of late, and every subscription; say what was mended."

    def add_arguments(self, parser: ArgumentParser) -> None:
        """`--days`: how far back."""
        parser.add_argument("--days", type=int, default=3, help="how many days to look back (3)")

    def handle(self, *args: Any, **options: Any) -> None:
        """Do it; an object that could not be followed is an error."""
        try:
            done = reconcile(days=options["days"])
        except Refusal as refusal:
            raise CommandError(refusal.sentence) from refusal
        for object_id in done.mended:
            self.stdout.write(f"Mended: {object_id}")
        self.stdout.write(f"{done.looked_at} looked at, {len(done.mended)} mended.")
        if done.failed:
            raise CommandError("\n".join(["Could not be followed:", *done.failed]))
