"""Addresses of the accounts app.

Each page has our name and the one that allauth looks up; the first is the one that a request resolves to.
"""

from collections.abc import Callable

from django.http import HttpResponseBase
from django.urls import URLPattern, path, re_path

from accounts import (
    audit_views,
    brand_views,
    company_views,
    impersonation_views,
    invitation_views,
    key_views,
    privacy_views,
    security_urls,
    views,
)


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
    path("profile/export", privacy_views.ask_for_export, name="export-ask"),
    path("profile/export/<str:token>", privacy_views.export_file, name="export-file"),
    path("profile/delete", privacy_views.delete_account, name="account-delete"),
    path("profile/keep", privacy_views.keep, name="account-keep"),
    path("company", company_views.company, name="company"),
    path("company/new", company_views.new_company, name="company-new"),
    path("company/switch", company_views.switch, name="company-switch"),
    path("company/settings", company_views.update, name="company-update"),
    path("company/look", company_views.look, name="company-look"),
    path("company/logo", brand_views.logo, name="company-logo"),
    path("company/brand.css", brand_views.brand_css, name="company-brand-css"),
    path("company/audit", audit_views.audit, name="company-audit"),
    path("company/audit.csv", audit_views.audit_csv, name="company-audit-csv"),
    path("company/members/<uuid:member_id>", company_views.change_member, name="member-change"),
    path("company/members/<uuid:member_id>/remove", company_views.remove, name="member-remove"),
    path("company/leave", company_views.leave, name="company-leave"),
    path("company/transfer", company_views.transfer, name="company-transfer"),
    path("company/deactivate", company_views.deactivate, name="company-deactivate"),
    path("company/delete", company_views.delete, name="company-delete"),
    path("company/keep", company_views.keep, name="company-keep"),
    path("company/offers", invitation_views.offers, name="company-offers"),
    path("company/invitations", invitation_views.invite, name="company-invite"),
    path("company/invitations/<uuid:invitation_id>/resend", invitation_views.resend, name="invitation-resend"),
    path("company/invitations/<uuid:invitation_id>/revoke", invitation_views.revoke, name="invitation-revoke"),
    path("companies/<uuid:company_id>/join", invitation_views.join, name="company-join"),
    path("companies/<uuid:company_id>/reactivate", company_views.reactivate, name="company-reactivate"),
    path("invitations/<str:token>", invitation_views.invitation, name="invitation"),
    path("invitations/<str:token>/accept", invitation_views.accept, name="invitation-accept"),
    path("invitations/<str:token>/decline", invitation_views.decline, name="invitation-decline"),
    path("api-keys", key_views.keys, name="keys"),
    path("api-keys/<uuid:key_id>/revoke", key_views.revoke, name="keys-revoke"),
    path("sign-in-as/end", impersonation_views.end, name="sign-in-as-end"),
    *security_urls.urlpatterns,
    path("dev/mail", views.dev_mail, name="dev-mail"),
    path("dev/mail/<str:file>/<int:number>", views.dev_mail_message, name="dev-mail-message"),
]
