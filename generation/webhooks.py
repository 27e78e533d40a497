"""Providers that tell by themselves when they are done: `/hooks/<provider>/<job>/<token>`.

A delivery is a hint to look, no more: its signature is checked, it is noted once, its body is never believed.
"""

from datetime import timedelta
from uuid import UUID

from django.conf import settings
from django.db import IntegrityError, transaction
from django.db.models import F
from django.db.models.functions import Greatest
from django.http import Http404, HttpRequest, HttpResponse
from django.urls import reverse
from django.utils import timezone
from django.utils.crypto import constant_time_compare, salted_hmac
from django.views.decorators.csrf import csrf_exempt
from django.views.decorators.http import require_POST

from generation import queue
from generation.models import Job, WebhookReceipt
from generation.providers import registry
from generation.providers.base import BadSignature, QueuedProvider, Retryable, Submitted, WebhookEvent
from generation.references import keep_reference

BODY_LIMIT = 1024 * 1024
# How long a look that a delivery asked for may stand in line.
LINE = timedelta(minutes=10)


def address_of(job: Job) -> str:
    """Where the provider may tell about a job; "" where it cannot reach us. The token keeps strangers from guessing."""
    if not settings.PROVIDER_WEBHOOKS:
        return ""
    path = reverse("provider-webhook", args=[job.model.provider, job.pk, _token(job.pk)])
    return f"{settings.PUBLIC_URL}{path}"


def _token(job_id: UUID) -> str:
    return salted_hmac("generation.webhooks", str(job_id), algorithm="sha256").hexdigest()[:32]


@csrf_exempt
@require_POST
def receive(request: HttpRequest, provider_name: str, job_id: UUID, token: str) -> HttpResponse:
    """Check the signature, note the delivery once, ask for a look. 404 for addresses that we did not give out."""
    provider = registry.provider(provider_name) if provider_name in registry.names() else None
    if not isinstance(provider, QueuedProvider) or not constant_time_compare(token, _token(job_id)):
        raise Http404
    if int(request.headers.get("Content-Length") or 0) > BODY_LIMIT:
        return HttpResponse(status=413)
    try:
        event = provider.verify_webhook(request.headers, request.body)
    except Retryable:
        # The keys to check it with cannot be had now; the provider delivers again, and the clock looks anyway.
        return HttpResponse(status=503)
    except BadSignature:
        return HttpResponse("The signature is wrong or too old.", status=403, content_type="text/plain")
    job = Job.objects.select_related("model").filter(pk=job_id, model__provider=provider_name).first()
    if job is None:
        raise Http404
    if _note(job, event):
        _adopt(job, event)
        # Due at once: a look that is under way and began too early must not put the next one off. What the provider has
        # made in time is not given up because our own workers have a long line before them.
        now = timezone.now()
        running = Job.objects.filter(pk=job_id, state=Job.State.RUNNING)
        if running.update(next_poll_at=now, deadline=Greatest(F("deadline"), now + LINE)):
            queue.send_check([(job_id, job.queue)])
    return HttpResponse(status=200)


def _note(job: Job, event: WebhookEvent) -> bool:
    """Write the delivery down; False when it was there."""
    try:
        with transaction.atomic():
            WebhookReceipt.objects.create(provider=job.model.provider, delivery_id=event.delivery_id, job=job)
    except IntegrityError:
        return False
    return True


def _adopt(job: Job, event: WebhookEvent) -> None:
    """A submit whose outcome nobody knew is known now: the address of the delivery names the job."""
    if job.state in (Job.State.UNKNOWN, Job.State.SUBMITTING):
        submitted = Submitted(external_id=event.external_id, reference={"endpoint": job.model.endpoint})
        keep_reference(job_id=job.pk, attempt=job.attempts, submitted=submitted)
