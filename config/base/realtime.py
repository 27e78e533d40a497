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
# How long a ticket to the stream is good.
TICKET_SECONDS = 15 * 60

logger = logging.getLogger(__name__)


@cache
def connection() -> redis.Redis:
    """The process's Redis connection pool, with short time-outs: a page never hangs on its messenger."""
    return redis.Redis.from_url(settings.REDIS_URL, socket_timeout=2, socket_connect_timeout=2)


def publish(*, company_id: UUID, name: str, ids: dict[str, str]) -> None:
    """Send event `name` (`job`, `credits`, `asset`) with `ids` to every open page of a company, after the commit."""
    transaction.on_commit(lambda: _send(company_id=company_id, name=name, ids=ids), robust=True)


def revoke(*, company_id: UUID, user_id: UUID | None = None) -> None:
    """Close a company's stream to one person, or to all, after the commit; old tickets open it no more.

    `readmit` takes it back.
    """
    ids = {"user": str(user_id)} if user_id else {}
    transaction.on_commit(lambda: _bar(company_id, user_id), robust=True)
    publish(company_id=company_id, name="revoked", ids=ids)


def revoke_session(*, company_id: UUID, session: str) -> None:
    """Close the streams of one ended session, named by its mark, after the commit; its tickets open none any more."""
    transaction.on_commit(lambda: _set_bar(session_bar_key(session)), robust=True)
    publish(company_id=company_id, name="revoked", ids={"session": session})


def readmit(*, company_id: UUID, user_id: UUID | None = None) -> None:
    """Let a person, or all, back to a company's stream, after the commit."""
    transaction.on_commit(lambda: _unbar(company_id, user_id), robust=True)


def bar_key(company_id: UUID | str, user_id: UUID | str | None) -> str:
    """What stands in Redis while a person, or everybody (None), is kept from a company's stream."""
    return f"{STREAM}:barred:{company_id}:{user_id or '*'}"


def session_bar_key(session: str) -> str:
    """What stands in Redis while the tickets of an ended session are out."""
    return f"{STREAM}:ended:{session}"


def _bar(company_id: UUID, user_id: UUID | None) -> None:
    _set_bar(bar_key(company_id, user_id))


def _set_bar(key: str) -> None:
    try:
        connection().set(key, 1, ex=TICKET_SECONDS)
    except redis.RedisError as error:
        # The tickets that are out end by themselves within that time.
        logger.warning("stream not closed to old tickets (%s): %s", key, error)


def _unbar(company_id: UUID, user_id: UUID | None) -> None:
    try:
        connection().delete(bar_key(company_id, user_id))
    except redis.RedisError as error:
        logger.warning("stream of %s not opened again: %s", company_id, error)


def _send(*, company_id: UUID, name: str, ids: dict[str, str]) -> None:
    entry: dict[Any, Any] = {"company": str(company_id), "name": name, "data": json.dumps(ids, separators=(",", ":"))}
    try:
        connection().xadd(STREAM, entry, maxlen=STREAM_LENGTH, approximate=True)
    except redis.RedisError as error:
        # The page falls back to polling; the change itself is committed.
        logger.warning("event %s not sent: %s", name, error)
