"""Monthly credits: what is paid for is granted month by month, each month once.

Nobody has the credits of the same days twice, and what was given stays. A dearer plan gives, for what is left of the
month, what it has more. A year instead of the month begins with a month of its own; what is left of the present month
is counted as money, so its share of the present month's credits is counted too: the first month gives that much less.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta
from fractions import Fraction
from uuid import UUID

from dateutil.relativedelta import relativedelta
from django.db import transaction
from django.db.models import F, Q, Sum
from django.utils.formats import date_format
from django.utils.translation import gettext as _

from accounts.models import Company, Membership, User
from billing.facts import PeriodFact
from billing.models import BillingPeriod, Interval, LedgerEntry, Payment, Plan, Subscription
from billing.reversals import settle_reversals
from billing.services import grant_credits, lock_wallet
from billing.standing import had_trial

# How what an operator gave by hand is referred to.
MANUAL = "manual:"


@dataclass(frozen=True, slots=True)
class Slice:
    """A month of a period, number `number`. `share` of its credits are granted: less than 1 where it began earlier."""

    number: int
    start: datetime
    end: datetime
    share: Fraction


def slices_of(period: BillingPeriod) -> Iterator[Slice]:
    """The months of a period in order; without end for one that has none. A day that a month lacks is its last."""
    if period.interval == Interval.MONTH and period.end is not None:
        yield _cut(0, period.anchor, period.end, period)
        return
    number, month = 0, 0
    while period.end is None or period.anchor + relativedelta(months=month) < period.end:
        start, end = (period.anchor + relativedelta(months=month + step) for step in (0, 1))
        end = end if period.end is None else min(end, period.end)
        if end > period.start:
            yield _cut(number, start, end, period)
            number += 1
        month += 1


def _cut(number: int, start: datetime, end: datetime, period: BillingPeriod) -> Slice:
    begins = max(start, period.start)
    # Not a float: 17 of 28 days of 700 credits are 425, not 424.99….
    tick = timedelta.resolution
    return Slice(number, begins, end, Fraction((end - begins) // tick, (end - start) // tick))


def record_period(
    *, company: Company, fact: PeriodFact, key: str, payment: Payment | None, now: datetime
) -> BillingPeriod:
    """Write down what was paid for and grant the months of it whose time has come. Again: changes nothing.

    In a transaction that has locked the company's wallet.
    """
    period, _made = BillingPeriod.objects.get_or_create(
        key=key,
        defaults={
            "company": company,
            "plan": fact.plan,
            "interval": fact.interval,
            "monthly_credits": _credits_a_month(fact, company),
            "anchor": fact.anchor or fact.start,
            "start": fact.start,
            "end": fact.end,
            "reference": fact.reference,
            "payment": payment,
            "is_trial": fact.is_trial,
        },
    )
    # By a clock that is behind Stripe's as well: `less` is known only here.
    grant_period(period=period, now=max(now, fact.start) if fact.less else now, less=fact.less)
    return period


def credits_left(plan: Plan, *, begun: datetime, now: datetime, end: datetime) -> int:
    """How many of the credits that a plan gave for a month belong to what is left of it, rounded down."""
    tick = timedelta.resolution
    return int((plan.monthly_credits or 0) * Fraction((end - now) // tick, (end - begun) // tick))


def _credits_a_month(fact: PeriodFact, company: Company) -> int:
    if fact.is_trial:
        return fact.plan.trial_credits if _is_first_trial(company) else 0
    gives = fact.plan.monthly_credits or 0
    if fact.replaces is None:
        return gives
    return 0 if fact.replaces.monthly_credits is None else max(0, gives - fact.replaces.monthly_credits)


def _is_first_trial(company: Company) -> bool:
    """Whether a trial gives credits; the owners' other companies, which may begin one at this moment, wait."""
    owners = Membership.objects.filter(company=company, role=Membership.Role.OWNER).values("user")
    list(User.objects.select_for_update(no_key=True).filter(pk__in=owners).order_by("pk").values_list("pk"))
    return not had_trial(company)


def give_period(*, company: Company, plan: Plan, reference: str, until: datetime | None, now: datetime) -> None:
    """What an operator gives by hand: the plan's credits each month, from now until `until` (None: until it is ended).

    The first month gives less by what plans that were given before have granted for the same days. In a transaction
    that has locked the company's wallet.
    """
    less = _given_ahead(company, now)
    period = BillingPeriod.objects.create(
        company=company,
        plan=plan,
        interval=Interval.YEAR,
        monthly_credits=plan.monthly_credits or 0,
        anchor=now,
        start=now,
        end=until,
        key=reference,
        reference=reference,
    )
    grant_period(period=period, now=now, less=less)


