"""From what a provider delivered to files in our storage; the same for every kind of provider."""

import logging
import shutil
import tempfile
from collections.abc import Iterable, Mapping
from functools import partial
from pathlib import Path

from django.utils.translation import gettext as _

from config.base.media import MediaError
from gallery.files import StoredAsset
from gallery.making import store_made
from generation import ending
from generation.models import Job, Task
from generation.providers import registry
from generation.providers.base import Artifact, InvalidInput, ProviderError
from generation.work import MADE, CancelAsked, NotOurs, Work, lease

logger = logging.getLogger(__name__)


def collect(work: Work, artifacts: Iterable[Artifact], *, is_direct: bool) -> None:
    """Receive the outputs, store them and end the job as succeeded.

    A direct provider makes them while they are received, so only then it becomes too late to cancel; what a queued
    provider has made is paid for, so it is too late at once. Raises `NotOurs`, `CancelAsked`, `MediaError` when no
    output is usable, and what `artifacts` raises.
    """
    if not is_direct:
        _enter_collecting(work)
    with tempfile.TemporaryDirectory(prefix="job-") as folder:
        made = _receive(artifacts, Path(folder), is_part_welcome=is_direct)
        if is_direct:
            _enter_collecting(work)
        try:
            stored = _store(work, made)
        except NotOurs:
            _leave_nothing(work)
            raise
    if ending.succeed(job=work.job, token=work.token, stored=stored):
        logger.info("job %s succeeded with %d of %d", work.job.pk, len(stored), work.job.count)
    else:
        _leave_nothing(work)


def _leave_nothing(work: Work) -> None:
    """Take away what was stored after somebody else ended the job; what another worker makes of it stays."""
    if Job.objects.filter(pk=work.job.pk, state__in=(Job.State.FAILED, Job.State.CANCELLED)).exists():
        ending.discard_outputs(work.job)


def _receive(artifacts: Iterable[Artifact], folder: Path, *, is_part_welcome: bool) -> dict[int, Path]:
    """Write each output to a file of its own as it comes; return the files by output index.

    Where an error ends it halfway and the rest cannot be had by asking again, a part is welcome.
    """
    made: dict[int, Path] = {}
    try:
        for artifact in artifacts:
            path = folder / str(artifact.index)
            with artifact.stream, path.open("wb") as file:
                shutil.copyfileobj(artifact.stream, file)
            made[artifact.index] = path
    except ProviderError as error:
        # Better than nothing, and paid for.
        if not made or not is_part_welcome:
            raise
        logger.warning("only %d outputs came: %s", len(made), error)
    if not made:
        raise InvalidInput(_("The provider delivered nothing. Nothing was charged; try again with another prompt."))
    return made


def _enter_collecting(work: Work) -> None:
    """From here on it is too late to cancel: what was made will be delivered."""
    row = work.own(Job.State.RUNNING)
    if not row.filter(cancel_requested_at=None).update(
        state=Job.State.COLLECTING, progress=MADE, lease_until=lease(work.patience)
    ):
        raise CancelAsked if row.exists() else NotOurs
    work.tell()


def _renew(work: Work) -> None:
    """Keep the job while something long is being stored, as a film is."""
    if not work.own(Job.State.COLLECTING).update(lease_until=lease(work.patience)):
        raise NotOurs


def _store(work: Work, made: Mapping[int, Path]) -> dict[int, StoredAsset]:
    """Put the outputs into storage; one that is not usable is left out, unless none is."""
    stored: dict[int, StoredAsset] = {}
    broken: MediaError | None = None
    source_type = registry.provider(work.job.model.provider).source_type
    kind = Task(work.job.task).output_kind
    asset_ids = {output.index: output.asset_id for output in work.job.outputs.all()}
    for done, (index, source) in enumerate(made.items(), start=1):
        try:
            stored[index] = store_made(
                kind=kind,
                source=source,
                company_id=work.job.company_id,
                folder=str(work.job.pk),
                asset_id=asset_ids[index],
                # Also on plans that do not mark: a company may change its plan, the pictures are made once.
                marked=True,
                source_type=source_type,
                beat=partial(_renew, work),
            )
        except MediaError as error:
            logger.warning("job %s output %d is unusable: %s", work.job.pk, index, error)
            broken = error
        percent = MADE + (100 - MADE) * done // (len(made) + 1)
        if not work.own(Job.State.COLLECTING).update(progress=percent, lease_until=lease(work.patience)):
            raise NotOurs
        work.tell()
    if broken is not None and not stored:
        raise broken
    return stored
