"""Prompts that are refused: operators list phrases, and no prompt may hold one as whole words."""

import logging
import time
from collections import defaultdict
from collections.abc import Iterator
from dataclasses import dataclass
from typing import ClassVar
from uuid import UUID

from django.utils.translation import gettext as _
from prometheus_client import Counter

from config.base.refusal import Refusal
from generation.models import DeniedPhrase
from generation.prompting.words import Reading, is_unspaced, plain, readings_of, words_of

logger = logging.getLogger(__name__)

# How long a process believes the list that it read, in seconds: a change works within two.
LIST_SECONDS = 1.0
DENIED = Counter("darkroom_prompts_denied", "Texts that held a denied phrase.")


class PromptDenied(Refusal):
    """The words hold a phrase that an operator put on the deny-list."""

    code = "prompt_denied"


@dataclass(frozen=True, slots=True)
class _Entry:
    id: UUID
    phrase: str
    reason: str
    words: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class _DenyList:
    """The active phrases, by what to look for."""

    by_first_word: dict[str, list[_Entry]]
    by_whole: dict[str, _Entry]
    unspaced: list[_Entry]

    def find(self, text: str) -> _Entry | None:
        """The first phrase that the text holds."""
        if not self.by_whole:
            return None
        text, readings = readings_of(text)
        found = (entry for reading in readings for entry in self._in(reading))
        anywhere = (entry for entry in self.unspaced if entry.phrase in text)
        return next(found, None) or next(anywhere, None)

    def _in(self, reading: Reading) -> Iterator[_Entry]:
        for at, word in enumerate(reading.words):
            for entry in self.by_first_word.get(word, ()):
                if tuple(reading.words[at : at + len(entry.words)]) == entry.words:
                    yield entry
            # Only of what was pulled apart: "therapist" holds no phrase "the rapist".
            if word in reading.joined and word in self.by_whole:
                yield self.by_whole[word]


class _Known:
    """What this process read last, and until when it believes it."""

    phrases: ClassVar[_DenyList | None] = None
    until: ClassVar[float] = 0.0


def forget_list() -> None:
    """Read the list anew at the next check in this process."""
    _Known.phrases = None


def check_words(*texts: str) -> None:
    """Raise `PromptDenied` when an active phrase occurs in one of the texts (prompt, negative prompt, …).

    Case, accents, width and invisible characters make no difference, nor do signs or spaces between single letters;
    a phrase inside another word is no hit. At most one query a second and process.
    """
    listed = _listed()
    for text in texts:
        entry = listed.find(text) if text else None
        if entry is not None:
            DENIED.inc()
            logger.info("prompt refused by denied phrase %s", entry.id)
            raise PromptDenied(_sentence(entry), field="prompt")


def holds_denied(*texts: str) -> bool:
    """Whether `check_words` would refuse; for words of our own making, so it is not counted."""
    listed = _listed()
    return any(listed.find(text) is not None for text in texts)


def _sentence(entry: _Entry) -> str:
    if entry.reason:
        return _("“%(phrase)s” may not be used in a prompt: %(reason)s") % {
            "phrase": entry.phrase,
            "reason": entry.reason,
        }
    return _("“%(phrase)s” may not be used in a prompt. Write it without.") % {"phrase": entry.phrase}


def _listed() -> _DenyList:
    known = _Known.phrases
    if known is None or time.monotonic() >= _Known.until:
        known = _read()
        _Known.phrases, _Known.until = known, time.monotonic() + LIST_SECONDS
    return known


def _read() -> _DenyList:
    by_first_word: dict[str, list[_Entry]] = defaultdict(list)
    by_whole: dict[str, _Entry] = {}
    unspaced: list[_Entry] = []
    rows = DeniedPhrase.objects.filter(is_active=True).order_by("phrase").values_list("id", "phrase", "reason")
    for row_id, phrase, reason in rows:
        words = tuple(words_of(plain(phrase)))
        if not words:
            continue
        entry = _Entry(row_id, phrase, reason, words)
        by_first_word[words[0]].append(entry)
        by_whole["".join(words)] = entry
        if is_unspaced(phrase):
            unspaced.append(_Entry(row_id, plain(phrase), reason, words))
    return _DenyList(dict(by_first_word), by_whole, unspaced)
