"""Who sees and changes which jobs, and which models are offered."""

from typing import TYPE_CHECKING, Self

from django.db import models

from accounts.viewer import Viewer

if TYPE_CHECKING:
    from generation.models import AIModel, Job  # noqa: F401


class AIModelQuerySet(models.QuerySet["AIModel"]):
    """The catalogue."""

    def offered(self) -> Self:
        """Models that a person may choose now."""
        return self.filter(is_active=True)


class JobQuerySet(models.QuerySet["Job"]):
    """Jobs, reached through the viewer."""

    def visible_to(self, viewer: Viewer) -> Self:
        """What the viewer may look at: the company's own."""
        return self.filter(company=viewer.company)

    def editable_by(self, viewer: Viewer) -> Self:
        """What the viewer may cancel: the company's own."""
        return self.filter(company=viewer.company)

    def active(self) -> Self:
        """Not ended yet."""
        return self.filter(state__in=("queued", "submitting", "running", "collecting", "unknown"))
