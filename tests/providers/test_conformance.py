"""One suite over all providers. What is checked is in checks_*.py, whom it is checked on in cases.py.

Everything runs on one worker, which writes docs/providers.md when all of it held.
"""

from collections.abc import Callable
from contextlib import closing
from typing import Any

import pytest

from tests.providers.bench import Bench
from tests.providers.case import Case
from tests.providers.cases import CASES
from tests.providers.checks import Check
from tests.providers.report import CHECKS, PAIRS, Results, page

pytestmark = pytest.mark.xdist_group("providers")


@pytest.mark.parametrize(("case", "check"), PAIRS, ids=[f"{case.name}-{check.name}" for case, check in PAIRS])
def test_a_provider_keeps_its_contract(
    case: Case, check: Check, running: Callable[[Case], Any], results: Results
) -> None:
    with closing(Bench(case, running(case))) as bench:
        check.run(bench)
    results.kept.add((case.name, check.name))


def test_every_exception_names_a_check_and_says_why() -> None:
    names = {check.name for check in CHECKS}
    for case in CASES:
        assert set(case.not_checked) <= names
        assert all(reason.endswith(".") for reason in case.not_checked.values())


def test_nothing_is_written_of_a_part_of_the_suite() -> None:
    assert not Results().is_complete
    whole = Results(
        kept={(case.name, check.name) for case, check in PAIRS},
        billed={case.name: (200, 200) for case in CASES if case.is_paid},
    )
    assert whole.is_complete
    assert page(whole) == page(whole)