def _given_ahead(company: Company, now: datetime) -> int:
    """Credits that plans given by hand have granted for days that are still to come."""
    tick, ahead = timedelta.resolution, Fraction()
    for period in BillingPeriod.objects.filter(company=company, reference__startswith=MANUAL):
        for part in slices_of(period):
            if part.start > now:
                break
            if part.end > now:
                entries = LedgerEntry.objects.filter(wallet=company.pk, key=f"period:{period.pk}:{part.number}")
                granted = entries.aggregate(granted=Sum("amount", default=0))["granted"]
                ahead += granted * Fraction((part.end - now) // tick, (part.end - part.start) // tick)
    return int(ahead)


def stop_periods(*, company: Company, reference: str, now: datetime) -> None:
    """Grant nothing any more for a subscription that has ended before its time."""
    periods = BillingPeriod.objects.filter(Q(end=None) | Q(end__gt=now), company=company, reference=reference)
    periods.filter(stopped_at=None).update(stopped_at=now)


def grant_period(*, period: BillingPeriod, now: datetime, less: int = 0) -> int:
    """Grant the months of a period whose time has come, the first one `less` so many; returns the credits.

    In a transaction that has locked the company's wallet. Later months only while the company is still on what they
    belong to: what ended early, or was replaced, gives no more.
    """
    if period.stopped_at is not None:
        return 0
    granted = 0
    for part in slices_of(period):
        if part.start > now:
            break
        if part.number < period.granted or (part.number and not _is_followed(period)):
            continue
        granted += _grant_slice(period, part, 0 if part.number else less)
    return granted


def _is_followed(period: BillingPeriod) -> bool:
    return Subscription.objects.filter(company=period.company_id, reference=period.reference).exists()


def _grant_slice(period: BillingPeriod, part: Slice, less: int) -> int:
    turn = BillingPeriod.objects.filter(pk=period.pk, granted=part.number, stopped_at=None)
    if not turn.update(granted=part.number + 1):
        return 0
    period.granted = part.number + 1
    amount = int(period.monthly_credits * part.share) - less
    if amount <= 0:
        return 0
    grant_credits(
        company=period.company,
        amount=amount,
        kind=LedgerEntry.Kind.GRANT,
        key=f"period:{period.pk}:{part.number}",
        cause=_cause(period, part, less),
        expires_at=None if period.plan.rolls_over else part.end,
    )
    if period.payment_id is not None:
        Payment.objects.filter(pk=period.payment_id).update(credits=F("credits") + amount)
        settle_reversals(payment=Payment.objects.get(pk=period.payment_id), kind=LedgerEntry.Kind.REFUND)
    return amount


def _cause(period: BillingPeriod, part: Slice, less: int) -> str:
    words = {"plan": period.plan.name, "start": _day(part.start), "end": _day(part.end)}
    if period.is_trial:
        return _("Trial of %(plan)s, %(start)s to %(end)s") % words
    if part.share < 1:
        return _("Upgrade to %(plan)s, %(start)s to %(end)s") % words
    if less:
        return _("%(plan)s, %(start)s to %(end)s, less what was given for some of these days before") % words
    return _("%(plan)s, %(start)s to %(end)s") % words


def _day(moment: datetime) -> str:
    return date_format(moment, "DATE_FORMAT")


def grant_due(*, now: datetime) -> int:
    """Grant what has come due of every period, each in a transaction of its own; returns the credits."""
    under_way = BillingPeriod.objects.filter(Q(end=None) | Q(end__gt=now), stopped_at=None, start__lte=now)
    # A month has its only slice from the beginning.
    due = under_way.exclude(interval=Interval.MONTH, granted__gte=1)
    return sum(_grant_due_of(pk, now) for pk in list(due.order_by("pk").values_list("pk", flat=True)))


def _grant_due_of(pk: UUID, now: datetime) -> int:
    with transaction.atomic():
        company = Company.objects.get(billing_periods=pk)
        lock_wallet(company=company)
        period = BillingPeriod.objects.select_related("company", "plan").get(pk=pk)
        return grant_period(period=period, now=now)
