"""Reads: what may be chosen, what is under way, where it stands in line."""

from collections.abc import Iterable
from dataclasses import dataclass
from math import ceil
from uuid import UUID

from accounts.viewer import Viewer
from gallery.models import Asset
from generation.models import AIModel, Job, JobOutput
from generation.querysets import AIModelQuerySet, JobQuerySet


@dataclass(frozen=True, slots=True)
class Place:
    """Where a waiting job stands (1: next) and the seconds it may still take; None where nobody can say."""

    position: int | None
    seconds_left: int | None


def offered_models() -> AIModelQuerySet:
    """Models that may be chosen now, in the catalogue's order."""
    return AIModel.objects.offered()


def jobs_of(viewer: Viewer) -> JobQuerySet:
    """The company's jobs, newest first, with their model and outputs."""
    jobs = Job.objects.visible_to(viewer).with_place().order_by("-id")
    return jobs.select_related("model", "asked_model", "preset").prefetch_related("outputs", "repeats__outputs")


def jobs_with_sources(viewer: Viewer) -> JobQuerySet:
    """The company's jobs, newest first, with the pictures that they work from: what a card on a page shows."""
    return jobs_of(viewer).prefetch_related("inputs__asset__renditions")


def active_jobs(viewer: Viewer) -> JobQuerySet:
    """The company's jobs under way, oldest first, with the pictures that they work from."""
    return jobs_with_sources(viewer).active().order_by("id")


def place_of(job: Job) -> Place:
    """Where a job of `jobs_of` stands; no query."""
    if not job.is_active:
        return Place(position=None, seconds_left=None)
    whole = job.model.seconds_expected * job.count
    if job.state != Job.State.QUEUED:
        return Place(position=None, seconds_left=ceil(whole * (100 - job.progress) / 100))
    position = job.ahead + 1  # type: ignore[attr-defined]
    return Place(position=position, seconds_left=whole * position)


def repeatable(job: Job) -> Job | None:
    """The company's job that has made what this one asks for, if all of it is still in the gallery."""
    earlier = Job.objects.filter(
        company_id=job.company_id, recipe=job.recipe, state=Job.State.SUCCEEDED, repeats=None
    ).order_by("-id")
    found = earlier.prefetch_related("outputs").first()
    if found is None or found.count != job.count:
        return None
    made = [output.asset_id for output in found.outputs.all() if output.state == JobOutput.State.DELIVERED]
    kept = Asset.objects.filter(company_id=job.company_id).kept().filter(pk__in=made).count()
    return found if kept == job.count else None


def outputs_of(viewer: Viewer, jobs: Iterable[Job]) -> dict[UUID, list[Asset]]:
    """The delivered assets of several jobs that the viewer may see and that are not in the bin, by job.

    Two queries; none while nothing is delivered.
    """
    delivered = {
        job.pk: [output.asset_id for output in job.made_outputs if output.state == JobOutput.State.DELIVERED]
        for job in jobs
    }
    wanted = {asset_id for asset_ids in delivered.values() for asset_id in asset_ids}
    if not wanted:
        return {job_id: [] for job_id in delivered}
    assets = Asset.objects.visible_to(viewer).kept().prefetch_related("renditions").in_bulk(list(wanted))
    return {
        job_id: [assets[asset_id] for asset_id in asset_ids if asset_id in assets]
        for job_id, asset_ids in delivered.items()
    }
