"""Providers with a queue: looking, being told, fetching, cancelling."""

import time

import pytest

from generation.providers.base import BadSignature, Gone, ProviderError, Retryable, Submitted
from tests.providers.bench import PAUSE, Bench
from tests.providers.checks import Checks

QUEUE = Checks()


@QUEUE.check(kind="queued")
def tells_how_far_it_is(bench: Bench) -> None:
    """Waiting, running and done are told apart."""
    waiting, rendering = bench.case.slowness
    setattr(bench.double, waiting, 0.4)
    setattr(bench.double, rendering, 0.4)
    submitted = bench.queued.submit(bench.call())
    seen: list[str] = []
    while "done" not in seen:
        seen.append(bench.queued.poll(submitted).state)
        time.sleep(PAUSE)
    assert list(dict.fromkeys(seen)) == ["waiting", "running", "done"]


@QUEUE.check(kind="queued")
def outlives_a_stumbling_look(bench: Bench) -> None:
    """A look that fails is taken again, and costs nothing."""
    submitted = bench.queued.submit(bench.call())
    bench.hurry()
    for fault in ("500", "503", "hang", "drop"):
        bench.double.fail_next(fault, on="status")
        bench.refusal(Retryable, lambda: bench.queued.poll(submitted))
    bench.wait(submitted)
    assert bench.posts() == (1, 1)


@QUEUE.check(kind="queued")
def tells_what_is_gone(bench: Bench) -> None:
    """A request that the provider does not know, and outputs that it no longer has, are gone."""
    submitted, call = bench.done()
    bench.double.fail_next("gone", on="download")
    bench.refusal(Gone, lambda: bench.fetched(submitted, call))
    bench.double.forget()
    bench.refusal(Gone, lambda: bench.queued.poll(submitted))


@QUEUE.check(kind="queued")
def fetches_as_often_as_asked(bench: Bench) -> None:
    """Fetching twice gives the same bytes and orders nothing."""
    submitted, call = bench.done()
    assert bench.fetched(submitted, call) == bench.fetched(submitted, call)
    assert bench.posts() == (1, 1)


@QUEUE.check(kind="queued")
def cancels_what_is_under_way(bench: Bench) -> None:
    """Cancelling reaches the provider, and says so when it is too late."""
    setattr(bench.double, bench.case.slowness[0], 30.0)
    submitted = bench.queued.submit(bench.call())
    assert bench.queued.cancel(submitted)
    assert bench.double.cancels == 1
    setattr(bench.double, bench.case.slowness[0], 0.0)
    late, _call = bench.done()
    assert not bench.queued.cancel(late)


@QUEUE.check(kind="queued", needs="webhooks")
def believes_signed_deliveries(bench: Bench) -> None:
    """A delivery that the provider signed is believed to be about its request."""
    submitted, _call = bench.done()
    event = bench.queued.verify_webhook(*_delivery(bench, submitted, "good"))
    assert event.external_id == submitted.external_id
    assert event.delivery_id


@QUEUE.check(kind="queued", needs="webhooks")
def refuses_forged_deliveries(bench: Bench) -> None:
    """A delivery that is badly signed, changed, or replayed late is refused."""
    submitted, _call = bench.done()
    for kind in ("badly_signed", "replayed_late"):
        with pytest.raises(BadSignature):
            bench.queued.verify_webhook(*_delivery(bench, submitted, kind))
    headers, body = _delivery(bench, submitted, "good")
    for forged in ((headers, body + b" "), ({}, body)):
        with pytest.raises(BadSignature):
            bench.queued.verify_webhook(*forged)


def _delivery(bench: Bench, submitted: Submitted, kind: str) -> tuple[dict[str, str], bytes]:
    assert bench.case.webhooks is not None
    headers, body = bench.case.webhooks.of_kind(bench.double, submitted, kind)
    return dict(headers), body


@QUEUE.check(kind="queued")
def tells_how_the_work_ended(bench: Bench) -> None:
    """Work that fails at the provider ends with its error, and with no outputs."""
    bench.double.fail_next("model_error")
    with pytest.raises(ProviderError) as caught:
        bench.whole(bench.call())
    assert not isinstance(caught.value, Retryable)
    assert bench.posts() == (1, 1)
