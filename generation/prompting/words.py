"""Text as the deny-list reads it: one form for all spellings of a word, and what was pulled apart put together again.

This catches words, not meanings; what providers themselves refuse comes on top.
"""

import re
import unicodedata
from dataclasses import dataclass

# Accents and the like, which decorate a letter of Latin, Greek or Cyrillic. Vowel signs of other scripts stay.
_ACCENTS = re.compile("[\u0300-\u036f\u1ab0-\u1aff\u1dc0-\u1dff\u20d0-\u20ff\ufe00-\ufe0f\ufe20-\ufe2f]")
# Letters that show nothing.
_BLANK_LETTERS = re.compile("[\u115f\u1160\u17b4\u17b5\u3164\uffa0\u2800]")
# Written without spaces, so that a word cannot be told from its neighbours: found anywhere.
_UNSPACED = re.compile(r"[\u0e00-\u0eff\u1000-\u109f\u1780-\u17ff\u3040-\u30ff\u3400-\u9fff\uf900-\ufaff]")
_APOSTROPHES = re.compile("['\u2018\u2019\u02bc\u00b4`]")
# "he'll" is two words, not an underworld.
_CONTRACTION = re.compile(r"(?<=\w)'(?=(?:s|t|d|m|ll|re|ve)\b)")
# Inside a run without spaces these separate words in ordinary writing; all others only pull a word apart.
_ORDINARY = re.compile(r"[\s,;:/\\()\[\]{}\"\u201c\u201d\u00ab\u00bb?&\u2013\u2014]+")
# How many single letters in a row are a word that was pulled apart.
_SPELT = 3


def plain(text: str) -> str:
    """NFKC, case folded, without accents and without what cannot be seen."""
    folded = unicodedata.normalize("NFKC", text).casefold()
    bare = _ACCENTS.sub("", unicodedata.normalize("NFKD", folded))
    bare = _BLANK_LETTERS.sub("", unicodedata.normalize("NFKC", bare))
    return "".join(sign for sign in bare if unicodedata.category(sign) != "Cf")


def words_of(text: str) -> list[str]:
    """The words of a text that `plain` made: letters, digits and their marks; all else separates."""
    return "".join(sign if unicodedata.category(sign)[0] in "LNM" else " " for sign in text).split()


@dataclass(frozen=True, slots=True)
class Reading:
    """One way to read a text: its words, and which of them were put together from pieces."""

    words: list[str]
    joined: frozenset[str] = frozenset()


def readings_of(text: str) -> tuple[str, list[Reading]]:
    """The plain text, and the ways to read it: as written; with "n.u.d.e" and "n u d e" put together."""
    text = plain(text)
    written = words_of(text)
    chunks = [words_of(chunk) for chunk in _ORDINARY.split(_CONTRACTION.sub(" ", _APOSTROPHES.sub("'", text)))]
    closed = ["".join(chunk) for chunk in chunks if chunk]
    joined = frozenset("".join(chunk) for chunk in chunks if len(chunk) > 1)
    readings = [Reading(written), Reading(closed, joined)]
    readings += [_spelt(words, joined if words is closed else frozenset()) for words in (written, closed)]
    return text, [reading for number, reading in enumerate(readings) if number == 0 or reading.joined]


def _spelt(words: list[str], joined: frozenset[str]) -> Reading:
    """The words with runs of single letters put together; an article before such a run stays one."""
    found: list[str] = []
    made = set(joined)
    run: list[str] = []
    for word in [*words, ""]:
        if len(word) == 1:
            run.append(word)
            continue
        if len(run) >= _SPELT:
            if run[0] in "ai" and len(run) > _SPELT:
                # "a n u d e" may also be one word; both are looked for.
                made.add("".join(run))
                found.append("".join(run))
                run = run[1:]
            made.add("".join(run))
            run = ["".join(run)]
        found += [*run, word] if word else run
        run = []
    return Reading(found, frozenset(made))


def is_unspaced(phrase: str) -> bool:
    """Whether a phrase is of a script that puts no spaces between words."""
    return bool(_UNSPACED.search(phrase))
