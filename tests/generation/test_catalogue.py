"""The lists of models, and writing them into the catalogue again and again around what an operator changed."""

from decimal import Decimal
from io import StringIO
from typing import Any

import pytest
from django.core.management import call_command
from django.core.management.base import CommandError

from config.base import registry
from generation.catalogue import equivalents, listed, seed_catalogue
from generation.catalogue.checks import problems_of
from generation.catalogue.schema import file_format, schema, steps
from generation.catalogue.sync import Report, sync_rows
from generation.models import AIModel, Task
from generation.parameters import complete
from tests.generation.seeded_rows import make_fresh

pytestmark = pytest.mark.django_db


@pytest.fixture(autouse=True)
def _fresh(db: None) -> None:
    make_fresh()


def a_row(slug: str = "made-up", **changes: Any) -> dict[str, Any]:
    """A row as a list has it."""
    row: dict[str, Any] = {
        "slug": slug,
        "name": "Made up",
        "description": "For tests.",
        "provider": "fal",
        "task": Task.TEXT_TO_IMAGE,
        "endpoint": "fal-ai/made-up",
        "tier": AIModel.Tier.BASIC,
        "provider_cost": Decimal("0.040"),
        "seconds_expected": 2,
        "position": 900,
        "parameters": schema(steps=steps(4, 1, 12), output_format=file_format("jpeg", "png")),
    }
    return row | changes


def write(*rows: dict[str, Any], dry_run: bool = False) -> Report:
    """Write these beside all others, and report on these alone."""
    report = sync_rows([*listed(), *rows], dry_run=dry_run)
    assert not set(report.added) - {row["slug"] for row in rows}
    return report


def the(slug: str = "made-up") -> AIModel:
    return AIModel.objects.get(slug=slug)


# --- The lists --------------------------------------------------------------------------------------------------------


def test_every_row_of_every_list_is_right() -> None:
    rows = listed()
    assert {row["slug"]: problems_of(row) for row in rows if problems_of(row)} == {}
    assert len({row["slug"] for row in rows}) == len(rows)
    for row in rows:
        complete(row["parameters"], {})


def test_equivalents_are_of_other_providers_and_do_the_same() -> None:
    rows = {row["slug"]: row for row in listed()}
    for slug, others in equivalents.equivalents_of(rows.values()).items():
        for other in (rows[other] for other in others if other in rows):
            assert other["task"] == rows[slug]["task"], (slug, other["slug"])
            assert other["provider"] != rows[slug]["provider"], (slug, other["slug"])
    assert list(the("flux-schnell").equivalents.filter(slug="together-flux-schnell")) == [the("together-flux-schnell")]
    assert list(the("together-flux-schnell").equivalents.filter(slug="flux-schnell")) == [the("flux-schnell")]


def test_a_fresh_installation_has_all_of_them_and_a_second_run_changes_nothing() -> None:
    assert seed_catalogue in registry.seeds.listeners
    assert AIModel.objects.count() >= len(listed())
    report = write()
    assert (report.added, report.changed, report.kept, report.failed) == ([], {}, {}, {})
    assert seed_catalogue() == f"Catalogue: 0 models added, {len(listed())} as they were."


# --- What an operator changed -----------------------------------------------------------------------------------------


def test_a_column_that_nobody_changed_follows_the_list() -> None:
    write(a_row())
    report = write(a_row(provider_cost=Decimal("0.05"), max_side=4000))
    assert report.changed == {"made-up": ["provider_cost", "max_side"]}
    assert (the().provider_cost, the().max_side) == (Decimal("0.05000"), 4000)


def test_what_an_operator_changed_stays_and_the_rest_follows() -> None:
    write(a_row())
    AIModel.objects.filter(slug="made-up").update(name="Ours", markup="2.00", is_active=False)
    report = write(a_row(name="New name", provider_cost=Decimal("0.05")))
    assert (report.changed, report.kept) == ({"made-up": ["provider_cost"]}, {"made-up": ["name"]})
    row = the()
    assert (row.name, row.markup, row.is_active, row.provider_cost) == ("Ours", 2, False, Decimal("0.05"))
    # Back to what the list said: it follows again.
    AIModel.objects.filter(slug="made-up").update(name="Made up")
    write(a_row(name="New name"))
    assert the().name == "New name"


