"""Who did what."""

from django.db import models
from django.utils import timezone
from django.utils.translation import gettext_lazy as _

from accounts.models.companies import Company
from accounts.models.people import User
from config.base.ids import uuid7


class AuditEntry(models.Model):
    """Who did what to whom, kept as text so that it outlives the rows it speaks of."""

    id = models.UUIDField(primary_key=True, default=uuid7, editable=False)
    company = models.ForeignKey(Company, models.PROTECT, null=True, blank=True, related_name="audit_entries")
    # Whose account it is about, who sees it among what happened there; empty where it is a company's business alone.
    person = models.ForeignKey(User, models.PROTECT, null=True, blank=True, related_name="audit_entries")
    actor = models.CharField(_("who"), max_length=254)
    # The operator who was signed in as the actor; empty when it was really the actor.
    operator = models.CharField(_("operator"), max_length=254, blank=True)
    action = models.CharField(_("action"), max_length=60)
    target = models.CharField(_("of what"), max_length=254, blank=True)
    # From where; empty for what the product did by itself.
    address = models.GenericIPAddressField(_("from address"), null=True, blank=True)
    agent = models.CharField(_("by what"), max_length=200, blank=True)
    detail = models.JSONField(_("details"), default=dict, blank=True)
    at = models.DateTimeField(_("when"), default=timezone.now, editable=False)

    class Meta:
        verbose_name = _("audit entry")
        verbose_name_plural = _("audit entries")
        indexes = [
            models.Index(fields=["company", "-id"], name="audit_by_company"),
            models.Index(fields=["person", "-id"], name="audit_by_person"),
        ]

    def __str__(self) -> str:
        return f"{self.actor} · {self.action} · {self.target}"
