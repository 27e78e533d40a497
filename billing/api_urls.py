"""Addresses of the billing app in the API."""

from django.urls import path

from billing import api, buying_api

urlpatterns = [
    path("credits/balance", api.BalanceView.as_view(), name="api-credits-balance"),
    path("credits/history", api.HistoryView.as_view(), name="api-credits-history"),
    path("credits/purchase", buying_api.PurchaseView.as_view(), name="api-credits-purchase"),
    path("subscriptions/plans", buying_api.PlansView.as_view(), name="api-plans"),
    path("subscriptions/current", buying_api.CurrentView.as_view(), name="api-subscription"),
    path("subscriptions/checkout", buying_api.CheckoutView.as_view(), name="api-checkout"),
    path("subscriptions/upgrade", buying_api.UpgradeView.as_view(), name="api-upgrade"),
    path("subscriptions/portal", buying_api.PortalView.as_view(), name="api-portal"),
    path("subscriptions/cancel", buying_api.CancelView.as_view(), name="api-cancel"),
    # The same by the name of the person whose company it is.
    path("users/me/subscription", buying_api.CurrentView.as_view(), name="api-my-subscription"),
    path("billing/history", buying_api.PaymentsView.as_view(), name="api-payments"),
]
