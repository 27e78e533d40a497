"""Who sees and changes which assets: the only doors to tenant data."""

from typing import TYPE_CHECKING, Self

from django.conf import settings
from django.db import models
from django.utils import timezone

from accounts.viewer import Viewer

if TYPE_CHECKING:
    from gallery.models import Asset  # noqa: F401


class AssetQuerySet(models.QuerySet["Asset"]):
    """Assets, reached through the viewer."""

    def visible_to(self, viewer: Viewer) -> Self:
        """What the viewer may look at: the company's own."""
        return self.filter(company=viewer.company)

    def editable_by(self, viewer: Viewer) -> Self:
        """What the viewer may delete, restore or use as an input: the company's own."""
        return self.filter(company=viewer.company)

    def shown(self) -> Self:
        """What people look at; masks are kept for jobs alone."""
        return self.exclude(kind="mask")

    def kept(self) -> Self:
        """Not in the bin."""
        return self.filter(deleted_at=None)

    def binned(self) -> Self:
        """In the bin."""
        return self.filter(deleted_at__isnull=False)

    def restorable(self) -> Self:
        """In the bin, and not so long that it is being deleted for good."""
        return self.filter(deleted_at__gte=timezone.now() - settings.BIN_LIFETIME)

    def present(self) -> Self:
        """Kept, or in the bin and restorable: what still has a page."""
        alive = models.Q(deleted_at=None) | models.Q(deleted_at__gte=timezone.now() - settings.BIN_LIFETIME)
        return self.filter(alive)

    def with_files(self) -> Self:
        """Renditions fetched too, in one query for all: what `Delivery` needs."""
        return self.prefetch_related("renditions")
