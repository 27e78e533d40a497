"""Many jobs at a provider that renders for long: how much of a worker's thread each of them takes."""

import contextlib
import json
import os
import signal
import subprocess
import sys
import time
import urllib.request
from collections import Counter
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from uuid import uuid4

import psutil
from django.db import connection as database

from accounts.viewer import Viewer
from bench import FOLDER, PROJECT
from bench.figures import options, percentile, publish, say, table
from bench.names import BUSY
from bench.product import Product, make_viewer, running
from config.base.realtime import connection
from generation.models import AIModel, Job
from generation.services import submit_job
from generation.types import JobRequest

THREADS = 8
PATIENCE_SECONDS = 900


@contextlib.contextmanager
def double(seconds: int) -> Iterator[str]:
    """The double of fal as a process of its own, which renders for so long; its address."""
    command = [sys.executable, "-m", "tests.emulators.fal", "--control", "--rendering", str(seconds)]
    process = subprocess.Popen(command, cwd=PROJECT, stdout=subprocess.PIPE, text=True)
    try:
        yield process.stdout.readline().strip() if process.stdout else ""
    finally:
        process.terminate()
        process.wait()


@contextlib.contextmanager
def own_worker(product: Product, environment: dict[str, str]) -> Iterator[None]:
    """A worker with a stopwatch in the place of the product's own, which stands still."""
    replaced = [child for child in product.supervisor.children() if "bulk" in child.cmdline()]
    for process in [each for child in replaced for each in [child, *child.children(recursive=True)]]:
        process.send_signal(signal.SIGSTOP)
    command = [sys.executable, "-m", "dramatiq", "bench.inflight_worker", "--processes", "1"]
    with Path(os.environ[FOLDER], "worker").open("ab") as output:
        worker = psutil.Popen(
            [*command, "--threads", str(THREADS), "--queues", "default", "priority"],
            cwd=PROJECT,
            env=os.environ | environment | {"PUBLIC_URL": product.base_url, "PROVIDER_WEBHOOKS": "1"},
            stdout=output,
            stderr=output,
        )
    try:
        yield
    finally:
        worker.terminate()
        worker.wait()


def submit_all(viewer: Viewer, count: int) -> None:
    model = AIModel.objects.get(slug="flux-schnell")

    def one(number: int) -> None:
        params = {"aspect_ratio": "1:1", "steps": 4, "output_format": "jpeg"}
        request = JobRequest(model=model, prompt=f"tide {number}", params=params, count=1, seed=number, inputs=())
        submit_job(viewer=viewer, request=request, key=str(uuid4()))
        database.close()

    with ThreadPoolExecutor(2) as pool:
        list(pool.map(one, range(count)))


def watch(count: int) -> int:
    """Wait until every job has ended; the most that were at the provider at one time."""
    most, deadline = 0, time.monotonic() + PATIENCE_SECONDS
    while Job.objects.active().exists():
        most = max(most, Job.objects.filter(state=Job.State.RUNNING, made_at=None).count())
        if time.monotonic() > deadline:
            raise TimeoutError(Path(os.environ[FOLDER], "worker").read_text()[-3000:])
        time.sleep(0.5)
    done = Job.objects.filter(state=Job.State.SUCCEEDED).count()
    if done != count:
        ends = Counter(Job.objects.values_list("state", "failure_code"))
        raise RuntimeError(f"Only {done} of {count} jobs succeeded: {ends}")
    return most


def counts_of(address: str) -> dict[str, int]:
    with urllib.request.urlopen(f"{address}/_control") as answer:  # noqa: S310 - our own double
        counts: dict[str, int] = json.load(answer)["counts"]
    return counts


def section(count: int, seconds: int, most: int, counts: dict[str, int]) -> str:
    """What was found, in Markdown."""
    busy = {key.decode(): float(value) for key, value in connection().hgetall(BUSY).items()}
    submits, looks, collects = (busy.get(f"{name}:seconds", 0.0) for name in ("start_job", "check_job", "collect"))
    messages = busy.get("start_job:times", 0.0) + busy.get("check_job:times", 0.0)
    rows = [
        [title, f"{taken / count:.3f}", f"{seconds * count / taken:.0f}"]
        for title, taken in (
            ("send it to the provider", submits),
            ("wait for it: deliveries and looks", looks - collects),
            ("**both**", submits + looks - collects),
            ("fetch, decode, store, pay", collects),
        )
    ]
    waits = [
        (ended - begun).total_seconds()
        for begun, ended in Job.objects.values_list("created_at", "finished_at")
        if ended is not None
    ]
    rendered = [
        (made - begun).total_seconds()
        for begun, made in Job.objects.filter(calls__external_id__gt="").values_list("calls__created_at", "made_at")
        if made is not None
    ]
    heads = ["what a worker's thread does", "thread-seconds a job", "seconds rendered in each of them"]
    noticed, stored = (
        f"p50 {percentile(part, 50):.1f} s, p95 {percentile(part, 95):.1f} s" for part in (rendered, waits)
    )
    posts, polls = counts["posts"] / count, counts.get("status", 0) / count
    return (
        "## Many jobs under way\n\n"
        f"{table(heads, rows)}\n\n"
        f"{count} jobs of {seconds} s on the double of fal, which tells by webhook; at most {most} were there at one "
        f"time. One worker process with {THREADS} threads, whose busy time is counted by message. {posts:.3f} POSTs, "
        f"{messages / count:.1f} messages and {polls:.1f} looks a job. From submit until the provider's end was "
        f"noticed: {noticed}; until stored and paid: {stored}, in which the decoding of the pictures stands in line "
        "for the cores. A worker that waited for each job would be busy for as long as it renders."
    )


def main() -> None:
    """Measure and tell."""
    wish = options(jobs=2000, seconds=30)
    with double(wish.seconds) as address:
        addresses = dict.fromkeys(("FAL_QUEUE_URL", "FAL_REST_URL", "FAL_CDN_URL"), address)
        with running(**addresses) as product, own_worker(product, addresses):
            viewer = make_viewer("tide")
            submit_all(viewer, wish.jobs)
            say("inflight: all submitted")
            most = watch(wish.jobs)
            text = section(wish.jobs, wish.seconds, most, counts_of(address))
    publish("inflight", text, is_written=wish.write)


if __name__ == "__main__":
    main()
