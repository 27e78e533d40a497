"""What `/metrics` tells about money."""

from collections.abc import Iterator

from django.db.models import Count, Sum

from billing.models import Hold
from config.base.registry import Gauge


def credit_gauges() -> Iterator[Gauge]:
    """Yield what is held for jobs under way; open holds have a partial index."""
    row = Hold.objects.filter(state=Hold.State.OPEN).aggregate(credits=Sum("amount", default=0), number=Count("pk"))
    yield Gauge("darkroom_credits_held", "Credits held for jobs under way.", row["credits"], {})
    yield Gauge("darkroom_holds_open", "Holds that are neither settled nor released.", row["number"], {})
