"""Addresses of the billing app."""

from django.urls import path

from billing import buying_views, operator_views, pricing_views, views

urlpatterns = [
    path("pricing", pricing_views.pricing, name="pricing"),
    path("contact-sales", pricing_views.contact_sales, name="contact-sales"),
    path("billing", views.billing, name="billing"),
    path("billing/invoices", views.invoices, name="billing-invoices"),
    path("billing/ledger", views.ledger, name="billing-ledger"),
    path("billing/ledger.csv", views.ledger_csv, name="billing-ledger-csv"),
    path("billing/plan", buying_views.buy_plan, name="buy-plan"),
    path("billing/pack", buying_views.buy_pack, name="buy-pack"),
    path("billing/portal", buying_views.portal, name="billing-portal"),
    path("billing/change", buying_views.change, name="billing-change"),
    path("billing/cancel", buying_views.cancel, name="billing-cancel"),
    path("billing/resume", buying_views.resume, name="billing-resume"),
    path("billing/thanks", buying_views.thanks, name="billing-thanks"),
    path("billing/test-money/<str:token>", buying_views.test_checkout, name="test-checkout"),
    path("credits", views.credits_page, name="credits"),
    path("admin/stripe/", operator_views.stripe, name="admin-stripe"),
    path("credits/pill", views.credits_pill, name="credits-pill"),
]
