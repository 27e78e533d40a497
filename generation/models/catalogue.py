"""The model catalogue, and whom it leads to."""

from typing import ClassVar

from django.db import models
from django.utils import timezone
from django.utils.translation import gettext_lazy as _

from config.base.ids import uuid7
from gallery.models import Asset
from generation.parameters import COUNT_LIMIT
from generation.querysets import AIModelQuerySet


class Task(models.TextChoices):
    """Kinds of work, as the API names them."""

    TEXT_TO_IMAGE = "text-to-image", _("text to picture")
    IMAGE_TO_IMAGE = "image-to-image", _("picture to picture")
    EDIT = "edit", _("edit")
    INPAINT = "inpaint", _("inpaint")
    OUTPAINT = "outpaint", _("outpaint")
    UPSCALE = "upscale", _("upscale")
    REMOVE_BACKGROUND = "remove-background", _("remove background")
    VARIATION = "variation", _("variation")
    TEXT_TO_VIDEO = "text-to-video", _("text to video")
    IMAGE_TO_VIDEO = "image-to-video", _("picture to video")
    IMAGE_TO_3D = "image-to-3d", _("picture to 3D")
    TRAIN = "train", _("training")

    @property
    def output_kind(self) -> str:
        """What it makes, as `Asset.Kind` names it."""
        if self in (Task.TEXT_TO_VIDEO, Task.IMAGE_TO_VIDEO):
            return Asset.Kind.VIDEO
        return Asset.Kind.MESH if self == Task.IMAGE_TO_3D else Asset.Kind.IMAGE


class AIModel(models.Model):
    """One row of the catalogue: what does a task, where, with which parameters, at what price."""

    class Tier(models.TextChoices):
        BASIC = "basic", _("basic")
        ADVANCED = "advanced", _("advanced")
        PREMIUM = "premium", _("premium")

    class PromptUse(models.TextChoices):
        NEEDED = "needed", _("needed")
        OPTIONAL = "optional", _("optional")
        NONE = "none", _("not taken")

    class Unit(models.TextChoices):
        OUTPUT = "output", _("output")
        MEGAPIXEL = "megapixel", _("begun megapixel of an output")
        SECOND = "second", _("second of an output")

    id = models.UUIDField(primary_key=True, default=uuid7, editable=False)
    slug = models.SlugField(_("short name"), max_length=80, unique=True)
    name = models.CharField(_("name"), max_length=120)
    description = models.CharField(_("description"), max_length=300, blank=True)
    provider = models.CharField(_("provider"), max_length=30)
    endpoint = models.CharField(_("endpoint"), max_length=200, help_text=_("The provider's own name of the model."))
    task = models.CharField(_("task"), max_length=30, choices=Task)
    tier = models.CharField(_("tier"), max_length=10, choices=Tier, default=Tier.BASIC)
    parameters = models.JSONField(
        _("parameters"),
        default=dict,
        blank=True,
        help_text=_("JSON Schema of what the model takes; drives form, API and checks."),
    )
    provider_cost = models.DecimalField(_("provider cost, USD per unit"), max_digits=10, decimal_places=5, default=0)
    unit = models.CharField(_("unit of the cost"), max_length=10, choices=Unit, default=Unit.OUTPUT)
    cost_factors = models.JSONField(
        _("factors of the cost"),
        default=dict,
        blank=True,
        help_text=_('By parameter and value, such as {"quality": {"high": 2}}; values that are not named cost 1.'),
    )
    markup = models.DecimalField(_("markup"), max_digits=5, decimal_places=2, default="3.5")
    fixed_price = models.PositiveIntegerField(
        _("price by hand, credits per unit"), null=True, blank=True, help_text=_("Empty: from cost and markup.")
    )
    prompt_use = models.CharField(
        _("prompt"), max_length=10, choices=PromptUse, blank=True, help_text=_("Empty: as is usual for the task.")
    )
    outputs_allowed = models.PositiveSmallIntegerField(_("outputs at a time"), default=COUNT_LIMIT)
    inputs_allowed = models.PositiveSmallIntegerField(
        _("pictures at a time"), default=1, help_text=_("How many pictures an edit may refer to.")
    )
    min_side = models.PositiveIntegerField(
        _("smallest side of a picture, pixels"), null=True, blank=True, help_text=_("Empty: any size.")
    )
    max_side = models.PositiveIntegerField(
        _("largest side of a picture, pixels"), null=True, blank=True, help_text=_("Empty: any size.")
    )
    seconds_expected = models.PositiveSmallIntegerField(_("usual seconds per output"), default=5)
    seconds_allowed = models.PositiveSmallIntegerField(_("seconds before a job times out"), default=60)
    resubmittable = models.BooleanField(
        _("may be sent twice"),
        default=False,
        help_text=_("Safe to start again after a crash, because nobody bills for it."),
    )
    equivalents = models.ManyToManyField(
        "self",
        verbose_name=_("equivalents"),
        symmetrical=False,
        blank=True,
        help_text=_("Models of other providers that may make it in this one's place."),
    )
    fails_over = models.BooleanField(
        _("fails over"),
        default=False,
        help_text=_("While its provider is out of order, an equivalent makes it, and the person is told."),
    )
    is_active = models.BooleanField(_("active"), default=True)
    off_reason = models.CharField(_("switched off because"), max_length=200, blank=True)
    position = models.PositiveSmallIntegerField(_("position"), default=100)
    # What `sync_catalogue` wrote last, by field: what differs from it was changed by an operator and stays.
    seeded = models.JSONField(default=dict, blank=True, editable=False)

    objects: ClassVar[AIModelQuerySet] = AIModelQuerySet.as_manager()  # type: ignore[assignment]

    class Meta:
        verbose_name = _("model")
        verbose_name_plural = _("models")
        ordering = ["position", "slug"]

    def __str__(self) -> str:
        return self.name


class CustomProvider(models.Model):
    """An endpoint that speaks the OpenAI images protocol, added by an operator; rows name it `custom:<slug>`."""

    id = models.UUIDField(primary_key=True, default=uuid7, editable=False)
    slug = models.SlugField(_("short name"), max_length=20, unique=True)
    name = models.CharField(_("name"), max_length=120)
    base_url = models.URLField(_("address"), help_text=_("Where its API begins, such as https://gpu.example/v1."))
    # Encrypted with `config.base.crypto`; never shown again.
    key_encrypted = models.TextField(blank=True, editable=False)
    is_active = models.BooleanField(_("active"), default=True)
    created_at = models.DateTimeField(_("added"), default=timezone.now, editable=False)

    class Meta:
        verbose_name = _("custom provider")
        verbose_name_plural = _("custom providers")
        ordering = ["name"]

    def __str__(self) -> str:
        return self.name

    @property
    def provider_name(self) -> str:
        """What catalogue rows call it."""
        return f"custom:{self.slug}"


class ProviderAlert(models.Model):
    """A provider that refuses us, until it takes something again: a matter for operators."""

    provider = models.CharField(_("provider"), max_length=30, primary_key=True)
    code = models.CharField(_("what is wrong"), max_length=40)
    sentence = models.CharField(_("in words"), max_length=300)
    count = models.PositiveIntegerField(_("times"), default=1)
    first_at = models.DateTimeField(_("since"), default=timezone.now)
    last_at = models.DateTimeField(_("last"), default=timezone.now)

    class Meta:
        verbose_name = _("provider alert")
        verbose_name_plural = _("provider alerts")

    def __str__(self) -> str:
        return f"{self.provider}: {self.code}"
