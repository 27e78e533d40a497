"""What Dramatiq calls for accounts: work that takes longer than a request or the clock may."""

from uuid import UUID

import dramatiq

from accounts import deletion_receipts, export_making, exports


@dramatiq.actor(actor_name=exports.MAKE_EXPORT, queue_name=exports.QUEUE, max_retries=0, time_limit=6 * 3_600_000)
def make_export(export_id: str) -> None:
    """Make the copy of a person's data, or send the mail about it."""
    export_making.make_export(export_id=UUID(export_id))


@dramatiq.actor(actor_name=deletion_receipts.TELL, queue_name=deletion_receipts.QUEUE, max_retries=0, time_limit=60_000)
def tell_deleted(receipt_id: str) -> None:
    """Send the last mail to somebody whose account is deleted."""
    deletion_receipts.tell_deleted(receipt_id=UUID(receipt_id))
