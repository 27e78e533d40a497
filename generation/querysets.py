"""Who sees and changes which jobs, and which models are offered."""

from typing import TYPE_CHECKING, Self

from django.db import models
from django.db.models import Case, Count, OuterRef, Subquery, When
from django.db.models.functions import Coalesce

from accounts.viewer import Viewer
from generation.providers import registry

if TYPE_CHECKING:
    from generation.models import AIModel, Job  # noqa: F401


class AIModelQuerySet(models.QuerySet["AIModel"]):
    """The catalogue."""

    def offered(self) -> Self:
        """Models that a person may choose now: switched on, and their provider is configured."""
        return self.filter(registry.are_named_by("provider"), is_active=True)


class JobQuerySet(models.QuerySet["Job"]):
    """Jobs, reached through the viewer."""

    def visible_to(self, viewer: Viewer) -> Self:
        """What the viewer may look at: the company's own."""
        return self.filter(company=viewer.company)

    def editable_by(self, viewer: Viewer) -> Self:
        """What the viewer may cancel: the company's own."""
        return self.filter(company=viewer.company)

    def with_place(self) -> Self:
        """Annotate `ahead`: how many waiting jobs of the same queue were asked for earlier (None unless it waits)."""
        earlier = (
            self.model._default_manager.filter(state="queued", queue=OuterRef("queue"), pk__lt=OuterRef("pk"))
            .order_by()
            .values("queue")
            .annotate(number=Count("pk"))
            .values("number")
        )
        counted = Coalesce(Subquery(earlier, output_field=models.IntegerField()), 0)
        return self.annotate(ahead=Case(When(state="queued", then=counted), default=None))

    def active(self) -> Self:
        """Not ended yet."""
        return self.filter(state__in=("queued", "submitting", "running", "collecting", "unknown"))
