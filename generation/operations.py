"""What operators do with jobs and providers; each act is in the audit log."""

import io
from uuid import uuid4

from django.core.files.uploadedfile import SimpleUploadedFile
from django.db import transaction
from django.utils.translation import gettext as _
from PIL import Image, ImageDraw

from accounts.models import User
from accounts.services import record_audit
from accounts.viewer import viewer_for
from config.base.refusal import Refusal
from gallery.services import upload_mask, upload_picture
from generation import alerts, breaker, ending
from generation.models import AIModel, Job
from generation.parameters import complete, properties
from generation.requests import inputs_needed, needs_mask, prompt_use
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
    rows = list(job.inputs.select_related("asset").order_by("position"))
    present = tuple(row.asset for row in rows if row.asset is not None)
    if job.state not in (Job.State.FAILED, Job.State.CANCELLED):
        raise NotPossible(_("Only a job that failed or was cancelled can be made again."))
    if viewer is None or viewer.company.pk != job.company_id or len(present) < len(rows):
        raise NotPossible(_("Its maker has left the company, or its picture was deleted."))
    request = JobRequest(
        model=job.model,
        prompt=job.prompt,
        params=job.params,
        count=job.count,
        seed=job.made_outputs[0].seed,
        inputs=tuple(row.asset for row in rows if row.asset is not None and row.role == "image"),
        mask=next((row.asset for row in rows if row.role == "mask"), None),
        preset=job.preset,
    )
    with transaction.atomic():
        again = submit_job(viewer=viewer, request=request, key=f"retry:{job.pk}")
        _note(job, actor, "job.retry", reason)
    return again


def probe_model(*, model: AIModel, actor: User) -> Job:
    """Make one output with a model now, for the operator: free, and also of a model that is switched off.

    What a task works from is a drawing of ours, put into the operator's gallery. Raises `NotPossible` for an operator
    without a company, and what an upload raises.
    """
    viewer = viewer_for(actor)
    if viewer is None:
        raise NotPossible(_("You belong to no active company; a probe is made in one."))
    least, _most = inputs_needed(model)
    picture = upload_picture(viewer=viewer, file=_drawn("RGB", model.min_side or 0)) if least else None
    mask = upload_mask(viewer=viewer, file=_drawn("L", model.min_side or 0)) if needs_mask(model) else None
    known = properties(model.parameters)
    request = JobRequest(
        model=model,
        prompt=_("A lighthouse on a cliff at dusk, warm light in its windows") if prompt_use(model) != "none" else "",
        params=complete(model.parameters, {name: 128 for name in ("left", "right") if name in known}),
        count=1,
        seed=None,
        inputs=(picture,) if picture else (),
        mask=mask,
    )
    with transaction.atomic():
        job = submit_job(viewer=viewer, request=request, key=f"probe:{uuid4()}", is_probe=True)
        _note(job, actor, "model.probe", model.slug)
    return job


def _drawn(mode: str, side: int) -> SimpleUploadedFile:
    """A plain lighthouse, or the place of its light as a mask; PNG."""
    size = max(512, side)
    picture = Image.new(mode, (size, size), 0 if mode == "L" else (38, 52, 84))
    draw = ImageDraw.Draw(picture)
    middle, unit = size // 2, size // 16
    if mode == "L":
        draw.ellipse((middle - 2 * unit, 2 * unit, middle + 2 * unit, 6 * unit), fill=255)
    else:
        draw.rectangle((0, 12 * unit, size, size), fill=(52, 64, 48))
        tower = [(-1, 4), (1, 4), (2, 13), (-2, 13)]
        draw.polygon([(middle + x * unit, y * unit) for x, y in tower], fill=(226, 220, 208))
        draw.ellipse((middle - unit, 3 * unit, middle + unit, 5 * unit), fill=(250, 214, 120))
    file = io.BytesIO()
    picture.save(file, "PNG")
    return SimpleUploadedFile("probe.png", file.getvalue(), "image/png")


def close_breaker(*, provider: str, actor: User) -> None:
    """Let things be sent to a provider again at once."""
    breaker.close(provider)
    alerts.dismiss(provider)
    record_audit(actor=str(actor), action="breaker.close", target=provider)


def _note(job: Job, actor: User, action: str, reason: str) -> None:
    record_audit(actor=str(actor), action=action, target=str(job.pk), company=job.company, detail={"reason": reason})
