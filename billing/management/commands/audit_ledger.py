"""`manage.py audit_ledger`: prove that every credit is where the ledger says. Fails when one is not."""

from typing import Any

from django.core.management.base import BaseCommand, CommandError
from django.utils.translation import gettext as _
from django.utils.translation import ngettext

from billing.audit import sizes
from config.base import registry


class Command(BaseCommand):
    """Run the checks that every app registered in `registry.audit_checks`."""

    help = "Check wallets, ledger, lots, holds and all that apps registered; exit 1 if a row is wrong."

    def handle(self, *args: Any, **options: Any) -> None:
        """Print one line for each broken row, then how many were looked at and how many are broken."""
        broken = 0
        for check in registry.audit_checks():
            for sentence in check:
                broken += 1
                self.stdout.write(sentence)
        wallets, entries, holds = sizes()
        looked_at = _("Looked at %(wallets)d wallets, %(entries)d ledger entries and %(holds)d holds") % {
            "wallets": wallets,
            "entries": entries,
            "holds": holds,
        }
        if broken:
            wrong = ngettext("%d row is wrong", "%d rows are wrong", broken) % broken
            raise CommandError(f"{looked_at}: {wrong}.")
        self.stdout.write(self.style.SUCCESS(_("%s: all is well.") % looked_at))
