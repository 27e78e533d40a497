"""What was paid, what was taken back, and what was said about it."""

from django.conf import settings
from django.db import models
from django.db.models import F, Q
from django.utils import timezone
from django.utils.translation import gettext_lazy as _

from accounts.models import Company
from billing.models.plans import CreditPack, Plan
from config.base.ids import uuid7


class Payment(models.Model):
    """One invoice or one purchase of a pack, paid or not: the company's list of invoices.

    Amounts are in cents of `currency`. `credits` were granted for it so far. What a refund or a dispute takes back is
    `reversed_credits`, which always follows from the amounts: never more than was granted.
    """

    class Kind(models.TextChoices):
        SUBSCRIPTION = "subscription", _("subscription")
        PACK = "pack", _("credit pack")

    class State(models.TextChoices):
        OPEN = "open", _("open")
        PAID = "paid", _("paid")
        FAILED = "failed", _("failed")
        VOID = "void", _("void")

    id = models.UUIDField(primary_key=True, default=uuid7, editable=False)
    company = models.ForeignKey(Company, models.PROTECT, related_name="payments")
    kind = models.CharField(_("for"), max_length=12, choices=Kind)
    state = models.CharField(_("state"), max_length=6, choices=State, default=State.OPEN)
    # What it is elsewhere: invoice:in_…, session:cs_…, test:…
    key = models.CharField(_("key"), max_length=255, unique=True)
    payment_intent = models.CharField(max_length=255, blank=True, editable=False)
    charge = models.CharField(max_length=255, blank=True, editable=False)
    plan = models.ForeignKey(Plan, models.PROTECT, null=True, blank=True, related_name="+")
    pack = models.ForeignKey(CreditPack, models.PROTECT, null=True, blank=True, related_name="+")
    amount_cents = models.BigIntegerField(_("amount, in cents"))
    tax_cents = models.BigIntegerField(_("of which tax"), default=0)
    currency = models.CharField(_("currency"), max_length=3)
    refunded_cents = models.BigIntegerField(_("refunded"), default=0)
    # Withheld by disputes that are open or lost.
    disputed_cents = models.BigIntegerField(_("disputed"), default=0)
    credits = models.PositiveBigIntegerField(_("credits granted"), default=0)
    reversed_credits = models.PositiveBigIntegerField(_("credits taken back"), default=0)
    # How many times the credits taken back changed: numbers the ledger keys of reversals.
    reversals = models.PositiveIntegerField(default=0, editable=False)
    number = models.CharField(_("invoice"), max_length=100, blank=True)
    description = models.CharField(_("description"), max_length=200, blank=True)
    hosted_url = models.URLField(max_length=2000, blank=True, editable=False)
    pdf_url = models.URLField(max_length=2000, blank=True, editable=False)
    paid_at = models.DateTimeField(_("paid at"), null=True, blank=True)
    created_at = models.DateTimeField(_("made"), default=timezone.now)
    # When what is written here was asked for; an older answer changes nothing.
    seen_at = models.DateTimeField(null=True, blank=True, editable=False)

    class Meta:
        verbose_name = _("payment")
        verbose_name_plural = _("payments")
        constraints = [
            models.CheckConstraint(
                condition=Q(reversed_credits__lte=F("credits")), name="payment_reversed_within_credits"
            ),
        ]
        indexes = [
            models.Index(fields=["company", "-created_at"], name="payment_by_company"),
            models.Index(fields=["payment_intent"], name="payment_by_intent", condition=~Q(payment_intent="")),
            models.Index(fields=["charge"], name="payment_by_charge", condition=~Q(charge="")),
        ]

    def __str__(self) -> str:
        return f"{self.company} · {self.description or self.key}"


