"""The composer: what the form of the Generate page shows, from catalogue, plan, credits and what was typed so far."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any
from uuid import UUID

from django.conf import settings
from django.http import QueryDict
from django.template.defaultfilters import filesizeformat
from django.utils.translation import gettext as _
from django.utils.translation import ngettext

from accounts.viewer import Viewer
from billing.models import Plan
from billing.selectors import Credits, credits_of, plan_of
from config.base.refusal import Refusal
from gallery.delivery import delivery_for
from gallery.models import Asset
from gallery.tiles import tile_of
from generation.forms import Draft, fields_of
from generation.models import AIModel, Job, Task
from generation.parameters import SEED_LIMIT
from generation.pricing import price_of
from generation.requests import inputs_needed, needs_prompt

# Tasks whose result depends on the picture alone: words, seed and more than one of it would change nothing.
EXACT_TASKS = (Task.UPSCALE, Task.REMOVE_BACKGROUND)
FIXED_FIELDS = ("prompt", "model", "num_images", "seed", "aspect_ratio")
SOURCE_FIELDS = ("inputs", "file")


@dataclass(frozen=True, slots=True)
class Tab:
    """One task of the composer."""

    task: Task
    label: str
    icon: str


@dataclass(frozen=True, slots=True)
class ModelChoice:
    """One model of the picker."""

    row: AIModel
    description: str
    price: int
    price_label: str
    is_locked: bool


@dataclass(frozen=True, slots=True)
class CountChoice:
    """One batch size and what it costs."""

    number: int
    price: int
    price_label: str
    is_chosen: bool


def chosen_model(models: list[AIModel], data: QueryDict) -> AIModel | None:
    """The model that is asked for by slug, unless it does another task than the asked one; else the task's first."""
    task = data.get("task", "")
    if data.get("input") and not task and not data.get("model"):
        task = Task.IMAGE_TO_IMAGE
    of_task = [model for model in models if model.task == task] or models
    return next((model for model in of_task if model.slug == data.get("model")), next(iter(of_task), None))


def draft_of(job: Job) -> Draft:
    """What was asked for in a job, to be asked again; the seed is left open, since the same again would be the same."""
    return Draft(
        prompt=job.prompt,
        count=str(job.count),
        params=dict(job.params),
        inputs=[row.asset_id for row in job.inputs.all() if row.asset_id],
    )


def composer_context(
    viewer: Viewer, models: list[AIModel], model: AIModel, draft: Draft, *, refusal: Refusal | None = None
) -> dict[str, Any]:
    """Everything that `generate.html#composer` shows."""
    plan, wallet = plan_of(viewer.company), credits_of(viewer.company)
    fields = fields_of(model, draft.params)
    advanced = [field for field in fields if field.name != "aspect_ratio"]
    needed = inputs_needed(model)[0]
    sources = _sources(viewer, draft.inputs) if needed else []
    refused = _place_of(refusal, needed=needed, advanced=[field.name for field in advanced])
    counts = _counts(model, draft)
    return {
        "draft": draft,
        "model": model,
        "models": [_choice(row, plan) for row in models if row.task == model.task],
        "tabs": _tabs(models),
        "aspect": next((field for field in fields if field.name == "aspect_ratio"), None),
        "fields": advanced,
        "counts": counts,
        "is_exact": model.task in EXACT_TASKS,
        "seed_limit": SEED_LIMIT,
        "prompt_needed": needs_prompt(model),
        "prompt_limit": settings.PROMPT_MAX_LENGTH,
        "inputs_needed": needed,
        "sources": sources,
        "has_lost_source": bool(needed and not refusal and len(sources) < len(draft.inputs)),
        "upload_limit": settings.UPLOAD_MAX_BYTES,
        "text_too_large": _too_large(),
        "refusal": refusal,
        "refused": refused,
        "is_refused_in_advanced": refused in {field.name for field in advanced},
    } | _affordance(model, plan, wallet, counts)


