"""A thousand open event streams: memory, processor time and how long one event takes to reach all of them."""

import asyncio
import contextlib
import os
import resource
import subprocess
import sys
import time
from argparse import Namespace
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import cast
from uuid import uuid4

import psutil
import redis
import uvloop
from django.conf import settings

from bench import FOLDER, PROJECT
from bench.figures import options, percentile, publish, say, spread, table
from config.base.realtime import STREAM
from config.event_ticket import make_ticket
from config.servers import free_port

AT_ONCE = 100
PAUSE = 0.3
SERVERS = {
    "`config.events`": ["uvicorn", "config.events:application", "--no-access-log", "--log-level", "warning"],
    "bare sockets": ["bench.bare_stream"],
}


@dataclass
class Found:
    """Of one server in one round: kilobytes a client, latencies in ms, CPU in ms for a broadcast and a second idle."""

    kilobytes: float
    latencies: list[float]
    broadcast_cpu: float
    idle_cpu: float


class Listener(asyncio.Protocol):
    """One client: notes when something comes that is an event."""

    def __init__(self, request: bytes, heard: list[float]) -> None:
        self._request = request
        self._heard = heard
        self.greeted: asyncio.Future[None] = asyncio.get_running_loop().create_future()

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Ask."""
        cast(asyncio.Transport, transport).write(self._request)

    def data_received(self, data: bytes) -> None:
        """Count the event, or note that the stream is open."""
        if b"event: " in data:
            self._heard.append(time.perf_counter())
        elif b"retry: " in data and not self.greeted.done():
            self.greeted.set_result(None)


@contextlib.contextmanager
def server(words: list[str], port: int) -> Iterator[psutil.Process]:
    """A server as a process of its own."""
    with Path(os.environ[FOLDER], "streams").open("ab") as output:
        started = subprocess.Popen(
            [sys.executable, "-m", *words, "--port", str(port)], cwd=PROJECT, stdout=output, stderr=output
        )
    try:
        yield psutil.Process(started.pid)
    finally:
        started.kill()
        started.wait()


async def measure(words: list[str], wish: Namespace) -> Found:
    """Open all streams on a fresh server, let them be, then send one event after the other to everybody."""
    port, company = free_port(), uuid4()
    ticket = make_ticket(user_id=uuid4(), company_id=company)
    request = f"GET /events/?ticket={ticket} HTTP/1.1\r\nHost: 127.0.0.1\r\nAccept: text/event-stream\r\n\r\n".encode()
    heard: list[float] = []
    with server(words, port) as process, redis.Redis.from_url(settings.REDIS_URL) as client:
        await _open(port, request, heard, 1)
        before = process.memory_info().rss
        for _each in range(0, wish.clients, AT_ONCE):
            await _open(port, request, heard, min(AT_ONCE, wish.clients))
        kilobytes = (process.memory_info().rss - before) / wish.clients / 1024
        cpu = _cpu(process)
        await asyncio.sleep(wish.idle)
        idle = (_cpu(process) - cpu) / wish.idle
        cpu, latencies = _cpu(process), []
        for _each in range(wish.broadcasts):
            heard.clear()
            sent = time.perf_counter()
            client.xadd(STREAM, {"company": str(company), "name": "job", "data": f'{{"id":"{uuid4()}"}}'})
            while len(heard) <= wish.clients:
                await asyncio.sleep(0.005)
            latencies += [(moment - sent) * 1000 for moment in heard]
            await asyncio.sleep(PAUSE)
        taken = (_cpu(process) - cpu - idle * PAUSE * wish.broadcasts) / wish.broadcasts
    return Found(kilobytes, latencies, taken * 1000, idle * 1000)


async def _open(port: int, request: bytes, heard: list[float], count: int) -> None:
    """Open `count` streams at once and wait until each is greeted."""
    loop = asyncio.get_running_loop()
    for attempt in range(200):
        try:
            made = [
                loop.create_connection(lambda: Listener(request, heard), "127.0.0.1", port) for _each in range(count)
            ]
            clients = [client for _transport, client in await asyncio.gather(*made)]
            break
        except ConnectionRefusedError:
            if attempt == 199:
                raise
            await asyncio.sleep(0.1)
    await asyncio.gather(*(client.greeted for client in clients))


def _cpu(process: psutil.Process) -> float:
    times = process.cpu_times()
    return float(times.user + times.system)


def section(found: dict[str, list[Found]], wish: Namespace) -> str:
    """What was found, in Markdown."""
    rows = []
    base: list[float] = []
    for name in reversed(found):
        rounds = found[name]
        p50 = [percentile(one.latencies, 50) for one in rounds]
        p99 = [percentile(one.latencies, 99) for one in rounds]
        base = base or p99
        rows.append(
            [
                name,
                spread([one.kilobytes for one in rounds]),
                spread([one.idle_cpu for one in rounds]),
                spread([one.broadcast_cpu for one in rounds]),
                spread(p50),
                spread(p99),
                spread([mine / least for mine, least in zip(p99, base, strict=True)]),
            ]
        )
    heads = ["server", "KB a client", "CPU ms a second, idle", "CPU ms a broadcast", "p50, ms", "p99, ms", "p99 × bare"]
    return (
        f"## {wish.clients} event streams\n\n"
        f"{table(heads, rows)}\n\n"
        f"{wish.rounds} rounds; in each a fresh server, {wish.clients} sockets of one company, {wish.idle} s of quiet, "
        f"then {wish.broadcasts} events to all. From before the event is written into Redis until the client (one "
        "uvloop process beside the server, whose reading counts too) has it. The bare server writes the same bytes and "
        "knows neither tickets nor companies, heartbeats nor slow clients."
    )


def main() -> None:
    """Measure and tell."""
    wish = options(rounds=3, clients=1000, broadcasts=30, idle=20)
    _low, high = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (high, high))
    found: dict[str, list[Found]] = {name: [] for name in SERVERS}
    for number in range(wish.rounds):
        for name, words in SERVERS.items():
            found[name].append(uvloop.run(measure(words, wish)))
        say(f"streams: round {number + 1}")
    publish("streams", section(found, wish), is_written=wish.write)


if __name__ == "__main__":
    main()
