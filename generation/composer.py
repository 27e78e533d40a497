"""The composer: what the form of the Generate page shows, from catalogue, plan, credits and what was typed so far."""

from dataclasses import dataclass, replace
from typing import Any

from django.conf import settings
from django.http import QueryDict
from django.template.defaultfilters import filesizeformat
from django.utils.translation import gettext as _

from accounts.viewer import Viewer
from billing.selectors import credits_of, plan_of
from config.base.refusal import Refusal
from gallery.delivery import Delivery, delivery_for
from gallery.models import Asset
from gallery.tiles import Tile, tile_of
from generation.forms import Draft, Field, fields_of
from generation.models import AIModel, Job, Task
from generation.parameters import SEED_LIMIT
from generation.pricing import SIDES, priced_params
from generation.prompting.presets import offered_presets
from generation.quotes import Quote, affordance_of, model_choices, quote_of
from generation.requests import EXACT_TASKS, inputs_needed, needs_mask, needs_prompt, prompt_use
from generation.tasks import IMAGE_ROLE, MAIN_FIELDS, MASK_ROLE, tabs_of, words_of

FIXED_FIELDS = ("prompt", "preset", "model", "num_images", "seed", "aspect_ratio", "mask")
SOURCE_FIELDS = ("inputs", "file")


@dataclass(frozen=True, slots=True)
class Source:
    """A picture to work from; `query` names the others, for the address that takes this one away."""

    tile: Tile
    # The largest copy that a page shows, to paint over.
    preview: str
    number: int
    query: str


@dataclass(frozen=True, slots=True)
class Fields:
    """A model's parameters by their place in the form."""

    aspect: Field | None
    sides: list[Field]
    main: list[Field]
    advanced: list[Field]

    @property
    def names(self) -> set[str]:
        """The names of all that stand as fields of their own."""
        return {field.name for field in (*self.sides, *self.main, *self.advanced)}


def chosen_model(models: list[AIModel], data: QueryDict) -> AIModel | None:
    """The model that is asked for by slug, unless it does another task than the asked one; else the task's first."""
    task = data.get("task", "")
    if data.get("input") and not task and not data.get("model"):
        task = Task.IMAGE_TO_IMAGE
    of_task = [model for model in models if model.task == task] or models
    return next((model for model in of_task if model.slug == data.get("model")), next(iter(of_task), None))


def draft_of(job: Job) -> Draft:
    """What was asked for in a job, to be asked again; the seed is left open, since the same again would be the same."""
    rows = sorted(job.inputs.all(), key=lambda row: row.position)
    return Draft(
        prompt=job.prompt,
        preset=job.preset.slug if job.preset else "",
        count=str(job.count),
        params=dict(job.params),
        inputs=[row.asset_id for row in rows if row.asset_id and row.role == IMAGE_ROLE],
        mask=next((row.asset_id for row in rows if row.asset_id and row.role == MASK_ROLE), None),
    )


def composer_context(
    viewer: Viewer, models: list[AIModel], model: AIModel, draft: Draft, *, refusal: Refusal | None = None
) -> dict[str, Any]:
    """Everything that `generate.html#composer` shows."""
    delivery = delivery_for(viewer)
    least, most = inputs_needed(model)
    sources = _sources(viewer, delivery, draft, most)
    quote = _quote(model, draft, sources)
    fields = _places(model, fields_of(model, draft.params, quote.choice_label))
    refused = _place_of(refusal, takes_inputs=bool(most), names=fields.names)
    is_wordless = prompt_use(model) == AIModel.PromptUse.NONE
    return {
        "draft": draft,
        "model": model,
        "tabs": tabs_of(models, model.task),
        "fields": fields,
        "is_exact": model.task in EXACT_TASKS,
        "is_wordless": is_wordless,
        "presets": [] if is_wordless else list(offered_presets()),
        "words": words_of(model.task, is_needed=needs_prompt(model)),
        "prompt_needed": needs_prompt(model),
        "seed_limit": SEED_LIMIT,
        "prompt_limit": settings.PROMPT_MAX_LENGTH,
        "inputs_least": least,
        "inputs_most": most,
        "sources": sources,
        "is_full": len(sources) >= most,
        "has_lost_source": bool(most and not refusal and len(sources) < min(most, len(draft.inputs))),
        "mask": _mask(viewer, delivery, draft) if needs_mask(model) and sources else "",
        "mask_needed": needs_mask(model),
        "carried": draft.inputs,
        "is_priced_by_size": any(row.task == model.task and row.unit == AIModel.Unit.MEGAPIXEL for row in models),
        "upload_limit": settings.UPLOAD_MAX_BYTES,
        "text_too_large": _too_large(),
        "refusal": refusal,
        "refused": refused,
        "is_refused_in_advanced": refused in {field.name for field in fields.advanced},
    } | _prices(viewer, models, quote)


