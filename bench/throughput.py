"""Jobs a second through the real engine with an instant provider, beside bare Dramatiq messages."""

import contextlib
import os
import signal
import sys
import time
from collections import Counter
from collections.abc import Callable, Iterator
from pathlib import Path
from uuid import uuid4

import dramatiq
import psutil
from django.core.management import call_command

from accounts.viewer import Viewer
from bench import FOLDER, PROJECT
from bench.figures import options, publish, say, spread, table
from bench.names import INSTANT, NOTHING
from bench.product import make_viewer
from config import broker
from config.base.realtime import connection
from generation.models import AIModel, Job, Task
from generation.providers import registry
from generation.providers.local import LocalStudio
from generation.services import submit_job
from generation.types import JobRequest

THREADS = 4
PATIENCE_SECONDS = 120
__all__ = ["broker"]


@contextlib.contextmanager
def worker() -> Iterator[psutil.Popen]:
    """One worker process with four threads, as the product starts its own."""
    command = [sys.executable, "-m", "dramatiq", "bench.worker", "--processes", "1", "--threads", str(THREADS)]
    with Path(os.environ[FOLDER], "worker").open("ab") as output:
        process = psutil.Popen([*command, "--queues", "blocking", NOTHING], cwd=PROJECT, stdout=output, stderr=output)
    try:
        yield process
    finally:
        signal_all(process, signal.SIGCONT)
        process.terminate()
        process.wait()


def signal_all(process: psutil.Popen, number: int) -> None:
    for each in [process, *process.children(recursive=True)]:
        with contextlib.suppress(psutil.NoSuchProcess):
            each.send_signal(number)


def drain(process: psutil.Popen, fill: Callable[[], None], is_done: Callable[[], bool]) -> float:
    """Seconds in which the worker does what was put in line while it stood still."""
    signal_all(process, signal.SIGSTOP)
    fill()
    begun = time.perf_counter()
    signal_all(process, signal.SIGCONT)
    while not is_done():
        if time.perf_counter() - begun > PATIENCE_SECONDS:
            states = Counter(Job.objects.values_list("state", flat=True))
            raise TimeoutError(f"{states}; {Path(os.environ[FOLDER], 'worker').read_text()[-3000:]}")
        time.sleep(0.01)
    return time.perf_counter() - begun


def send_nothing(count: int) -> None:
    for _each in range(count):
        message: dramatiq.Message[None] = dramatiq.Message(
            queue_name=NOTHING, actor_name=NOTHING, args=(), kwargs={}, options={}
        )
        dramatiq.get_broker().enqueue(message)


def nothing_is_left() -> bool:
    """Whether every bare message was taken and acknowledged: the hash of messages is empty then."""
    return not connection().exists(f"dramatiq:{NOTHING}.msgs")


def submit(viewer: Viewer, count: int) -> None:
    model = AIModel.objects.get(provider=INSTANT)
    for number in range(count):
        request = JobRequest(model=model, prompt=f"nothing {number}", params={}, count=1, seed=number, inputs=())
        submit_job(viewer=viewer, request=request, key=str(uuid4()))


def no_job_is_left() -> bool:
    return not Job.objects.active().exists()


def section(bare: list[float], jobs: list[float], cpu: list[float], wish_jobs: int, wish_messages: int) -> str:
    """What was found, in Markdown."""
    ratios = [message / job for message, job in zip(bare, jobs, strict=True)]
    rows = [
        ["bare messages", spread(bare, 0), "1", ""],
        ["jobs with an instant provider", spread(jobs), spread(ratios, 0), spread(cpu, 0)],
    ]
    heads = ["what", "a second", "bare messages in the time of one", "CPU ms each, worker and its decoders"]
    return (
        "## Jobs a second\n\n"
        f"{table(heads, rows)}\n\n"
        f"One worker process with {THREADS} threads, {len(jobs)} rounds of {wish_messages} messages that do nothing "
        f"and {wish_jobs} jobs of one company, all in line before the worker goes on. A job is claimed, made (a PNG of "
        "16 × 9 pixels, at once), decoded in the limited child process, marked, stored in eight files, written and "
        "paid for."
    )


def main() -> None:
    """Measure and tell."""
    wish = options(rounds=5, jobs=60, messages=2000)
    call_command("prepare", verbosity=0)
    registry._PROVIDERS[INSTANT] = LocalStudio()  # here only known as one that answers in one go
    AIModel.objects.create(slug=INSTANT, name="Instant", provider=INSTANT, endpoint="", task=Task.TEXT_TO_IMAGE)
    viewer = make_viewer("busy")
    bare, jobs, cpu = [], [], []
    with worker() as process:
        drain(process, lambda: submit(viewer, 4), no_job_is_left)
        for number in range(wish.rounds):
            taken = drain(process, lambda: send_nothing(wish.messages), nothing_is_left)
            bare.append(wish.messages / taken)
            before = cpu_seconds(process)
            jobs.append(wish.jobs / drain(process, lambda: submit(viewer, wish.jobs), no_job_is_left))
            cpu.append((cpu_seconds(process) - before) / wish.jobs * 1000)
            say(f"throughput: round {number + 1}")
    publish("throughput", section(bare, jobs, cpu, wish.jobs, wish.messages), is_written=wish.write)


def cpu_seconds(process: psutil.Popen) -> float:
    """Seconds of processor time of a process, of those below it and of those that have ended below them."""
    times = [each.cpu_times() for each in [process, *process.children(recursive=True)]]
    return float(sum(one.user + one.system + one.children_user + one.children_system for one in times))


if __name__ == "__main__":
    main()
