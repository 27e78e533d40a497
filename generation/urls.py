"""Addresses of the generation app's pages."""

from django.urls import path

from generation import views, webhooks

urlpatterns = [
    path("hooks/<str:provider_name>/<uuid:job_id>/<str:token>", webhooks.receive, name="provider-webhook"),
    path("generate", views.generate, name="generate"),
    path("generate/pick", views.pick, name="generate-pick"),
    path("jobs/tray", views.tray, name="jobs-tray"),
    path("jobs/<uuid:job_id>", views.job_page, name="job"),
    path("jobs/<uuid:job_id>/cancel", views.job_cancel, name="job-cancel"),
]
