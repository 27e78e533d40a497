"""Addresses of how a person signs in. Each page has our name and the one that allauth looks up, as in `urls`."""

from collections.abc import Callable

from django.http import HttpResponseBase
from django.urls import URLPattern, path

from accounts import avatar_views, security_views, session_views, social_views


def _both(route: str, view: Callable[..., HttpResponseBase], *names: str) -> list[URLPattern]:
    return [path(route, view, name=name) for name in names]


urlpatterns: list[URLPattern] = [
    path("login/code", security_views.code, name="mfa_authenticate"),
    path("login/passkey", security_views.login_passkey, name="mfa_login_webauthn"),
    path("confirm", security_views.again, name="account_reauthenticate"),
    path("confirm/code", security_views.again_code, name="mfa_reauthenticate"),
    path("confirm/passkey", security_views.again_passkey, name="mfa_reauthenticate_webauthn"),
    *_both("profile/security", security_views.security, "security", "mfa_index"),
    path("profile/security/app", security_views.app_on, name="mfa_activate_totp"),
    path("profile/security/app/remove", security_views.app_off, name="mfa_deactivate_totp"),
    path("profile/security/codes", security_views.codes, name="mfa_view_recovery_codes"),
    path("profile/security/codes/new", security_views.codes_new, name="mfa_generate_recovery_codes"),
    path("profile/security/codes/file", security_views.codes_file, name="mfa_download_recovery_codes"),
    path("profile/security/passkeys/add", security_views.passkey_add, name="mfa_add_webauthn"),
    path("profile/security/passkeys/<int:pk>", security_views.passkey_name, name="mfa_edit_webauthn"),
    path("profile/security/passkeys/<int:pk>/remove", security_views.passkey_remove, name="mfa_remove_webauthn"),
    *_both("profile/email", security_views.change_email, "change-email", "account_email"),
    *_both("profile/password/set", security_views.set_password, "set-password", "account_set_password"),
    path("profile/sessions", session_views.sessions, name="sessions"),
    path("profile/sessions/end", session_views.end_others, name="sessions-end"),
    path("profile/sessions/<int:session_id>/end", session_views.end, name="session-end"),
    path("profile/avatar", avatar_views.change, name="avatar-change"),
    path("people/<uuid:user_id>/<uuid:version>-<int:edge>.webp", avatar_views.avatar, name="avatar"),
    path("profile/connections", social_views.connections, name="socialaccount_connections"),
    path("login/failed", social_views.failed, name="socialaccount_login_error"),
    path("login/cancelled", social_views.cancelled, name="socialaccount_login_cancelled"),
    path("login/new", social_views.signup, name="socialaccount_signup"),
    path("login/google", social_views.google, name="google_login"),
    path("login/google/callback", social_views.google_callback, name="google_callback"),
    path("login/apple", social_views.apple, name="apple_login"),
    path("login/apple/callback", social_views.apple_callback, name="apple_callback"),
    path("login/apple/finish", social_views.apple_finish, name="apple_finish_callback"),
]
