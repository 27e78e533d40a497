"""The accounts app: people, companies, sign-in."""

from django.apps import AppConfig
from django.utils.translation import gettext_lazy as _

from config.base import registry


class AccountsConfig(AppConfig):
    """Accounts; stands on config alone."""

    name = "accounts"
    verbose_name = _("Accounts")

    def ready(self) -> None:
        # Models exist only now.
        from accounts import receivers, schema  # noqa: F401
        from accounts.avatars import is_avatar
        from accounts.branding import is_logo
        from accounts.company_endings import delete_due_companies
        from accounts.deletion_erasing import delete_due_people
        from accounts.deletion_receipts import see_to_receipts
        from accounts.exporting import export_person
        from accounts.exports import is_export, see_to_exports
        from accounts.impersonation import end_overdue
        from accounts.rotating import rotate_receipts, rotate_second_factors
        from accounts.viewer import rate_factor

        registry.rotations.register(rotate_second_factors)
        registry.rotations.register(rotate_receipts)
        registry.rate_factor.register(rate_factor)
        registry.is_file_kept.register(is_logo)
        registry.is_file_kept.register(is_avatar)
        registry.is_file_kept.register(is_export)
        registry.person_exported.register(export_person)
        registry.periodic.append(registry.Periodic("delete-people", every=300, run=delete_due_people))
        registry.periodic.append(registry.Periodic("deletion-receipts", every=60, run=see_to_receipts))
        registry.periodic.append(registry.Periodic("exports", every=15, run=see_to_exports))
        registry.periodic.append(registry.Periodic("delete-companies", every=300, run=delete_due_companies))
        registry.periodic.append(registry.Periodic("end-sign-ins-as", every=60, run=end_overdue))
