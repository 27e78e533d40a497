"""Who sees and changes which assets: the only doors to tenant data."""

from typing import TYPE_CHECKING, Self

from django.db import models

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

    def kept(self) -> Self:
        """Not in the bin."""
        return self.filter(deleted_at=None)

    def binned(self) -> Self:
        """In the bin."""
        return self.filter(deleted_at__isnull=False)
