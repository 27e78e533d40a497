"""What is kept: pictures, videos and meshes that people uploaded or made."""

from typing import ClassVar

from django.contrib.postgres.fields import ArrayField
from django.contrib.postgres.indexes import GinIndex
from django.db import models
from django.db.models import Q
from django.utils import timezone
from django.utils.translation import gettext_lazy as _

from accounts.models import Company, User
from config.base.ids import uuid7
from gallery.querysets import AssetQuerySet


class Asset(models.Model):
    """One thing that a company keeps, with everything that people look at: the gallery needs nothing of jobs."""

    class Kind(models.TextChoices):
        IMAGE = "image", _("picture")
        VIDEO = "video", _("video")
        MESH = "mesh", _("3D model")
        # Where a picture may change: kept with its job for a while, shown nowhere.
        MASK = "mask", _("mask")

    class Origin(models.TextChoices):
        UPLOAD = "upload", _("uploaded")
        MADE = "made", _("made")

    id = models.UUIDField(primary_key=True, default=uuid7, editable=False)
    company = models.ForeignKey(Company, models.PROTECT, related_name="assets")
    user = models.ForeignKey(User, models.PROTECT, related_name="assets")
    kind = models.CharField(_("kind"), max_length=10, choices=Kind, default=Kind.IMAGE)
    origin = models.CharField(_("origin"), max_length=10, choices=Origin)
    original_name = models.CharField(_("file name"), max_length=200, blank=True)
    mime = models.CharField(_("type"), max_length=60)
    bytes = models.PositiveBigIntegerField(_("size in bytes"))
    width = models.PositiveIntegerField(_("width"))
    height = models.PositiveIntegerField(_("height"))
    # Of a video; and the triangles of a mesh. A mesh's width and height are those of its poster.
    seconds = models.FloatField(_("seconds"), null=True, blank=True)
    faces = models.PositiveIntegerField(_("faces"), null=True, blank=True)
    sha256 = models.CharField(max_length=64)
    thumbhash = models.CharField(max_length=60, blank=True)
    prompt = models.TextField(_("prompt"), blank=True)
    task = models.CharField(_("task"), max_length=30, blank=True)
    model_name = models.CharField(_("model"), max_length=120, blank=True)
    params = models.JSONField(_("parameters"), default=dict, blank=True)
    seed = models.BigIntegerField(_("seed"), null=True, blank=True)
    credits = models.PositiveIntegerField(_("credits"), default=0)
    elapsed_ms = models.PositiveIntegerField(_("time in ms"), null=True, blank=True)
    # What it was made from: ids, not foreign keys, because a parent may be deleted for good before its children.
    parents = ArrayField(models.UUIDField(), verbose_name=_("made from"), default=list, blank=True)
    created_at = models.DateTimeField(_("made"), default=timezone.now, editable=False)
    deleted_at = models.DateTimeField(_("in the bin since"), null=True, blank=True)
    # When it goes for good by itself; of masks.
    expires_at = models.DateTimeField(_("expires"), null=True, blank=True)

    objects: ClassVar[AssetQuerySet] = AssetQuerySet.as_manager()  # type: ignore[assignment]

    class Meta:
        verbose_name = _("asset")
        verbose_name_plural = _("assets")
        indexes = [
            models.Index(fields=["company", "-id"], name="asset_gallery", condition=Q(deleted_at=None)),
            models.Index(fields=["company", "kind", "-id"], name="asset_kinds", condition=Q(deleted_at=None)),
            models.Index(fields=["company", "-deleted_at"], name="asset_bin", condition=Q(deleted_at__isnull=False)),
            models.Index(fields=["deleted_at"], name="asset_expired", condition=Q(deleted_at__isnull=False)),
            models.Index(fields=["expires_at"], name="asset_temporary", condition=Q(expires_at__isnull=False)),
            # What was made from this: read on every asset page.
            GinIndex(fields=["parents"], name="asset_children", fastupdate=False),
        ]

    def __str__(self) -> str:
        return self.prompt[:60] or self.original_name or str(self.pk)


class AssetRendition(models.Model):
    """One file of an asset: the original, its marked copy, a thumbnail or the manifest of either."""

    id = models.UUIDField(primary_key=True, default=uuid7, editable=False)
    asset = models.ForeignKey(Asset, models.CASCADE, related_name="renditions")
    name = models.CharField(_("name"), max_length=20)
    key = models.CharField(_("storage key"), max_length=200, unique=True)
    mime = models.CharField(_("type"), max_length=60)
    bytes = models.PositiveBigIntegerField(_("size in bytes"))
    width = models.PositiveIntegerField(_("width"))
    height = models.PositiveIntegerField(_("height"))

    class Meta:
        verbose_name = _("rendition")
        verbose_name_plural = _("renditions")
        constraints = [models.UniqueConstraint(fields=["asset", "name"], name="rendition_once")]

    def __str__(self) -> str:
        return f"{self.asset_id}/{self.name}"
