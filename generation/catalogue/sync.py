"""Writing the lists of models into the catalogue, again and again, without touching what an operator changed.

A row remembers in `seeded` what was last written into each of its columns. A column that still holds that follows the
list; one that holds something else was changed by an operator and stays. What was read at the provider itself
(`seeded["live"]`, see `generation.catalogue.refresh`) stays as well, until the list says something new.
"""

import json
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from decimal import Decimal
from functools import cache
from typing import Any

from django.core.exceptions import ValidationError
from django.db import DatabaseError, models, transaction
from django.utils.translation import gettext as _

from generation.catalogue.checks import problems_of
from generation.catalogue.equivalents import equivalents_of
from generation.models import AIModel

LIVE = "live"


@dataclass
class Report:
    """What a run did, by slug and in words."""

    total: int = 0
    added: list[str] = field(default_factory=list)
    changed: dict[str, list[str]] = field(default_factory=dict)
    kept: dict[str, list[str]] = field(default_factory=dict)
    failed: dict[str, str] = field(default_factory=dict)
    # Rows that a list had once.
    dropped: list[str] = field(default_factory=list)

    def lines(self) -> list[str]:
        """One line for everything that an operator may want to know."""
        return [
            *(f"+ {slug}" for slug in self.added),
            *(f"~ {slug}: {', '.join(columns)}" for slug, columns in self.changed.items()),
            *(f"= {slug}: {', '.join(columns)} stay as an operator set them" for slug, columns in self.kept.items()),
            *(f"? {slug}: no list has it any more; it is left as it is" for slug in self.dropped),
            *(f"! {slug}: {problem}" for slug, problem in self.failed.items()),
        ]

    def sentence(self) -> str:
        """One sentence with the numbers that are not zero."""
        untouched = self.total - len(self.added) - len(self.changed) - len(self.failed)
        parts = {
            "models added": len(self.added),
            "changed": len(self.changed),
            "as they were": untouched,
            "with an operator's changes": len(self.kept),
            "no longer listed": len(self.dropped),
            "WRONG": len(self.failed),
        }
        told = [f"{number} {what}" for what, number in parts.items() if number or what == "models added"]
        return f"Catalogue: {', '.join(told)}."


def sync_rows(rows: Iterable[Mapping[str, Any]], *, dry_run: bool = False) -> Report:
    """Write the rows of the lists. One that is wrong is reported and changes nothing; the others are written."""
    rows = list(rows)
    report = Report(total=len(rows))
    with transaction.atomic():
        models_by_slug = {model.slug: model for model in AIModel.objects.select_for_update().order_by("pk")}
        for row in rows:
            with _told(report, row["slug"]):
                _write(row, models_by_slug, report)
        # What was not written is there no more: the next lines see the rows as they are.
        found = {model.slug: model for model in AIModel.objects.prefetch_related("equivalents")}
        for slug, others in equivalents_of(row for row in rows if row["slug"] not in report.failed).items():
            with _told(report, slug):
                _relate(found[slug], [found[other] for other in others if other in found], report)
        listed = {row["slug"] for row in rows}
        report.dropped = sorted(slug for slug, model in found.items() if "slug" in model.seeded and slug not in listed)
        transaction.set_rollback(dry_run)
    return report


@contextmanager
def _told(report: Report, slug: str) -> Iterator[None]:
    """What goes wrong with one row is told, and concerns no other."""
    try:
        yield
    except ValidationError as error:
        report.failed[slug] = "; ".join(f"{name}: {' '.join(said)}" for name, said in error.message_dict.items())
    except (DatabaseError, ValueError, TypeError) as error:
        report.failed[slug] = str(error).strip().splitlines()[0]


def _write(row: Mapping[str, Any], models_by_slug: Mapping[str, AIModel], report: Report) -> None:
    values = {name: value for name, value in row.items() if name != "equivalents"}
    problems = problems_of(values)
    if problems:
        raise ValueError("; ".join(f"{column}: {problem}" for column, problem in problems.items()))
    model = models_by_slug.get(row["slug"])
    if model is None:
        model = AIModel(**values)
        model.seeded = {name: plain(model, name) for name in values}
        model.full_clean(exclude=["parameters", "cost_factors"])
        with transaction.atomic():
            model.save(force_insert=True)
        report.added.append(model.slug)
        return
    before = model.seeded
    changed, kept = follow(model, values)
    if changed:
        report.changed[model.slug] = changed
    if kept:
        report.kept[model.slug] = kept
    if model.seeded != before:
        with transaction.atomic():
            model.save(update_fields=[*changed, "seeded"])


def follow(model: AIModel, values: Mapping[str, Any]) -> tuple[list[str], list[str]]:
    """Take over the columns that nobody else changed; return which changed, and which an operator keeps."""
    changed, kept = [], []
    seeded = dict(model.seeded)
    live = dict(seeded.get(LIVE, {}))
    for name, value in values.items():
        here, before = plain(model, name), seeded.get(name, default_of(name))
        wanted = as_json(name, value)
        if name in live and here == live[name] and wanted == before:
            # The provider itself was heard later than the list was written.
            continue
        live.pop(name, None)
        if here == wanted or is_untouched(model, name):
            seeded[name] = wanted
            if here != wanted:
                setattr(model, name, value)
                changed.append(name)
        else:
            kept.append(name)
    model.seeded = seeded | {LIVE: live} if live else {name: value for name, value in seeded.items() if name != LIVE}
    return changed, kept


def is_untouched(model: AIModel, name: str) -> bool:
    """Whether a column still holds what a list or the provider itself said last."""
    before = model.seeded.get(name, default_of(name))
    return plain(model, name) in (before, model.seeded.get(LIVE, {}).get(name, before))


def _relate(model: AIModel, wanted: list[AIModel], report: Report) -> None:
    """Set the equivalents that exist and do the same task, unless an operator set others."""
    strangers = [other.slug for other in wanted if other.task != model.task]
    if strangers:
        raise ValueError(_("equivalents: %s do another task.") % ", ".join(sorted(strangers)))
    here = sorted(other.slug for other in model.equivalents.all())
    there = sorted(other.slug for other in wanted)
    before = model.seeded.get("equivalents", [])
    if here == there == before:
        return
    if here not in (before, there):
        report.kept.setdefault(model.slug, []).append("equivalents")
        return
    with transaction.atomic():
        model.equivalents.set(wanted)
        AIModel.objects.filter(pk=model.pk).update(seeded=model.seeded | {"equivalents": there})
    if here != there and model.slug not in report.added:
        report.changed.setdefault(model.slug, []).append("equivalents")


def plain(model: AIModel, name: str) -> Any:
    """What a column holds, as `as_json` gives it."""
    return as_json(name, getattr(model, name))


@cache
def _untouched() -> AIModel:
    return AIModel()


def default_of(name: str) -> Any:
    """What a column holds when nobody says anything, as `plain` gives it."""
    return plain(_untouched(), name)


def as_json(name: str, value: Any) -> Any:
    """A value for a column as JSON, equal for equal values."""
    if isinstance(AIModel._meta.get_field(name), models.DecimalField):
        return str(Decimal(str(value)).normalize())
    if isinstance(value, str):
        return str(value)
    return json.loads(json.dumps(value)) if isinstance(value, dict | list | tuple) else value
