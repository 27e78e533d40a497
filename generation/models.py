"""What is made: the model catalogue and the jobs."""

from typing import ClassVar

from django.db import models
from django.db.models import Q
from django.utils import timezone
from django.utils.translation import gettext_lazy as _

from accounts.models import Company, User
from config.base.ids import uuid7
from gallery.models import Asset
from generation.parameters import COUNT_LIMIT
from generation.querysets import AIModelQuerySet, JobQuerySet


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


class AIModel(models.Model):
    """One row of the catalogue: what does a task, where, with which parameters, at what price."""

    class Tier(models.TextChoices):
        BASIC = "basic", _("basic")
        ADVANCED = "advanced", _("advanced")
        PREMIUM = "premium", _("premium")

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
    provider_cost = models.DecimalField(_("provider cost, USD per output"), max_digits=10, decimal_places=5, default=0)
    markup = models.DecimalField(_("markup"), max_digits=5, decimal_places=2, default="3.5")
    fixed_price = models.PositiveIntegerField(
        _("price by hand, credits per output"), null=True, blank=True, help_text=_("Empty: from cost and markup.")
    )
    outputs_allowed = models.PositiveSmallIntegerField(_("outputs at a time"), default=COUNT_LIMIT)
    seconds_expected = models.PositiveSmallIntegerField(_("usual seconds per output"), default=5)
    seconds_allowed = models.PositiveSmallIntegerField(_("seconds before a job times out"), default=60)
    resubmittable = models.BooleanField(
        _("may be sent twice"),
        default=False,
        help_text=_("Safe to start again after a crash, because nobody bills for it."),
    )
    is_active = models.BooleanField(_("active"), default=True)
    position = models.PositiveSmallIntegerField(_("position"), default=100)

    objects: ClassVar[AIModelQuerySet] = AIModelQuerySet.as_manager()  # type: ignore[assignment]

    class Meta:
        verbose_name = _("model")
        verbose_name_plural = _("models")
        ordering = ["position", "slug"]

    def __str__(self) -> str:
        return self.name


