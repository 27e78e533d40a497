"""The gallery app: assets and their files."""

from django.apps import AppConfig
from django.utils.translation import gettext_lazy as _


class GalleryConfig(AppConfig):
    """Gallery; stands on billing and accounts."""

    name = "gallery"
    verbose_name = _("Gallery")
