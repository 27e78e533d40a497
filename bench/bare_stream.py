"""The least that event streams can cost, for comparison: one Redis reader, one plain write for each socket."""

import argparse
import asyncio
from typing import cast

import redis.asyncio
import uvloop
from django.conf import settings

from config.base.realtime import STREAM

Entry = tuple[str, dict[str, str]]
HEAD = b"HTTP/1.1 200 OK\r\ncontent-type: text/event-stream\r\n\r\n"


class Listener(asyncio.Protocol):
    """One open stream: greeted once it has asked."""

    everybody: set[asyncio.Transport] = set()

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Keep what can be written to."""
        self.transport = cast(asyncio.Transport, transport)

    def data_received(self, data: bytes) -> None:
        """Whatever is asked, this is the answer."""
        self.transport.write(HEAD + b"retry: 2000\n\n")
        self.everybody.add(self.transport)

    def connection_lost(self, error: Exception | None) -> None:
        """Forget it."""
        self.everybody.discard(self.transport)


async def serve(port: int) -> None:
    """Until the process is told to stop."""
    await asyncio.get_running_loop().create_server(Listener, "127.0.0.1", port, backlog=2048)
    client = redis.asyncio.Redis.from_url(settings.REDIS_URL, decode_responses=True, socket_timeout=30)
    last = "$"
    while True:
        answer = await client.xread({STREAM: last}, block=5000)
        for _stream, entries in cast(list[tuple[str, list[Entry]]], answer or []):
            for last, fields in entries:
                text = f"id: {last}\nevent: {fields['name']}\ndata: {fields['data']}\n\n".encode()
                for transport in Listener.everybody:
                    transport.write(text)


if __name__ == "__main__":
    parser = argparse.ArgumentParser()
    parser.add_argument("--port", type=int, required=True)
    uvloop.run(serve(parser.parse_args().port))
