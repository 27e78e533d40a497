"""`manage.py rotate_secrets`: encrypt everything that is kept secret anew, under the newest key."""

from typing import Any

from django.core.management.base import BaseCommand, CommandError

from config.base import registry


class Command(BaseCommand):
    """Each app that keeps something encrypted registers it in `registry.rotations`."""

    help = "Encrypt what is kept secret anew under the first of ENCRYPTION_KEYS; older keys are not needed afterwards."

    def handle(self, *args: Any, **options: Any) -> None:
        """Can be run again, and while the product runs. Fails while any row still needs an older key."""
        left = 0
        for rotation in registry.rotations():
            self.stdout.write(f"{rotation.what}: {rotation.rotated} encrypted anew")
            for name in rotation.unreadable:
                self.stderr.write(f"{rotation.what} {name}: no key that is set decrypts it")
            for name in rotation.busy:
                self.stderr.write(f"{rotation.what} {name}: was being changed by somebody else")
            left += len(rotation.unreadable) + len(rotation.busy)
        if left:
            raise CommandError(f"{left} rows stayed as they were: keep the older keys, then run this again.")
