"""Wallets and the ledger. The database states every invariant that the services keep.

Credits are integers. `Wallet.balance` is what a company owns, of which `held` is promised to jobs under way; available
is the difference. Every change of the balance is a `LedgerEntry`, and every credit lies in a `CreditLot`.
"""

from django.db import models
from django.db.models import F, Q
from django.utils import timezone
from django.utils.translation import gettext_lazy as _

from accounts.models import Company
from config.base.ids import uuid7


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
