"""Two assets side by side: what differs in how they were made."""

import difflib
from dataclasses import dataclass
from typing import Any

from django.template.defaultfilters import capfirst, filesizeformat
from django.utils import formats, timezone
from django.utils.translation import gettext as _
from django.utils.translation import ngettext

from gallery.models import Asset
from gallery.tiles import badge_of


@dataclass(frozen=True, slots=True)
class Fact:
    """A row of the table: what it is about, and what the one and the other have; "" where there is nothing to say."""

    name: str
    first: str
    second: str

    @property
    def is_same(self) -> bool:
        """Whether both have the same."""
        return self.first == self.second


@dataclass(frozen=True, slots=True)
class Words:
    """Some words of a prompt; `is_own` when the other prompt has them not."""

    text: str
    is_own: bool


def facts_of(first: Asset, second: Asset) -> list[Fact]:
    """All that is known of either, besides the prompts."""
    sides = [_facts(asset) for asset in (first, second)]
    names = dict.fromkeys(name for side in sides for name in side)
    return [Fact(name, sides[0].get(name, ""), sides[1].get(name, "")) for name in names]


def prompts_of(first: Asset, second: Asset) -> tuple[list[Words], list[Words]]:
    """Both prompts in pieces, those words marked that only one of them has."""
    left, right = first.prompt.split(), second.prompt.split()
    pieces: tuple[list[Words], list[Words]] = ([], [])
    # A word is the same with a comma behind it.
    bare, other = ([word.casefold().strip(".,;:!?") for word in words] for words in (left, right))
    matcher = difflib.SequenceMatcher(None, bare, other, autojunk=False)
    for what, start, end, other_start, other_end in matcher.get_opcodes():
        for side, words in zip(pieces, (left[start:end], right[other_start:other_end]), strict=True):
            if words:
                side.append(Words(" ".join(words), is_own=what != "equal"))
    return pieces


def _facts(asset: Asset) -> dict[str, str]:
    """In the order in which they are shown."""
    is_made = asset.origin == Asset.Origin.MADE
    params = {capfirst(key.replace("_", " ")): _word(value) for key, value in asset.params.items()}
    price = ngettext("%(count)d credit", "%(count)d credits", asset.credits) % {"count": asset.credits}
    found = {
        _("Kind"): capfirst(asset.get_kind_display()),
        _("Length or faces"): badge_of(asset)[1],
        _("Model"): asset.model_name or _("Uploaded"),
        _("Seed"): "" if asset.seed is None else str(asset.seed),
        **params,
        _("Size"): f"{asset.width} × {asset.height}",
        _("File"): filesizeformat(asset.bytes),
        _("Price"): price if is_made else "",
        _("Took"): _("%(seconds)s s") % {"seconds": f"{asset.elapsed_ms / 1000:.1f}"} if asset.elapsed_ms else "",
        _("Made"): formats.date_format(timezone.localtime(asset.created_at), "j F Y, H:i"),
    }
    return {name: value for name, value in found.items() if value}


def _word(value: Any) -> str:
    return "" if value is None else str(value)
