"""Addresses of the gallery app."""

from django.urls import path

from gallery import compare_views, file_views, import_views, views

urlpatterns = [
    path("", views.landing, name="landing"),
    path("gallery", views.gallery, name="gallery"),
    path("gallery/import", import_views.import_page, name="gallery-import"),
    path("gallery/bin", views.bin_, name="bin"),
    path("gallery/delete", views.delete_many, name="gallery-delete"),
    path("gallery/restore", views.restore_many, name="gallery-restore"),
    path("compare", compare_views.compare, name="compare"),
    path("a/<uuid:asset_id>", views.asset, name="asset"),
    path("a/<uuid:asset_id>/download", views.download, name="asset-download"),
    path("a/<uuid:asset_id>/delete", views.delete_one, name="asset-delete"),
    path("a/<uuid:asset_id>/restore", views.restore_one, name="asset-restore"),
    path("f/<str:token>/<str:name>", file_views.file, name="file"),
]
