"""docs/providers.md, written from what the suite saw. The same results make the same text."""

from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

from tests.providers.case import Case
from tests.providers.cases import CASES
from tests.providers.checks import Check
from tests.providers.checks_outputs import OUTPUTS
from tests.providers.checks_queue import QUEUE
from tests.providers.checks_submit import SUBMIT

PATH = Path(__file__).resolve().parents[2] / "docs" / "providers.md"
CHECKS: tuple[Check, ...] = (*SUBMIT, *OUTPUTS, *QUEUE)
PAIRS = [(case, check) for case in CASES for check in CHECKS if not check.why_not(case)]
PAID = [case for case in CASES if case.is_paid]
NAMES = {"custom": "Custom", "local": "Local studio"}
ABOUT = """# Providers

Every provider is one adapter over its official SDK (Stability: plain HTTP), and all of them stand on one transport that
sends each request once (`generation/providers/transport.py`). This page is written by `make test`: one suite
(`tests/providers/`) runs over all of them, against doubles on loopback that speak each provider's real protocol, and
writes down what it saw only when everything was checked and held.

## What each does, and how it is set up

A key by itself brings a provider's models; an address may name a gateway in its place.

"""


@dataclass
class Results:
    """What was seen: pairs of provider and check that held, and calls against POSTs by provider."""

    kept: set[tuple[str, str]] = field(default_factory=set)
    billed: dict[str, tuple[int, int]] = field(default_factory=dict)

    @property
    def is_complete(self) -> bool:
        """Whether everything was checked and held."""
        wanted = {(case.name, check.name) for case, check in PAIRS}
        return self.kept >= wanted and set(self.billed) == {case.name for case in PAID}


def write(results: Results, path: Path = PATH) -> None:
    """Write the page when everything held and it would change."""
    if not results.is_complete:
        return
    text = page(results)
    if not path.exists() or path.read_text(encoding="utf-8") != text:
        path.write_text(text, encoding="utf-8")


def page(results: Results) -> str:
    """The whole page."""
    return "\n".join([ABOUT + "\n".join(_providers()), "", *_checks(), "", *_billing(results), ""])


def _name(case: Case) -> str:
    return NAMES.get(case.name, case.title)


def _providers() -> Iterator[str]:
    yield "| provider | answers | settings | tasks |"
    yield "| --- | --- | --- | --- |"
    for case in CASES:
        answers = "in one go" if case.kind == "direct" else "through a queue"
        settings = ", ".join(f"`{name}`" if name.isupper() else name for name in case.settings) or "none"
        tasks = ", ".join(dict.fromkeys(str(row["task"]) for row in case.rows))
        yield f"| {_name(case)} | {answers} | {settings} | {tasks} |"


def _checks() -> Iterator[str]:
    reasons: dict[str, int] = {}
    yield "## What was checked"
    yield ""
    yield "✓ held; – makes no sense there, for the reason below the table."
    yield ""
    yield f"| check | {' | '.join(_name(case) for case in CASES)} |"
    yield f"| --- |{' :-: |' * len(CASES)}"
    for check in CHECKS:
        marks = []
        for case in CASES:
            reason = check.why_not(case)
            number = reasons.setdefault(reason, len(reasons) + 1) if reason else 0
            marks.append(f"– [{number}]" if reason else "✓")
        yield f"| {check.title} | {' | '.join(marks)} |"
    yield ""
    for reason, number in reasons.items():
        yield f"{number}. {reason}"


def _billing(results: Results) -> Iterator[str]:
    calls = sum(count for count, _posts in results.billed.values())
    yield "## Billed once"
    yield ""
    yield f"{calls} submissions under random faults (refusals, errors, hangs, connections dropped before and after the"
    yield "work was taken, answers that cannot be read), against the submissions that reached the provider: what can be"
    yield "billed is never more than what was asked for."
    yield ""
    yield "| provider | our calls | POSTs there | POSTs ÷ calls |"
    yield "| --- | --: | --: | --: |"
    for case in PAID:
        count, posts = results.billed[case.name]
        yield f"| {_name(case)} | {count} | {posts} | {posts / count:.3f} |"
