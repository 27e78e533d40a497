"""Addresses of the generation app's pages."""

from django.urls import include, path

from generation import admin_views, asset_views, job_views, views, webhooks

urlpatterns = [
    path("admin/margins/", admin_views.margins, name="admin-margins"),
    path("admin/system/", admin_views.system, name="admin-system"),
    path("admin/system/breakers/<str:provider>/close", admin_views.breaker_close, name="admin-breaker-close"),
    path("admin/system/jobs/<uuid:job_id>", admin_views.operate, name="admin-operate"),
    path("hooks/<str:provider_name>/<uuid:job_id>/<str:token>", webhooks.receive, name="provider-webhook"),
    path("generate", views.generate, name="generate"),
    path("generate/pick", views.pick, name="generate-pick"),
    path("generate/prompts/", include("generation.prompt_urls")),
    path("generate/price", views.price, name="generate-price"),
    path("generate/for/<uuid:asset_id>", asset_views.asset_tasks, name="asset-tasks"),
    path("jobs/tray", job_views.tray, name="jobs-tray"),
    path("jobs/<uuid:job_id>", job_views.job_page, name="job"),
    path("jobs/<uuid:job_id>/cancel", job_views.job_cancel, name="job-cancel"),
]