class StripeEvent(models.Model):
    """What Stripe told us about, stored before anything is done about it; only signed events get here.

    The body is not trusted for more than which object to ask Stripe for. `applied_at` is empty until an actor has
    brought our rows in line with that object; the clock sends again what is due.
    """

    id = models.CharField(primary_key=True, max_length=255)
    type = models.CharField(_("type"), max_length=100)
    object_type = models.CharField(_("object"), max_length=60)
    object_id = models.CharField(_("object's id"), max_length=255)
    body = models.JSONField(_("as it came"))
    happened_at = models.DateTimeField(_("happened"))
    received_at = models.DateTimeField(_("received"), default=timezone.now, editable=False)
    applied_at = models.DateTimeField(_("applied"), null=True, blank=True)
    attempts = models.PositiveSmallIntegerField(_("attempts"), default=0)
    next_attempt_at = models.DateTimeField(_("next attempt"), null=True, blank=True, default=timezone.now)
    error = models.CharField(_("last error"), max_length=500, blank=True)

    class Meta:
        verbose_name = _("Stripe event")
        verbose_name_plural = _("Stripe events")
        indexes = [
            models.Index(fields=["next_attempt_at"], name="stripe_event_due", condition=Q(applied_at=None)),
            models.Index(fields=["-received_at"], name="stripe_event_latest"),
        ]

    def __str__(self) -> str:
        return f"{self.type} {self.object_id}"


class BillingNotice(models.Model):
    """A mail about money that a company got or will get; its key makes each go out once."""

    id = models.UUIDField(primary_key=True, default=uuid7, editable=False)
    company = models.ForeignKey(Company, models.PROTECT, related_name="billing_notices")
    kind = models.CharField(_("kind"), max_length=30)
    key = models.CharField(_("key"), max_length=255, unique=True)
    # What the mail says: figures and dates, never more than the mail needs.
    context = models.JSONField(default=dict, blank=True)
    created_at = models.DateTimeField(_("made"), default=timezone.now, editable=False)
    sent_at = models.DateTimeField(_("sent"), null=True, blank=True)

    class Meta:
        verbose_name = _("billing notice")
        verbose_name_plural = _("billing notices")
        indexes = [models.Index(fields=["created_at"], name="billing_notice_unsent", condition=Q(sent_at=None))]

    def __str__(self) -> str:
        return f"{self.company} · {self.kind}"


class AdjustmentRequest(models.Model):
    """Credits that one operator wants to give or take back, for another to approve (where two are asked for)."""

    class State(models.TextChoices):
        OPEN = "open", _("waits for approval")
        APPROVED = "approved", _("approved")
        REJECTED = "rejected", _("rejected")

    id = models.UUIDField(primary_key=True, default=uuid7, editable=False)
    company = models.ForeignKey(Company, models.PROTECT, related_name="adjustment_requests")
    amount = models.BigIntegerField(_("credits"))
    reason = models.CharField(_("reason"), max_length=200)
    state = models.CharField(_("state"), max_length=10, choices=State, default=State.OPEN)
    requested_by = models.ForeignKey(settings.AUTH_USER_MODEL, models.PROTECT, related_name="+")
    requested_at = models.DateTimeField(_("asked for"), default=timezone.now, editable=False)
    decided_by = models.ForeignKey(settings.AUTH_USER_MODEL, models.PROTECT, null=True, blank=True, related_name="+")
    decided_at = models.DateTimeField(_("decided"), null=True, blank=True)

    class Meta:
        verbose_name = _("credit adjustment")
        verbose_name_plural = _("credit adjustments")
        constraints = [
            models.CheckConstraint(condition=~Q(amount=0), name="adjustment_of_something"),
            models.CheckConstraint(
                condition=Q(decided_by=None) | ~Q(decided_by=F("requested_by")), name="adjustment_by_two"
            ),
        ]

    def __str__(self) -> str:
        return f"{self.company} {self.amount:+}"


class SalesEnquiry(models.Model):
    """Somebody who wants a plan by agreement: the contact form's message, for operators."""

    id = models.UUIDField(primary_key=True, default=uuid7, editable=False)
    # Whoever was signed in.
    company = models.ForeignKey(Company, models.SET_NULL, null=True, blank=True, related_name="+")
    plan = models.ForeignKey(Plan, models.PROTECT, null=True, blank=True, related_name="+")
    name = models.CharField(_("name"), max_length=120)
    email = models.EmailField(_("e-mail"))
    organisation = models.CharField(_("organisation"), max_length=120, blank=True)
    message = models.TextField(_("message"), max_length=4000)
    created_at = models.DateTimeField(_("sent"), default=timezone.now, editable=False)
    answered_at = models.DateTimeField(_("answered"), null=True, blank=True)

    class Meta:
        verbose_name = _("sales enquiry")
        verbose_name_plural = _("sales enquiries")

    def __str__(self) -> str:
        return f"{self.name} · {self.created_at:%Y-%m-%d}"
