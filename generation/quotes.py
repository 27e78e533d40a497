"""What the form costs as it stands: each model, each number of outputs, each value of a parameter that is paid for."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from django.utils.translation import gettext as _
from django.utils.translation import ngettext

from billing.models import Plan
from billing.selectors import Credits
from gallery.models import Asset
from generation.forms import Draft
from generation.models import AIModel
from generation.parameters import InvalidParameter, complete, properties
from generation.pricing import price_of, priced_params
from generation.requests import EXACT_TASKS


@dataclass(frozen=True, slots=True)
class ModelChoice:
    """One model of the picker; `price_label` is of one output as the form stands."""

    row: AIModel
    description: str
    price: int
    price_label: str
    is_locked: bool


@dataclass(frozen=True, slots=True)
class CountChoice:
    """One number of outputs and what they cost."""

    number: int
    price: int
    price_label: str
    is_chosen: bool


@dataclass(frozen=True, slots=True)
class Affordance:
    """Whether the button can be pressed and, if not, why (`reason`); `locked` when the plan is the reason."""

    reason: str
    locked: str
    is_blocked: bool
    text_short: str


@dataclass(frozen=True, slots=True)
class Quote:
    """The prices of a form: its parameters as they would be sent, from the picture that it starts with."""

    model: AIModel
    params: dict[str, Any]
    source: Asset | None
    counts: list[CountChoice]

    @property
    def chosen(self) -> CountChoice:
        """The number that is chosen."""
        return next((count for count in self.counts if count.is_chosen), self.counts[0])

    def choice_label(self, name: str, value: Any) -> str:
        """What one output costs with another value of a parameter; "" where the value makes no difference."""
        if value == "" or name not in priced_params(self.model):
            return ""
        return credits_label(price_of(self.model, params={**self.params, name: value}, source=self.source))


def credits_label(price: int) -> str:
    """`1 credit`, `4 credits`."""
    return ngettext("%(price)d credit", "%(price)d credits", price) % {"price": price}


def quote_of(model: AIModel, draft: Draft, source: Asset | None) -> Quote:
    """The prices of a draft that works from `source`."""
    params = usable_params(model, draft.params)
    numbers = range(1, 2 if model.task in EXACT_TASKS else model.outputs_allowed + 1)
    wanted = draft.count if draft.count in {str(number) for number in numbers} else "1"
    prices = {number: price_of(model, number, params=params, source=source) for number in numbers}
    counts = [
        CountChoice(number=number, price=price, price_label=credits_label(price), is_chosen=str(number) == wanted)
        for number, price in prices.items()
    ]
    return Quote(model=model, params=params, source=source, counts=counts)


def model_choices(models: list[AIModel], plan: Plan, quote: Quote) -> list[ModelChoice]:
    """The models that do the same task, the chosen one at the price of what is chosen, the others at their defaults."""
    choices = []
    for row in models:
        if row.task != quote.model.task:
            continue
        params = quote.params if row.pk == quote.model.pk else usable_params(row, {})
        price = price_of(row, params=params, source=quote.source)
        choices.append(
            ModelChoice(
                row=row,
                description=_(row.description) if row.description else "",
                price=price,
                price_label=credits_label(price),
                is_locked=row.tier not in plan.tiers,
            )
        )
    return choices


def affordance_of(quote: Quote, plan: Plan, wallet: Credits) -> Affordance:
    """Too few credits for the chosen number can still be mended by a smaller one; a locked model cannot."""
    text_short = _("Not enough credits: this needs {price}, you have {available}.")
    locked = reason = ""
    if quote.model.tier not in plan.tiers:
        names = {"model": quote.model.name, "plan": plan.name}
        locked = reason = _("%(model)s is not part of the %(plan)s plan.") % names
    elif not wallet.unlimited and quote.chosen.price > wallet.available:
        reason = text_short.format(price=quote.chosen.price, available=wallet.available)
    is_beyond = not wallet.unlimited and quote.counts[0].price > wallet.available
    # What costs more than there is may be mended by another value of a parameter, if one decides the price.
    is_blocked = bool(locked) or (is_beyond and not priced_params(quote.model))
    return Affordance(reason=reason, locked=locked, is_blocked=is_blocked, text_short=text_short)


def usable_params(model: AIModel, given: Mapping[str, Any]) -> dict[str, Any]:
    """The parameters with their defaults; what the schema refuses is left out, so that there is a price to show."""
    known = {name: value for name, value in given.items() if name in properties(model.parameters)}
    while True:
        try:
            return complete(model.parameters, known)
        except InvalidParameter as refusal:
            if refusal.field not in known:
                return known
            del known[refusal.field]
