"""Addresses of the gallery app in the API."""

from django.urls import URLPattern

urlpatterns: list[URLPattern] = []
