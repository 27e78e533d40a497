"""What can be made of a picture in one click, by which model and at what price."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any
from uuid import uuid4

from django.utils.translation import gettext as _

from billing.models import Plan
from billing.selectors import Credits
from gallery.models import Asset
from generation.models import AIModel, Task
from generation.pricing import price_of
from generation.quotes import credits_label, usable_params
from generation.requests import needs_mask, needs_prompt
from generation.tasks import icon_of, label_of

# In the order in which a picture's page shows them. An outpaint must be told how far.
OFFERED = (
    Task.EDIT,
    Task.INPAINT,
    Task.OUTPAINT,
    Task.UPSCALE,
    Task.REMOVE_BACKGROUND,
    Task.VARIATION,
    Task.IMAGE_TO_VIDEO,
    Task.IMAGE_TO_3D,
)


@dataclass(frozen=True, slots=True)
class Offer:
    """One task for one picture.

    `model` makes it in one click at `price`; None where words, a mask or sizes must be given first, on Generate.
    `reason` says why it cannot be had now, `is_locked` when the plan is why.
    """

    task: Task
    label: str
    icon: str
    model: AIModel | None = None
    price: int = 0
    reason: str = ""
    is_locked: bool = False
    key: str = ""

    @property
    def price_label(self) -> str:
        """`2 credits`."""
        return credits_label(self.price)


def offers_for(asset: Asset, models: Sequence[AIModel], plan: Plan, wallet: Credits) -> list[Offer]:
    """What may be made of the asset, of the tasks that some model does. Nothing is made of a video or a mesh."""
    if asset.kind != Asset.Kind.IMAGE:
        return []
    by_task = {task: [model for model in models if model.task == task] for task in OFFERED}
    return [_offer(task, asset, found, plan, wallet) for task, found in by_task.items() if found]


def default_params(model: AIModel) -> Mapping[str, Any]:
    """The parameters of a job that nobody set any for."""
    return usable_params(model, {})


def _offer(task: Task, asset: Asset, models: list[AIModel], plan: Plan, wallet: Credits) -> Offer:
    label = {Task.EDIT: _("Edit"), Task.IMAGE_TO_VIDEO: _("Animate"), Task.IMAGE_TO_3D: _("To 3D")}.get(
        task, label_of(task)
    )
    icon = {Task.IMAGE_TO_VIDEO: "film"}.get(task, icon_of(task))
    ready = [model for model in models if _is_one_click(model)]
    if not ready:
        return Offer(task, label, icon)
    prices = {model.pk: price_of(model, params=default_params(model), source=asset) for model in ready}
    allowed = [model for model in ready if model.tier in plan.tiers]
    model = min(allowed or ready, key=lambda row: prices[row.pk])
    price = prices[model.pk]
    reason = ""
    if not allowed:
        reason = _("Not in the %(plan)s plan") % {"plan": plan.name}
    elif not wallet.unlimited and price > wallet.available:
        reason = _("Not enough credits: you have %(available)d") % {"available": wallet.available}
    return Offer(task, label, icon, model, price, reason, is_locked=not allowed, key=str(uuid4()))


def _is_one_click(model: AIModel) -> bool:
    return not (needs_prompt(model) or needs_mask(model) or model.task == Task.OUTPAINT)
