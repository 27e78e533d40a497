"""From a sent form to a job: everything is checked, then what came with it is stored, then the job is submitted."""

from collections.abc import Iterator
from contextlib import contextmanager

from django.core.files.uploadedfile import UploadedFile
from django.http import QueryDict
from django.utils.datastructures import MultiValueDict

from accounts.viewer import Viewer
from gallery.models import Asset
from gallery.services import discard_upload, upload_mask, upload_picture
from generation.composer import draft_of
from generation.forms import Draft, whole_number
from generation.models import Job
from generation.requests import attach, build_request
from generation.services import submit_job

PICTURES = "image"
MASK = "mask_file"


def submit_form(
    *, viewer: Viewer, data: QueryDict, files: "MultiValueDict[str, UploadedFile[bytes]]", draft: Draft
) -> Job:
    """Make the job that the form asks for. Raises what `build_request`, the uploads and `submit_job` refuse.

    A refusal leaves no row and no file. Afterwards `draft` names what was stored, so that it can be asked for again.
    """
    pictures, mask = files.getlist(PICTURES), files.get(MASK)
    request = build_request(
        viewer=viewer,
        model=data.get("model", ""),
        task=data.get("task", ""),
        prompt=draft.prompt,
        params=draft.params,
        count=whole_number(draft.count) or 0,
        seed=whole_number(draft.seed),
        inputs=draft.inputs,
        mask=None if mask else draft.mask,
        preset=draft.preset,
        uploads=len(pictures),
        mask_uploads=1 if mask else 0,
    )
    if not pictures and not mask:
        return submit_job(viewer=viewer, request=request, key=draft.key)
    earlier = Job.objects.visible_to(viewer).filter(key=draft.key).first()
    if earlier is not None:
        # The same form again: its pictures were stored the first time.
        _remember(draft, draft_of(earlier))
        return earlier
    with _uploads() as stored:
        for file in pictures:
            stored.append(upload_picture(viewer=viewer, file=file))
        inputs = tuple(stored)
        painted = None
        if mask:
            painted = upload_mask(viewer=viewer, file=mask, field="mask")
            stored.append(painted)
        request = attach(request, inputs=inputs, mask=painted)
        job = submit_job(viewer=viewer, request=request, key=draft.key)
    draft.inputs = [asset.pk for asset in request.inputs]
    draft.mask = painted.pk if painted else draft.mask
    return job


def _remember(draft: Draft, earlier: Draft) -> None:
    draft.inputs, draft.mask = earlier.inputs, earlier.mask


@contextmanager
def _uploads() -> Iterator[list[Asset]]:
    """A list of what was stored; all of it is removed again when what follows fails."""
    stored: list[Asset] = []
    try:
        yield stored
    except Exception:
        for asset in stored:
            discard_upload(asset=asset)
        raise
