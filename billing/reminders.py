"""Mails that time causes: a yearly plan is renewed soon, a trial ends soon. Each goes out once per date."""

from datetime import datetime, timedelta

from django.conf import settings
from django.db.models import QuerySet
from django.utils import timezone

from billing.models import Interval, Subscription
from billing.notices import NoticeKind, notify

RENEWAL_NOTICE = timedelta(days=7)
TRIAL_NOTICE = timedelta(days=3)


def remind_when_due() -> int:
    """What the clock does; returns how many mails were written down."""
    return remind(now=timezone.now())


def remind(*, now: datetime) -> int:
    """Write down the reminders that are due at `now`; again: nothing. Returns how many."""
    renewals = _ending(now, RENEWAL_NOTICE).filter(
        interval=Interval.YEAR, status=Subscription.Status.ACTIVE, cancel_at=None
    )
    trials = _ending(now, TRIAL_NOTICE).filter(status=Subscription.Status.TRIALING)
    return sum(_renewal(row) for row in renewals) + sum(_trial(row) for row in trials)


def _ending(now: datetime, notice: timedelta) -> QuerySet[Subscription]:
    paid = (Subscription.Source.STRIPE, Subscription.Source.TEST)
    rows = Subscription.objects.filter(period_end__gt=now, period_end__lte=now + notice, source__in=paid)
    return rows.select_related("company", "plan", "next_plan").order_by("pk")


def _renewal(subscription: Subscription) -> bool:
    plan = subscription.next_plan or subscription.plan
    return notify(
        company=subscription.company,
        kind=NoticeKind.RENEWAL_SOON,
        key=f"renewal:{subscription.pk}:{_end_of(subscription)}",
        context={
            "plan": plan.name,
            "amount_cents": plan.yearly_price_cents,
            "currency": settings.CURRENCY,
            "on": _end_of(subscription),
        },
    )


def _trial(subscription: Subscription) -> bool:
    return notify(
        company=subscription.company,
        kind=NoticeKind.TRIAL_ENDING,
        key=f"trial:{subscription.pk}:{_end_of(subscription)}",
        context={
            "plan": subscription.plan.name,
            "on": _end_of(subscription),
            "goes_on": subscription.cancel_at is None,
        },
    )


def _end_of(subscription: Subscription) -> str:
    return subscription.period_end.isoformat() if subscription.period_end else ""
