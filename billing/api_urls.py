"""Addresses of the billing app in the API."""

from django.urls import path

from billing import api

urlpatterns = [
    path("credits/balance", api.BalanceView.as_view(), name="api-credits-balance"),
    path("credits/history", api.HistoryView.as_view(), name="api-credits-history"),
]
