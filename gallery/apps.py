"""The gallery app: assets and their files."""

from django.apps import AppConfig
from django.core import checks
from django.utils.translation import gettext_lazy as _

from config.base import registry


class GalleryConfig(AppConfig):
    """Gallery; stands on billing and accounts."""

    name = "gallery"
    verbose_name = _("Gallery")

    def ready(self) -> None:
        """Have the clock empty bins and sweep, say what is left out; models can be imported only now."""
        from gallery import binning, counting, erasing, exporting
        from gallery.actors import sweep_when_due
        from gallery.checks import check_notes, log_notes
        from gallery.selectors import made_by

        registry.company_deleted.register(erasing.erase_assets)
        registry.person_exported.register(exporting.export_assets)
        registry.company_counted.register(exporting.count_assets)
        registry.pictures_made.register(made_by)
        registry.periodic.append(registry.Periodic("empty-bins", every=300, run=binning.purge_expired))
        registry.audit_checks.register(counting.wrong_storage)
        registry.periodic.append(registry.Periodic("count-storage", every=3600, run=counting.recount_when_due))
        registry.periodic.append(registry.Periodic("sweep-files", every=600, run=sweep_when_due))
        registry.periodic.append(registry.Periodic("say-what-is-left-out", every=86_400, run=log_notes))
        checks.register(check_notes, deploy=True)
