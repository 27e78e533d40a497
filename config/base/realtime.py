"""Telling open pages that something changed: ids only, through one short Redis stream.

`config.events` reads the stream and passes each entry to the browsers of that company, which then fetch the changed
fragment under their own rights. Losing an entry loses no data: pages also refresh when they reconnect.
"""

import json
import logging
from functools import cache
from typing import Any
from uuid import UUID

import redis
from django.conf import settings
from django.db import transaction

STREAM = "darkroom:events"
STREAM_LENGTH = 10_000

logger = logging.getLogger(__name__)


@cache
def connection() -> redis.Redis:
    """The process's Redis connection pool, with short time-outs: a page never hangs on its messenger."""
    return redis.Redis.from_url(settings.REDIS_URL, socket_timeout=2, socket_connect_timeout=2)


def publish(*, company_id: UUID, name: str, ids: dict[str, str]) -> None:
    """Send event `name` (`job`, `credits`, `asset`) with `ids` to every open page of a company, after the commit."""
    transaction.on_commit(lambda: _send(company_id=company_id, name=name, ids=ids), robust=True)


def _send(*, company_id: UUID, name: str, ids: dict[str, str]) -> None:
    entry: dict[Any, Any] = {"company": str(company_id), "name": name, "data": json.dumps(ids, separators=(",", ":"))}
    try:
        connection().xadd(STREAM, entry, maxlen=STREAM_LENGTH, approximate=True)
    except redis.RedisError as error:
        # The page falls back to polling; the change itself is committed.
        logger.warning("event %s not sent: %s", name, error)
