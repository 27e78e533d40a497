"""All addresses. Apps are named by string only: config stands under them."""

from django.conf import settings
from django.contrib import admin
from django.urls import include, path
from django.views.generic import RedirectView

from config import health
from config.metrics import metrics

# Browsers and the admin ask for it by this name, whatever the page says.
ICON = f"{settings.STATIC_URL}img/icon-192.png"

urlpatterns = [
    path("", include("gallery.urls")),
    path("", include("generation.urls")),
    path("", include("billing.urls")),
    path("", include("billing.webhook_urls")),
    path("", include("accounts.urls")),
    path("api/v1/", include("config.api_urls")),
    path("admin/", admin.site.urls),
    path("favicon.ico", RedirectView.as_view(url=ICON), name="favicon"),
    path("health/live", health.live, name="health-live"),
    path("health/ready", health.ready, name="health-ready"),
    path("metrics", metrics, name="metrics"),
]
