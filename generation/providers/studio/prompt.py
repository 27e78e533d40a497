"""From words to a plan: what of the prompt the studio can draw. Words match whole, in English, singular or plural."""

import re
from dataclasses import dataclass

from generation.providers.studio.lexicon import LEXICON, NUMBERS
from generation.providers.studio.palettes import COLOURS


@dataclass(frozen=True, slots=True)
class Subject:
    """A thing to draw, in the colour that stands before its name, so many times."""

    name: str
    colour: str | None
    count: int


@dataclass(frozen=True, slots=True)
class Brief:
    """All that was understood of a prompt, in the order in which it was said."""

    words: tuple[str, ...]
    found: dict[str, tuple[str, ...]]
    subjects: tuple[Subject, ...]
    colours: tuple[str, ...]

    def of(self, category: str) -> tuple[str, ...]:
        return self.found.get(category, ())

    def has(self, category: str, name: str) -> bool:
        return name in self.of(category)

    @property
    def moods(self) -> frozenset[str]:
        return frozenset(self.of("mood"))


def _table() -> dict[str, list[tuple[str, str]]]:
    table: dict[str, list[tuple[str, str]]] = {}
    for category, names in LEXICON.items():
        for name, words in names.items():
            for word in words.split():
                table.setdefault(word, []).append((category, name))
    return table


TABLE = _table()
PHRASES = tuple(word for word in TABLE if "-" in word)


def _singular(word: str) -> list[str]:
    forms = [word]
    if word.endswith("ies"):
        forms.append(word[:-3] + "y")
    if word.endswith("ves"):
        forms.append(word[:-3] + "f")
    if word.endswith("es"):
        forms.append(word[:-2])
    if word.endswith("s") and not word.endswith("ss"):
        forms.append(word[:-1])
    return forms


def read(prompt: str) -> Brief:
    """Understand a prompt. Unknown words are passed over; the order of the known ones is kept."""
    text = prompt.lower()
    for phrase in PHRASES:
        text = re.sub(rf"\b{phrase.replace('-', '[ -]')}(s?)\b", rf"{phrase}\1", text)
    words = tuple(re.findall(r"[a-z0-9]+(?:-[a-z0-9]+)*", text))
    found: dict[str, list[str]] = {}
    subjects: list[Subject] = []
    colours: list[str] = []
    for at, word in enumerate(words):
        form = next((form for form in _singular(word) if form in TABLE), None)
        senses = TABLE.get(form or "", [])
        for category, name in senses:
            if category == "subject":
                before = words[max(0, at - 3) : at]
                worn = next((part for part in reversed(before[-2:]) if part in COLOURS), None)
                count = next((NUMBERS[part] for part in before if part in NUMBERS), 3 if word != form else 1)
                if name not in [subject.name for subject in subjects]:
                    subjects.append(Subject(name, worn, NUMBERS.get(word, count)))
                if worn in colours:
                    colours.remove(worn)
            elif name not in found.setdefault(category, []):
                found[category].append(name)
        # A flower's colour is the flower's: "lavender" is a field before it is a hue.
        if word in COLOURS and not any(category == "ground" for category, _ in senses) and word not in colours:
            colours.append(word)
    return Brief(words, {key: tuple(names) for key, names in found.items()}, tuple(subjects), tuple(colours))
