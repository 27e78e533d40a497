"""What generation has of a person, for a copy of everything: what they asked for, and the prompts that they used."""

from collections.abc import Iterable, Iterator, Mapping
from uuid import UUID

from config.base.registry import ExportDocument, ExportFile
from config.base.walking import walk
from generation.models import Job, PromptUse


def export_words(user_id: UUID) -> Iterable[ExportDocument | ExportFile]:
    """Jobs and remembered prompts, in whatever company they were the person's."""
    yield ExportDocument("generation/jobs.json", _jobs(user_id))
    yield ExportDocument("generation/prompts.json", _prompts(user_id))


def count_words(company_id: UUID) -> Mapping[str, int]:
    """How much a company has."""
    return {
        "jobs": Job.objects.filter(company=company_id).count(),
        "prompts": PromptUse.objects.filter(company=company_id).count(),
    }


def _jobs(user_id: UUID) -> Iterator[Mapping[str, object]]:
    rows = Job.objects.filter(user=user_id).select_related("model", "preset").prefetch_related("inputs", "outputs")
    for job in walk(rows):
        yield {
            "id": job.pk,
            "company": job.company_id,
            "task": job.task,
            "model": job.model.slug,
            "prompt": job.prompt,
            "style": job.preset.slug if job.preset else "",
            "prompt_as_sent": job.wording,
            "parameters": job.params,
            "count": job.count,
            "credits": job.credits,
            "state": job.state,
            "what_went_wrong": job.failure,
            "made_from": [row.asset_id for row in job.inputs.all()],
            "outputs": [{"asset": row.asset_id, "seed": row.seed, "state": row.state} for row in job.outputs.all()],
            "asked_at": job.created_at,
            "ended_at": job.finished_at,
        }


def _prompts(user_id: UUID) -> Iterator[Mapping[str, object]]:
    for use in walk(PromptUse.objects.filter(user=user_id)):
        yield {
            "prompt": use.prompt,
            "company": use.company_id,
            "times": use.count,
            "last_used_at": use.last_used_at,
        }
