"""Keys by which programs act for a person in a company."""

from django.contrib.postgres.fields import ArrayField
from django.db import models
from django.utils import timezone
from django.utils.translation import gettext_lazy as _

from accounts.models.companies import Company
from accounts.models.people import User
from config.base.ids import uuid7


class ApiKey(models.Model):
    """One key: shown once, kept as a digest, found by its prefix."""

    class Scope(models.TextChoices):
        READ = "read", _("read")
        GENERATE = "generate", _("generate")
        MANAGE = "manage", _("manage")

    id = models.UUIDField(primary_key=True, default=uuid7, editable=False)
    company = models.ForeignKey(Company, models.PROTECT, related_name="api_keys")
    user = models.ForeignKey(User, models.PROTECT, related_name="api_keys")
    name = models.CharField(_("name"), max_length=80)
    # What is shown of it, and what it is found by: `dk_` and eight characters.
    prefix = models.CharField(_("begins with"), max_length=12, unique=True, editable=False)
    digest = models.CharField(max_length=64, editable=False)
    scopes = ArrayField(models.CharField(max_length=10, choices=Scope), verbose_name=_("scopes"))
    credit_cap = models.PositiveIntegerField(
        _("credit cap"), null=True, blank=True, help_text=_("Most credits that it may ever spend; empty: no limit.")
    )
    created_at = models.DateTimeField(_("made"), default=timezone.now, editable=False)
    expires_at = models.DateTimeField(_("expires"), null=True, blank=True)
    last_used_at = models.DateTimeField(_("last used"), null=True, blank=True, editable=False)
    revoked_at = models.DateTimeField(_("revoked"), null=True, blank=True, editable=False)

    class Meta:
        verbose_name = _("API key")
        verbose_name_plural = _("API keys")
        indexes = [models.Index(fields=["company", "-id"], name="api_key_by_company")]

    def __str__(self) -> str:
        return f"{self.name} ({self.prefix}…)"
