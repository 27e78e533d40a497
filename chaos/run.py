"""Destroy the product while people use it, then prove that nobody lost a picture or a credit.

    make chaos                          # 500 jobs
    python -m chaos.run --jobs 40       # the short form that `make test` runs

Exits with 1 when a proof fails. `--report FILE` writes the table of faults and what happened.
"""

import argparse
import os
import random
import shutil
import subprocess
import sys
import tempfile
import threading
import time
import uuid
from collections import Counter
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import httpx
import psycopg

from chaos.product import PROJECT, Product, running
from chaos.sections import later_sections

PEOPLE = 6
SUBMIT_STORM = {"429": 0.2, "500": 0.1, "503": 0.1, "accept_then_drop": 0.15, "drop_before_accept": 0.1}
STORMS = {"fal": SUBMIT_STORM | {"truncated": 0.3}, "openai": SUBMIT_STORM | {"part": 0.2}}
PROVIDERS = ("local", "fal", "openai")
WISHES: dict[str, dict[str, Any]] = {
    "local": {"model": "studio-scenes", "detail": "draft", "aspect_ratio": "1:1"},
    "fal": {"model": "flux-schnell"},
    "openai": {"model": "gpt-image-mini", "quality": "low"},
}
CALM_SECONDS = 1.5
# Every job must have ended this long after the last disaster.
SETTLE_SECONDS = 240.0

_SETUP = """
import json, sys
from accounts.services import add_verified_person
from accounts.models import Company
from billing.models import Subscription
from billing.plans import plan_with_slug
from billing.services import grant_credits
from generation.models import AIModel
# As long as an answer is waited for, so long is a dead worker believed to wait for it.
AIModel.objects.filter(provider="openai").update(seconds_allowed=10)
for number in range(int(sys.argv[1])):
    person = add_verified_person(email=f"chaos-{number}@example.com", password="a-dark-and-quiet-room")
    company = Company.objects.get(memberships__user=person)
    Subscription.objects.filter(company=company).update(plan=plan_with_slug("enterprise"))
    grant_credits(company=company, amount=100_000, kind="grant", key=f"chaos:{number}", cause="Chaos")
"""


@dataclass
class Disaster:
    """One thing that was done, and how long until all of the product answered again."""

    name: str
    recovered_after: float


@dataclass
class Run:
    """What a run saw."""

    product: Product
    providers: tuple[str, ...] = PROVIDERS
    jobs: list[str] = field(default_factory=list)
    disasters: list[Disaster] = field(default_factory=list)
    over: threading.Event = field(default_factory=threading.Event)


def say(sentence: str) -> None:
    print(f"{time.strftime('%H:%M:%S')}  {sentence}", flush=True)  # noqa: T201


def manage(product: Product, *arguments: str, stdin: str = "") -> subprocess.CompletedProcess[str]:
    """`manage.py …` on what the product uses."""
    services = product.services
    environment = os.environ | {
        "DATABASE_URL": services["database_url"],
        "REDIS_URL": services["redis_url"],
        "DATA_DIR": str(product.data),
        "DEBUG": "1",
    }
    command = [sys.executable, "manage.py", *arguments]
    return subprocess.run(
        command, cwd=PROJECT, env=environment, input=stdin, capture_output=True, text=True, check=False
    )


def make_people(product: Product) -> None:
    code = _SETUP.replace("sys.argv[1]", str(PEOPLE))
    done = manage(product, "shell", "--no-imports", "-c", code)
    if done.returncode:
        raise RuntimeError(done.stderr)


def sign_in(product: Product, number: int) -> httpx.Client:
    """A program that holds on: it asks again until it is answered, as a client with an Idempotency-Key may."""
    client = httpx.Client(base_url=f"{product.base_url}/api/v1", timeout=20)
    who = {"email": f"chaos-{number}@example.com", "password": "a-dark-and-quiet-room"}
    answer = insist(lambda: client.post("/auth/login", json=who))
    client.headers["Authorization"] = f"Bearer {answer.json()['access']}"
    return client


def insist(ask: Callable[[], httpx.Response]) -> httpx.Response:
    """Ask until the answer is neither a broken connection nor a fault of the server's. Raises after two minutes."""
    deadline = time.monotonic() + 120
    while True:
        try:
            answer = ask()
            if answer.status_code < 500 and answer.status_code != 429:
                return answer
            problem = f"{answer.status_code} {answer.text[:200]}"
        except httpx.HTTPError as error:
            problem = repr(error)
        if time.monotonic() > deadline:
            raise RuntimeError(problem)
        time.sleep(0.3)


