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
        from accounts.impersonation import end_overdue
        from accounts.rotating import rotate_second_factors

        registry.rotations.register(rotate_second_factors)
        registry.is_file_kept.register(is_logo)
        registry.is_file_kept.register(is_avatar)
        registry.periodic.append(registry.Periodic("delete-companies", every=300, run=delete_due_companies))
        registry.periodic.append(registry.Periodic("end-sign-ins-as", every=60, run=end_overdue))
