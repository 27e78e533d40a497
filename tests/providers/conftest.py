"""What the conformance tests share: one double for each provider, and what was seen."""

from collections.abc import Callable, Iterator
from contextlib import ExitStack
from typing import Any

import pytest

from tests.providers.case import Case
from tests.providers.report import Results, write


@pytest.fixture(scope="session")
def results() -> Iterator[Results]:
    """What held so far; at the end it becomes docs/providers.md."""
    seen = Results()
    yield seen
    write(seen)


@pytest.fixture(scope="session")
def running() -> Iterator[Callable[[Case], Any]]:
    """A function that gives a provider's double, started once and as good as new."""
    with ExitStack() as stack:
        doubles: dict[str, Any] = {}

        def double_of(case: Case) -> Any:
            if case.name not in doubles:
                doubles[case.name] = stack.enter_context(case.start())
            if doubles[case.name] is not None:
                doubles[case.name].forget()
            return doubles[case.name]

        yield double_of
