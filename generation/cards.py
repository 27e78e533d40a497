"""A job as the pages show it: what state it is in, in words, and what it made, ready for a template."""

from collections.abc import Iterable
from dataclasses import dataclass

from django.utils.translation import gettext as _
from django.utils.translation import ngettext

from accounts.viewer import Viewer
from gallery.delivery import Delivery, delivery_for
from gallery.models import Asset
from gallery.tiles import Tile, alt_of, shape_of, tile_of
from generation.models import Job, JobOutput, Task
from generation.requests import EXACT_TASKS
from generation.selectors import Place, outputs_of, place_of
from generation.tasks import IMAGE_ROLE, label_of

MINUTE = 60


@dataclass(frozen=True, slots=True)
class Shot:
    """One thing that was made: its tile, what it is called aloud, and the badge of what is no picture."""

    tile: Tile
    name: str
    icon: str = ""
    badge: str = ""

    @property
    def is_picture(self) -> bool:
        """Whether something can be made of it."""
        return self.tile.asset.kind == Asset.Kind.IMAGE


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
    shots: list[Shot]
    # Delivered, but in the bin or deleted by now.
    missing: int
    # The shape of what is to come, as `gallery.tiles` names it, so that nothing jumps when it is there.
    shape: int
    source: Tile | None
    ratio: str
    # None where the seed changes nothing.
    seed: int | None
    charged: int
    returned: int
    task: str
    # What else there is to know: another model made it, or it was there already.
    note: str

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
    outputs = job.made_outputs
    delivered = sum(output.state == JobOutput.State.DELIVERED for output in outputs)
    source = _source(job)
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
        shots=[_shot(asset, delivery, number, len(assets)) for number, asset in enumerate(assets, start=1)],
        missing=delivered - len(assets),
        shape=_shape(ratio, source),
        source=tile_of(source, delivery) if source else None,
        ratio=ratio,
        seed=outputs[0].seed if outputs and job.task not in EXACT_TASKS else None,
        charged=charged,
        returned=0 if job.is_active else job.credits - charged,
        task=label_of(job.task),
        note=_note(job),
    )


def _source(job: Job) -> Asset | None:
    """The first picture that it works from, unless that was deleted; never a mask."""
    rows = sorted(job.inputs.all(), key=lambda row: row.position)
    return next((row.asset for row in rows if row.role == IMAGE_ROLE and row.asset and not row.asset.deleted_at), None)


def _shot(asset: Asset, delivery: Delivery, number: int, total: int) -> Shot:
    tile = tile_of(asset, delivery)
    said = {"number": number, "total": total, "text": tile.alt}
    if asset.kind == Asset.Kind.VIDEO:
        badge = _("%(seconds)d s") % {"seconds": round(asset.seconds)} if asset.seconds else ""
        return Shot(tile, _("Video %(number)d of %(total)d: %(text)s") % said, "play", badge)
    if asset.kind == Asset.Kind.MESH:
        return Shot(tile, _("3D model %(number)d of %(total)d: %(text)s") % said, "box", _("3D"))
    return Shot(tile, _("Picture %(number)d of %(total)d: %(text)s") % said)


def _note(job: Job) -> str:
    if job.repeats_id:
        return _("Already in your gallery · no charge")
    if job.asked_model and job.asked_model_id != job.model_id:
        names = {"made": job.model.name, "asked": job.asked_model.name}
        return _("Made by %(made)s, because %(asked)s was not available.") % names
    return ""


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
        return _done(job, delivered)
    if job.state == Job.State.FAILED:
        return _("Failed: %(sentence)s Nothing was charged.") % {"sentence": job.failure}
    if job.state == Job.State.CANCELLED:
        return _("Cancelled. Nothing was charged.")
    return _("Sent. %(status)s.") % {"status": status}


def _done(job: Job, delivered: int) -> str:
    kind = Task(job.task).output_kind
    if kind == Asset.Kind.VIDEO:
        sentence = ngettext("Done: %(count)d video", "Done: %(count)d videos", delivered)
    elif kind == Asset.Kind.MESH:
        sentence = ngettext("Done: %(count)d 3D model", "Done: %(count)d 3D models", delivered)
    else:
        sentence = ngettext("Done: %(count)d picture", "Done: %(count)d pictures", delivered)
    return sentence % {"count": delivered}


def _shape(ratio: str, source: Asset | None) -> int:
    """The shape of the pictures to come: the ratio asked for, else that of what they are made from, else square."""
    width, _colon, height = ratio.partition(":")
    if width.isdecimal() and height.isdecimal():
        return shape_of(int(width), int(height))
    return shape_of(source.width, source.height) if source else shape_of(1, 1)
