"""The billing app: plans, wallets, the ledger."""

from django.apps import AppConfig
from django.utils.translation import gettext_lazy as _


class BillingConfig(AppConfig):
    """Billing; stands on accounts."""

    name = "billing"
    verbose_name = _("Billing")
