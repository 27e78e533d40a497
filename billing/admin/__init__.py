"""Money for operators: rows to look at, and what may be done, through services that leave an audit entry."""

from django.contrib import admin

from billing.admin import adjustments, payments, plans, subscriptions, wallets

__all__ = ["adjustments", "payments", "plans", "subscriptions", "wallets"]

# Stripe's own rows, as dj-stripe mirrors them: secrets of endpoints are among them, and buttons that call Stripe past
# our services. What operators need of them stands with our payments, and at Stripe.
admin.site.unregister([model for model in admin.site._registry if model._meta.app_label == "djstripe"])
