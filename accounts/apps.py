"""The accounts app: people, companies, sign-in."""

from django.apps import AppConfig
from django.utils.translation import gettext_lazy as _


class AccountsConfig(AppConfig):
    """Accounts; stands on config alone."""

    name = "accounts"
    verbose_name = _("Accounts")

    def ready(self) -> None:
        # Models exist only now.
        from accounts import receivers, schema  # noqa: F401
