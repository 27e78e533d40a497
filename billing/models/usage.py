"""How much of a plan's limits is used."""

from django.db import models
from django.db.models import Q
from django.utils.translation import gettext_lazy as _

from accounts.models import Company
from config.base.ids import uuid7


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
