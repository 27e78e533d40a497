"""What a model costs and earns: as it would be for each choice, and as it was in the last month."""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta
from decimal import Decimal
from itertools import islice
from typing import Any
from uuid import UUID

from django.db.models import Count, F, Sum
from django.utils import timezone
from django.utils.translation import gettext as _

from gallery.models import Asset
from generation.models import AIModel, JobOutput, ProviderCall
from generation.parameters import properties
from generation.pricing import CREDIT_VALUE, cost_of, price_of, priced_params

MONTH = timedelta(days=30)
MOST_EXAMPLES = 24
# Pictures of one and of two megapixels.
SIZES = ((1000, 1000), (2000, 1000))


@dataclass(frozen=True, slots=True)
class Example:
    """One output with one choice: what the provider takes and what the person pays, in USD and in credits."""

    label: str
    cost: Decimal
    credits: int

    @property
    def revenue(self) -> Decimal:
        """What the credits are worth, in USD."""
        return self.credits * CREDIT_VALUE

    @property
    def margin_percent(self) -> int | None:
        """How much of the revenue stays; None without revenue."""
        return margin_of(self.revenue, self.cost)


@dataclass(frozen=True, slots=True)
class ModelMargin:
    """What a model did over a time: jobs that delivered, their credits, what providers took in USD."""

    name: str
    provider: str
    jobs: int
    outputs: int
    credits: int
    cost: Decimal

    @property
    def revenue(self) -> Decimal:
        """What the credits are worth, in USD."""
        return self.credits * CREDIT_VALUE

    @property
    def margin_percent(self) -> int | None:
        """How much of the revenue stays; None without revenue."""
        return margin_of(self.revenue, self.cost)


def sum_of(margins: list[ModelMargin]) -> ModelMargin:
    """All of them together."""
    return ModelMargin(
        name="",
        provider="",
        jobs=sum(row.jobs for row in margins),
        outputs=sum(row.outputs for row in margins),
        credits=sum(row.credits for row in margins),
        cost=sum((row.cost for row in margins), Decimal(0)),
    )


def margin_of(revenue: Decimal, cost: Decimal) -> int | None:
    """The part of the revenue that stays, in percent; negative where the provider takes more; None without revenue."""
    return round(100 * (revenue - cost) / revenue) if revenue else None


def examples_of(model: AIModel) -> list[Example]:
    """An output with the defaults, then with each value of each parameter on which the price depends."""
    return [
        Example(label, cost_of(model, params=params, source=source), price_of(model, params=params, source=source))
        for label, params, source in islice(_choices(model), MOST_EXAMPLES)
    ]


def _choices(model: AIModel) -> Iterator[tuple[str, dict[str, Any], Asset | None]]:
    sources: list[tuple[str, Asset | None]] = [("", None)]
    if model.unit == AIModel.Unit.MEGAPIXEL:
        sources = [
            (_("picture of %d MP") % (width * height // 1_000_000), Asset(width=width, height=height))
            for width, height in SIZES
        ]
    for size, source in sources:
        yield size or _("as it is set at first"), {}, source
        for name in sorted(priced_params(model)):
            rules = properties(model.parameters)[name]
            for value in rules.get("enum", [True, False] if rules.get("type") == "boolean" else []):
                if value != rules.get("default"):
                    label = f"{rules.get('title', name)}: {value}"
                    yield f"{label}, {size}" if size else label, {name: value}, source


def last_month() -> tuple[datetime, datetime]:
    """The last 30 days, until now."""
    now = timezone.now()
    return now - MONTH, now


def margins_by_model(since: datetime, until: datetime) -> list[ModelMargin]:
    """All models that delivered or cost something from `since` to before `until`, dearest first; two queries.

    Jobs that cost no credits (unlimited plans, repeats) earn nothing here, and their cost counts all the same.
    """
    delivered = (
        JobOutput.objects.filter(
            state=JobOutput.State.DELIVERED,
            job__finished_at__gte=since,
            job__finished_at__lt=until,
            job__is_probe=False,
        )
        .order_by()
        .values("job__model_id", "job__model__name", "job__model__provider")
        .annotate(
            jobs=Count("job_id", distinct=True),
            outputs=Count("pk"),
            credits=Sum(F("job__credits") / F("job__count")),
        )
    )
    spent = (
        ProviderCall.objects.filter(created_at__gte=since, created_at__lt=until, cost__gt=0)
        .order_by()
        .values("job__model_id", "job__model__name", "job__model__provider")
        .annotate(cost=Sum("cost"))
    )
    earned_by: dict[UUID, dict[str, Any]] = {row["job__model_id"]: dict(row) for row in delivered}
    spent_by: dict[UUID, dict[str, Any]] = {row["job__model_id"]: dict(row) for row in spent}
    margins = []
    for key in earned_by.keys() | spent_by.keys():
        row = earned_by.get(key) or spent_by[key]
        margins.append(
            ModelMargin(
                name=row["job__model__name"],
                provider=row["job__model__provider"],
                jobs=row.get("jobs", 0),
                outputs=row.get("outputs", 0),
                credits=row.get("credits", 0),
                cost=spent_by.get(key, {}).get("cost", Decimal(0)),
            )
        )
    return sorted(margins, key=lambda margin: (-margin.cost, -margin.credits, margin.name))
