"""The bin: what is put there, what comes back, what goes for good."""

from collections.abc import Iterable
from datetime import UTC, datetime
from uuid import UUID

from django.conf import settings
from django.db import transaction
from django.http import Http404
from django.utils import timezone

from accounts.models import User
from accounts.services import record_audit
from accounts.viewer import Viewer
from config.base.realtime import publish
from gallery import files
from gallery.keeping import forget
from gallery.models import Asset

# `deleted_at` of what is being deleted for good: long before any moment from which something may still be restored.
PURGING = datetime(1970, 1, 1, tzinfo=UTC)
# How many assets one call deletes: the clock calls again.
PURGE_BATCH = 200


def bin_assets(*, viewer: Viewer, ids: Iterable[UUID]) -> int:
    """Put assets into the bin and return how many were not there before.

    All must be the viewer's to change, else `Http404` and nothing moves.
    """
    wanted = _owned(viewer, ids)
    with transaction.atomic():
        moved = Asset.objects.editable_by(viewer).kept().filter(pk__in=wanted).update(deleted_at=timezone.now())
        if moved:
            _tell(viewer.company.pk, wanted)
    return moved


def restore_assets(*, viewer: Viewer, ids: Iterable[UUID]) -> int:
    """Take assets out of the bin and return how many came back; what was there too long does not.

    All must be the viewer's to change, else `Http404` and nothing moves.
    """
    wanted = _owned(viewer, ids)
    with transaction.atomic():
        restored = Asset.objects.editable_by(viewer).restorable().filter(pk__in=wanted).update(deleted_at=None)
        if restored:
            _tell(viewer.company.pk, wanted)
    return restored


def moderate_assets(*, ids: Iterable[UUID], operator: User, is_binned: bool) -> int:
    """Put assets of any company into the bin, or take them out, by an operator; each is written into the audit."""
    wanted = Asset.objects.kept() if is_binned else Asset.objects.restorable()
    deleted_at = timezone.now() if is_binned else None
    moved = 0
    with transaction.atomic():
        for asset in wanted.filter(pk__in=set(ids)).select_related("company").order_by("pk"):
            if not wanted.filter(pk=asset.pk).update(deleted_at=deleted_at):
                continue
            action = "asset.bin" if is_binned else "asset.restore"
            record_audit(actor=operator.email, action=action, target=str(asset.pk), company=asset.company)
            _tell(asset.company_id, [asset.pk])
            moved += 1
    return moved


def purge_binned(*, before: datetime, limit: int = PURGE_BATCH) -> int:
    """Delete for good, rows and files, up to `limit` assets put into the bin before `before`; return how many.

    First they are claimed by one conditional UPDATE, after which nobody can restore them; then their files go, their
    rows last. So a crash in between leaves rows that the next call finds again, and no file that nobody knows of.
    """
    due = Asset.objects.filter(deleted_at__lt=before).order_by("deleted_at").values("pk")[:limit]
    Asset.objects.filter(pk__in=due, deleted_at__lt=before).update(deleted_at=PURGING)
    return purge_claimed(limit)


def purge_temporary(*, now: datetime, limit: int = PURGE_BATCH) -> int:
    """Delete for good, rows and files, up to `limit` assets whose time is over at `now` (masks); return how many."""
    due = Asset.objects.filter(expires_at__lte=now).order_by("expires_at").values("pk")[:limit]
    Asset.objects.filter(pk__in=due, expires_at__lte=now).update(deleted_at=PURGING)
    return purge_claimed(limit)


def purge_expired() -> int:
    """What the clock does: what lay in the bin for `settings.BIN_LIFETIME`, and masks whose time is over, go for good.

    Returns how many went.
    """
    now = timezone.now()
    return purge_binned(before=now - settings.BIN_LIFETIME) + purge_temporary(now=now)


def purge_claimed(limit: int, *, company_id: UUID | None = None) -> int:
    """Delete up to `limit` assets that were claimed, of one company or of any; return how many."""
    due = Asset.objects.filter(deleted_at=PURGING)
    if company_id is not None:
        due = due.filter(company=company_id)
    claimed = list(due.prefetch_related("renditions").order_by("pk")[:limit])
    for asset in claimed:
        for place in {rendition.key.rpartition("/")[0] for rendition in asset.renditions.all()}:
            files.remove_folder(place)
    forget(asset.pk for asset in claimed)
    return len(claimed)


def _owned(viewer: Viewer, ids: Iterable[UUID]) -> set[UUID]:
    wanted = set(ids)
    if Asset.objects.editable_by(viewer).shown().filter(pk__in=wanted).count() != len(wanted):
        raise Http404
    return wanted


def _tell(company_id: UUID, ids: Iterable[UUID]) -> None:
    for asset_id in ids:
        publish(company_id=company_id, name="asset", ids={"id": str(asset_id)})
