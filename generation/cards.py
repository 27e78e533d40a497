"""A job as the pages show it: what state it is in, in words, and its pictures ready for a template."""

from collections.abc import Iterable
from dataclasses import dataclass

from django.utils.translation import gettext as _
from django.utils.translation import ngettext

from accounts.viewer import Viewer
from gallery.delivery import Delivery, delivery_for
from gallery.models import Asset
from gallery.tiles import Tile, alt_of, shape_of, tile_of
from generation.models import Job, JobOutput
from generation.selectors import Place, outputs_of, place_of

MINUTE = 60


@dataclass(frozen=True, slots=True)
class Card:
    """One job for a template; the job comes from `selectors.jobs_with_sources`."""

    job: Job
    title: str
    # "active", "cancelling", "storing" (too late to cancel) or a terminal state: while it stays, only figures move.
    phase: str
    status: str
    wait: str
    announcement: str
    tiles: list[Tile]
    # Delivered, but in the bin or deleted by now.
    missing: int
    # The shape of what is to come, as `gallery.tiles` names it, so that nothing jumps when it is there.
    shape: int
    source: Tile | None
    source_id: str
    ratio: str
    seed: int | None
    charged: int
    returned: int

    @property
    def can_cancel(self) -> bool:
        """Whether asking it to stop may still help."""
        return self.phase == "active"


def cards_of(viewer: Viewer, jobs: Iterable[Job]) -> list[Card]:
    """The cards of several jobs, in their order. Three queries, however many jobs."""
    jobs = list(jobs)
    delivery = delivery_for(viewer)
    assets = outputs_of(viewer, jobs)
    return [_card(job, assets.get(job.pk, []), delivery) for job in jobs]


def _card(job: Job, assets: list[Asset], delivery: Delivery) -> Card:
    outputs = list(job.outputs.all())
    delivered = sum(output.state == JobOutput.State.DELIVERED for output in outputs)
    source = next((row.asset for row in job.inputs.all() if row.asset and not row.asset.deleted_at), None)
    charged = job.credits // job.count * delivered
    ratio = str(job.params.get("aspect_ratio", ""))
    place = place_of(job)
    status = _status(job, place)
    return Card(
        job=job,
        title=job.prompt or (alt_of(source) if source else job.model.name),
        phase=_phase(job),
        status=status,
        wait=_wait(place),
        announcement=_announcement(job, status, delivered),
        tiles=[tile_of(asset, delivery) for asset in assets],
        missing=delivered - len(assets),
        shape=_shape(ratio, source),
        source=tile_of(source, delivery) if source else None,
        source_id=str(source.pk) if source else "",
        ratio=ratio,
        seed=outputs[0].seed if outputs else None,
        charged=charged,
        returned=0 if job.is_active else job.credits - charged,
    )


def _phase(job: Job) -> str:
    if not job.is_active:
        return job.state
    if job.cancel_requested_at:
        return "cancelling"
    return "storing" if job.state == Job.State.COLLECTING else "active"


def _status(job: Job, place: Place) -> str:
    """Where the job stands, in a few words."""
    if job.is_active and job.cancel_requested_at:
        return _("Cancelling")
    if place.position is not None:
        if place.position == 1:
            return _("Next in the queue")
        return _("Place %(position)d in the queue") % {"position": place.position}
    return {
        Job.State.SUBMITTING: _("Starting"),
        Job.State.RUNNING: _("Developing"),
        Job.State.COLLECTING: _("Storing"),
        Job.State.UNKNOWN: _("Asking the provider about it"),
        Job.State.SUCCEEDED: _("Done"),
        Job.State.FAILED: _("Failed"),
        Job.State.CANCELLED: _("Cancelled"),
    }[Job.State(job.state)]


def _wait(place: Place) -> str:
    """How much longer it may take; empty where nobody can say."""
    seconds = place.seconds_left
    if not seconds:
        return ""
    if seconds < MINUTE:
        return _("about %(seconds)d s") % {"seconds": seconds}
    return _("about %(minutes)d min") % {"minutes": round(seconds / MINUTE)}


def _announcement(job: Job, status: str, delivered: int) -> str:
    """What is said aloud when the job has come to this state."""
    if job.state == Job.State.SUCCEEDED:
        return ngettext("Done: %(count)d picture", "Done: %(count)d pictures", delivered) % {"count": delivered}
    if job.state == Job.State.FAILED:
        return _("Failed: %(sentence)s Nothing was charged.") % {"sentence": job.failure}
    if job.state == Job.State.CANCELLED:
        return _("Cancelled. Nothing was charged.")
    return _("Sent. %(status)s.") % {"status": status}


def _shape(ratio: str, source: Asset | None) -> int:
    """The shape of the pictures to come: the ratio asked for, else that of what they are made from, else square."""
    width, _colon, height = ratio.partition(":")
    if width.isdecimal() and height.isdecimal():
        return shape_of(int(width), int(height))
    return shape_of(source.width, source.height) if source else shape_of(1, 1)
