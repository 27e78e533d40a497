"""The gallery app: assets and their files."""

from django.apps import AppConfig
from django.utils.translation import gettext_lazy as _

from config.base import registry


class GalleryConfig(AppConfig):
    """Gallery; stands on billing and accounts."""

    name = "gallery"
    verbose_name = _("Gallery")

    def ready(self) -> None:
        """Have the clock empty the bins; models can be imported only now."""
        from gallery import services

        registry.periodic.append(registry.Periodic("empty-bins", every=300, run=services.purge_expired))
