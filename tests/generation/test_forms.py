"""The Generate form reads whatever is sent and judges nothing."""

from typing import Any
from uuid import uuid4

import pytest
from django.http import QueryDict

from generation.forms import fields_of, read_draft, whole_number
from generation.models import AIModel

SCHEMA: dict[str, Any] = {
    "type": "object",
    "properties": {
        "style": {
            "type": "string",
            "title": "Style",
            "enum": ["auto", "oil", "ink", "pixel", "poster"],
            "default": "auto",
        },
        "detail": {"type": "string", "enum": ["draft", "fine"], "default": "fine"},
        "steps": {"type": "integer", "title": "Steps", "minimum": 1, "maximum": 50, "default": 28},
        "strength": {"type": "number", "minimum": 0, "maximum": 1, "multipleOf": 0.25, "default": 0.5},
        "guidance": {"type": "number", "default": 3.5},
        "tiling": {"type": "boolean", "title": "Tiling", "default": True},
        "negative": {"type": "string", "description": "What to leave out."},
    },
}


@pytest.fixture
def model() -> AIModel:
    return AIModel(slug="any", parameters=SCHEMA)


def sent(**values: str) -> QueryDict:
    data = QueryDict(mutable=True)
    for name, value in values.items():
        data[name] = value
    return data


def test_every_kind_of_parameter_becomes_a_field(model: AIModel) -> None:
    fields = {field.name: field for field in fields_of(model, {})}

    assert {name: field.kind for name, field in fields.items()} == {
        "style": "choice",
        "detail": "choice",
        "steps": "range",
        "strength": "range",
        "guidance": "number",
        "tiling": "switch",
        "negative": "text",
    }
    assert (fields["style"].title, fields["detail"].title) == ("Style", "detail")
    assert (fields["style"].is_short, fields["detail"].is_short) == (False, True)
    assert (fields["steps"].step, fields["strength"].step) == (1, 0.25)
    assert fields["negative"].description == "What to leave out."
    assert [fields[name].value for name in ("steps", "guidance", "tiling", "negative")] == [28, 3.5, True, ""]


def test_a_field_shows_what_was_sent_before_the_default(model: AIModel) -> None:
    draft = read_draft(sent(steps="12", style="ink"), model)

    shown = {field.name: field.value for field in fields_of(model, draft.params)}
    assert (shown["steps"], shown["style"], shown["detail"]) == (12, "ink", "fine")


def test_values_are_read_as_the_schema_types_them(model: AIModel) -> None:
    draft = read_draft(sent(steps="12", strength="0.25", tiling="false", negative="hands", style=""), model)

    assert draft.params == {"steps": 12, "strength": 0.25, "tiling": False, "negative": "hands"}


def test_what_makes_no_sense_is_left_for_the_schema_to_refuse(model: AIModel) -> None:
    assert read_draft(sent(steps="many", strength="1,5"), model).params == {"steps": "many", "strength": "1,5"}


def test_parameters_of_another_model_are_left_out(model: AIModel) -> None:
    assert read_draft(sent(prompt="fox", cfg="7"), model).params == {}


def test_ids_of_pictures_that_are_none_are_left_out(model: AIModel) -> None:
    asset_id = uuid4()
    data = sent()
    data.setlist("inputs", ["not-an-id", str(asset_id), ""])

    assert read_draft(data, model).inputs == [asset_id]


@pytest.mark.parametrize("key", ["", "x" * 81])
def test_a_form_without_a_usable_key_gets_one(model: AIModel, key: str) -> None:
    assert 0 < len(read_draft(sent(key=key), model).key) <= 80
    assert read_draft(sent(key=key), model).key != key


def test_the_key_of_a_form_stays(model: AIModel) -> None:
    assert read_draft(sent(key="once"), model).key == "once"


@pytest.mark.parametrize(
    ("text", "number"),
    [("", None), ("7", 7), ("-3", -3), ("0", 0), ("seven", -1), ("7.5", -1), ("9" * 40, -1), ("--7", -1), ("²", -1)],
)
def test_whole_numbers(text: str, number: int | None) -> None:
    assert whole_number(text) == number
