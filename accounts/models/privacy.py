"""What people ask of their own data: a copy of all of it, and its end."""

from django.db import models
from django.db.models import Q
from django.utils import timezone
from django.utils.translation import gettext_lazy as _

from accounts.models.people import User
from config.base.ids import uuid7


class DataExport(models.Model):
    """A copy of everything that is a person's own. Every transition is one conditional UPDATE."""

    class State(models.TextChoices):
        WAITING = "waiting", _("waiting")
        WORKING = "working", _("being made")
        READY = "ready", _("ready")
        FAILED = "failed", _("failed")
        GONE = "gone", _("gone")

    id = models.UUIDField(primary_key=True, default=uuid7, editable=False)
    user = models.ForeignKey(User, models.PROTECT, related_name="exports")
    state = models.CharField(_("state"), max_length=10, choices=State, default=State.WAITING)
    # Who works on it, and until when that is believed; once it is ready, who is writing the mail.
    token = models.UUIDField(null=True, blank=True, editable=False)
    lease_until = models.DateTimeField(null=True, blank=True, editable=False)
    attempts = models.PositiveSmallIntegerField(_("attempts"), default=0)
    requested_at = models.DateTimeField(_("asked for"), default=timezone.now, editable=False)
    sent_at = models.DateTimeField(_("message last sent"), null=True, blank=True, editable=False)
    finished_at = models.DateTimeField(_("ended"), null=True, blank=True, editable=False)
    told_at = models.DateTimeField(_("mail sent"), null=True, blank=True, editable=False)
    expires_at = models.DateTimeField(_("expires"), null=True, blank=True, editable=False)
    # Where it lies in the storage; "" before it is ready and after its file is gone.
    key = models.CharField(max_length=200, blank=True, editable=False)
    bytes = models.PositiveBigIntegerField(_("size in bytes"), default=0)
    files = models.PositiveIntegerField(_("files"), default=0)

    class Meta:
        verbose_name = _("data export")
        verbose_name_plural = _("data exports")
        constraints = [
            models.UniqueConstraint(
                fields=["user"], name="export_under_way_once", condition=Q(state__in=("waiting", "working"))
            ),
            models.CheckConstraint(
                condition=~Q(state="ready") | (Q(expires_at__isnull=False) & ~Q(key="")), name="export_ready_is_whole"
            ),
        ]
        indexes = [
            models.Index(fields=["user", "-id"], name="export_by_user"),
            models.Index(
                fields=["state"],
                name="export_to_see_to",
                condition=Q(state__in=("waiting", "working", "ready")) | ~Q(key=""),
            ),
        ]

    def __str__(self) -> str:
        return f"{self.requested_at:%Y-%m-%d} {self.state}"

    @property
    def is_under_way(self) -> bool:
        """Whether it is still to come."""
        return self.state in (self.State.WAITING, self.State.WORKING)


class DeletionReceipt(models.Model):
    """That an account was deleted, when, and how much of what went. Once it is told, it names nobody.

    `user` holds it to the account until that is deleted, and is empty ever after. The address that the last mail goes
    to is kept, encrypted, from the end of the account until that mail has left.
    """

    id = models.UUIDField(primary_key=True, default=uuid7, editable=False)
    reference = models.CharField(_("reference"), max_length=20, unique=True)
    user = models.OneToOneField(User, models.PROTECT, null=True, blank=True, related_name="deletion")
    requested_at = models.DateTimeField(_("asked for"), default=timezone.now, editable=False)
    # How much there was of what, written before the first thing goes.
    counts = models.JSONField(_("what was deleted"), default=dict, blank=True)
    begun_at = models.DateTimeField(_("begun"), null=True, blank=True, editable=False)
    finished_at = models.DateTimeField(_("deleted"), null=True, blank=True, editable=False)
    mail_to = models.TextField(blank=True, editable=False)
    language = models.CharField(max_length=10, blank=True, editable=False)
    sending_until = models.DateTimeField(null=True, blank=True, editable=False)
    told_at = models.DateTimeField(_("mail sent"), null=True, blank=True, editable=False)

    class Meta:
        verbose_name = _("deletion receipt")
        verbose_name_plural = _("deletion receipts")
        constraints = [
            models.CheckConstraint(
                condition=Q(finished_at=None, mail_to="") | Q(finished_at__isnull=False, user=None),
                name="receipt_finished_names_nobody",
            ),
            models.CheckConstraint(condition=Q(told_at=None) | Q(mail_to=""), name="receipt_told_keeps_no_address"),
        ]
        indexes = [models.Index(fields=["id"], name="receipt_untold", condition=~Q(mail_to=""))]

    def __str__(self) -> str:
        return self.reference
