"""What Stripe tells us: taken in, checked, stored; an actor does what follows, the clock what an actor did not.

Endpoints are dj-stripe's rows. Its own view would ask Stripe for everything while Stripe waits, inside a transaction,
and keep what strangers post; ours verifies the signature first, stores the event, and has a worker ask Stripe for the
object that it is about. dj-stripe's mirror is filled after that, and a fault of its stops no money.
"""

import json
import logging
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import NAMESPACE_URL, UUID, uuid5

import dramatiq
import stripe
from django.conf import settings
from django.db.models import F
from django.http import HttpRequest, HttpResponse, HttpResponseBadRequest
from django.shortcuts import get_object_or_404
from django.urls import reverse
from django.utils import timezone
from django.views.decorators.csrf import csrf_exempt
from django.views.decorators.http import require_POST
from djstripe.models import Event, WebhookEndpoint
from redis.exceptions import RedisError

from billing.models import StripeEvent
from billing.stripe.applying import apply_object
from billing.stripe.client import is_configured
from config.base.crypto import Undecryptable, decrypt
from config.base.rotation import Rotation, renewed, rotate_rows

APPLY_EVENT = "billing.apply_stripe_event"
MIRROR_EVENT = "billing.mirror_stripe_event"
# The endpoint of STRIPE_WEBHOOK_SECRET: its address is the same everywhere.
CONFIGURED = uuid5(NAMESPACE_URL, "darkroom:stripe-webhook")
# How long whoever claimed an event may take; then somebody else tries.
LEASE = timedelta(seconds=60)
LONGEST_PAUSE = timedelta(hours=1)
MOST_ATTEMPTS = 30
# How long what was applied is kept to look at.
KEPT = timedelta(days=90)
EVENTS = [
    "checkout.session.completed",
    "checkout.session.async_payment_succeeded",
    "checkout.session.async_payment_failed",
    "checkout.session.expired",
    "customer.deleted",
    "customer.subscription.created",
    "customer.subscription.updated",
    "customer.subscription.deleted",
    "customer.subscription.paused",
    "customer.subscription.resumed",
    "subscription_schedule.updated",
    "subscription_schedule.released",
    "subscription_schedule.canceled",
    "invoice.finalized",
    "invoice.paid",
    "invoice.payment_failed",
    "invoice.voided",
    "invoice.marked_uncollectible",
    "charge.refunded",
    "charge.dispute.created",
    "charge.dispute.updated",
    "charge.dispute.closed",
    "charge.dispute.funds_withdrawn",
    "charge.dispute.funds_reinstated",
    "refund.created",
    "refund.updated",
    "refund.failed",
]

logger = logging.getLogger(__name__)


@csrf_exempt
@require_POST
def stripe_webhook(request: HttpRequest, uuid: UUID = CONFIGURED) -> HttpResponse:
    """Store an event that is signed as it should be, and have it applied: 200.

    400 for one that is not, and nothing is stored; 404 for an endpoint that is not ours; 503 without a secret to check
    it by, so that Stripe sends it again.
    """
    endpoint = get_object_or_404(WebhookEndpoint, djstripe_uuid=uuid, status="enabled")
    secret = secret_of(endpoint)
    if not secret:
        logger.error("The secret of Stripe's webhook %s is not known. Run `sync_stripe`.", uuid)
        return HttpResponse(status=503)
    signature = request.headers.get("Stripe-Signature", "")
    try:
        text = request.body.decode()
        stripe.WebhookSignature.verify_header(text, signature, secret, stripe.Webhook.DEFAULT_TOLERANCE)
        event = _read(json.loads(text))
    except (stripe.SignatureVerificationError, ValueError, KeyError, TypeError):
        return HttpResponseBadRequest()
    StripeEvent.objects.bulk_create([event], ignore_conflicts=True)
    ask_to_apply(event.pk)
    return HttpResponse()


def _read(body: dict[str, Any]) -> StripeEvent:
    about = body["data"]["object"]
    return StripeEvent(
        pk=body["id"],
        type=body["type"],
        object_type=about["object"],
        # What is upcoming has no id yet.
        object_id=about.get("id") or "",
        body=body,
        happened_at=datetime.fromtimestamp(body["created"], UTC),
    )


def ask_to_apply(event_id: str) -> None:
    """Ask a worker to apply an event. A queue that is down is not an error: the clock asks again."""
    _send(APPLY_EVENT, event_id, queue="default")


def _send(actor: str, event_id: str, *, queue: str) -> None:
    message: dramatiq.Message[None] = dramatiq.Message(
        queue_name=queue, actor_name=actor, args=(event_id,), kwargs={}, options={}
    )
    try:
        dramatiq.get_broker().enqueue(message)
    except (dramatiq.BrokerConnectionError, RedisError) as error:
        logger.warning("event %s not sent, the clock will: %s", event_id, error)


