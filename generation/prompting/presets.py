"""Styles: words that are put around what a person wrote. Rows are data: what an operator changes stays."""

import re

from django.db.models import QuerySet
from django.utils.translation import gettext as _

from config.base.refusal import Refusal
from generation.models import Preset
from generation.prompting.preset_rows import PRESETS

PLACE = "{prompt}"
_FIELDS = ("name", "template", "negative", "is_active", "position")
# What a clause must not end with once the person's words are left out of it.
_HANGING = re.compile(
    r"(?:^|\s+)(?:of|with|in|on|for|by|from|showing|depicting|featuring|a|an|the|and)$", re.IGNORECASE
)


class UnknownPreset(Refusal):
    """No such style, or it is switched off."""

    code = "unknown_preset"


def offered_presets() -> QuerySet[Preset]:
    """The styles that may be chosen now, in their order."""
    return Preset.objects.filter(is_active=True)


def chosen(slug: str) -> Preset | None:
    """The style of that short name; None when none was asked for. Raises `UnknownPreset`."""
    slug = slug.replace("\x00", "").strip()
    if not slug:
        return None
    preset = offered_presets().filter(slug=slug).first()
    if preset is None:
        raise UnknownPreset(
            _("There is no style “%(slug)s”. Choose one from the list, or none.") % {"slug": slug[:60]}, field="preset"
        )
    return preset


def wording_of(preset: Preset | None, prompt: str) -> str:
    """What the provider is asked: the style's words with the prompt in its place; without a style the prompt itself.

    May be longer than PROMPT_MAX_LENGTH by the style's words, 500 at most.
    """
    prompt = prompt.strip()
    if preset is None:
        return prompt
    if not prompt:
        return _without_prompt(preset.template)
    if PLACE not in preset.template:
        return f"{prompt}, {preset.template}"
    if f"{PLACE}," in preset.template:
        # "A fox." and ", oil painting" is "A fox, oil painting".
        prompt = prompt.rstrip(" .,;")
    return preset.template.replace(PLACE, prompt)


def _without_prompt(template: str) -> str:
    clauses = (" ".join(clause.split()) for clause in template.replace(PLACE, " ").split(","))
    return ", ".join(kept for kept in map(_tidy, clauses) if kept)


def _tidy(clause: str) -> str:
    while hanging := _HANGING.search(clause):
        clause = clause[: hanging.start()]
    return clause.strip(" .;:–—-")


def seed_presets() -> str:
    """Add the styles that are missing and renew what nobody changed; return a sentence that says how many.

    `Preset.seeded` holds what was written last: a field that differs from it was changed by an operator and stays.
    """
    rows = Preset.objects.in_bulk([row["slug"] for row in PRESETS], field_name="slug")
    added = renewed = 0
    for number, values in enumerate(PRESETS, start=1):
        wanted = {"is_active": True, "negative": "", "position": number * 10, **values}
        slug = wanted.pop("slug")
        row = rows.get(slug)
        if row is None:
            _row, is_new = Preset.objects.get_or_create(slug=slug, defaults={**wanted, "seeded": wanted})
            added += is_new
            continue
        changes = {
            name: wanted[name]
            for name in _FIELDS
            if getattr(row, name) == row.seeded.get(name) and getattr(row, name) != wanted[name]
        }
        if changes or row.seeded != wanted:
            renewed += bool(changes)
            Preset.objects.filter(pk=row.pk).update(**changes, seeded=wanted)
    return f"Styles: {added} added, {renewed} renewed, {len(PRESETS) - added - renewed} left as they are."
