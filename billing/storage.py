"""How much a company keeps, in bytes, against its plan's storage.

What counts is the size of each original as the gallery shows it, whether it was uploaded or made, until it is gone for
good: the bin counts too. Thumbnails and marked copies are our own means, and masks lie with their jobs for a while;
neither counts. The counter (`UsageCounter` "storage", without a period) moves in the transaction that writes or
deletes the rows, so it holds exactly what they add up to.

An upload is refused when it does not fit. A job is refused only when the storage is full already, since nobody knows
what it will weigh; what it made is kept in any case, for it is paid for. A downgrade deletes nothing.
"""

from django.utils.translation import gettext as _

from accounts.models import Company
from billing.models import Plan, UsageCounter
from billing.selectors import plan_of
from billing.usage import LimitReached, give_back_usage, take_usage
from config.base.refusal import Allowance
from config.base.sizes import size

STORAGE = "storage"
NO_PERIOD = ""


class StorageFull(LimitReached):
    """What the company keeps leaves no room for this in its plan; it does not reset by itself."""

    code = "storage_full"


def storage_used(company: Company) -> int:
    """Bytes that the company keeps. One query."""
    counters = UsageCounter.objects.filter(company=company, name=STORAGE, period=NO_PERIOD)
    return counters.values_list("used", flat=True).first() or 0


def take_storage(*, company: Company, amount: int, field: str = "") -> None:
    """Count an upload of `amount` bytes, in the caller's transaction. Raises `StorageFull`: then nothing is counted."""
    plan = plan_of(company)
    if not take_usage(company=company, name=STORAGE, amount=amount, period=NO_PERIOD, limit=plan.storage_bytes):
        raise _full(company, plan, field=field)


def add_storage(*, company: Company, amount: int) -> None:
    """Count what was made and paid for, whatever the limit, in the caller's transaction."""
    take_usage(company=company, name=STORAGE, amount=amount, period=NO_PERIOD, limit=None)


def give_back_storage(*, company: Company, amount: int) -> None:
    """Count `amount` bytes less: their files and rows are gone for good."""
    give_back_usage(company=company, name=STORAGE, amount=amount, period=NO_PERIOD)


def refuse_upload(*, company: Company, amount: int = 0, field: str = "") -> None:
    """Look before an upload is read whether `amount` bytes (0: not known yet) still fit. Raises `StorageFull`."""
    plan = plan_of(company)
    limit = plan.storage_bytes
    if limit is not None and storage_used(company) + max(amount, 1) > limit:
        raise _full(company, plan, field=field)


def refuse_when_full(*, company: Company, plan: Plan) -> None:
    """Look before something is made whether there is any room. Raises `StorageFull`."""
    if plan.storage_bytes is not None and storage_used(company) >= plan.storage_bytes:
        raise _full(company, plan)


def _full(company: Company, plan: Plan, *, field: str = "") -> StorageFull:
    used, limit = storage_used(company), plan.storage_bytes or 0
    return StorageFull(
        _(
            "There is no room for this: %(used)s of the %(limit)s of the %(plan)s plan are used. "
            "Delete what you do not need and empty the bin, or choose a larger plan."
        )
        % {"used": size(used), "limit": size(limit), "plan": plan.name},
        field=field,
        allowance=Allowance(used=used, limit=limit),
    )
