"""From what a page or a program sends to a checked `JobRequest`. Raises a `Refusal` that says what to do."""

from collections.abc import Mapping, Sequence
from typing import Any
from uuid import UUID

from django.conf import settings
from django.utils.translation import gettext as _
from django.utils.translation import ngettext

from accounts.viewer import Viewer
from config.base.refusal import Refusal
from gallery.models import Asset
from generation.models import AIModel, Task
from generation.parameters import SEED_LIMIT, InvalidParameter, complete
from generation.types import JobRequest

# How many pictures a task works from.
INPUTS_NEEDED = {Task.IMAGE_TO_IMAGE: 1, Task.EDIT: 1, Task.UPSCALE: 1, Task.REMOVE_BACKGROUND: 1}
NEEDS_PROMPT = (Task.TEXT_TO_IMAGE, Task.EDIT)


class InvalidPrompt(Refusal):
    """The prompt is missing or too long."""

    code = "invalid_prompt"


class UnknownModel(Refusal):
    """No such model, or it is switched off, or it does another task."""

    code = "unknown_model"


class InvalidInputs(Refusal):
    """Too few or too many pictures, or one that the viewer does not have."""

    code = "invalid_inputs"


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
    uploads: int = 0,
) -> JobRequest:
    """Check a request against the catalogue and the viewer's own assets.

    `model` is a slug; `task` may be left out, else it must be the model's. `uploads` pictures more will be
    stored and added by the caller once everything else is found right.
    """
    row = _model(model, task)
    prompt = prompt.replace("\x00", "").strip()
    _check_prompt(row, prompt)
    if not 1 <= count <= row.outputs_allowed:
        raise InvalidParameter(
            ngettext(
                "This model makes %(limit)d picture at a time.",
                "Choose from 1 to %(limit)d pictures at a time.",
                row.outputs_allowed,
            )
            % {"limit": row.outputs_allowed},
            field="num_images",
        )
    if seed is not None and not 0 <= seed < SEED_LIMIT:
        raise InvalidParameter(
            _("The seed must be a whole number from 0 to %(limit)d.") % {"limit": SEED_LIMIT - 1}, field="seed"
        )
    assets = _inputs(viewer, row, inputs, extra=uploads)
    return JobRequest(
        model=row, prompt=prompt, params=complete(row.parameters, params), count=count, seed=seed, inputs=assets
    )


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
    if not prompt and model.task in NEEDS_PROMPT:
        raise InvalidPrompt(_("Describe what you want to see."), field="prompt")
    if len(prompt) > settings.PROMPT_MAX_LENGTH:
        raise InvalidPrompt(
            _("The prompt has %(length)d characters; shorten it to %(limit)d.")
            % {"length": len(prompt), "limit": settings.PROMPT_MAX_LENGTH},
            field="prompt",
        )


def _inputs(viewer: Viewer, model: AIModel, ids: Sequence[UUID], *, extra: int) -> tuple[Asset, ...]:
    needed = INPUTS_NEEDED.get(Task(model.task), 0)
    given = len(ids) + extra
    if given != needed:
        if not needed:
            sentence = _("%(model)s works from the prompt alone; remove the picture.") % {"model": model.name}
        else:
            sentence = ngettext(
                "%(model)s works from %(count)d picture: drop, paste or pick it.",
                "%(model)s works from %(count)d pictures: drop, paste or pick them.",
                needed,
            ) % {"model": model.name, "count": needed}
        raise InvalidInputs(sentence, field="inputs")
    found = {asset.pk: asset for asset in Asset.objects.editable_by(viewer).kept().filter(pk__in=ids)}
    if any(asset_id not in found for asset_id in ids):
        raise InvalidInputs(_("One of the pictures is not in your gallery. Upload it or pick another."), field="inputs")
    return tuple(found[asset_id] for asset_id in ids)