class Job(models.Model):
    """One request to make `count` outputs. Every transition is one conditional UPDATE; a terminal state never moves."""

    class State(models.TextChoices):
        QUEUED = "queued", _("waiting")
        SUBMITTING = "submitting", _("starting")
        RUNNING = "running", _("being made")
        COLLECTING = "collecting", _("being stored")
        UNKNOWN = "unknown", _("being looked for")
        SUCCEEDED = "succeeded", _("done")
        FAILED = "failed", _("failed")
        CANCELLED = "cancelled", _("cancelled")

    ACTIVE: ClassVar[tuple[str, ...]] = (State.QUEUED, State.SUBMITTING, State.RUNNING, State.COLLECTING, State.UNKNOWN)
    TERMINAL: ClassVar[tuple[str, ...]] = (State.SUCCEEDED, State.FAILED, State.CANCELLED)

    id = models.UUIDField(primary_key=True, default=uuid7, editable=False)
    company = models.ForeignKey(Company, models.PROTECT, related_name="jobs")
    user = models.ForeignKey(User, models.PROTECT, related_name="jobs")
    model = models.ForeignKey(AIModel, models.PROTECT, related_name="jobs")
    task = models.CharField(_("task"), max_length=30, choices=Task)
    prompt = models.TextField(_("prompt"), blank=True)
    params = models.JSONField(_("parameters"), default=dict, blank=True)
    count = models.PositiveSmallIntegerField(_("outputs"), default=1)
    credits = models.PositiveIntegerField(_("credits held"), default=0)
    # The UTC day whose limit it was taken from, as `billing.usage` names it.
    day = models.CharField(max_length=20)
    # What makes a double click one job: the caller's key, and a digest of what was asked with it.
    key = models.CharField(_("key"), max_length=80)
    digest = models.CharField(max_length=64)

    state = models.CharField(_("state"), max_length=10, choices=State, default=State.QUEUED)
    progress = models.PositiveSmallIntegerField(_("percent"), default=0)
    queue = models.CharField(_("queue"), max_length=20, default="default")
    failure_code = models.CharField(_("failure"), max_length=40, blank=True)
    failure = models.CharField(_("what went wrong"), max_length=300, blank=True)

    # Who works on it, until when it is believed, and when it is looked at again.
    token = models.UUIDField(null=True, blank=True, editable=False)
    lease_until = models.DateTimeField(null=True, blank=True, editable=False)
    attempts = models.PositiveSmallIntegerField(_("attempts"), default=0)
    not_before = models.DateTimeField(null=True, blank=True, editable=False)
    deadline = models.DateTimeField(_("deadline"), null=True, blank=True, editable=False)
    cancel_requested_at = models.DateTimeField(_("cancel asked for"), null=True, blank=True, editable=False)

    created_at = models.DateTimeField(_("asked for"), default=timezone.now, editable=False)
    dispatched_at = models.DateTimeField(_("let go"), null=True, blank=True, editable=False)
    sent_at = models.DateTimeField(_("message last sent"), null=True, blank=True, editable=False)
    started_at = models.DateTimeField(_("started"), null=True, blank=True, editable=False)
    # Of a job that a provider renders elsewhere: when to look next, its place in the provider's own queue, when the
    # provider began and when it was found to be done.
    next_poll_at = models.DateTimeField(_("next look"), null=True, blank=True, editable=False)
    position = models.PositiveIntegerField(_("place at the provider"), null=True, blank=True, editable=False)
    rendering_at = models.DateTimeField(_("provider began"), null=True, blank=True, editable=False)
    made_at = models.DateTimeField(_("provider was done"), null=True, blank=True, editable=False)
    finished_at = models.DateTimeField(_("ended"), null=True, blank=True, editable=False)

    objects: ClassVar[JobQuerySet] = JobQuerySet.as_manager()  # type: ignore[assignment]

    class Meta:
        verbose_name = _("job")
        verbose_name_plural = _("jobs")
        constraints = [
            models.UniqueConstraint(fields=["company", "key"], name="job_key_once"),
            models.CheckConstraint(
                condition=Q(state__in=("succeeded", "failed", "cancelled"), finished_at__isnull=False)
                | Q(state__in=("queued", "submitting", "running", "collecting", "unknown"), finished_at=None),
                name="job_finished_agrees",
            ),
            models.CheckConstraint(condition=Q(progress__lte=100), name="job_percent"),
            # Also the index by which a worker finds what it just took.
            models.UniqueConstraint(fields=["token"], name="job_token_once"),
            models.CheckConstraint(condition=Q(count__gte=1), name="job_makes_something"),
        ]
        indexes = [
            models.Index(fields=["company", "-id"], name="job_by_company"),
            models.Index(
                fields=["company", "id"],
                name="job_active",
                condition=Q(state__in=("queued", "submitting", "running", "collecting", "unknown")),
            ),
            models.Index(fields=["queue", "id"], name="job_waiting", condition=Q(state="queued")),
            models.Index(fields=["next_poll_at"], name="job_to_look_at", condition=Q(state="running")),
        ]

    def __str__(self) -> str:
        return f"{self.task}: {self.prompt[:60]}"

    @property
    def is_active(self) -> bool:
        """Whether it has yet to end."""
        return self.state in self.ACTIVE

    @property
    def hold_key(self) -> str:
        """The key of its hold in the wallet."""
        return f"job:{self.pk}"