def use(run: Run, number: int, count: int, pause: float) -> list[str]:
    """One person submits `count` jobs, to each provider in turn; returns their ids."""
    client = sign_in(run.product, number)
    made = []
    for index in range(count):
        body: dict[str, Any] = {"prompt": f"lighthouse {number} {index}", "seed": index}
        body |= WISHES[run.providers[index % len(run.providers)]]
        if "detail" not in body:
            body["num_images"] = 1 + index % 3
        key = str(uuid.uuid4())
        answer = submit(client, body, key)
        if answer.status_code == 401:
            # The access token's time was over, or its session was lost with the cache.
            client = sign_in(run.product, number)
            answer = submit(client, body, key)
        if answer.status_code != 201:
            raise RuntimeError(f"submit: {answer.status_code} {answer.text[:300]}")
        made.append(answer.json()["id"])
        time.sleep(pause)
    client.close()
    return made


def submit(client: httpx.Client, body: dict[str, Any], key: str) -> httpx.Response:
    return insist(lambda: client.post("/jobs", json=body, headers={"Idempotency-Key": key}))


def destroy(run: Run, dice: random.Random, total: int) -> None:
    """One disaster after the other, each as soon as the product has recovered from the one before."""
    victims = ["studio worker", "worker", "web", "clock", "Valkey", "PostgreSQL"]
    victims += ["caller"] if "openai" in run.providers else []
    acts: dict[str, Callable[[], object]] = {
        name: (lambda name=name: run.product.kill(name))  # type: ignore[misc]
        for name in victims
    }
    acts["queue lost"] = run.product.flush_queue
    acts["providers storm"] = lambda: [run.product.double(name, rates=rates) for name, rates in STORMS.items()]
    names: list[str] = []
    while len(run.disasters) < total and not run.over.is_set():
        names = names or dice.sample(sorted(acts), len(acts))
        name = names.pop()
        began, killed = time.monotonic(), time.time()
        try:
            acts[name]()
        except (OSError, ValueError) as error:
            say(f"{name}: {error}")
        if name == "providers storm":
            time.sleep(3)
            for provider in STORMS:
                run.product.double(provider, rates={})
        time.sleep(0.3)
        run.product.wait_for_beat(name, since=killed)
        run.product.wait_until_ready()
        run.disasters.append(Disaster(name, time.monotonic() - began))
        say(f"{name}: all answers again after {run.disasters[-1].recovered_after:.1f} s")
        time.sleep(dice.uniform(0.3, CALM_SECONDS))


def query(product: Product, statement: str, *values: str) -> list[tuple[Any, ...]]:
    with psycopg.connect(product.services["database_url"], autocommit=True) as connection:
        return connection.execute(statement.encode(), values).fetchall()


def wait_for_the_end(product: Product) -> bool:
    """Whether every job ends in time."""
    deadline = time.monotonic() + SETTLE_SECONDS
    while time.monotonic() < deadline:
        (left,) = query(product, "SELECT count(*) FROM generation_job WHERE finished_at IS NULL")[0]
        if not left:
            return True
        time.sleep(0.5)
    return False


def prove(run: Run) -> list[tuple[str, bool, str]]:
    """Each proof: what must hold, whether it does, and the figures."""
    product = run.product
    states = query(
        product,
        "SELECT m.provider, j.state, count(*) FROM generation_job j JOIN generation_aimodel m ON m.id = j.model_id"
        " GROUP BY 1, 2 ORDER BY 1, 2",
    )
    shown = ", ".join(f"{provider} {state} {count}" for provider, state, count in states)
    known = {str(row[0]) for row in query(product, "SELECT id FROM generation_job")}
    twice = query(
        product,
        "SELECT count(*) FROM (SELECT cause, key FROM billing_ledgerentry WHERE kind = 'settle' GROUP BY 1, 2"
        " HAVING count(*) > 1) AS twice",
    )[0][0]
    paid = query(
        product,
        "SELECT count(*) FROM generation_job j JOIN billing_hold h ON h.key = 'job:' || j.id WHERE h.settled <>"
        " (j.credits / j.count) * (SELECT count(*) FROM gallery_asset a JOIN generation_joboutput o"
        " ON o.asset_id = a.id WHERE o.job_id = j.id)",
    )[0][0]
    # What a process that died between an end and the tidying after it left behind, the clock's daily sweep takes away.
    swept = manage(product, "sweep_files", "--older-than", "0").stdout.strip()
    keys = {str(row[0]) for row in query(product, "SELECT key FROM gallery_assetrendition")}
    media = product.data / "media"
    files = {path.relative_to(media).as_posix() for path in media.rglob("*") if path.is_file()}
    audit = manage(product, "audit_ledger")
    return [
        ("no accepted job is missing", set(run.jobs) <= known, f"{len(run.jobs)} accepted, {len(known)} known"),
        ("every job has ended", all(state in ("succeeded", "failed", "cancelled") for _p, state, _n in states), shown),
        (
            "every studio job succeeded",
            all(state == "succeeded" for provider, state, _n in states if provider == "local"),
            shown,
        ),
        ("nothing is settled twice", twice == 0, f"{twice} twice"),
        ("each job paid what was delivered, no more", paid == 0, f"{paid} differ"),
        *[proof for provider in run.providers if provider != "local" for proof in _sent_once(product, provider)],
        (
            "no file without a row after the clock's sweep",
            files <= keys,
            f"{len(files - keys)} orphans of {len(files)} files; the sweep: {swept}",
        ),
        ("no row without a file", keys <= files, f"{len(keys - files)} lost of {len(keys)} rows"),
        ("audit_ledger is clean", audit.returncode == 0, (audit.stdout.strip().splitlines() or [audit.stderr])[-1]),
    ]


