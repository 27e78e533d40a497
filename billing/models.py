"""Money: plans, wallets and the ledger. The database states every invariant that the services keep.

Credits are integers. `Wallet.balance` is what a company owns, of which `held` is promised to jobs under way; available
is the difference. Every change of the balance is a `LedgerEntry`, and every credit lies in a `CreditLot`.
"""

from django.contrib.postgres.fields import ArrayField
from django.db import models
from django.db.models import F, Q
from django.template.defaultfilters import filesizeformat
from django.utils import timezone
from django.utils.translation import gettext, ngettext
from django.utils.translation import gettext_lazy as _

from accounts.models import Company
from config.base.ids import uuid7


class Plan(models.Model):
    """What a company may do and what it pays. Data, not code: edited in the admin."""

    id = models.UUIDField(primary_key=True, default=uuid7, editable=False)
    slug = models.SlugField(_("short name"), unique=True)
    name = models.CharField(_("name"), max_length=60)
    position = models.PositiveSmallIntegerField(_("position"), default=0)
    is_active = models.BooleanField(_("offered"), default=True)
    monthly_price_cents = models.PositiveIntegerField(
        _("price a month, in cents"), null=True, blank=True, help_text=_("Empty: by agreement.")
    )
    welcome_credits = models.PositiveIntegerField(_("credits once"), default=0)
    monthly_credits = models.PositiveIntegerField(
        _("credits a month"), null=True, blank=True, default=0, help_text=_("Empty: unlimited.")
    )
    daily_generations = models.PositiveIntegerField(
        _("generations a day"), null=True, blank=True, help_text=_("Empty: unlimited.")
    )
    parallel_jobs = models.PositiveSmallIntegerField(_("jobs at a time"), default=1)
    storage_bytes = models.PositiveBigIntegerField(
        _("storage in bytes"), null=True, blank=True, help_text=_("Empty: by agreement.")
    )
    seats = models.PositiveIntegerField(_("seats"), null=True, blank=True, default=1, help_text=_("Empty: unlimited."))
    personal_model_slots = models.PositiveIntegerField(_("personal models"), null=True, blank=True, default=1)
    tiers = ArrayField(models.CharField(max_length=10), verbose_name=_("model tiers"), default=list)
    has_watermark = models.BooleanField(_("marks what is made"), default=False)
    has_priority_queue = models.BooleanField(_("priority queue"), default=False)
    has_api = models.BooleanField(_("API keys"), default=False)
    has_commercial_licence = models.BooleanField(_("commercial licence"), default=False)
    has_white_label = models.BooleanField(_("white label"), default=False)

    class Meta:
        verbose_name = _("plan")
        verbose_name_plural = _("plans")
        ordering = ["position"]

    def __str__(self) -> str:
        return self.name

    @property
    def price_label(self) -> str:
        """The price as plan cards show it: `Free`, `$9.99 a month`, `By agreement`."""
        if self.monthly_price_cents is None:
            return gettext("By agreement")
        if self.monthly_price_cents == 0:
            return gettext("Free")
        return gettext("$%(price)s a month") % {"price": f"{self.monthly_price_cents / 100:.2f}"}

    @property
    def summary(self) -> list[str]:
        """What the plan gives, as short sentences for plan cards: only what the product keeps today."""
        lines = [self._credits_sentence()]
        if self.daily_generations is None:
            lines.append(gettext("Unlimited generations"))
        else:
            generations = ngettext("%(n)s generation a day", "%(n)s generations a day", self.daily_generations)
            lines.append(generations % {"n": self.daily_generations})
        jobs = ngettext("%(n)s job at a time", "%(n)s jobs at a time", self.parallel_jobs)
        lines.append(jobs % {"n": self.parallel_jobs})
        lines.append(self._tiers_sentence())
        if self.storage_bytes is not None:
            lines.append(gettext("%(size)s of storage") % {"size": filesizeformat(self.storage_bytes)})
        if self.has_priority_queue:
            lines.append(gettext("Goes first in the queue"))
        lines.append(gettext("Pictures carry a watermark") if self.has_watermark else gettext("No watermark"))
        if self.has_commercial_licence:
            lines.append(gettext("Commercial licence"))
        return lines

    def _credits_sentence(self) -> str:
        if self.monthly_credits is None:
            return gettext("Unlimited credits")
        if self.monthly_credits:
            return gettext("%(n)s credits a month") % {"n": self.monthly_credits}
        return gettext("%(n)s credits to start with") % {"n": self.welcome_credits}

    def _tiers_sentence(self) -> str:
        if "premium" in self.tiers:
            return gettext("All models")
        if "advanced" in self.tiers:
            return gettext("Basic and advanced models")
        return gettext("Basic models")


