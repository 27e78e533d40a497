"""`manage.py seed`: write what a fresh installation needs (plans, catalogue). Can be run again."""

from typing import Any

from django.core.management.base import BaseCommand

from config.base import registry


class Command(BaseCommand):
    """Each app that has something to seed registers it in `registry.seeds`."""

    help = "Write plans and the model catalogue; what an operator changed stays."

    def handle(self, *args: Any, **options: Any) -> None:
        """Run every app's seed, lower apps first."""
        for sentence in registry.seeds():
            if sentence:
                self.stdout.write(sentence)
