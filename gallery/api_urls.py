"""Addresses of the gallery app in the API."""

from django.urls import path

from gallery import api

urlpatterns = [
    path("uploads", api.UploadsView.as_view(), name="api-uploads"),
    path("assets", api.AssetsView.as_view(), name="api-assets"),
    path("assets/<uuid:asset_id>", api.AssetView.as_view(), name="api-asset"),
    path("assets/<uuid:asset_id>/restore", api.RestoreView.as_view(), name="api-asset-restore"),
]
