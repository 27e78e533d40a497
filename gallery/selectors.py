"""Reads of the gallery, each a page or less, whatever the size of the gallery: walked by key, never by offset."""

from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from django.db.models import Q

from accounts.viewer import Viewer
from gallery.models import Asset

PAGE_SIZE = 48
LINEAGE_SIZE = 12


@dataclass(frozen=True, slots=True)
class AssetPage:
    """Some assets, newest first, and whether there are older ones."""

    assets: list[Asset]
    has_older: bool


@dataclass(frozen=True, slots=True)
class Neighbours:
    """The assets beside one in the gallery."""

    newer: Asset | None
    older: Asset | None


def gallery_page(viewer: Viewer, *, before: UUID | None = None, after: UUID | None = None, kind: str = "") -> AssetPage:
    """Kept assets: the newest, those older than `before`, or the ones that came since `after`; of one `kind` or of all.

    A key in the middle of the list stays a place in it when assets come or go, even when its own asset goes.
    """
    rows = Asset.objects.visible_to(viewer).kept().shown().with_files().order_by("-id")
    if kind:
        rows = rows.filter(kind=kind)
    if before:
        rows = rows.filter(pk__lt=before)
    if after:
        rows = rows.filter(pk__gt=after)
    return _cut(list(rows[: PAGE_SIZE + 1]))


def has_other_kinds(viewer: Viewer) -> bool:
    """Whether the gallery holds anything but pictures."""
    return Asset.objects.visible_to(viewer).kept().filter(kind__in=(Asset.Kind.VIDEO, Asset.Kind.MESH)).exists()


def bin_page(viewer: Viewer, *, before: tuple[datetime, UUID] | None = None) -> AssetPage:
    """What may be restored, last deleted first, from after the place `before` (time of deletion, key)."""
    rows = Asset.objects.visible_to(viewer).restorable().shown().with_files().order_by("-deleted_at", "-id")
    if before:
        moment, key = before
        rows = rows.filter(Q(deleted_at__lt=moment) | Q(deleted_at=moment, pk__lt=key))
    return _cut(list(rows[: PAGE_SIZE + 1]))


def neighbours_of(asset: Asset, viewer: Viewer) -> Neighbours:
    """The next newer and the next older asset of the gallery; none for what is in the bin."""
    if asset.deleted_at:
        return Neighbours(newer=None, older=None)
    rows = Asset.objects.visible_to(viewer).kept().shown().only("pk")
    return Neighbours(
        newer=rows.filter(pk__gt=asset.pk).order_by("id").first(),
        older=rows.filter(pk__lt=asset.pk).order_by("-id").first(),
    )


def parents_of(asset: Asset, viewer: Viewer) -> list[Asset]:
    """What an asset was made from, as far as it is still kept, in the order in which it was used."""
    if not asset.parents:
        return []
    found = Asset.objects.visible_to(viewer).kept().shown().with_files().in_bulk(asset.parents)
    return [found[key] for key in dict.fromkeys(asset.parents) if key in found]


def children_of(asset: Asset, viewer: Viewer) -> list[Asset]:
    """The newest assets that were made from this one."""
    rows = Asset.objects.visible_to(viewer).kept().shown().with_files().filter(parents__contains=[asset.pk])
    return list(rows.order_by("-id")[:LINEAGE_SIZE])


def _cut(rows: list[Asset]) -> AssetPage:
    return AssetPage(assets=rows[:PAGE_SIZE], has_older=len(rows) > PAGE_SIZE)


def made_by(user_id: UUID) -> int:
    """How many pictures, videos and meshes a person has made, those in the bin included. One query."""
    return Asset.objects.filter(user_id=user_id, origin=Asset.Origin.MADE).count()
