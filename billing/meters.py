"""How much of each limit of its plan a company has used, for the page that shows it. Reads only."""

from dataclasses import dataclass

from django.db.models import Count, Q
from django.utils import timezone
from django.utils.formats import number_format
from django.utils.translation import gettext as _
from django.utils.translation import ngettext

from accounts.invitations import seats_used
from accounts.models import Company
from billing.models import Hold, Plan, UsageCounter
from billing.selectors import GENERATIONS, Credits, today
from billing.storage import NO_PERIOD, STORAGE
from billing.usage import seconds_left
from config.base.sizes import size

# From this share on a meter says that its limit is near.
NEAR = 0.8


@dataclass(frozen=True, slots=True)
class Meter:
    """One limit: `used` of `limit` (None: there is none), as figures and as words; `limit_name` is its name."""

    limit_name: str
    label: str
    used: int
    limit: int | None
    used_label: str
    limit_label: str
    note: str = ""

    @property
    def shown(self) -> int:
        """What a bar shows: never more than the limit, which a smaller plan may lie below."""
        return self.used if self.limit is None else min(self.used, self.limit)

    @property
    def is_full(self) -> bool:
        """Whether nothing is left."""
        return self.limit is not None and self.used >= self.limit

    @property
    def is_near(self) -> bool:
        """Whether little is left."""
        return self.limit is not None and not self.is_full and self.used >= self.limit * NEAR


def figure(number: int) -> str:
    """`12,000`, grouped as the language groups."""
    return str(number_format(number, force_grouping=True))


def meters_of(company: Company, plan: Plan) -> list[Meter]:
    """The limits of a company's plan and what is used of them now. Three queries."""
    now = timezone.now()
    counters = UsageCounter.objects.filter(
        Q(name=GENERATIONS, period=today(now)) | Q(name=STORAGE, period=NO_PERIOD), company=company
    )
    used = dict(counters.values_list("name", "used"))
    running: int = Hold.objects.filter(wallet_id=company.pk, state=Hold.State.OPEN).aggregate(n=Count("pk"))["n"]
    hours = max(1, round(seconds_left(now) / 3600))
    resets = ngettext("Starts again in %d hour (midnight UTC)", "Starts again in %d hours (midnight UTC)", hours)
    return [
        _counted(GENERATIONS, _("Generations today"), used.get(GENERATIONS, 0), plan.daily_generations, resets % hours),
        _stored(used.get(STORAGE, 0), plan.storage_bytes),
        _counted("parallel", _("Jobs under way"), running, plan.parallel_jobs, _("More wait for their turn")),
        _counted("seats", _("Seats"), seats_used(company), plan.seats, _("Members and open invitations")),
    ]


def has_few_credits(wallet: Credits, plan: Plan) -> bool:
    """Whether so little is left that it is worth saying: a tenth of a month's credits, or ten."""
    return not wallet.unlimited and wallet.available < max(10, (plan.monthly_credits or 0) // 10)


def _counted(name: str, label: str, used: int, limit: int | None, note: str) -> Meter:
    limit_label = figure(limit) if limit is not None else _("unlimited")
    return Meter(name, label, used, limit, figure(used), limit_label, note)


def _stored(used: int, limit: int | None) -> Meter:
    limit_label = size(limit) if limit is not None else _("unlimited")
    note = _("What lies in the bin counts until it is gone")
    return Meter(STORAGE, _("Storage"), used, limit, size(used), limit_label, note)