class Subscription(models.Model):
    """Which plan a company is on."""

    class Status(models.TextChoices):
        ACTIVE = "active", _("active")
        PAST_DUE = "past_due", _("past due")
        CANCELLED = "cancelled", _("cancelled")

    class Source(models.TextChoices):
        FREE = "free", _("free")
        STRIPE = "stripe", _("Stripe")
        MANUAL = "manual", _("by hand")

    id = models.UUIDField(primary_key=True, default=uuid7, editable=False)
    company = models.OneToOneField(Company, models.PROTECT, related_name="subscription")
    plan = models.ForeignKey(Plan, models.PROTECT, related_name="subscriptions")
    status = models.CharField(_("status"), max_length=10, choices=Status, default=Status.ACTIVE)
    source = models.CharField(_("source"), max_length=10, choices=Source, default=Source.FREE)
    period_start = models.DateTimeField(_("period from"), default=timezone.now)
    period_end = models.DateTimeField(_("period until"), null=True, blank=True)
    grace_until = models.DateTimeField(_("grace until"), null=True, blank=True)

    class Meta:
        verbose_name = _("subscription")
        verbose_name_plural = _("subscriptions")

    def __str__(self) -> str:
        return f"{self.company} · {self.plan}"


class Wallet(models.Model):
    """A company's credits."""

    company = models.OneToOneField(Company, models.PROTECT, primary_key=True, related_name="wallet")
    balance = models.BigIntegerField(_("balance"), default=0)
    held = models.BigIntegerField(_("held"), default=0)
    debt = models.BigIntegerField(_("debt"), default=0, help_text=_("Credits taken back after they were spent."))
    unlimited = models.BooleanField(_("unlimited"), default=False)
    # How many ledger entries there are: the next entry's number is taken while this row is locked.
    entry_count = models.PositiveBigIntegerField(_("ledger entries"), default=0, editable=False)

    class Meta:
        verbose_name = _("wallet")
        verbose_name_plural = _("wallets")
        constraints = [
            models.CheckConstraint(condition=Q(balance__gte=0), name="wallet_balance_not_negative"),
            models.CheckConstraint(
                condition=Q(held__gte=0) & Q(held__lte=F("balance")), name="wallet_held_within_balance"
            ),
            models.CheckConstraint(condition=Q(debt__gte=0), name="wallet_debt_not_negative"),
        ]

    def __str__(self) -> str:
        return f"{self.company}: {self.balance}"

    @property
    def available(self) -> int:
        """Credits that a new job may hold."""
        return self.balance - self.held


class CreditLot(models.Model):
    """Credits that came together and expire together; spent soonest-expiring first."""

    id = models.UUIDField(primary_key=True, default=uuid7, editable=False)
    wallet = models.ForeignKey(Wallet, models.PROTECT, related_name="lots")
    amount = models.PositiveBigIntegerField(_("granted"))
    remaining = models.PositiveBigIntegerField(_("left"))
    expires_at = models.DateTimeField(_("expires"), null=True, blank=True)
    created_at = models.DateTimeField(_("granted at"), default=timezone.now, editable=False)

    class Meta:
        verbose_name = _("credit lot")
        verbose_name_plural = _("credit lots")
        constraints = [
            models.CheckConstraint(
                condition=Q(remaining__gte=0) & Q(remaining__lte=F("amount")), name="lot_remaining_within_amount"
            ),
        ]
        indexes = [
            models.Index(
                F("wallet"),
                F("expires_at").asc(nulls_last=True),
                F("id"),
                name="lot_spending_order",
                condition=Q(remaining__gt=0),
            ),
        ]

    def __str__(self) -> str:
        return f"{self.remaining} / {self.amount}"