class JobInput(models.Model):
    """A picture that a job works from."""

    id = models.UUIDField(primary_key=True, default=uuid7, editable=False)
    job = models.ForeignKey(Job, models.CASCADE, related_name="inputs")
    # Set to null when the picture is deleted for good: the job stays as history.
    asset = models.ForeignKey(Asset, models.SET_NULL, null=True, related_name="+")
    role = models.CharField(_("role"), max_length=20, default="image")
    position = models.PositiveSmallIntegerField(_("position"), default=0)

    class Meta:
        verbose_name = _("input")
        verbose_name_plural = _("inputs")
        constraints = [models.UniqueConstraint(fields=["job", "role", "position"], name="input_once")]

    def __str__(self) -> str:
        return f"{self.role} {self.position}"


class JobOutput(models.Model):
    """A place for one output; the asset's id is allotted at submit, so a retry overwrites the same files."""

    class State(models.TextChoices):
        PENDING = "pending", _("to come")
        DELIVERED = "delivered", _("delivered")
        FAILED = "failed", _("failed")

    id = models.UUIDField(primary_key=True, default=uuid7, editable=False)
    job = models.ForeignKey(Job, models.CASCADE, related_name="outputs")
    index = models.PositiveSmallIntegerField(_("number"))
    asset_id = models.UUIDField(default=uuid7, unique=True, editable=False)
    seed = models.BigIntegerField(_("seed"))
    state = models.CharField(_("state"), max_length=10, choices=State, default=State.PENDING)

    class Meta:
        verbose_name = _("output")
        verbose_name_plural = _("outputs")
        ordering = ["index"]
        constraints = [models.UniqueConstraint(fields=["job", "index"], name="output_once")]

    def __str__(self) -> str:
        return f"{self.job_id} #{self.index}"


class ProviderCall(models.Model):
    """One request sent to a provider for a job, kept with what it truly cost."""

    class State(models.TextChoices):
        SENT = "sent", _("sent")
        ANSWERED = "answered", _("answered")
        FAILED = "failed", _("failed")
        LOST = "lost", _("lost")

    id = models.UUIDField(primary_key=True, default=uuid7, editable=False)
    job = models.ForeignKey(Job, models.CASCADE, related_name="calls")
    attempt = models.PositiveSmallIntegerField(_("attempt"))
    provider = models.CharField(_("provider"), max_length=30)
    external_id = models.CharField(_("provider's id"), max_length=120, blank=True)
    # What later requests need to find it: addresses, as the provider gave them.
    reference = models.JSONField(default=dict, blank=True, editable=False)
    state = models.CharField(_("state"), max_length=10, choices=State, default=State.SENT)
    error = models.CharField(_("error"), max_length=300, blank=True)
    cost = models.DecimalField(_("cost, USD"), max_digits=10, decimal_places=5, default=0)
    created_at = models.DateTimeField(_("sent at"), default=timezone.now, editable=False)
    ended_at = models.DateTimeField(_("ended at"), null=True, blank=True, editable=False)

    class Meta:
        verbose_name = _("provider call")
        verbose_name_plural = _("provider calls")
        constraints = [
            models.UniqueConstraint(
                fields=["provider", "external_id"], name="external_id_once", condition=~Q(external_id="")
            ),
            models.UniqueConstraint(fields=["job", "attempt"], name="attempt_once"),
        ]

    def __str__(self) -> str:
        return f"{self.provider} #{self.attempt} {self.state}"


class WebhookReceipt(models.Model):
    """A provider's delivery that was taken: a second one with the same id does nothing."""

    id = models.UUIDField(primary_key=True, default=uuid7, editable=False)
    provider = models.CharField(_("provider"), max_length=30)
    delivery_id = models.CharField(_("delivery"), max_length=160)
    job = models.ForeignKey(Job, models.CASCADE, related_name="webhook_receipts")
    received_at = models.DateTimeField(_("received"), default=timezone.now, editable=False)

    class Meta:
        verbose_name = _("webhook receipt")
        verbose_name_plural = _("webhook receipts")
        constraints = [models.UniqueConstraint(fields=["provider", "delivery_id"], name="receipt_once")]

    def __str__(self) -> str:
        return f"{self.provider} {self.delivery_id}"