def price_context(viewer: Viewer, models: list[AIModel], model: AIModel, draft: Draft) -> dict[str, Any]:
    """What `_prices.html` shows: the prices alone, for a form whose parameters or picture changed."""
    _least, most = inputs_needed(model)
    quote = _quote(model, draft, _sources(viewer, delivery_for(viewer), draft, most))
    fields = _places(model, fields_of(model, draft.params, quote.choice_label))
    return {"model": model, "fields": fields, "is_exact": model.task in EXACT_TASKS} | _prices(viewer, models, quote)


def _prices(viewer: Viewer, models: list[AIModel], quote: Quote) -> dict[str, Any]:
    plan, wallet = plan_of(viewer.company), credits_of(viewer.company)
    return {
        "plan": plan,
        "available": "" if wallet.unlimited else wallet.available,
        "models": model_choices(models, plan, quote),
        "counts": quote.counts,
        "chosen_count": quote.chosen,
        "priced": " ".join(sorted(priced_params(quote.model))),
        "affordance": affordance_of(quote, plan, wallet),
    }


def _quote(model: AIModel, draft: Draft, sources: list[Source]) -> Quote:
    """The first picture counts; one that is not sent yet counts by its size."""
    source = sources[0].tile.asset if sources else None
    if source is None and draft.source_size and inputs_needed(model)[1]:
        width, height = draft.source_size
        source = Asset(width=width, height=height)
    return quote_of(model, draft, source)


def _places(model: AIModel, fields: list[Field]) -> Fields:
    """What a task is chosen for, and what decides the price, stands open; the rest is advanced."""
    open_names = [*MAIN_FIELDS.get(Task(model.task), ()), *sorted(priced_params(model))]
    labels = {"left": _("Left"), "right": _("Right"), "top": _("Top"), "bottom": _("Bottom")}
    rest = [field for field in fields if field.name not in ("aspect_ratio", *SIDES)]
    return Fields(
        aspect=next((field for field in fields if field.name == "aspect_ratio"), None),
        sides=[replace(field, title=labels[name]) for name in SIDES for field in fields if field.name == name],
        main=sorted(
            (field for field in rest if field.name in open_names), key=lambda field: open_names.index(field.name)
        ),
        advanced=[field for field in rest if field.name not in open_names],
    )


def _sources(viewer: Viewer, delivery: Delivery, draft: Draft, most: int) -> list[Source]:
    """The pictures to work from, at most `most`, in the order in which they were chosen."""
    ids = draft.inputs if most else []
    rows = Asset.objects.editable_by(viewer).kept().filter(kind=Asset.Kind.IMAGE).with_files()
    found = rows.in_bulk(ids) if ids else {}
    kept = [asset_id for asset_id in ids if asset_id in found][:most]
    return [
        Source(
            tile=tile_of(found[asset_id], delivery),
            preview=delivery.thumbnail(found[asset_id], 1280),
            number=number,
            query="".join(f"&inputs={other}" for other in draft.inputs if other != asset_id),
        )
        for number, asset_id in enumerate(kept, start=1)
    ]


def _mask(viewer: Viewer, delivery: Delivery, draft: Draft) -> str:
    """The address of the mask that was sent before, for the editor to go on from; "" when there is none."""
    if draft.mask is None:
        return ""
    rows = Asset.objects.editable_by(viewer).filter(pk=draft.mask, kind=Asset.Kind.MASK, deleted_at=None)
    found = rows.prefetch_related("renditions").first()
    return delivery.url(found) if found else ""


def _place_of(refusal: Refusal | None, *, takes_inputs: bool, names: set[str]) -> str:
    """Which field shows the refusal: `source`, a field's name, or "" for the notice above the button."""
    if refusal is None:
        return ""
    if refusal.field in SOURCE_FIELDS:
        return "source" if takes_inputs else ""
    if refusal.field == "task":
        return "model"
    return refusal.field if refusal.field in {*FIXED_FIELDS, *names} else ""


def _too_large() -> str:
    """The gallery's own sentence about a file that is too large, for the page to say before it is sent."""
    sentence = _("The file is too large: %(size)s, and at most %(limit)s fit. Make it smaller and send it again.")
    return sentence % {"size": "{size}", "limit": filesizeformat(settings.UPLOAD_MAX_BYTES)}
