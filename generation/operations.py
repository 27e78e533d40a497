"""What operators do with jobs and providers; each act is in the audit log."""

from django.db import transaction
from django.utils.translation import gettext as _

from accounts.models import User
from accounts.services import record_audit
from accounts.viewer import viewer_for
from config.base.refusal import Refusal
from generation import breaker, ending
from generation.models import Job
from generation.services import cancel_job, submit_job
from generation.types import JobRequest


class NotPossible(Refusal):
    """The job is in no state for this."""

    code = "not_possible"
    status = 409


def stop_job(*, job: Job, actor: User, reason: str) -> None:
    """Cancel as its maker could. Raises `TooLateToCancel`."""
    with transaction.atomic():
        cancel_job(job=job)
        _note(job, actor, "job.cancel", reason)


def release_job(*, job: Job, actor: User, reason: str) -> None:
    """End a job that hangs and give everything back, whoever holds it. Raises `NotPossible` when it has ended."""
    with transaction.atomic():
        if not ending.fail(job_id=job.pk, code="released", sentence=reason):
            raise NotPossible(_("The job has ended already; nothing was changed."))
        _note(job, actor, "job.release", reason)


def retry_job(*, job: Job, actor: User, reason: str) -> Job:
    """Submit what a failed or cancelled job asked for once more, for its maker and at today's price; once per job.

    Raises `NotPossible`, and what `submit_job` raises (the maker's credits and limits count as always).
    """
    viewer = viewer_for(job.user, company_id=str(job.company_id))
    inputs = [row.asset for row in job.inputs.select_related("asset").order_by("position")]
    present = tuple(asset for asset in inputs if asset is not None)
    if job.state not in (Job.State.FAILED, Job.State.CANCELLED):
        raise NotPossible(_("Only a job that failed or was cancelled can be made again."))
    if viewer is None or viewer.company.pk != job.company_id or len(present) < len(inputs):
        raise NotPossible(_("Its maker has left the company, or its picture was deleted."))
    request = JobRequest(
        model=job.model,
        prompt=job.prompt,
        params=job.params,
        count=job.count,
        seed=job.outputs.all()[0].seed,
        inputs=present,
    )
    with transaction.atomic():
        again = submit_job(viewer=viewer, request=request, key=f"retry:{job.pk}")
        _note(job, actor, "job.retry", reason)
    return again


def close_breaker(*, provider: str, actor: User) -> None:
    """Let things be sent to a provider again at once."""
    breaker.close(provider)
    record_audit(actor=str(actor), action="breaker.close", target=provider)


def _note(job: Job, actor: User, action: str, reason: str) -> None:
    record_audit(actor=str(actor), action=action, target=str(job.pk), company=job.company, detail={"reason": reason})
