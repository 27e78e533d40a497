"""Addresses of the accounts app in the API."""

from django.urls import URLPattern, path

from accounts import api

urlpatterns: list[URLPattern] = [
    path("auth/register", api.RegisterAPI.as_view(), name="api-register"),
    path("auth/login", api.LoginAPI.as_view(), name="api-login"),
    path("auth/refresh", api.RefreshAPI.as_view(), name="api-refresh"),
    path("auth/logout", api.LogoutAPI.as_view(), name="api-logout"),
    path("auth/verify-email", api.VerifyEmailAPI.as_view(), name="api-verify-email"),
    path("auth/reset-password", api.ResetPasswordAPI.as_view(), name="api-reset-password"),
    path("auth/reset-password/confirm", api.ConfirmResetAPI.as_view(), name="api-reset-password-confirm"),
    path("users/me", api.MeAPI.as_view(), name="api-me"),
]
