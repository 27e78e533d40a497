"""All addresses. Apps are named by string only: config stands under them."""

from django.contrib import admin
from django.urls import include, path

from config import health
from config.metrics import metrics

urlpatterns = [
    path("", include("gallery.urls")),
    path("", include("generation.urls")),
    path("", include("billing.urls")),
    path("", include("accounts.urls")),
    path("api/v1/", include("config.api_urls")),
    path("admin/", admin.site.urls),
    path("health/live", health.live, name="health-live"),
    path("health/ready", health.ready, name="health-ready"),
    path("metrics", metrics, name="metrics"),
]