def apply_event(event_id: str) -> bool:
    """Bring our rows in line with what an event is about. False: somebody else does, or did, or it failed.

    A failure is written down with the event, which is tried again later, ever more rarely.
    """
    now = timezone.now()
    waiting = StripeEvent.objects.filter(pk=event_id, applied_at=None)
    if not waiting.filter(next_attempt_at__lte=now).update(attempts=F("attempts") + 1, next_attempt_at=now + LEASE):
        return False
    event = StripeEvent.objects.get(pk=event_id)
    try:
        if event.object_id:
            apply_object(event.object_type, event.object_id)
    except Exception as error:
        # Whatever it was: the event says so to the operator, and is tried again.
        logger.exception("Event %s (%s) could not be applied.", event_id, event.type)
        pause = min(timedelta(seconds=5 * 2 ** min(event.attempts, 12)), LONGEST_PAUSE)
        waiting.update(
            error=f"{type(error).__name__}: {error}"[:500],
            next_attempt_at=None if event.attempts >= MOST_ATTEMPTS else timezone.now() + pause,
        )
        return False
    waiting.update(applied_at=timezone.now(), next_attempt_at=None, error="")
    _send(MIRROR_EVENT, event_id, queue="bulk")
    return True


def mirror_event(event_id: str) -> None:
    """Let dj-stripe mirror what an event is about, for operators to look at."""
    event = StripeEvent.objects.filter(pk=event_id).first()
    if event is None or not is_configured():
        return
    try:
        Event.process(event.body, api_key=settings.STRIPE_SECRET_KEY)
    except Exception:
        # A copy for reading; what counts was done before.
        logger.warning("Event %s was not mirrored.", event_id, exc_info=True)


def send_due() -> int:
    """What the clock does: ask again for events that nobody applied; returns how many."""
    due = StripeEvent.objects.filter(applied_at=None, next_attempt_at__lte=timezone.now()).order_by("next_attempt_at")
    events = list(due.values_list("pk", flat=True)[:200])
    for event_id in events:
        ask_to_apply(event_id)
    return len(events)


def try_given_up() -> int:
    """Give events that were given up one more attempt: what was wrong may have been mended; returns how many."""
    given_up = StripeEvent.objects.filter(applied_at=None, next_attempt_at=None)
    return given_up.update(next_attempt_at=timezone.now(), attempts=MOST_ATTEMPTS - 1)


def forget_old_events() -> int:
    """What the clock does: let events go that were applied long ago; returns how many."""
    old = StripeEvent.objects.filter(applied_at__isnull=False, received_at__lt=timezone.now() - KEPT)
    return old.delete()[0]


def webhook_address(endpoint: UUID = CONFIGURED) -> str:
    """The address that Stripe is to tell."""
    return f"{settings.PUBLIC_URL}{reverse('stripe-webhook', args=[endpoint])}"


def secret_of(endpoint: WebhookEndpoint) -> str:
    """What an endpoint's events are signed with; empty when the secrets that are set do not decrypt it (any more)."""
    if endpoint.djstripe_uuid == CONFIGURED:
        return settings.STRIPE_WEBHOOK_SECRET
    try:
        return decrypt(endpoint.secret)
    except Undecryptable:
        return ""


def rotate_endpoint_secrets() -> Rotation:
    """Encrypt them anew."""
    every = WebhookEndpoint.objects.exclude(djstripe_uuid=CONFIGURED)
    return rotate_rows(
        "secret of Stripe's webhook",
        list(every.values_list("pk", flat=True)),
        read=lambda key: every.filter(pk=key).values_list("secret", flat=True).first(),
        renew=renewed,
        write=lambda key, before, after: every.filter(pk=key, secret=before).update(secret=after),
    )


def seed_endpoint() -> str:
    """Make, or mend, the endpoint of STRIPE_WEBHOOK_SECRET; without it there is none."""
    if not settings.STRIPE_WEBHOOK_SECRET:
        WebhookEndpoint.objects.filter(djstripe_uuid=CONFIGURED).delete()
        return ""
    WebhookEndpoint.objects.update_or_create(
        djstripe_uuid=CONFIGURED,
        defaults={
            "id": "we_configured",
            "livemode": settings.STRIPE_LIVE_MODE,
            "url": webhook_address(),
            "secret": "",
            "enabled_events": ["*"],
            "status": "enabled",
        },
    )
    return f"Stripe's webhook: {webhook_address()}"
