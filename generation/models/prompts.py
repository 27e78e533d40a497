"""Words: styles to add to a prompt, words that are refused, prompts that were used."""

from django.db import models
from django.utils import timezone
from django.utils.translation import gettext_lazy as _

from accounts.models import Company, User
from config.base.ids import uuid7


class Preset(models.Model):
    """A style: words that are added to what a person writes."""

    id = models.UUIDField(primary_key=True, default=uuid7, editable=False)
    slug = models.SlugField(_("short name"), max_length=60, unique=True)
    name = models.CharField(_("name"), max_length=80)
    # `{prompt}` stands for the person's words.
    template = models.CharField(_("words"), max_length=500, help_text=_("{prompt} stands for what the person wrote."))
    negative = models.CharField(
        _("what to avoid"), max_length=300, blank=True, help_text=_("For models that take a negative prompt.")
    )
    is_active = models.BooleanField(_("active"), default=True)
    position = models.PositiveSmallIntegerField(_("position"), default=100)
    seeded = models.JSONField(default=dict, blank=True, editable=False)

    class Meta:
        verbose_name = _("style preset")
        verbose_name_plural = _("style presets")
        ordering = ["position", "slug"]

    def __str__(self) -> str:
        return self.name


class DeniedPhrase(models.Model):
    """Words that no prompt may hold."""

    id = models.UUIDField(primary_key=True, default=uuid7, editable=False)
    phrase = models.CharField(
        _("phrase"), max_length=120, unique=True, help_text=_("Whole words; case and accents do not matter.")
    )
    reason = models.CharField(_("reason, shown to the person"), max_length=200, blank=True)
    is_active = models.BooleanField(_("active"), default=True)
    created_at = models.DateTimeField(_("added"), default=timezone.now, editable=False)

    class Meta:
        verbose_name = _("denied phrase")
        verbose_name_plural = _("denied phrases")
        ordering = ["phrase"]

    def __str__(self) -> str:
        return self.phrase


class PromptUse(models.Model):
    """A prompt that a person used in a company, and when last: their history, and what completes what they type."""

    id = models.UUIDField(primary_key=True, default=uuid7, editable=False)
    company = models.ForeignKey(Company, models.PROTECT, related_name="+")
    user = models.ForeignKey(User, models.PROTECT, related_name="+")
    prompt = models.TextField(_("prompt"))
    # sha256 of the prompt, in hex: prompts are too long for an index.
    digest = models.CharField(max_length=64)
    count = models.PositiveIntegerField(_("times"), default=1)
    last_used_at = models.DateTimeField(_("last used"), default=timezone.now)

    class Meta:
        verbose_name = _("used prompt")
        verbose_name_plural = _("used prompts")
        constraints = [models.UniqueConstraint(fields=["user", "company", "digest"], name="prompt_once")]
        indexes = [models.Index(fields=["user", "company", "-last_used_at"], name="prompt_history")]

    def __str__(self) -> str:
        return self.prompt[:60]