class Hold(models.Model):
    """Credits promised to one piece of work. Every job has exactly one, possibly of 0."""

    class State(models.TextChoices):
        OPEN = "open", _("held")
        SETTLED = "settled", _("settled")
        RELEASED = "released", _("released")

    id = models.UUIDField(primary_key=True, default=uuid7, editable=False)
    wallet = models.ForeignKey(Wallet, models.PROTECT, related_name="holds")
    key = models.CharField(_("key"), max_length=120, unique=True)
    amount = models.PositiveBigIntegerField(_("amount"))
    settled = models.PositiveBigIntegerField(_("settled"), default=0)
    state = models.CharField(_("state"), max_length=10, choices=State, default=State.OPEN)
    cause = models.CharField(_("for"), max_length=200)
    reason = models.CharField(_("why it ended"), max_length=300, blank=True)
    created_at = models.DateTimeField(_("held at"), default=timezone.now, editable=False)
    closed_at = models.DateTimeField(_("ended at"), null=True, blank=True, editable=False)

    class Meta:
        verbose_name = _("hold")
        verbose_name_plural = _("holds")
        constraints = [
            models.CheckConstraint(condition=Q(settled__lte=F("amount")), name="hold_settled_within_amount"),
            models.CheckConstraint(
                condition=(
                    Q(state="open", closed_at=None, settled=0)
                    | Q(state="released", closed_at__isnull=False, settled=0)
                    | Q(state="settled", closed_at__isnull=False)
                ),
                name="hold_state_agrees",
            ),
        ]
        indexes = [
            models.Index(fields=["wallet", "-id"], name="hold_by_wallet"),
            models.Index(fields=["wallet"], name="hold_open", condition=Q(state="open")),
        ]

    def __str__(self) -> str:
        return f"{self.key}: {self.amount} {self.state}"


class LedgerEntry(models.Model):
    """One change of a balance. Append-only: a trigger forbids update and delete.

    `number` counts a wallet's entries from 1 without gaps, in the order in which the wallet's lock was held; clocks
    and keys of several machines could disagree about two entries of the same millisecond, the lock cannot.
    """

    class Kind(models.TextChoices):
        GRANT = "grant", _("granted")
        PURCHASE = "purchase", _("bought")
        SETTLE = "settle", _("spent")
        EXPIRE = "expire", _("expired")
        ADJUST = "adjust", _("adjusted")
        REFUND = "refund", _("refunded")
        DISPUTE = "dispute", _("disputed")

    id = models.UUIDField(primary_key=True, default=uuid7, editable=False)
    wallet = models.ForeignKey(Wallet, models.PROTECT, related_name="entries")
    number = models.PositiveBigIntegerField(_("number"))
    kind = models.CharField(_("kind"), max_length=10, choices=Kind)
    amount = models.BigIntegerField(_("amount"))
    balance_after = models.BigIntegerField(_("balance after"))
    key = models.CharField(_("key"), max_length=120, unique=True)
    cause = models.CharField(_("for"), max_length=200)
    actor = models.CharField(_("by"), max_length=254, blank=True)
    created_at = models.DateTimeField(_("at"), default=timezone.now, editable=False)

    class Meta:
        verbose_name = _("ledger entry")
        verbose_name_plural = _("ledger entries")
        constraints = [
            models.CheckConstraint(condition=Q(balance_after__gte=0), name="entry_balance_not_negative"),
            models.UniqueConstraint(fields=["wallet", "number"], name="entry_number_once"),
        ]
        # What a hold does not explain already; the whole ledger of a wallet is read by `number`.
        indexes = [models.Index(fields=["wallet", "-id"], name="entry_beside_holds", condition=~Q(kind="settle"))]

    def __str__(self) -> str:
        return f"{self.kind} {self.amount:+} → {self.balance_after}"


class UsageCounter(models.Model):
    """How much of a plan's limit is used in a period; moved by conditional UPDATE only.

    `period` is a UTC day (`2026-11-20`) for daily limits and empty for standing ones (storage).
    """

    id = models.UUIDField(primary_key=True, default=uuid7, editable=False)
    company = models.ForeignKey(Company, models.PROTECT, related_name="usage_counters")
    name = models.CharField(_("of what"), max_length=40)
    period = models.CharField(_("period"), max_length=20, blank=True)
    used = models.BigIntegerField(_("used"), default=0)

    class Meta:
        verbose_name = _("usage counter")
        verbose_name_plural = _("usage counters")
        constraints = [
            models.UniqueConstraint(fields=["company", "name", "period"], name="usage_once"),
            models.CheckConstraint(condition=Q(used__gte=0), name="usage_not_negative"),
        ]

    def __str__(self) -> str:
        return f"{self.company} {self.name} {self.period}: {self.used}"
