"""Writes that people ask for: submit a job, cancel a job."""

import hashlib
import json
import secrets

from django.db import IntegrityError, transaction
from django.utils import timezone
from django.utils.translation import gettext as _

from accounts.seats import SeatFrozen
from accounts.viewer import Viewer
from billing.caps import take_caps
from billing.models import Plan
from billing.selectors import plan_of
from billing.services import hold_credits, settle_hold
from billing.storage import refuse_when_full
from billing.usage import take_generations
from config.base import realtime
from generation import ending, queue
from generation.dispatching import dispatch
from generation.models import Job, JobInput, JobOutput
from generation.parameters import SEED_LIMIT
from generation.pricing import cost_of, price_of
from generation.prompting import presets
from generation.prompting.history import note_use
from generation.refusals import KeyReused, TierLocked, TooLateToCancel
from generation.requests import EXACT_TASKS
from generation.selectors import repeatable
from generation.types import JobRequest


def submit_job(*, viewer: Viewer, request: JobRequest, key: str, is_probe: bool = False) -> Job:
    """Take the limits, hold the price and queue the job, in one transaction.

    `key` makes it happen once: the same key with the same request returns the same job, whatever races. What the
    company has made before from the same request and seed is not made again: the job is done at once, at no charge.
    A probe is an operator's own try: free, and no plan limits it. Raises `KeyReused`, `SeatFrozen`, `TierLocked`,
    `billing.usage.LimitReached`, `billing.storage.StorageFull`, `billing.caps.CapReached`,
    `billing.services.InsufficientCredits`; each leaves nothing changed.
    """
    digest = _digest(request)
    earlier = _earlier(viewer, key, digest)
    if earlier is not None:
        return earlier
    if not viewer.has_seat:
        raise SeatFrozen(viewer.company)
    plan = plan_of(viewer.company)
    if request.model.tier not in plan.tiers and not is_probe:
        raise TierLocked(
            _("%(model)s is not part of the %(plan)s plan. Choose another model or another plan.")
            % {"model": request.model.name, "plan": plan.name},
            field="model",
        )
    try:
        with transaction.atomic():
            return _create(viewer, request, plan, key=key, digest=digest, is_probe=is_probe)
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
        str(request.mask.pk) if request.mask else "",
        request.preset.slug if request.preset else "",
    ]
    return _sha256(asked)


def _sha256(value: object) -> str:
    return hashlib.sha256(json.dumps(value, sort_keys=True).encode()).hexdigest()


def _create(viewer: Viewer, request: JobRequest, plan: Plan, *, key: str, digest: str, is_probe: bool) -> Job:
    seed = secrets.randbelow(SEED_LIMIT) if request.seed is None else request.seed
    source = request.inputs[0] if request.inputs else None
    job = Job(
        company=viewer.company,
        user=viewer.user,
        api_key=viewer.api_key,
        model=request.model,
        task=request.model.task,
        prompt=request.prompt,
        preset=request.preset,
        wording=presets.wording_of(request.preset, request.prompt) if request.preset else request.prompt,
        params=request.params,
        count=request.count,
        unit_cost=cost_of(request.model, params=request.params, source=source),
        key=key,
        digest=digest,
        queue=queue.queue_of(request.model, plan),
        is_probe=is_probe,
    )
    job.recipe = _recipe(job, request, seed)
    job.repeats = None if is_probe else repeatable(job)
    is_free = is_probe or job.repeats is not None
    if not is_free:
        refuse_when_full(company=viewer.company, plan=plan)
        job.day = take_generations(company=viewer.company, count=request.count, plan=plan)
    price = 0 if is_free else price_of(request.model, request.count, params=request.params, source=source)
    take_caps(viewer=viewer, amount=price, at=job.created_at)
    cause = request.prompt[:200] or request.model.name
    job.credits = hold_credits(company=viewer.company, amount=price, key=job.hold_key, cause=cause).amount
    if request.prompt:
        note_use(viewer=viewer, prompt=request.prompt)
    if job.repeats is not None:
        return _answer_at_once(job, request)
    job.save(force_insert=True)
    JobOutput.objects.bulk_create(
        JobOutput(job=job, index=index, seed=(seed + index) % SEED_LIMIT) for index in range(request.count)
    )
    _keep_inputs(job, request)
    transaction.on_commit(lambda: dispatch(company_id=viewer.company.pk), robust=True)
    realtime.publish(company_id=viewer.company.pk, name="job", ids={"id": str(job.pk)})
    return job


def _recipe(job: Job, request: JobRequest, seed: int) -> str:
    """What makes the same outputs again, whoever asks; of pictures their content counts, not which row they are."""
    # Where the result depends on the picture alone the seed is no ingredient.
    seed = 0 if job.task in EXACT_TASKS else seed
    pictures = [asset.sha256 for asset in request.inputs] + ([request.mask.sha256] if request.mask else [])
    return _sha256([request.model.slug, job.wording, request.params, request.count, seed, pictures])


def _answer_at_once(job: Job, request: JobRequest) -> Job:
    """Write a job that is done already, because its outputs lie in the gallery."""
    now = timezone.now()
    job.state, job.progress = Job.State.SUCCEEDED, 100
    job.started_at = job.finished_at = now
    job.save(force_insert=True)
    _keep_inputs(job, request)
    settle_hold(key=job.hold_key, amount=0)
    realtime.publish(company_id=job.company_id, name="job", ids={"id": str(job.pk)})
    return job


def _keep_inputs(job: Job, request: JobRequest) -> None:
    rows = [JobInput(job=job, asset=asset, position=position) for position, asset in enumerate(request.inputs)]
    if request.mask is not None:
        rows.append(JobInput(job=job, asset=request.mask, role="mask"))
    JobInput.objects.bulk_create(rows)


def cancel_job(*, job: Job) -> None:
    """End a waiting job at once; ask a running one to stop. Raises `TooLateToCancel`.

    Asking twice is asking once. The credits come back when the job has ended.
    """
    if ending.cancel_waiting(job_id=job.pk):
        return
    if not ending.request_cancel(job_id=job.pk):
        raise TooLateToCancel(_("The job has ended or is being stored already; nothing was cancelled."))
