"""How the providers and the queues are doing, for operators and metrics."""

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from django.db.models import Avg, Count, DurationField, ExpressionWrapper, F, Min, Q
from django.urls import reverse
from django.utils import timezone
from django.utils.translation import gettext as _
from redis.exceptions import RedisError

from config.base.realtime import connection
from config.worker import QUEUES, unserved_queues
from generation import breaker
from generation.models import CustomProvider, Job, ProviderAlert, ProviderCall
from generation.providers import names, registry
from generation.providers.base import QuotaExceeded

WINDOW = timedelta(hours=1)
# Where an operator sees to keys and to money: pages of the providers' own.
ACCOUNTS = {
    "fal": ("https://fal.ai/dashboard/keys", "https://fal.ai/dashboard/billing"),
    "replicate": ("https://replicate.com/account/api-tokens", "https://replicate.com/account/billing"),
    "openai": (
        "https://platform.openai.com/api-keys",
        "https://platform.openai.com/settings/organization/billing/overview",
    ),
    "stability": ("https://platform.stability.ai/account/keys", "https://platform.stability.ai/account/credits"),
    "together": ("https://api.together.ai/settings/api-keys", "https://api.together.ai/settings/billing"),
}


@dataclass(frozen=True, slots=True)
class ProviderHealth:
    """One provider over the last hour. `seconds` is the mean of the calls that were answered."""

    name: str
    calls: int
    answered: int
    failed: int
    lost: int
    seconds: float | None
    seconds_open: int

    @property
    def success_percent(self) -> int | None:
        """Of the calls that ended; None when none did."""
        ended = self.answered + self.failed + self.lost
        return round(100 * self.answered / ended) if ended else None


@dataclass(frozen=True, slots=True)
class QueueHealth:
    """One queue: messages in line, jobs that wait, since when the first, and whether a worker serves it."""

    name: str
    messages: int | None
    waiting: int
    oldest: datetime | None
    is_served: bool | None


@dataclass(frozen=True, slots=True)
class Alert:
    """A provider that refuses us: since when, how often, what an operator should do, and where (a link)."""

    provider: str
    sentence: str
    since: datetime
    last: datetime
    count: int
    remedy: str
    link: str


@dataclass(frozen=True, slots=True)
class Missing:
    """A provider whose models are not offered, and the setting that would change it."""

    provider: str
    setting: str


def provider_alerts() -> list[Alert]:
    """Who refuses us now, the longest first; one query, and one more where it is an operator's own endpoint."""
    rows = list(ProviderAlert.objects.order_by("first_at"))
    slugs = [row.provider.removeprefix(names.CUSTOM) for row in rows if row.provider.startswith(names.CUSTOM)]
    own = {row.provider_name: row for row in CustomProvider.objects.filter(slug__in=slugs)} if slugs else {}
    return [_alert(row, own.get(row.provider)) for row in rows]


def _alert(row: ProviderAlert, own: CustomProvider | None) -> Alert:
    is_money = row.code == QuotaExceeded.code
    setting = registry.setting_of(row.provider)
    if own is not None:
        remedy = _("See to the account there.") if is_money else _("The key was refused: set the right one.")
        link = reverse("admin:generation_customprovider_change", args=[own.pk])
    else:
        remedy = (
            _("The account has no money or no quota left: top it up there.")
            if is_money
            else _("The key was refused: check %s, then restart.") % setting
        )
        link = ACCOUNTS.get(row.provider, ("", ""))[is_money]
    return Alert(row.provider, row.sentence, row.first_at, row.last_at, row.count, remedy, link)


def missing_providers() -> list[Missing]:
    """Providers that came with the program and have no key."""
    present = registry.names()
    return [Missing(name, registry.setting_of(name)) for name in registry.known() if name not in present]


def provider_health() -> list[ProviderHealth]:
    """All configured providers; one query."""
    state = ProviderCall.State
    took = ExpressionWrapper(F("ended_at") - F("created_at"), output_field=DurationField())
    rows: dict[str, dict[str, Any]] = {
        row["provider"]: dict(row)
        for row in ProviderCall.objects.filter(created_at__gte=timezone.now() - WINDOW)
        .values("provider")
        .annotate(
            calls=Count("pk"),
            answered=Count("pk", filter=Q(state=state.ANSWERED)),
            failed=Count("pk", filter=Q(state=state.FAILED)),
            lost=Count("pk", filter=Q(state=state.LOST)),
            took=Avg(took, filter=Q(state=state.ANSWERED)),
        )
    }
    return [
        ProviderHealth(
            name=name,
            calls=rows.get(name, {}).get("calls", 0),
            answered=rows.get(name, {}).get("answered", 0),
            failed=rows.get(name, {}).get("failed", 0),
            lost=rows.get(name, {}).get("lost", 0),
            seconds=mean.total_seconds() if (mean := rows.get(name, {}).get("took")) else None,
            seconds_open=breaker.seconds_open(name),
        )
        for name in registry.names()
    ]


def queue_health() -> list[QueueHealth]:
    """All queues; one query and one round trip to Redis. What Redis would know is None while it is away."""
    waiting: dict[str, dict[str, Any]] = {
        row["queue"]: dict(row)
        for row in Job.objects.filter(state=Job.State.QUEUED)
        .order_by()
        .values("queue")
        .annotate(number=Count("pk"), oldest=Min("created_at"))
    }
    try:
        pipe = connection().pipeline()
        for name in QUEUES:
            pipe.llen(f"dramatiq:{name}")
        messages: list[int | None] = list(pipe.execute())
        unserved: list[str] | None = unserved_queues()
    except RedisError:
        messages, unserved = [None] * len(QUEUES), None
    return [
        QueueHealth(
            name=name,
            messages=length,
            waiting=waiting.get(name, {}).get("number", 0),
            oldest=waiting.get(name, {}).get("oldest"),
            is_served=None if unserved is None else name not in unserved,
        )
        for name, length in zip(QUEUES, messages, strict=True)
    ]
