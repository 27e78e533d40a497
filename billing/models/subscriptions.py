"""Which plan a company is on, and what was paid for."""

from django.db import models
from django.db.models import F, Q
from django.utils import timezone
from django.utils.translation import gettext_lazy as _

from accounts.models import Company
from billing.models.plans import Plan
from config.base.ids import uuid7


class Interval(models.TextChoices):
    """How often a subscription is paid."""

    MONTH = "month", _("month")
    YEAR = "year", _("year")


class Subscription(models.Model):
    """Which plan a company is on now, and until when. Each company has exactly one, from its first day.

    `plan` is the plan in force: limits follow it. A downgrade that waits for the end of what is paid for is
    `next_plan`. What Stripe says is taken over only when it was asked later than the last time (`seen_at`).
    """

    class Status(models.TextChoices):
        TRIALING = "trialing", _("trial")
        ACTIVE = "active", _("active")
        PAST_DUE = "past_due", _("past due")
        PAUSED = "paused", _("paused")
        CANCELLED = "cancelled", _("cancelled")

    class Source(models.TextChoices):
        FREE = "free", _("free")
        STRIPE = "stripe", _("Stripe")
        TEST = "test", _("test money")
        MANUAL = "manual", _("by hand")

    id = models.UUIDField(primary_key=True, default=uuid7, editable=False)
    company = models.OneToOneField(Company, models.PROTECT, related_name="subscription")
    plan = models.ForeignKey(Plan, models.PROTECT, related_name="subscriptions")
    interval = models.CharField(_("paid by the"), max_length=5, choices=Interval, blank=True)
    next_plan = models.ForeignKey(Plan, models.PROTECT, null=True, blank=True, related_name="+")
    status = models.CharField(_("status"), max_length=10, choices=Status, default=Status.ACTIVE)
    source = models.CharField(_("source"), max_length=10, choices=Source, default=Source.FREE)
    period_start = models.DateTimeField(_("period from"), default=timezone.now)
    period_end = models.DateTimeField(_("period until"), null=True, blank=True)
    cancel_at = models.DateTimeField(_("ends"), null=True, blank=True)
    grace_until = models.DateTimeField(_("grace until"), null=True, blank=True)
    # The subscription at Stripe, or of test money, that this follows; empty on plans that nobody pays for.
    reference = models.CharField(max_length=255, blank=True, editable=False)
    # The company's customer at Stripe, for good.
    customer = models.CharField(max_length=255, blank=True, editable=False)
    seen_at = models.DateTimeField(null=True, blank=True, editable=False)

    class Meta:
        verbose_name = _("subscription")
        verbose_name_plural = _("subscriptions")
        constraints = [
            models.UniqueConstraint(
                fields=["reference"], name="subscription_reference_once", condition=~Q(reference="")
            ),
            models.UniqueConstraint(fields=["customer"], name="subscription_customer_once", condition=~Q(customer="")),
        ]
        indexes = [
            models.Index(fields=["grace_until"], name="subscription_grace", condition=Q(grace_until__isnull=False)),
            models.Index(fields=["period_end"], name="subscription_period_end", condition=Q(period_end__isnull=False)),
        ]

    def __str__(self) -> str:
        return f"{self.company} · {self.plan}"


class BillingPeriod(models.Model):
    """A stretch of time that a plan was paid for, or given by hand: what the monthly credits are granted for.

    It is granted in slices, the months counted from `anchor`: a month has one, a year twelve. The slice that begins at
    or before `start` is number 0; slice n is granted once, by the ledger key `period:<id>:<n>`, when its time has come,
    and `granted` counts the slices whose time has come. An upgrade is a period of its own, from the moment of the
    change, that gives what the new plan has more (`monthly_credits`); of its first slice only the share that was left.
    """

    id = models.UUIDField(primary_key=True, default=uuid7, editable=False)
    company = models.ForeignKey(Company, models.PROTECT, related_name="billing_periods")
    plan = models.ForeignKey(Plan, models.PROTECT, related_name="+")
    interval = models.CharField(_("paid by the"), max_length=5, choices=Interval)
    monthly_credits = models.PositiveIntegerField(_("credits a month"))
    anchor = models.DateTimeField(_("months counted from"), editable=False)
    start = models.DateTimeField(_("from"))
    end = models.DateTimeField(_("until"), null=True, blank=True, help_text=_("Empty: until it is ended."))
    # What paid for it: invoice:in_…, test:…, manual:…
    key = models.CharField(_("key"), max_length=255, unique=True)
    # The subscription that it belongs to, as `Subscription.reference`.
    reference = models.CharField(max_length=255, blank=True)
    payment = models.ForeignKey("billing.Payment", models.PROTECT, null=True, blank=True, related_name="periods")
    is_trial = models.BooleanField(_("trial"), default=False)
    granted = models.PositiveSmallIntegerField(_("slices granted"), default=0)
    # No slice is granted any more: refunded, disputed, ended early.
    stopped_at = models.DateTimeField(_("stopped"), null=True, blank=True)
    created_at = models.DateTimeField(_("made"), default=timezone.now, editable=False)

    class Meta:
        verbose_name = _("billing period")
        verbose_name_plural = _("billing periods")
        constraints = [
            models.CheckConstraint(condition=Q(end=None) | Q(end__gt=F("start")), name="period_end_after_start"),
            models.CheckConstraint(condition=Q(anchor__lte=F("start")), name="period_anchor_before_start"),
        ]
        indexes = [
            models.Index(fields=["company", "-start"], name="period_by_company"),
            models.Index(fields=["end"], name="period_under_way", condition=Q(stopped_at=None)),
        ]

    def __str__(self) -> str:
        return f"{self.company} · {self.plan} · {self.start:%Y-%m-%d}"
