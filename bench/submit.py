"""How long a program waits for the answer to a job, beside a view that does nothing."""

import contextlib
from argparse import Namespace
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor

from django.utils import timezone

from bench.figures import options, percentile, publish, say, spread, table
from bench.product import Caller, Product, as_program, make_viewer, running
from generation.models import Job

CALLERS = 8
BODY = {"model": "flux-schnell", "prompt": "a lighthouse in the rain"}
BARE, SUBMIT = "`GET /health/live`", "`POST /api/v1/jobs`"
Act = Callable[[Caller], float]


def bare(caller: Caller) -> float:
    return caller.seconds("GET", "/health/live")


def submit(caller: Caller) -> float:
    return caller.seconds("POST", "/api/v1/jobs", BODY)


def measure(callers: list[Caller], count: int, act: Act) -> list[float]:
    """Milliseconds of each answer, `count` by each caller, all callers at once."""

    def repeat(caller: Caller) -> list[float]:
        return [act(caller) * 1000 for _each in range(count)]

    with ThreadPoolExecutor(len(callers)) as pool:
        return [taken for part in pool.map(repeat, callers) for taken in part]


def rounds(product: Product, wish: Namespace, stack: contextlib.ExitStack) -> dict[tuple[str, str], list[list[float]]]:
    """All samples by (what, who), one list a round; what stands beside each other takes turns."""
    viewers = [make_viewer(f"caller-{number}") for number in range(CALLERS)]
    people = [stack.enter_context(as_program(product, viewer)) for viewer in viewers]
    crew = [stack.enter_context(as_program(product, viewers[0])) for _each in range(CALLERS)]
    everyone = {"1 caller": people[:1], f"{CALLERS} companies": people, f"{CALLERS} callers of one company": crew}
    found: dict[tuple[str, str], list[list[float]]] = {}
    product.pause_the_rest()
    for number in range(wish.rounds):
        for who, callers in everyone.items():
            count = max(2, wish.count // len(callers))
            for what, act in ((BARE, bare), (SUBMIT, submit)):
                for caller in callers:
                    caller.reconnect()
                measure(callers, 2, act)
                found.setdefault((what, who), []).append(measure(callers, count, act))
            # Else each round would count what the last one left waiting.
            Job.objects.active().update(state=Job.State.SUCCEEDED, finished_at=timezone.now())
        say(f"submit: round {number + 1}")
    return found


def section(found: dict[tuple[str, str], list[list[float]]]) -> str:
    """What was found, in Markdown."""
    rows = []
    for who in dict.fromkeys(who for _what, who in found):
        p50: dict[str, list[float]] = {}
        for what in (BARE, SUBMIT):
            samples = found[what, who]
            p50[what] = [percentile(part, 50) for part in samples]
            p95 = [percentile(part, 95) for part in samples]
            rows.append([what, who, spread(p50[what]), spread(p95), "1"])
        ratios = [job / view for job, view in zip(p50[SUBMIT], p50[BARE], strict=True)]
        rows[-1][-1] = spread(ratios)
    heads = ["what", "asked by", "p50, ms", "p95, ms", "× the bare view"]
    samples = next(iter(found.values()))
    return (
        "## Submitting a job\n\n"
        f"{table(heads, rows)}\n\n"
        f"{len(samples)} rounds of {len(samples[0])} answers in each row, bare view and submit in turns; median "
        "(lowest–highest) of the rounds. Over HTTP on loopback with kept connections, the callers on the same machine. "
        "Each job is new, held, written, let go and its message sent; workers and clock stand still meanwhile."
    )


def main() -> None:
    """Measure and tell."""
    wish = options(rounds=7, count=160)
    with contextlib.ExitStack() as stack:
        product = stack.enter_context(running(FAL_QUEUE_URL="http://127.0.0.1:9"))
        found = rounds(product, wish, stack)
    publish("submit", section(found), is_written=wish.write)


if __name__ == "__main__":
    main()
