"""`manage.py sync_stripe`: products, prices, portal and webhook at Stripe, as our rows want them."""

from typing import Any

from django.core.management.base import BaseCommand, CommandError

from billing.stripe.catalogue import sync_everything
from config.base.refusal import Refusal


class Command(BaseCommand):
    """Can be run again: what is there and right stays."""

    help = "Make products, prices, the portal's configuration and the webhook at Stripe (needs STRIPE_SECRET_KEY)."

    def handle(self, *args: Any, **options: Any) -> None:
        """Do it and say what was done."""
        try:
            for sentence in sync_everything():
                self.stdout.write(sentence)
        except Refusal as refusal:
            raise CommandError(refusal.sentence) from refusal
