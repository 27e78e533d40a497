"""Where a company stands with its plan: what it is on, until when, and what comes then. Reads only."""

from dataclasses import dataclass
from datetime import datetime, timedelta

from django.db.models import Q, QuerySet
from django.utils import timezone

from accounts.models import Company, Membership
from accounts.viewer import Viewer
from billing.models import BillingPeriod, Interval, Payment, Plan, Subscription

# A month of payment has 31 days at most, one of which may have an hour more.
LONGEST_MONTH = timedelta(days=32)
PAID_SOURCES = (Subscription.Source.STRIPE, Subscription.Source.TEST)


@dataclass(frozen=True, slots=True)
class Standing:
    """A subscription as the pages and the API tell it; `now` is when it was looked at."""

    subscription: Subscription
    now: datetime

    @property
    def plan(self) -> Plan:
        """The plan in force."""
        return self.subscription.plan

    @property
    def is_paid(self) -> bool:
        """Whether there is a subscription that somebody pays for and can change."""
        return (
            self.subscription.source in PAID_SOURCES
            and bool(self.subscription.reference)
            and self.subscription.status != Subscription.Status.CANCELLED
        )

    @property
    def is_test(self) -> bool:
        """Whether it is paid with test money."""
        return self.subscription.source == Subscription.Source.TEST

    @property
    def is_by_hand(self) -> bool:
        """Whether an operator put the company on its plan."""
        return self.subscription.source == Subscription.Source.MANUAL

    @property
    def is_trial(self) -> bool:
        """Whether the first payment is still to come."""
        return self.is_paid and self.subscription.status == Subscription.Status.TRIALING

    @property
    def is_past_due(self) -> bool:
        """Whether the last payment failed."""
        return self.is_paid and self.subscription.status == Subscription.Status.PAST_DUE

    @property
    def is_paused(self) -> bool:
        """Whether collecting is paused."""
        return self.is_paid and self.subscription.status == Subscription.Status.PAUSED

    @property
    def grace_until(self) -> datetime | None:
        """Until when a plan whose payment failed stays; None when that is over, or no payment failed."""
        until = self.subscription.grace_until
        return until if self.is_past_due and until and until > self.now else None

    @property
    def paid_interval(self) -> str:
        """How often what runs now was paid for; a change that waits may be for another interval."""
        start, end = self.subscription.period_start, self.subscription.period_end
        if end is None or self.is_trial:
            return self.subscription.interval
        return Interval.YEAR if end - start > LONGEST_MONTH else Interval.MONTH

    @property
    def ends_at(self) -> datetime | None:
        """When the subscription ends, for somebody cancelled it."""
        return self.subscription.cancel_at if self.is_paid else None

    @property
    def renews_at(self) -> datetime | None:
        """When the next payment is due; None when there is none."""
        if not self.is_paid or self.is_past_due or self.is_paused or self.ends_at:
            return None
        return self.subscription.period_end

    @property
    def next_plan(self) -> Plan | None:
        """The plan that follows at the end of what is paid for, when somebody chose a smaller one."""
        return self.subscription.next_plan if self.is_paid and not self.ends_at else None

    @property
    def renewal_cents(self) -> int | None:
        """What the next payment is, before taxes and discounts; None when it is not known."""
        return price_of_plan(self.next_plan or self.plan, self.subscription.interval or Interval.MONTH)


def standing_of(company: Company) -> Standing:
    """How a company stands now. One query; raises `Subscription.DoesNotExist` for one without an account."""
    found = Subscription.objects.select_related("plan", "next_plan").get(company=company)
    return Standing(found, timezone.now())


def price_of_plan(plan: Plan, interval: str) -> int | None:
    """What a plan costs a month or a year, in cents; None when it is not sold so."""
    return plan.yearly_price_cents if interval == Interval.YEAR else plan.monthly_price_cents


def had_trial(company: Company) -> bool:
    """Whether the company, or another one of its owners, has tried a plan out before: that may be done once."""
    owners = Membership.objects.filter(company=company, role=Membership.Role.OWNER).values("user")
    theirs = Membership.objects.filter(user__in=owners, role=Membership.Role.OWNER).values("company")
    return BillingPeriod.objects.filter(Q(company=company) | Q(company__in=theirs), is_trial=True).exists()


def sees_payments(viewer: Viewer) -> bool:
    """Whether the viewer may see invoices and buy: owners and admins."""
    return viewer.is_admin


def payments_for(viewer: Viewer) -> QuerySet[Payment]:
    """The company's invoices and purchases, the newest first; nothing for members, who do not see them."""
    payments = Payment.objects.filter(company=viewer.company).select_related("plan", "pack")
    return payments.order_by("-created_at", "-pk") if sees_payments(viewer) else payments.none()