def test_a_column_that_a_list_names_for_the_first_time_follows_only_where_it_was_untouched() -> None:
    write(a_row(), a_row("second"))
    AIModel.objects.filter(slug="second").update(min_side=64)
    report = write(a_row(min_side=300), a_row("second", min_side=300))
    assert (the().min_side, the("second").min_side) == (300, 64)
    assert report.kept == {"second": ["min_side"]}


def test_a_row_that_no_list_has_any_more_is_told_and_left_alone() -> None:
    write(a_row())
    report = write()
    assert report.dropped == ["made-up"]
    assert the().is_active
    assert "? made-up" in "\n".join(report.lines())


def test_an_operators_own_row_is_no_ones_business() -> None:
    AIModel.objects.create(**a_row("my-own"))
    report = write()
    assert (report.dropped, the("my-own").name) == ([], "Made up")


def test_equivalents_follow_the_lists_but_not_over_an_operators_choice() -> None:
    write(a_row(equivalents=["together-flux-schnell", "unheard-of"]))
    assert [other.slug for other in the().equivalents.all()] == ["together-flux-schnell"]
    write(a_row(equivalents=["together-flux-schnell", "gpt-image-mini"]))
    assert {other.slug for other in the().equivalents.all()} == {"together-flux-schnell", "gpt-image-mini"}
    the().equivalents.set([the("gpt-image-2")])
    report = write(a_row(equivalents=["together-flux-schnell"]))
    assert [other.slug for other in the().equivalents.all()] == ["gpt-image-2"]
    assert report.kept == {"made-up": ["equivalents"]}


# --- What is wrong ----------------------------------------------------------------------------------------------------

WRONG: list[tuple[str, dict[str, Any], str]] = [
    ("schema", {"parameters": {"type": "object", "properties": {"a": {"type": "strange"}}}}, "parameters"),
    ("default", {"parameters": schema(steps=steps(99, 1, 12))}, "default of “steps”"),
    ("factor", {"cost_factors": {"quality": {"high": 2}}}, "no parameter “quality”"),
    ("value", {"cost_factors": {"output_format": {"gif": 2}}}, "has no value “gif”"),
    ("number", {"cost_factors": {"output_format": {"png": -1}}}, "above zero"),
    ("cost", {"provider_cost": Decimal("-1")}, "provider_cost"),
    ("seconds", {"unit": AIModel.Unit.SECOND}, "unit"),
    ("sides", {"min_side": 10, "max_side": 5}, "max_side"),
    ("too-long", {"provider": "x" * 31}, "provider"),
    ("relation", {"equivalents": ["gpt-image-mini-edit"]}, "another task"),
]


@pytest.mark.parametrize(("changes", "sentence"), [case[1:] for case in WRONG], ids=[case[0] for case in WRONG])
def test_a_row_that_is_wrong_is_told_and_stops_no_other(changes: dict[str, Any], sentence: str) -> None:
    report = write(a_row("wrong", **changes), a_row("right"))
    assert sentence in report.failed["wrong"]
    assert the("right").name == "Made up"
    assert AIModel.objects.filter(slug="wrong").exists() == ("equivalents" in changes)


@pytest.fixture
def another_list(monkeypatch: pytest.MonkeyPatch) -> list[dict[str, Any]]:
    """Rows that the command finds beside the true ones."""
    rows: list[dict[str, Any]] = []
    monkeypatch.setattr("generation.management.commands.sync_catalogue.listed", lambda: [*listed(), *rows])
    return rows


def run(*args: str) -> str:
    out = StringIO()
    call_command("sync_catalogue", *args, stdout=out)
    return out.getvalue()


def test_the_command_tells_what_it_did_and_can_only_tell(another_list: list[dict[str, Any]]) -> None:
    another_list.append(a_row())
    assert "+ made-up" in run("--dry-run")
    assert not AIModel.objects.filter(slug="made-up").exists()
    assert "+ made-up" in run()
    assert "1 models added" not in run()
    another_list.append(a_row("wrong", provider_cost=Decimal("-1")))
    with pytest.raises(CommandError, match="1 of the above"):
        run()
