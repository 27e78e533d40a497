"""Addresses of the billing app."""

from django.urls import path

from billing import operator_views, views

urlpatterns = [
    path("credits", views.credits_page, name="credits"),
    path("admin/stripe/", operator_views.stripe, name="admin-stripe"),
    path("credits/pill", views.credits_pill, name="credits-pill"),
]
