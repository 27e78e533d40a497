"""Writes that people ask for: submit a job, cancel a job."""

import hashlib
import json
import secrets

from django.db import IntegrityError, transaction
from django.utils.translation import gettext as _

from accounts.viewer import Viewer
from billing.models import Plan
from billing.selectors import plan_of
from billing.services import hold_credits
from billing.usage import take_generations
from config.base import realtime
from config.base.ids import uuid7
from generation import ending
from generation.dispatching import dispatch
from generation.models import AIModel, Job, JobInput, JobOutput
from generation.parameters import SEED_LIMIT
from generation.pricing import price_of
from generation.providers import registry
from generation.providers.base import DirectProvider
from generation.refusals import KeyReused, TierLocked, TooLateToCancel
from generation.types import JobRequest


def submit_job(*, viewer: Viewer, request: JobRequest, key: str) -> Job:
    """Take the limits, hold the price and queue the job, in one transaction.

    `key` makes it happen once: the same key with the same request returns the same job, whatever races. Raises
    `KeyReused`, `TierLocked`, `billing.usage.LimitReached`, `billing.services.InsufficientCredits`; each leaves
    nothing changed.
    """
    digest = _digest(request)
    earlier = _earlier(viewer, key, digest)
    if earlier is not None:
        return earlier
    plan = plan_of(viewer.company)
    if request.model.tier not in plan.tiers:
        raise TierLocked(
            _("%(model)s is not part of the %(plan)s plan. Choose another model or another plan.")
            % {"model": request.model.name, "plan": plan.name},
            field="model",
        )
    try:
        with transaction.atomic():
            return _create(viewer, request, plan, key=key, digest=digest)
    except IntegrityError:
        # The same key, submitted at the same moment, won: its job is the answer.
        earlier = _earlier(viewer, key, digest)
        if earlier is None:
            raise
        return earlier


def _earlier(viewer: Viewer, key: str, digest: str) -> Job | None:
    job = Job.objects.visible_to(viewer).filter(key=key).first()
    if job is not None and job.digest != digest:
        raise KeyReused(_("This Idempotency-Key was used for another request. Send a new key."))
    return job


def _digest(request: JobRequest) -> str:
    asked = [
        request.model.slug,
        request.prompt,
        request.params,
        request.count,
        request.seed,
        [str(asset.pk) for asset in request.inputs],
    ]
    return hashlib.sha256(json.dumps(asked, sort_keys=True).encode()).hexdigest()


def _create(viewer: Viewer, request: JobRequest, plan: Plan, *, key: str, digest: str) -> Job:
    job_id = uuid7()
    day = take_generations(company=viewer.company, count=request.count, plan=plan)
    hold = hold_credits(
        company=viewer.company,
        amount=price_of(request.model, request.count),
        key=f"job:{job_id}",
        cause=request.prompt[:200] or request.model.name,
    )
    job = Job.objects.create(
        id=job_id,
        company=viewer.company,
        user=viewer.user,
        model=request.model,
        task=request.model.task,
        prompt=request.prompt,
        params=request.params,
        count=request.count,
        credits=hold.amount,
        day=day,
        key=key,
        digest=digest,
        queue=_queue(request.model, plan),
    )
    seed = secrets.randbelow(SEED_LIMIT) if request.seed is None else request.seed
    JobOutput.objects.bulk_create(
        JobOutput(job=job, index=index, seed=(seed + index) % SEED_LIMIT) for index in range(request.count)
    )
    JobInput.objects.bulk_create(
        JobInput(job=job, asset=asset, position=position) for position, asset in enumerate(request.inputs)
    )
    transaction.on_commit(lambda: dispatch(company_id=viewer.company.pk), robust=True)
    realtime.publish(company_id=viewer.company.pk, name="job", ids={"id": str(job.pk)})
    return job


def _queue(model: AIModel, plan: Plan) -> str:
    """Where its messages go: whoever answers in one go holds a thread, so has threads of its own."""
    if isinstance(registry.provider(model.provider), DirectProvider):
        return "blocking"
    return "priority" if plan.has_priority_queue else "default"


def cancel_job(*, job: Job) -> None:
    """End a waiting job at once; ask a running one to stop. Raises `TooLateToCancel`.

    Asking twice is asking once. The credits come back when the job has ended.
    """
    if ending.cancel_waiting(job_id=job.pk):
        return
    if not ending.request_cancel(job_id=job.pk):
        raise TooLateToCancel(_("The job has ended or is being stored already; nothing was cancelled."))
