"""Addresses of the accounts app in the API."""

from django.urls import URLPattern, path

from accounts import api, audit_api, company_api, key_api, person_api, privacy_api

urlpatterns: list[URLPattern] = [
    path("auth/register", api.RegisterAPI.as_view(), name="api-register"),
    path("auth/login", api.LoginAPI.as_view(), name="api-login"),
    path("auth/mfa", api.SecondFactorAPI.as_view(), name="api-mfa"),
    path("auth/switch", api.SwitchAPI.as_view(), name="api-switch"),
    path("auth/refresh", api.RefreshAPI.as_view(), name="api-refresh"),
    path("auth/logout", api.LogoutAPI.as_view(), name="api-logout"),
    path("auth/verify-email", api.VerifyEmailAPI.as_view(), name="api-verify-email"),
    path("auth/reset-password", api.ResetPasswordAPI.as_view(), name="api-reset-password"),
    path("auth/reset-password/confirm", api.ConfirmResetAPI.as_view(), name="api-reset-password-confirm"),
    path("companies", company_api.CompaniesAPI.as_view(), name="api-companies"),
    path("companies/current", company_api.CurrentCompanyAPI.as_view(), name="api-company"),
    path("companies/current/audit", audit_api.AuditAPI.as_view(), name="api-audit"),
    path("companies/current/members", company_api.MembersAPI.as_view(), name="api-members"),
    path("companies/current/members/<uuid:member_id>", company_api.MemberAPI.as_view(), name="api-member"),
    path("companies/current/invitations", company_api.InvitationsAPI.as_view(), name="api-invitations"),
    path(
        "companies/current/invitations/<uuid:invitation_id>",
        company_api.InvitationAPI.as_view(),
        name="api-invitation",
    ),
    path(
        "companies/current/invitations/<uuid:invitation_id>/resend",
        company_api.ResendAPI.as_view(),
        name="api-invitation-resend",
    ),
    path("invitations/accept", company_api.AcceptAPI.as_view(), name="api-invitation-accept"),
    path("api-keys", key_api.KeysAPI.as_view(), name="api-keys"),
    path("api-keys/<uuid:key_id>", key_api.KeyAPI.as_view(), name="api-key"),
    path("users/me", privacy_api.PersonAPI.as_view(), name="api-me"),
    path("users/me/export", privacy_api.ExportAPI.as_view(), name="api-export"),
    path("users/me/export/file", privacy_api.ExportFileAPI.as_view(), name="api-export-file"),
    path("users/me/avatar", person_api.AvatarAPI.as_view(), name="api-avatar"),
    path("users/me/sessions", person_api.SessionsAPI.as_view(), name="api-sessions"),
    path("users/me/sessions/<int:session_id>", person_api.SessionAPI.as_view(), name="api-session"),
]
