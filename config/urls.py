"""All addresses. Apps are named by string only: config stands under them."""

from allauth.account.decorators import secure_admin_login
from django.conf import settings
from django.contrib import admin
from django.urls import include, path
from django.views.generic import RedirectView

from config import health
from config.metrics import metrics
from config.security_txt import security_txt

# Browsers and the admin ask for it by this name, whatever the page says.
ICON = f"{settings.STATIC_URL}img/icon-192.png"

# The admin has no door of its own: lock-out and second factors stand at ours.
admin.site.login = secure_admin_login(admin.site.login)  # type: ignore[method-assign]

urlpatterns = [
    path("", include("gallery.urls")),
    path("", include("generation.urls")),
    path("", include("billing.urls")),
    path("", include("billing.webhook_urls")),
    path("", include("accounts.urls")),
    path("api/v1/", include("config.api_urls")),
    path("admin/", admin.site.urls),
    path(".well-known/security.txt", security_txt, name="security-txt"),
    path("favicon.ico", RedirectView.as_view(url=ICON), name="favicon"),
    path("health/live", health.live, name="health-live"),
    path("health/ready", health.ready, name="health-ready"),
    path("metrics", metrics, name="metrics"),
]
