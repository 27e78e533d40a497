"""The API, version 1: paths without a trailing slash."""

from django.urls import include, path
from drf_spectacular.views import SpectacularAPIView, SpectacularRedocView, SpectacularSwaggerSplitView
from rest_framework.permissions import AllowAny

urlpatterns = [
    path("", include("accounts.api_urls")),
    path("", include("billing.api_urls")),
    path("", include("gallery.api_urls")),
    path("", include("generation.api_urls")),
    path(
        "schema/",
        SpectacularAPIView.as_view(permission_classes=[AllowAny], authentication_classes=[]),
        name="api-schema",
    ),
    path(
        "docs",
        SpectacularSwaggerSplitView.as_view(
            url_name="api-schema", permission_classes=[AllowAny], authentication_classes=[]
        ),
        name="api-docs",
    ),
    path(
        "redoc",
        SpectacularRedocView.as_view(url_name="api-schema", permission_classes=[AllowAny], authentication_classes=[]),
        name="api-redoc",
    ),
]
