"""From what a page or a program sends to a checked `JobRequest`. Raises a `Refusal` that says what to do."""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any
from uuid import UUID

from django.conf import settings
from django.utils.translation import gettext as _
from django.utils.translation import ngettext

from accounts.viewer import Viewer
from config.base.pictures import MAX_PIXELS
from config.base.refusal import Refusal
from gallery.models import Asset
from generation.models import AIModel, Preset, Task
from generation.parameters import SEED_LIMIT, InvalidParameter, complete, properties
from generation.pricing import MEGAPIXEL, SIDES, pixels_of
from generation.prompting import denial, presets
from generation.types import JobRequest

# Tasks that work from a picture; an edit may refer to several.
FROM_PICTURE = (
    Task.IMAGE_TO_IMAGE,
    Task.EDIT,
    Task.INPAINT,
    Task.OUTPAINT,
    Task.UPSCALE,
    Task.REMOVE_BACKGROUND,
    Task.VARIATION,
    Task.IMAGE_TO_VIDEO,
    Task.IMAGE_TO_3D,
)
# Tasks whose result depends on the picture alone: words, seed and more than one of it would change nothing.
EXACT_TASKS = (Task.UPSCALE, Task.REMOVE_BACKGROUND, Task.IMAGE_TO_3D)
PROMPT_NEEDED = (Task.TEXT_TO_IMAGE, Task.EDIT, Task.INPAINT, Task.TEXT_TO_VIDEO)


class InvalidPrompt(Refusal):
    """The prompt is missing or too long."""

    code = "invalid_prompt"


class InvalidMask(Refusal):
    """A mask where none is taken, none where one is needed, or one that does not fit its picture."""

    code = "invalid_mask"


class UnknownModel(Refusal):
    """No such model, or it is switched off, or it does another task."""

    code = "unknown_model"


class InvalidInputs(Refusal):
    """Too few or too many pictures, or one that the viewer does not have."""

    code = "invalid_inputs"


def inputs_needed(model: AIModel) -> tuple[int, int]:
    """How many pictures it works from, at least and at most."""
    if model.task not in FROM_PICTURE:
        return 0, 0
    return 1, max(1, model.inputs_allowed) if model.task == Task.EDIT else 1


def needs_mask(model: AIModel) -> bool:
    """Whether a mask says where the picture may change."""
    return model.task == Task.INPAINT


def prompt_use(model: AIModel) -> str:
    """Whether it needs words, may have them or does not take them: one of `AIModel.PromptUse`."""
    if model.prompt_use:
        return model.prompt_use
    if model.task in EXACT_TASKS:
        return AIModel.PromptUse.NONE
    return AIModel.PromptUse.NEEDED if model.task in PROMPT_NEEDED else AIModel.PromptUse.OPTIONAL


def needs_prompt(model: AIModel) -> bool:
    """Whether nothing is made without words."""
    return prompt_use(model) == AIModel.PromptUse.NEEDED


def build_request(
    *,
    viewer: Viewer,
    model: str,
    task: str = "",
    prompt: str,
    params: Mapping[str, Any],
    count: int = 1,
    seed: int | None = None,
    inputs: Sequence[UUID] = (),
    mask: UUID | None = None,
    preset: str = "",
    uploads: int = 0,
    mask_uploads: int = 0,
) -> JobRequest:
    """Check a request against the catalogue and the viewer's own assets.

    `model` and `preset` are slugs; `task` may be left out, else it must be the model's. `uploads` pictures and
    `mask_uploads` masks more will be stored by the caller once everything else is found right: see `attach`.
    """
    row = _model(model, task)
    prompt = prompt.replace("\x00", "").strip()
    _check_prompt(row, prompt)
    style = presets.chosen(preset)
    _check_count(row, count)
    if seed is not None and not 0 <= seed < SEED_LIMIT:
        raise InvalidParameter(
            _("The seed must be a whole number from 0 to %(limit)d.") % {"limit": SEED_LIMIT - 1}, field="seed"
        )
    pictures = _inputs(viewer, row, inputs, extra=uploads)
    complete_params = complete(row.parameters, _with_negative(row, style, params))
    _check_words(row, prompt, complete_params)
    if row.task == Task.OUTPAINT and not any(complete_params.get(side) for side in SIDES):
        raise InvalidParameter(_("Say on which side the picture should grow, and by how many pixels."), field="right")
    request = JobRequest(
        model=row,
        prompt=prompt,
        params=complete_params,
        count=count,
        seed=seed,
        inputs=pictures,
        mask=_mask(viewer, row, mask, extra=mask_uploads),
        preset=style,
    )
    _check_sizes(request)
    return request


def attach(request: JobRequest, *, inputs: Sequence[Asset] = (), mask: Asset | None = None) -> JobRequest:
    """Add what was uploaded meanwhile, behind what was chosen. Raises `InvalidInputs`, `InvalidMask` by their sizes."""
    request = replace(request, inputs=(*request.inputs, *inputs), mask=mask or request.mask)
    _check_sizes(request)
    return request


def _check_count(model: AIModel, count: int) -> None:
    if not 1 <= count <= model.outputs_allowed:
        raise InvalidParameter(
            ngettext(
                "This model makes %(limit)d picture at a time.",
                "Choose from 1 to %(limit)d pictures at a time.",
                model.outputs_allowed,
            )
            % {"limit": model.outputs_allowed},
            field="num_images",
        )


