"""Addresses of the generation app's pages."""

from django.urls import path

from generation import admin_views, views, webhooks

urlpatterns = [
    path("admin/system/", admin_views.system, name="admin-system"),
    path("admin/system/breakers/<str:provider>/close", admin_views.breaker_close, name="admin-breaker-close"),
    path("admin/system/jobs/<uuid:job_id>", admin_views.operate, name="admin-operate"),
    path("hooks/<str:provider_name>/<uuid:job_id>/<str:token>", webhooks.receive, name="provider-webhook"),
    path("generate", views.generate, name="generate"),
    path("generate/pick", views.pick, name="generate-pick"),
    path("jobs/tray", views.tray, name="jobs-tray"),
    path("jobs/<uuid:job_id>", views.job_page, name="job"),
    path("jobs/<uuid:job_id>/cancel", views.job_cancel, name="job-cancel"),
]
