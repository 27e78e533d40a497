"""Keys: UUIDv7, made in Python, so that "newest first" is the order of the primary key."""

import os
import time
from uuid import UUID


def uuid7() -> UUID:
    """Return a time-ordered UUID (RFC 9562, section 5.7).

    48 bits of Unix milliseconds, then 12 bits of the millisecond's fraction (method 3 of section 6.2), so that two
    keys made by one process are in order unless they fall within a quarter of a microsecond; 62 bits are random.
    """
    milliseconds, rest = divmod(time.time_ns(), 1_000_000)
    fraction = rest * 4096 // 1_000_000
    random = int.from_bytes(os.urandom(8)) & ((1 << 62) - 1)
    return UUID(int=(milliseconds << 80) | (0x7 << 76) | (fraction << 64) | (0b10 << 62) | random)
