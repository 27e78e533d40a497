"""What Dramatiq calls for billing. Retries belong to the database, so no message is retried by the queue."""

from uuid import UUID

import dramatiq

from billing import notice_mail
from billing.notices import SEND_NOTICE
from billing.stripe import reconcile, webhooks


@dramatiq.actor(actor_name=SEND_NOTICE, max_retries=0, time_limit=120_000)
def send_notice(notice_id: str) -> None:
    """Send one mail about money."""
    notice_mail.send_notice(notice_id=UUID(notice_id))


@dramatiq.actor(actor_name=webhooks.APPLY_EVENT, max_retries=0, time_limit=120_000)
def apply_stripe_event(event_id: str) -> None:
    """Bring our rows in line with what an event is about."""
    webhooks.apply_event(event_id)


@dramatiq.actor(actor_name=webhooks.MIRROR_EVENT, queue_name="bulk", max_retries=0, time_limit=120_000)
def mirror_stripe_event(event_id: str) -> None:
    """Let dj-stripe keep its copy."""
    webhooks.mirror_event(event_id)


@dramatiq.actor(actor_name="billing.reconcile_stripe", queue_name="bulk", max_retries=0, time_limit=2 * 3_600_000)
def reconcile_stripe() -> None:
    """Mend what a lost webhook left."""
    reconcile.reconcile()


def reconcile_when_due() -> None:
    """Have a worker reconcile once a day, however many clocks ask."""
    if reconcile.is_due():
        reconcile_stripe.send()