def _sent_once(product: Product, provider: str) -> list[tuple[str, bool, str]]:
    """What the provider's double saw beside what we sent."""
    sent = "SELECT count(*), count(DISTINCT job_id) FROM generation_providercall WHERE provider = %s"
    calls, jobs = query(product, sent, provider)[0]
    double = product.double(provider)
    posts, taken = double["counts"].get("posts", 0), double.get("jobs", double["counts"].get("accepted", 0))
    return [
        (
            f"no call was sent to {provider} twice",
            posts <= calls,
            f"{posts} POSTs ÷ {calls} calls = {posts / max(1, calls):.3f}",
        ),
        (
            f"{provider} took no job twice",
            taken <= jobs,
            f"{taken} taken ÷ {jobs} jobs sent = {taken / max(1, jobs):.3f}",
        ),
    ]


def report(run: Run, proofs: list[tuple[str, bool, str]], seconds: float) -> str:
    """The table of disasters and proofs, as Markdown."""
    names = Counter(disaster.name for disaster in run.disasters)
    lines = ["| disaster | times | recovered after, median / worst |", "| --- | --- | --- |"]
    for name in sorted(names):
        took = sorted(disaster.recovered_after for disaster in run.disasters if disaster.name == name)
        lines.append(f"| {name} | {names[name]} | {took[len(took) // 2]:.1f} / {took[-1]:.1f} s |")
    lines += ["", "| what must hold | holds | figures |", "| --- | --- | --- |"]
    lines += [f"| {rule} | {'yes' if holds else '**no**'} | {figures} |" for rule, holds, figures in proofs]
    lines += ["", f"{len(run.jobs)} jobs of {PEOPLE} people, {len(run.disasters)} disasters, {seconds:.0f} s in all."]
    return "\n".join(lines)


def main() -> int:
    """Run, print, and say by the exit code whether every proof holds."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--jobs", type=int, default=500)
    parser.add_argument("--disasters", type=int, default=40)
    parser.add_argument("--seed", type=int, default=int(time.time()))
    parser.add_argument("--providers", nargs="+", choices=PROVIDERS, default=list(PROVIDERS))
    parser.add_argument("--report", type=Path)
    wish = parser.parse_args()
    say(f"{wish.jobs} jobs, {wish.disasters} disasters, seed {wish.seed}")
    folder = Path(tempfile.mkdtemp(prefix="darkroom-chaos-"))
    began = time.monotonic()
    try:
        with running(folder, say) as product:
            run = Run(product, tuple(wish.providers))
            product.double("fal", set={"waiting": 0.2, "rendering": 0.8, "hang": 8.0})
            product.double("openai", set={"rendering": 0.8, "hang": 8.0})
            make_people(product)
            destroyer = threading.Thread(target=destroy, args=(run, random.Random(wish.seed), wish.disasters))
            destroyer.start()
            with ThreadPoolExecutor(PEOPLE) as pool:
                each = -(-wish.jobs // PEOPLE)
                for jobs in pool.map(lambda number: use(run, number, each, 0.05), range(PEOPLE)):
                    run.jobs += jobs
            say(f"{len(run.jobs)} jobs accepted")
            destroyer.join()
            wait_for_the_end(product)
            proofs = prove(run)
    finally:
        shutil.rmtree(folder, ignore_errors=True)
    text = report(run, proofs, time.monotonic() - began)
    print(text)  # noqa: T201
    if wish.report:
        wish.report.write_text(HEADER + text + "\n" + later_sections(wish.report))
    return 0 if all(holds for _rule, holds, _figures in proofs) else 1


HEADER = (Path(__file__).parent / "reliability_head.md").read_text()

if __name__ == "__main__":
    sys.exit(main())
