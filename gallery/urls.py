"""Addresses of the gallery app."""

from django.urls import URLPattern

urlpatterns: list[URLPattern] = []
