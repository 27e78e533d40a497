"""The event stream `/events/`: a small raw ASGI application with one Redis reader for all its clients.

A client enters with a ticket (cookie, or `?ticket=` for programs; see `config.event_ticket`) and gets server-sent
events whose data are ids. `Last-Event-ID` resumes from the short Redis stream. A thousand clients cost this process
about 20 MB and no database connection.
"""

import asyncio
import json
import logging
import os
from collections import defaultdict
from collections.abc import AsyncIterator, Awaitable, Callable, MutableMapping
from dataclasses import dataclass, field
from http.cookies import SimpleCookie
from typing import Any, cast
from urllib.parse import parse_qs

import redis.asyncio
from django.conf import settings

from config.base.realtime import STREAM, bar_key, session_bar_key
from config.event_ticket import COOKIE, LIFETIME, PATH, read_ticket

# Nothing above reads a setting; a server that runs this module alone needs to find them.
os.environ.setdefault("DJANGO_SETTINGS_MODULE", "config.settings")

Scope = MutableMapping[str, Any]
Message = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[Message]]
Send = Callable[[Message], Awaitable[None]]
Entry = tuple[str, dict[str, str]]

HEARTBEAT_SECONDS = 15
# Events that a slow client may leave unread before it is cut off (it then resumes by Last-Event-ID).
BACKLOG = 200
REPLAY_LIMIT = 1_000
# Milliseconds that one read of the Redis stream waits for something to come.
BLOCK_MS = 5_000

logger = logging.getLogger(__name__)


@dataclass(eq=False)
class Client:
    """One open stream."""

    user: str
    company: str
    session: str = ""
    queue: asyncio.Queue[Entry | None] = field(default_factory=lambda: asyncio.Queue(maxsize=BACKLOG))

    def offer(self, entry: Entry | None) -> None:
        """Put an entry in line; None ends the stream, and so does a full line."""
        try:
            self.queue.put_nowait(entry)
        except asyncio.QueueFull:
            while not self.queue.empty():
                self.queue.get_nowait()
            self.queue.put_nowait(None)


class Hub:
    """Reads the Redis stream once and passes each entry to the clients of its company."""

    def __init__(self) -> None:
        self.clients: dict[str, set[Client]] = defaultdict(set)
        # Reading waits up to BLOCK_MS for news, so the socket must be more patient than that.
        self.redis = redis.asyncio.Redis.from_url(
            settings.REDIS_URL, decode_responses=True, socket_timeout=3 * BLOCK_MS / 1000
        )
        self.task: asyncio.Task[None] | None = None

    def start(self) -> None:
        """Begin reading, once."""
        if self.task is None or self.task.done():
            self.task = asyncio.create_task(self._read())

    async def stop(self) -> None:
        """End all streams and the reader."""
        # redis-py loses a cancellation that comes while it connects, and reading goes on.
        while self.task is not None and not self.task.done():
            self.task.cancel()
            await asyncio.wait({self.task}, timeout=0.2)
        for clients in self.clients.values():
            for client in clients:
                client.offer(None)
        await self.redis.aclose()

    async def _read(self) -> None:
        last = "$"
        while True:
            try:
                if last == "$":
                    newest = cast(list[Entry], await self.redis.xrevrange(STREAM, count=1))
                    last = newest[0][0] if newest else "0-0"
                answer = await self.redis.xread({STREAM: last}, block=BLOCK_MS, count=500)
                for _stream, entries in cast(list[tuple[str, list[Entry]]], answer):
                    for entry in entries:
                        last = entry[0]
                        self._pass_on(entry)
            except redis.RedisError as error:
                logger.warning("event stream lost Redis: %s", error)
                await asyncio.sleep(1)

    def _pass_on(self, entry: Entry) -> None:
        fields = entry[1]
        for client in tuple(self.clients.get(fields["company"], ())):
            if _concerns(client, fields):
                client.offer(entry)

    async def is_barred(self, user: str, company: str, session: str) -> bool:
        """Whether the ticket's holder was put out of the company, or the session ended, since it was handed out."""
        try:
            keys = bar_key(company, user), bar_key(company, None), session_bar_key(session)
            return bool(await self.redis.exists(*keys))
        except redis.RedisError:
            return False

    async def missed(self, client: Client, last_event_id: str) -> list[Entry]:
        """Entries of the client's company after `last_event_id`, oldest first."""
        try:
            answer = await self.redis.xrange(STREAM, min=f"({last_event_id}", count=REPLAY_LIMIT)
        except redis.RedisError:
            return []
        entries = cast(list[Entry], answer)
        return [entry for entry in entries if entry[1]["company"] == client.company and _concerns(client, entry[1])]


def _concerns(client: Client, fields: dict[str, str]) -> bool:
    """Whether an entry of the client's company is for the client: that somebody was put out is told to that one."""
    if fields["name"] != "revoked":
        return True
    ids = json.loads(fields["data"])
    return ids.get("user") in (None, client.user) and ids.get("session") in (None, client.session)


