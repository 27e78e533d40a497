"""However a submission fails, what reaches the provider to be billed is what was asked for: POSTs ÷ calls is 1."""

from concurrent.futures import ThreadPoolExecutor
from contextlib import closing

import pytest

from generation.providers.base import DirectProvider, ProviderError, SubmitUnknown
from generation.providers.transport import Limits
from tests.providers.bench import Bench
from tests.providers.case import Case
from tests.providers.report import PAID, Results

pytestmark = pytest.mark.xdist_group("providers")

CALLS = 200
THREADS = 12
# Connecting is given time, so that each call arrives even on a busy machine; a hang is given up soon.
HASTY = Limits(connect=5.0, read=0.25, write=2.0, total=0.5, body=400_000)
RATES = {
    "429": 0.08,
    "500": 0.08,
    "502": 0.05,
    "503": 0.05,
    "hang": 0.05,
    "drop_before_accept": 0.1,
    "accept_then_drop": 0.15,
    "accept_then_hang": 0.05,
    "garbled": 0.1,
    "redirect_post": 0.05,
    "key_refused": 0.03,
    "balance_exhausted": 0.03,
}


@pytest.mark.parametrize("case", PAID, ids=[case.name for case in PAID])
def test_no_fault_makes_a_provider_bill_twice(case: Case, results: Results, capsys: pytest.CaptureFixture[str]) -> None:
    # A double of its own, whose chances begin where they always begin.
    with case.start() as double, closing(Bench(case, double)) as bench:
        provider = bench.adapter(limits=HASTY)
        double.rates = RATES

        def ask(_number: int) -> str:
            call = bench.call()
            try:
                if isinstance(provider, DirectProvider):
                    list(provider.make(call, lambda _fraction: None))
                else:
                    provider.submit(call)
            except SubmitUnknown:
                return "unknown"
            except ProviderError:
                return "refused"
            return "answered"

        with ThreadPoolExecutor(THREADS) as pool:
            outcomes = list(pool.map(ask, range(CALLS)))
        posts, accepted = bench.posts()
    with capsys.disabled():
        print(f"\n{case.name}: {CALLS} calls, {posts} POSTs, {accepted} taken: {posts / CALLS:.3f}")  # noqa: T201
    assert posts == CALLS
    # What it took is what we have, or know that we may have.
    assert outcomes.count("answered") <= accepted <= outcomes.count("answered") + outcomes.count("unknown")
    assert min(outcomes.count(outcome) for outcome in ("answered", "unknown", "refused")) > CALLS // 20
    results.billed[case.name] = (CALLS, posts)
