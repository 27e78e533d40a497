"""Addresses of the billing app in the API."""

from django.urls import URLPattern

urlpatterns: list[URLPattern] = []
