"""Addresses of the accounts app.

Each page has our name and the one that allauth looks up; the first is the one that a request resolves to.
"""

from collections.abc import Callable

from django.http import HttpResponseBase
from django.urls import URLPattern, path, re_path

from accounts import views


def _both(route: str, view: Callable[..., HttpResponseBase], *names: str) -> list[URLPattern]:
    return [path(route, view, name=name) for name in names]


_CONFIRM = r"^verify-email/(?P<key>[-:\w]+)$"
_RESET = r"^reset-password/(?P<uidb36>[0-9A-Za-z]+)-(?P<key>[-\w]+)$"

urlpatterns: list[URLPattern] = [
    *_both("login", views.login, "login", "account_login"),
    *_both("register", views.register, "register", "account_signup"),
    *_both("logout", views.logout, "logout", "account_logout"),
    *_both("verify-email", views.verify_email, "verify-email", "account_email_verification_sent"),
    re_path(_CONFIRM, views.confirm_email, name="account_confirm_email"),
    *_both("reset-password", views.reset_password, "reset-password", "account_reset_password"),
    path("reset-password/sent", views.reset_password_sent, name="account_reset_password_done"),
    re_path(_RESET, views.reset_password_key, name="account_reset_password_from_key"),
    *_both("profile/password", views.change_password, "change-password", "account_change_password"),
    path("account-inactive", views.inactive, name="account_inactive"),
    path("profile", views.profile, name="profile"),
    path("dev/mail", views.dev_mail, name="dev-mail"),
    path("dev/mail/<str:file>/<int:number>", views.dev_mail_message, name="dev-mail-message"),
]
