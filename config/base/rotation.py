"""Encrypting what is kept secret anew, under the newest key; each app does its own rows (`registry.rotations`)."""

from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from typing import TypeVar

from config.base.crypto import Undecryptable, is_under_newest, rotate

Value = TypeVar("Value")
Key = TypeVar("Key")
# How often a row that is changed by somebody else at this moment is read again.
_TRIES = 5


@dataclass
class Rotation:
    """What became of one app's secrets: how many rows were written anew, and the names of those that stayed."""

    what: str
    rotated: int = 0
    unreadable: list[str] = field(default_factory=list)
    busy: list[str] = field(default_factory=list)


def rotate_rows(
    what: str,
    keys: Iterable[Key],
    *,
    read: Callable[[Key], Value | None],
    renew: Callable[[Value], Value],
    write: Callable[[Key, Value, Value], int],
) -> Rotation:
    """Write each row's secret anew, one row at a time, and only while it is what was read.

    `read` gives None for a row that is gone. `write(key, before, after)` is a conditional UPDATE and returns how many
    rows it changed: what somebody else changed meanwhile is read again, and nothing of theirs is lost.
    """
    done = Rotation(what)
    for key in keys:
        for _try in range(_TRIES):
            before = read(key)
            if before is None:
                break
            try:
                after = renew(before)
            except Undecryptable:
                done.unreadable.append(str(key))
                break
            if after == before:
                break
            if write(key, before, after):
                done.rotated += 1
                break
        else:
            done.busy.append(str(key))
    return done


def renewed(token: str) -> str:
    """The same text under the newest key; unchanged when it is already. Raises `Undecryptable`."""
    return token if not token or is_under_newest(token) else rotate(token)
