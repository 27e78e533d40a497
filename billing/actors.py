"""What Dramatiq calls for billing. Retries belong to the database, so no message is retried by the queue."""

from uuid import UUID

import dramatiq

from billing import notice_mail
from billing.notices import SEND_NOTICE


@dramatiq.actor(actor_name=SEND_NOTICE, max_retries=0, time_limit=120_000)
def send_notice(notice_id: str) -> None:
    """Send one mail about money."""
    notice_mail.send_notice(notice_id=UUID(notice_id))
