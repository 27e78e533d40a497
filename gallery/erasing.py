"""What goes of a deleted company's gallery: everything, rows and files."""

from uuid import UUID

from gallery.binning import PURGE_BATCH, PURGING, purge_claimed
from gallery.models import Asset


def erase_assets(company_id: UUID) -> bool:
    """Delete up to `PURGE_BATCH` assets of a company for good; True once there is none.

    As with the bin: claimed first, then the files go, the rows last, so no file is left that nobody knows of.
    """
    mine = Asset.objects.filter(company=company_id)
    Asset.objects.filter(pk__in=mine.order_by("pk").values("pk")[:PURGE_BATCH]).update(deleted_at=PURGING)
    purge_claimed(PURGE_BATCH, company_id=company_id)
    return not mine.exists()