def _affordance(model: AIModel, plan: Plan, wallet: Credits, counts: list[CountChoice]) -> dict[str, Any]:
    """Whether the button can be pressed and, if not, why. Too few credits for the chosen number can still be mended."""
    chosen = next((count for count in counts if count.is_chosen), counts[0])
    text_short = _("Not enough credits: this needs {price}, you have {available}.")
    locked = reason = ""
    if model.tier not in plan.tiers:
        locked = reason = _("%(model)s is not part of the %(plan)s plan.") % {"model": model.name, "plan": plan.name}
    elif not wallet.unlimited and chosen.price > wallet.available:
        reason = text_short.format(price=chosen.price, available=wallet.available)
    return {
        "plan": plan,
        "available": "" if wallet.unlimited else wallet.available,
        "chosen_count": chosen,
        "locked": locked,
        "reason": reason,
        "is_blocked": bool(locked) or (not wallet.unlimited and counts[0].price > wallet.available),
        "text_short": text_short,
    }


def _choice(model: AIModel, plan: Plan) -> ModelChoice:
    price = price_of(model)
    return ModelChoice(
        row=model,
        description=_(model.description) if model.description else "",
        price=price,
        price_label=credits_label(price),
        is_locked=model.tier not in plan.tiers,
    )


def _counts(model: AIModel, draft: Draft) -> list[CountChoice]:
    numbers = range(1, 2 if model.task in EXACT_TASKS else model.outputs_allowed + 1)
    wanted = draft.count if draft.count in {str(number) for number in numbers} else "1"
    return [
        CountChoice(
            number=number,
            price=price_of(model, number),
            price_label=credits_label(price_of(model, number)),
            is_chosen=str(number) == wanted,
        )
        for number in numbers
    ]


def credits_label(price: int) -> str:
    """`1 credit`, `4 credits`."""
    return ngettext("%(price)d credit", "%(price)d credits", price) % {"price": price}


def _tabs(models: list[AIModel]) -> list[Tab]:
    """The tasks that some model does, in the catalogue's order."""
    known: Mapping[Task, tuple[str, str]] = {
        Task.TEXT_TO_IMAGE: (_("Create"), "sparkles"),
        Task.IMAGE_TO_IMAGE: (_("Restyle"), "wand-sparkles"),
        Task.EDIT: (_("Edit"), "pencil"),
        Task.UPSCALE: (_("Upscale"), "maximize"),
        Task.REMOVE_BACKGROUND: (_("Cut out"), "image"),
    }
    tasks = dict.fromkeys(Task(model.task) for model in models)
    named = ((task, *known.get(task, (str(task.label).capitalize(), "image"))) for task in tasks)
    return [Tab(task=task, label=label, icon=icon) for task, label, icon in named]


def _sources(viewer: Viewer, ids: list[UUID]) -> list[Any]:
    """The pictures to work from, as tiles, in the order in which they were chosen."""
    delivery = delivery_for(viewer)
    found = Asset.objects.editable_by(viewer).kept().with_files().in_bulk(ids) if ids else {}
    return [tile_of(found[asset_id], delivery) for asset_id in ids if asset_id in found]


def _place_of(refusal: Refusal | None, *, needed: int, advanced: list[str]) -> str:
    """Which field shows the refusal: `source`, a field's name, or "" for the notice above the button."""
    if refusal is None:
        return ""
    if refusal.field in SOURCE_FIELDS:
        return "source" if needed else ""
    if refusal.field == "task":
        return "model"
    return refusal.field if refusal.field in (*FIXED_FIELDS, *advanced) else ""


def _too_large() -> str:
    """The gallery's own sentence about a file that is too large, for the page to say before it is sent."""
    sentence = _("The file is too large: %(size)s, and at most %(limit)s fit. Make it smaller and send it again.")
    return sentence % {"size": "{size}", "limit": filesizeformat(settings.UPLOAD_MAX_BYTES)}
