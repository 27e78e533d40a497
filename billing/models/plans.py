"""What is sold: plans and packs. Rows, edited in the admin; money in cents of the one settlement currency."""

from django.contrib.postgres.fields import ArrayField
from django.core.exceptions import ValidationError
from django.core.validators import MinValueValidator
from django.db import models
from django.db.models import Q
from django.utils.formats import number_format
from django.utils.translation import gettext, ngettext
from django.utils.translation import gettext_lazy as _

from billing.currency import money
from config.base.ids import uuid7
from config.base.sizes import size


class Plan(models.Model):
    """What a company may do and what it pays. Data, not code: edited in the admin."""

    class Support(models.TextChoices):
        COMMUNITY = "community", _("community")
        PRIORITY = "priority", _("priority")
        DEDICATED = "dedicated", _("dedicated")

    id = models.UUIDField(primary_key=True, default=uuid7, editable=False)
    slug = models.SlugField(_("short name"), unique=True)
    name = models.CharField(_("name"), max_length=60)
    position = models.PositiveSmallIntegerField(_("position"), default=0)
    is_active = models.BooleanField(_("offered"), default=True)
    monthly_price_cents = models.PositiveIntegerField(
        _("price a month, in cents"), null=True, blank=True, help_text=_("Empty: by agreement.")
    )
    yearly_price_cents = models.PositiveIntegerField(
        _("price a year, in cents"), null=True, blank=True, help_text=_("Empty: not sold by the year.")
    )
    trial_days = models.PositiveSmallIntegerField(_("days of trial"), default=0)
    trial_credits = models.PositiveIntegerField(_("credits for a trial"), default=0)
    welcome_credits = models.PositiveIntegerField(_("credits once"), default=0)
    monthly_credits = models.PositiveIntegerField(
        _("credits a month"), null=True, blank=True, default=0, help_text=_("Empty: unlimited.")
    )
    rolls_over = models.BooleanField(
        _("unused credits stay"), default=False, help_text=_("Otherwise a month's credits expire with the month.")
    )
    daily_generations = models.PositiveIntegerField(
        _("generations a day"), null=True, blank=True, help_text=_("Empty: unlimited.")
    )
    parallel_jobs = models.PositiveSmallIntegerField(_("jobs at a time"), default=1)
    rate_factor = models.PositiveSmallIntegerField(
        _("rate limits, times the usual"),
        default=1,
        db_default=1,
        validators=[MinValueValidator(1)],
        help_text=_("For requests, jobs, uploads and downloads; see Limits in docs/operations.md."),
    )
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

    support = models.CharField(_("support"), max_length=10, choices=Support, default=Support.COMMUNITY)
    # What new companies are on, and those whose subscription has ended.
    is_default = models.BooleanField(_("the plan of those who pay nothing"), default=False)
    # What stands for it at Stripe; a price that was edited leaves its older ones with the same product.
    stripe_product_id = models.CharField(max_length=255, blank=True, editable=False)
    stripe_monthly_price_id = models.CharField(max_length=255, blank=True, editable=False)
    stripe_yearly_price_id = models.CharField(max_length=255, blank=True, editable=False)

    class Meta:
        verbose_name = _("plan")
        verbose_name_plural = _("plans")
        ordering = ["position"]
        constraints = [
            models.UniqueConstraint(fields=["is_default"], name="plan_one_default", condition=Q(is_default=True)),
            models.CheckConstraint(condition=Q(rate_factor__gte=1), name="plan_rate_factor"),
            models.UniqueConstraint(
                fields=["stripe_product_id"], name="plan_product_once", condition=~Q(stripe_product_id="")
            ),
        ]

    def __str__(self) -> str:
        return self.name

    def clean(self) -> None:
        """Raises `ValidationError` for credits that would never come: a month is granted once it is paid for."""
        if self.is_default and self.monthly_credits:
            sentence = _("Nobody pays for this plan, so no month of it is granted. Give credits once instead.")
            raise ValidationError({"monthly_credits": sentence})

    @property
    def price_label(self) -> str:
        """The price as plan cards show it: `Free`, `$9.99 a month`, `By agreement`."""
        if self.monthly_price_cents is None:
            return gettext("By agreement")
        if self.monthly_price_cents == 0:
            return gettext("Free")
        return gettext("%(price)s a month") % {"price": money(self.monthly_price_cents, is_short=True)}

    @property
    def summary(self) -> list[str]:
        """What the plan gives, as short sentences for plan cards: only what the product keeps today."""
        lines = [self._credits_sentence()]
        if self.daily_generations is None:
            lines.append(gettext("Unlimited generations"))
        else:
            generations = ngettext("%(n)s generation a day", "%(n)s generations a day", self.daily_generations)
            lines.append(generations % {"n": _grouped(self.daily_generations)})
        jobs = ngettext("%(n)s job at a time", "%(n)s jobs at a time", self.parallel_jobs)
        lines.append(jobs % {"n": self.parallel_jobs})
        lines.append(self._tiers_sentence())
        if self.storage_bytes is not None:
            lines.append(gettext("%(size)s of storage") % {"size": size(self.storage_bytes)})
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
            return gettext("%(n)s credits a month") % {"n": _grouped(self.monthly_credits)}
        return gettext("%(n)s credits to start with") % {"n": _grouped(self.welcome_credits)}

    def _tiers_sentence(self) -> str:
        if "premium" in self.tiers:
            return gettext("All models")
        if "advanced" in self.tiers:
            return gettext("Basic and advanced models")
        return gettext("Basic models")


def _grouped(number: int) -> str:
    return number_format(number, force_grouping=True)


class CreditPack(models.Model):
    """Credits that are bought once and do not expire. Data, edited in the admin."""

    id = models.UUIDField(primary_key=True, default=uuid7, editable=False)
    slug = models.SlugField(_("short name"), unique=True)
    position = models.PositiveSmallIntegerField(_("position"), default=0)
    credits = models.PositiveIntegerField(_("credits"), validators=[MinValueValidator(1)])
    price_cents = models.PositiveIntegerField(_("price, in cents"), validators=[MinValueValidator(1)])
    is_active = models.BooleanField(_("offered"), default=True)
    stripe_product_id = models.CharField(max_length=255, blank=True, editable=False)
    stripe_price_id = models.CharField(max_length=255, blank=True, editable=False)

    class Meta:
        verbose_name = _("credit pack")
        verbose_name_plural = _("credit packs")
        ordering = ["position"]
        constraints = [
            models.CheckConstraint(condition=Q(credits__gte=1), name="pack_has_credits"),
            models.CheckConstraint(condition=Q(price_cents__gte=1), name="pack_has_price"),
            models.UniqueConstraint(
                fields=["stripe_product_id"], name="pack_product_once", condition=~Q(stripe_product_id="")
            ),
        ]

    def __str__(self) -> str:
        return ngettext("%(n)s credit", "%(n)s credits", self.credits) % {"n": self.credits}
