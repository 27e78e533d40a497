"""Addresses of the billing app."""

from django.urls import path

from billing import views

urlpatterns = [
    path("credits", views.credits_page, name="credits"),
    path("credits/pill", views.credits_pill, name="credits-pill"),
]
