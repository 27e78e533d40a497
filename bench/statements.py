"""SQL statements, transactions, messages and events of one job, from the request to the picture, step by step."""

import contextlib
import json
from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from typing import Any
from unittest.mock import patch
from uuid import UUID

import dramatiq
import redis
from django.core.management import call_command
from django.db import connection
from django.test import Client, override_settings

from bench.figures import options, publish, table
from bench.product import PASSWORD, make_viewer
from config.servers import free_port
from generation import pipeline, remote
from generation.models import Job
from tests.emulators.fal import FalEmulator

BODIES: dict[str, dict[str, Any]] = {
    "studio": {"model": "studio-scenes", "prompt": "a lighthouse in the rain", "detail": "draft"},
    "fal": {"model": "flux-schnell", "prompt": "a lighthouse in the rain"},
}


@dataclass
class Counts:
    """What happened in one step."""

    statements: list[str] = field(default_factory=list)
    transactions: int = 0
    messages: int = 0
    events: int = 0
    redis: int = 0

    @property
    def writes(self) -> int:
        """Statements that change something."""
        return sum(statement.startswith(("INSERT", "UPDATE", "DELETE", "WITH")) for statement in self.statements)


@contextlib.contextmanager
def counting() -> Iterator[Counts]:
    """Count in this process and thread."""
    counts = Counts()
    enqueue, execute = dramatiq.get_broker().enqueue, redis.Redis.execute_command
    commit: Callable[[], None] = connection.commit

    def note(execute: Callable[..., Any], sql: str, params: Any, many: bool, context: Any) -> Any:
        counts.statements.append(" ".join(sql.split()))
        return execute(sql, params, many, context)

    def committed() -> None:
        counts.transactions += 1
        commit()

    def enqueued(message: Any, **more: Any) -> Any:
        counts.messages += 1
        return enqueue(message, **more)

    def asked(self: Any, *words: Any, **more: Any) -> Any:
        counts.redis += 1
        counts.events += words[0] == "XADD"
        return execute(self, *words, **more)

    with (
        connection.execute_wrapper(note),
        patch.object(connection, "commit", committed),
        patch.object(dramatiq.get_broker(), "enqueue", enqueued),
        patch.object(redis.Redis, "execute_command", asked),
    ):
        yield counts


def one_job(client: Client, headers: dict[str, str], kind: str, fal: FalEmulator) -> dict[str, Counts]:
    """Send a job on its whole way, each step called as its process calls it."""
    steps: dict[str, Counts] = {}
    with counting() as steps["submit: the whole request"]:
        answer = client.post("/api/v1/jobs", json.dumps(BODIES[kind]), "application/json", headers=headers)
    job_id = UUID(answer.json()["id"])
    name = "worker: send to the provider" if kind == "fal" else "worker: make, store, pay"
    with counting() as steps[name]:
        pipeline.start(job_id=job_id)
    if kind == "fal":
        job = Job.objects.select_related("model").get(pk=job_id)
        made = next(iter(fal.jobs.values()))
        signed, content = fal.postman.signed(made)
        path = "/hooks/" + made.webhook.partition("/hooks/")[2]
        with counting() as steps["web: the provider's word"]:
            client.post(path, content, signed.pop("Content-Type"), headers=signed)
        with counting() as steps["worker: look, fetch, store, pay"]:
            remote.check(job_id=job.pk)
    state = Job.objects.get(pk=job_id).state
    if state != Job.State.SUCCEEDED:
        errors = list(Job.objects.filter(pk=job_id).values("dispatched_at", "calls__error", "failure"))
        raise RuntimeError(f"The {kind} job is {state}: {errors}")
    return steps


def section(found: dict[str, dict[str, Counts]]) -> str:
    """What was found, in Markdown."""
    rows: list[list[object]] = []
    for kind, steps in found.items():
        for name, counts in steps.items():
            rows.append([kind, name, *_cells(counts)])
        rows.append([f"**{kind}**", "**the whole job**", *(f"**{cell}**" for cell in _total(steps))])
    heads = ["", "step", "SQL statements", "of these writes", "transactions", "messages", "events", "Redis commands"]
    return (
        "## Statements and messages of a job\n\n"
        f"{table(heads, rows)}\n\n"
        "One output, counted in the process that runs the step (Django's execute wrapper; commits, Dramatiq's "
        "`enqueue` and redis-py's commands beside it). A statement outside a transaction commits by itself and counts "
        "as none. The second job of its kind, so that nothing is counted that happens once a process. How often the "
        "studio reports progress depends on how long it takes (at most every 0.4 s: one statement, one event)."
    )


def _cells(counts: Counts) -> list[int]:
    return [
        len(counts.statements), counts.writes, counts.transactions, counts.messages, counts.events, counts.redis,
    ]  # fmt: skip


def _total(steps: dict[str, Counts]) -> list[int]:
    return [sum(column) for column in zip(*(_cells(counts) for counts in steps.values()), strict=True)]


def main() -> None:
    """Measure and tell; `--list 1` prints every statement."""
    wish = options(list=0)
    call_command("prepare", verbosity=0)
    viewer = make_viewer("counted")
    client = Client(headers={"host": "127.0.0.1"})
    who = {"email": viewer.user.email, "password": PASSWORD}
    token = client.post("/api/v1/auth/login", json.dumps(who), "application/json").json()["access"]
    found = {}
    with FalEmulator() as fal:
        addresses = dict.fromkeys(("FAL_QUEUE_URL", "FAL_REST_URL", "FAL_CDN_URL"), fal.url)
        nowhere = f"http://127.0.0.1:{free_port()}"
        with override_settings(**addresses, PUBLIC_URL=nowhere, PROVIDER_WEBHOOKS=True):
            for kind in BODIES:
                for _each in range(2):
                    fal.forget()
                    found[kind] = one_job(client, {"Authorization": f"Bearer {token}"}, kind, fal)
    if wish.list:
        for kind, steps in found.items():
            for name, counts in steps.items():
                print(f"\n{kind}: {name}", *counts.statements, sep="\n  ")  # noqa: T201
                print(Counter(statement.split()[0] for statement in counts.statements))  # noqa: T201
    publish("statements", section(found), is_written=wish.write)


if __name__ == "__main__":
    main()
