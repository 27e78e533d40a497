"""Jobs: what was asked for, what became of it, what was asked of providers."""

from typing import ClassVar

from django.db import models
from django.db.models import Q
from django.utils import timezone
from django.utils.translation import gettext_lazy as _

from accounts.models import ApiKey, Company, User
from config.base.ids import uuid7
from gallery.models import Asset
from generation.models.catalogue import AIModel, Task
from generation.models.prompts import Preset
from generation.querysets import JobQuerySet


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
    # The key by which a program asked for it; empty for pages and tokens.
    api_key = models.ForeignKey(ApiKey, models.PROTECT, null=True, blank=True, related_name="+")
    model = models.ForeignKey(AIModel, models.PROTECT, related_name="jobs")
    # What was chosen, when an equivalent makes it because the provider is out of order.
    asked_model = models.ForeignKey(AIModel, models.PROTECT, null=True, blank=True, related_name="+")
    task = models.CharField(_("task"), max_length=30, choices=Task)
    prompt = models.TextField(_("prompt"), blank=True)
    # A style's words beside the person's own; what the provider gets is `wording`.
    preset = models.ForeignKey(Preset, models.SET_NULL, null=True, blank=True, related_name="+")
    wording = models.TextField(_("prompt as sent"), blank=True)
    params = models.JSONField(_("parameters"), default=dict, blank=True)
    count = models.PositiveSmallIntegerField(_("outputs"), default=1)
    credits = models.PositiveIntegerField(_("credits held"), default=0)
    # What one output will cost us, in USD, by the catalogue of that moment.
    unit_cost = models.DecimalField(_("cost per output, USD"), max_digits=12, decimal_places=5, default=0)
    # An operator's own try of a model: free, and counted nowhere.
    is_probe = models.BooleanField(_("probe"), default=False)
    # What makes the same outputs again: model, words, parameters, seeds and the inputs' contents.
    recipe = models.CharField(max_length=64, blank=True)
    # The job whose outputs answer this one, at no charge.
    repeats = models.ForeignKey("self", models.PROTECT, null=True, blank=True, related_name="+")
    # The UTC day whose limit it was taken from, as `billing.usage` names it; "" for what counts nowhere.
    day = models.CharField(max_length=20, blank=True)
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
            models.Index(
                fields=["company", "recipe"], name="job_by_recipe", condition=Q(state="succeeded", repeats=None)
            ),
        ]

    def __str__(self) -> str:
        return f"{self.task}: {self.prompt[:60]}"

    @property
    def is_active(self) -> bool:
        """Whether it has yet to end."""
        return self.state in self.ACTIVE

    @property
    def made_outputs(self) -> "list[JobOutput]":
        """Its outputs in order, which are another's where it repeats one."""
        return list((self.repeats or self).outputs.all())

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