_hubs: dict[asyncio.AbstractEventLoop, Hub] = {}


def _hub() -> Hub:
    """The hub of the running loop (one a process; tests may run several loops)."""
    loop = asyncio.get_running_loop()
    if loop not in _hubs:
        _hubs[loop] = Hub()
    _hubs[loop].start()
    return _hubs[loop]


async def application(scope: Scope, receive: Receive, send: Send) -> None:
    """Serve `/events/` and the server's lifespan; anything else is 404."""
    if scope["type"] == "lifespan":
        await _lifespan(receive, send)
    elif scope["type"] == "http":
        ticket = _ticket(scope)
        known = read_ticket(ticket) if ticket else None
        if scope["path"] != PATH:
            await _refuse(send, 404, "Not found.")
        elif known is None or await _hub().is_barred(*known):
            await _refuse(send, 401, "The ticket is missing or too old: load a page, or the job again, for a new one.")
        else:
            await _stream(scope, receive, send, Client(*known))


async def _lifespan(receive: Receive, send: Send) -> None:
    while True:
        message = await receive()
        if message["type"] == "lifespan.startup":
            _hub()
            await send({"type": "lifespan.startup.complete"})
        elif message["type"] == "lifespan.shutdown":
            await _hubs.pop(asyncio.get_running_loop()).stop()
            await send({"type": "lifespan.shutdown.complete"})
            return


def _header(scope: Scope, name: bytes) -> str:
    return next((value.decode("latin-1") for key, value in scope["headers"] if key == name), "")


def _ticket(scope: Scope) -> str | None:
    query = parse_qs(scope.get("query_string", b"").decode("latin-1"))
    if "ticket" in query:
        return str(query["ticket"][0])
    morsel = SimpleCookie(_header(scope, b"cookie")).get(COOKIE)
    return str(morsel.value) if morsel else None


async def _refuse(send: Send, status: int, sentence: str) -> None:
    headers = [(b"content-type", b"text/plain; charset=utf-8"), (b"cache-control", b"no-store")]
    await send({"type": "http.response.start", "status": status, "headers": headers})
    await send({"type": "http.response.body", "body": sentence.encode()})


async def _stream(scope: Scope, receive: Receive, send: Send, client: Client) -> None:
    hub = _hub()
    hub.clients[client.company].add(client)
    gone = asyncio.create_task(_wait_until_gone(receive))
    try:
        headers = [
            (b"content-type", b"text/event-stream; charset=utf-8"),
            (b"cache-control", b"no-store"),
            (b"content-encoding", b"identity"),
            (b"x-accel-buffering", b"no"),
        ]
        await send({"type": "http.response.start", "status": 200, "headers": headers})
        async for chunk in _chunks(hub, client, _header(scope, b"last-event-id"), gone):
            await send({"type": "http.response.body", "body": chunk, "more_body": True})
        if not gone.done():
            await send({"type": "http.response.body", "body": b""})
    finally:
        gone.cancel()
        hub.clients[client.company].discard(client)
        if not hub.clients[client.company]:
            del hub.clients[client.company]


async def _chunks(hub: Hub, client: Client, last_event_id: str, gone: "asyncio.Task[None]") -> AsyncIterator[bytes]:
    """The stream's text: a greeting, what was missed, then entries and heartbeats until the ticket's time is over."""
    yield b"retry: 2000\n\n"
    sent = last_event_id
    if last_event_id:
        for entry in await hub.missed(client, last_event_id):
            sent = entry[0]
            yield _format(entry)
    ends = asyncio.get_running_loop().time() + LIFETIME
    while not gone.done() and asyncio.get_running_loop().time() < ends:
        waiting = asyncio.create_task(client.queue.get())
        done, _pending = await asyncio.wait({waiting, gone}, timeout=HEARTBEAT_SECONDS, return_when="FIRST_COMPLETED")
        if waiting not in done:
            waiting.cancel()
            yield b": still here\n\n"
            continue
        entry_or_end = waiting.result()
        if entry_or_end is None:
            return
        if not sent or _order(entry_or_end[0]) > _order(sent):
            yield _format(entry_or_end)
        if entry_or_end[1]["name"] == "revoked":
            return


def _order(entry_id: str) -> tuple[int, int]:
    """A Redis stream id as numbers; anything else sorts first, so that a made-up Last-Event-ID hides nothing."""
    milliseconds, _, number = entry_id.partition("-")
    return (int(milliseconds), int(number)) if milliseconds.isdigit() and number.isdigit() else (0, 0)


def _format(entry: Entry) -> bytes:
    return f"id: {entry[0]}\nevent: {entry[1]['name']}\ndata: {entry[1]['data']}\n\n".encode()


async def _wait_until_gone(receive: Receive) -> None:
    while (await receive())["type"] != "http.disconnect":
        pass
