"""Parts of a file, as RFC 9110 asks for them: a video is looked at from its middle, a broken download goes on."""

import re
from dataclasses import dataclass
from typing import IO

# Several ranges at once are not worth their multipart answer: no browser asks a picture or a film for them.
SINGLE = re.compile(r"bytes\s*=\s*(\d*)\s*-\s*(\d*)", re.ASCII)
# More digits than any file has bytes: not a number to work with.
MOST_DIGITS = 18


class Unsatisfiable(Exception):
    """A range that lies outside the file: 416."""


@dataclass(frozen=True, slots=True)
class ByteRange:
    """Bytes `first` to `last` of a file, both included, counted from 0."""

    first: int
    last: int

    @property
    def length(self) -> int:
        """How many bytes."""
        return self.last - self.first + 1


def read_range(header: str, size: int) -> ByteRange | None:
    """Return the part of a file of `size` bytes that a `Range` header asks for; None when the whole file answers it.

    What is not one well-formed range of bytes is ignored, as the standard wants. Raises `Unsatisfiable`.
    """
    found = SINGLE.fullmatch(header.strip())
    if found is None or max(map(len, found.groups())) > MOST_DIGITS:
        return None
    first, last = found.groups()
    if not first and not last:
        return None
    if not first:
        # The last so many bytes.
        wanted = min(int(last), size)
        if not wanted:
            raise Unsatisfiable
        return ByteRange(size - wanted, size - 1)
    if last and int(last) < int(first):
        return None
    if int(first) >= size:
        raise Unsatisfiable
    return ByteRange(int(first), min(int(last), size - 1) if last else size - 1)


class Part:
    """A file to stream that ends where its range ends. Closing it closes the file."""

    def __init__(self, file: IO[bytes], part: ByteRange) -> None:
        self._file = file
        self._left = part.length
        file.seek(part.first)

    def read(self, size: int = -1) -> bytes:
        """At most `size` bytes of what is left; all of it when negative."""
        chunk = self._file.read(self._left if size < 0 else min(size, self._left))
        self._left -= len(chunk)
        return chunk

    def close(self) -> None:
        """Close the file."""
        self._file.close()
