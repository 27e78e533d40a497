"""The Generate form: it only reads; `generation.requests` judges, so that page and API say the same."""

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any
from uuid import UUID, uuid4

from django.http import QueryDict
from django.utils.translation import gettext as _

from generation.models import AIModel
from generation.parameters import properties

# More choices than this become a list that opens.
SEGMENTS_LIMIT = 4
# More pictures than any model takes; what an address carries beyond them is left out.
INPUTS_LIMIT = 16


@dataclass(frozen=True, slots=True)
class Choice:
    """One value of a parameter with few values; `price_label` where choosing it changes what the job costs."""

    value: Any
    label: str
    price_label: str = ""


@dataclass(frozen=True, slots=True)
class Field:
    """One parameter of a model as a form field."""

    name: str
    title: str
    description: str
    kind: str  # "choice", "range", "number", "switch" or "text"
    choices: tuple[Choice, ...]
    minimum: float | None
    maximum: float | None
    step: float | None
    value: Any

    @property
    def is_short(self) -> bool:
        """Whether its choices fit side by side."""
        return len(self.choices) <= SEGMENTS_LIMIT


@dataclass(slots=True)
class Draft:
    """What stands in the form: from the address, from what was sent, or from the defaults."""

    prompt: str = ""
    preset: str = ""
    count: str = "1"
    seed: str = ""
    params: dict[str, Any] = field(default_factory=dict)
    inputs: list[UUID] = field(default_factory=list)
    # A mask that was sent before: of a job that is asked for again, or of the one just sent.
    mask: UUID | None = None
    # Width and height of a picture that is chosen but not sent yet; it may decide the price.
    source_size: tuple[int, int] | None = None
    # Makes a double click one job; a new one with each form that is shown.
    key: str = field(default_factory=lambda: str(uuid4()))


def read_draft(data: QueryDict, model: AIModel) -> Draft:
    """Read what was sent (or what the address carries). Never fails: what makes no sense is left as it was sent."""
    draft = Draft(
        prompt=data.get("prompt", ""),
        preset=data.get("preset", "").strip(),
        count=data.get("num_images", "1"),
        seed=data.get("seed", "").strip(),
        params={
            name: _typed(rules, str(data[name]))
            for name, rules in properties(model.parameters).items()
            if data.get(name)
        },
        inputs=_uuids(data.getlist("inputs"))[:INPUTS_LIMIT],
        mask=next(iter(_uuids([data.get("mask", "")])), None),
        source_size=_size(data.get("source_size", "")),
    )
    key = data.get("key", "")
    if 0 < len(key) <= 80:
        draft.key = key
    return draft


def add_input(draft: Draft, data: QueryDict, *, most: int) -> None:
    """Put the picture that the address picks (`input`) among those of the draft: in place of the last one of `most`."""
    picked = _uuids(data.getlist("input"))[:1]
    others = [asset_id for asset_id in draft.inputs if asset_id not in picked]
    place = min(len(others), max(0, most - 1)) if most else len(others)
    draft.inputs = others[:place] + picked + others[place:]


def whole_number(text: str) -> int | None:
    """A whole number from a form, or None where there is none; words become -1, which every limit refuses."""
    if not text:
        return None
    return int(text) if re.fullmatch(r"-?[0-9]{1,11}", text) else -1


def _no_price(_name: str, _value: Any) -> str:
    return ""


def fields_of(
    model: AIModel, values: Mapping[str, Any], price_label: Callable[[str, Any], str] = _no_price
) -> list[Field]:
    """The model's parameters as form fields, with the given values or the defaults.

    `price_label(name, value)` says what the job would cost with that value; "" where it makes no difference.
    """
    return [
        Field(
            name=name,
            title=_translated(rules.get("title") or name),
            description=_translated(rules.get("description", "")),
            kind=_kind(rules),
            choices=tuple(
                Choice(value, choice_label(name, value), price_label(name, value)) for value in _values(name, rules)
            ),
            minimum=rules.get("minimum"),
            maximum=rules.get("maximum"),
            step=_step(rules),
            value=values.get(name, rules.get("default", "")),
        )
        for name, rules in properties(model.parameters).items()
    ]


def choice_label(name: str, value: Any) -> str:
    """A value of a parameter as people read it."""
    if value == "":
        return _("As it is") if name == "aspect_ratio" else _("Open")
    if name == "duration":
        return _("%(seconds)s s") % {"seconds": value}
    if name == "scale":
        return f"{value}×"
    text = str(value).replace("-", " ").replace("_", " ")
    return text[:1].upper() + text[1:]


def _values(name: str, rules: Mapping[str, Any]) -> tuple[Any, ...]:
    """The values to choose from; one that may be left open has an empty one before them."""
    values = tuple(rules.get("enum", ()))
    return values if not values or "default" in rules else ("", *values)


def _kind(rules: Mapping[str, Any]) -> str:
    if "enum" in rules:
        return "choice"
    if rules.get("type") in ("number", "integer"):
        return "range" if "minimum" in rules and "maximum" in rules else "number"
    return "switch" if rules.get("type") == "boolean" else "text"


def _step(rules: Mapping[str, Any]) -> float | None:
    """By how much one press of an arrow key moves a number."""
    if "multipleOf" in rules:
        return float(rules["multipleOf"])
    return 1 if rules.get("type") == "integer" else 0.05


def _translated(text: str) -> str:
    """A text of the catalogue in the reader's language; gettext answers the empty text with its own header."""
    return _(text) if text else ""


def _typed(rules: Mapping[str, Any], text: str) -> Any:
    """The text as the schema's type; left as text where it is not one, for the schema to refuse."""
    try:
        if rules.get("type") == "integer":
            return int(text)
        if rules.get("type") == "number":
            return float(text)
    except ValueError:
        return text
    return text == "true" if rules.get("type") == "boolean" else text


def _size(text: str) -> tuple[int, int] | None:
    """`640x480`."""
    found = re.fullmatch(r"([1-9][0-9]{0,4})x([1-9][0-9]{0,4})", text)
    return (int(found[1]), int(found[2])) if found else None


def _uuids(texts: list[str]) -> list[UUID]:
    found = []
    for text in texts:
        try:
            found.append(UUID(text))
        except ValueError:
            continue
    return found