def _with_negative(model: AIModel, preset: Preset | None, params: Mapping[str, Any]) -> Mapping[str, Any]:
    """A style's words for what to avoid, where the model takes such and the person wrote none."""
    if preset is None or not preset.negative or params.get("negative_prompt"):
        return params
    return (
        {**params, "negative_prompt": preset.negative} if "negative_prompt" in properties(model.parameters) else params
    )


def _check_words(model: AIModel, prompt: str, params: Mapping[str, Any]) -> None:
    """No denied words, in the prompt or in any parameter that is free text."""
    free = [
        str(params.get(name) or "")
        for name, rules in properties(model.parameters).items()
        if rules.get("type") == "string" and "enum" not in rules and name != "negative_prompt"
    ]
    denial.check_words(prompt, *free)


def _check_sizes(request: JobRequest) -> None:
    model = request.model
    for picture in request.inputs:
        size = {"width": picture.width, "height": picture.height, "model": model.name}
        if model.min_side and min(picture.width, picture.height) < model.min_side:
            sentence = _(
                "This picture is too small: %(width)d × %(height)d. %(model)s needs at least %(limit)d pixels."
            )
            raise InvalidInputs(sentence % (size | {"limit": model.min_side}), field="inputs", code="picture_too_small")
        if model.max_side and max(picture.width, picture.height) > model.max_side:
            sentence = _("This picture is too large: %(width)d × %(height)d. %(model)s takes at most %(limit)d pixels.")
            raise InvalidInputs(sentence % (size | {"limit": model.max_side}), field="inputs", code="picture_too_large")
    if model.task in (Task.UPSCALE, Task.OUTPAINT) and request.inputs:
        pixels = pixels_of(model, request.params, request.inputs[0])
        if pixels > MAX_PIXELS:
            sentence = _("That would be a picture of %(pixels)d megapixels, and at most %(limit)d fit. Choose less.")
            figures = {"pixels": round(pixels / MEGAPIXEL), "limit": MAX_PIXELS // MEGAPIXEL}
            field = "scale" if model.task == Task.UPSCALE else "right"
            raise InvalidParameter(sentence % figures, field=field, code="output_too_large")
    if request.mask is not None and request.inputs:
        mask, picture = request.mask, request.inputs[0]
        if (mask.width, mask.height) != (picture.width, picture.height):
            sentence = _(
                "The mask is %(mask)s and the picture is %(picture)s pixels. Make the mask the size of the picture."
            )
            sizes = {"mask": f"{mask.width} × {mask.height}", "picture": f"{picture.width} × {picture.height}"}
            raise InvalidMask(sentence % sizes, field="mask", code="mask_size")


def _model(slug: str, task: str) -> AIModel:
    row = AIModel.objects.offered().filter(slug=slug).first()
    if row is None:
        raise UnknownModel(
            _("There is no model “%(slug)s”. Choose one from the list.") % {"slug": slug[:80]}, field="model"
        )
    if task and task != row.task:
        raise UnknownModel(
            _("%(model)s does %(own)s, not %(asked)s. Choose another model.")
            % {"model": row.name, "own": row.task, "asked": task[:30]},
            field="task",
        )
    return row


def _check_prompt(model: AIModel, prompt: str) -> None:
    if not prompt and needs_prompt(model):
        raise InvalidPrompt(_("Describe what you want to see."), field="prompt")
    if len(prompt) > settings.PROMPT_MAX_LENGTH:
        raise InvalidPrompt(
            _("The prompt has %(length)d characters; shorten it to %(limit)d.")
            % {"length": len(prompt), "limit": settings.PROMPT_MAX_LENGTH},
            field="prompt",
        )


def _inputs(viewer: Viewer, model: AIModel, ids: Sequence[UUID], *, extra: int) -> tuple[Asset, ...]:
    least, most = inputs_needed(model)
    if not least <= len(ids) + extra <= most:
        raise InvalidInputs(_how_many(model, most), field="inputs")
    found = {
        asset.pk: asset for asset in Asset.objects.editable_by(viewer).kept().filter(pk__in=ids, kind=Asset.Kind.IMAGE)
    }
    if any(asset_id not in found for asset_id in ids):
        raise InvalidInputs(_("One of the pictures is not in your gallery. Upload it or pick another."), field="inputs")
    if len(set(ids)) < len(ids):
        raise InvalidInputs(_("The same picture was chosen twice. Remove one of them."), field="inputs")
    return tuple(found[asset_id] for asset_id in ids)


def _how_many(model: AIModel, most: int) -> str:
    if not most:
        return _("%(model)s works from the prompt alone; remove the picture.") % {"model": model.name}
    if most == 1:
        return _("%(model)s works from 1 picture: drop, paste or pick it.") % {"model": model.name}
    return _("%(model)s works from 1 to %(most)d pictures: drop, paste or pick them.") % {
        "model": model.name,
        "most": most,
    }


def _mask(viewer: Viewer, model: AIModel, mask: UUID | None, *, extra: int) -> Asset | None:
    given = extra + (mask is not None)
    if not needs_mask(model):
        if given:
            sentence = _("%(model)s takes no mask; leave it out.") % {"model": model.name}
            raise InvalidMask(sentence, field="mask")
        return None
    if given != 1:
        raise InvalidMask(_("Paint what should change, or send one mask: white where it may."), field="mask")
    if mask is None:
        return None
    found = Asset.objects.editable_by(viewer).kept().filter(pk=mask).first()
    if found is None or found.kind != Asset.Kind.MASK:
        raise InvalidMask(_("This is none of your masks. Upload it as a mask and send its id."), field="mask")
    return found
