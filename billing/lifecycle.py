"""What time does to subscriptions, when nobody says anything: graces run out, periods end, debts are collected."""

from collections.abc import Callable, Iterable
from datetime import datetime
from uuid import UUID

from django.db import transaction
from django.db.models import F, QuerySet
from django.utils import timezone

from accounts.models import Company
from billing import notices
from billing.following import end_subscription, is_grace_over, put_into_force
from billing.models import Subscription, Wallet
from billing.periods import grant_due
from billing.plans import default_plan
from billing.reversals import collect_debt
from billing.services import lock_wallet

CLOCK = "darkroom"


def let_time_pass(*, now: datetime | None = None) -> int:
    """What the clock does; returns how many subscriptions changed. Each company is a transaction of its own."""
    now = now or timezone.now()
    changed = end_graces(now=now) + end_periods(now=now)
    grant_due(now=now)
    collect_debts()
    return changed


def end_graces(*, now: datetime) -> int:
    """Companies that did not pay in time are on the default plan until they do; returns how many went there."""
    overdue = Subscription.objects.filter(grace_until__lte=now, status=Subscription.Status.PAST_DUE)
    return _each(overdue.exclude(plan=default_plan()), _end_grace, now)


def _end_grace(subscription: Subscription, now: datetime) -> bool:
    if subscription.grace_until is None or subscription.grace_until > now:
        return False
    before = subscription.plan
    subscription.plan = default_plan()
    put_into_force(subscription, before=before, actor=CLOCK)
    key = f"{subscription.reference}:{subscription.grace_until.isoformat()}"
    notices.plan_ended(company=subscription.company, plan=before, is_unpaid=True, key=key)
    return before != subscription.plan


def end_periods(*, now: datetime) -> int:
    """Downgrades that waited come into force, and plans that were given until now end; returns how many did."""
    ended = Subscription.objects.filter(period_end__lte=now)
    waiting = _each(ended.filter(next_plan__isnull=False), _downgrade, now)
    given = _each(ended.filter(source=Subscription.Source.MANUAL), _end_given, now)
    return waiting + given


def _downgrade(subscription: Subscription, now: datetime) -> bool:
    if subscription.next_plan is None or subscription.period_end is None or subscription.period_end > now:
        return False
    before = subscription.plan
    # Who pauses, or has not paid in time, stays on the default plan until that is over.
    if subscription.status != Subscription.Status.PAUSED and not is_grace_over(subscription, now=now):
        subscription.plan = subscription.next_plan
    subscription.next_plan = None
    put_into_force(subscription, before=before, actor=CLOCK)
    return True


def _end_given(subscription: Subscription, now: datetime) -> bool:
    if subscription.source != Subscription.Source.MANUAL:
        return False
    if subscription.period_end is None or subscription.period_end > now:
        return False
    end_subscription(subscription, now=now, actor=CLOCK)
    return True


def collect_debts() -> int:
    """Take what is owed out of what has become available; returns the credits."""
    owing = Wallet.objects.filter(debt__gt=0, balance__gt=F("held"))
    return sum(_collect(pk) for pk in list(owing.order_by("pk").values_list("pk", flat=True)))


def _collect(company_id: UUID) -> int:
    with transaction.atomic():
        return collect_debt(wallet=lock_wallet(company=Company.objects.get(pk=company_id)))


def _each(rows: QuerySet[Subscription], change: Callable[[Subscription, datetime], bool], now: datetime) -> int:
    companies: Iterable[UUID] = list(rows.order_by("company_id").values_list("company_id", flat=True))
    return sum(_changed(company_id, change, now) for company_id in companies)


def _changed(company_id: UUID, change: Callable[[Subscription, datetime], bool], now: datetime) -> bool:
    with transaction.atomic():
        company = Company.objects.get(pk=company_id)
        lock_wallet(company=company)
        subscription = Subscription.objects.select_related("plan", "next_plan", "company").get(company=company)
        return change(subscription, now)
