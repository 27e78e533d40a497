"""What is sent and billed: once, whatever goes wrong, and each refusal under its own name."""

import time

import pytest

from generation.providers.base import (
    AuthFailed,
    ContentRejected,
    InvalidInput,
    ProviderError,
    QuotaExceeded,
    Retryable,
    SubmitUnknown,
)
from tests.providers.bench import Bench, is_of_kind
from tests.providers.case import LATENCY
from tests.providers.checks import Checks

SUBMIT = Checks()


@SUBMIT.check(is_local_too=True)
def makes_every_row(bench: Bench) -> None:
    """Makes what each of its catalogue rows promises, with the row's defaults."""
    for row in bench.case.rows:
        call = bench.call(row)
        made = bench.whole(call)
        assert list(made) == [0], row["slug"]
        assert is_of_kind(made[0], call.task), row["slug"]
    if bench.double is not None:
        assert bench.posts() == (len(bench.case.rows),) * 2


@SUBMIT.check(is_local_too=True)
def makes_several(bench: Bench) -> None:
    """Makes two outputs of one call, and they differ."""
    made = bench.whole(bench.call(count=2))
    assert sorted(made) == [0, 1]
    assert made[0] != made[1]
    if bench.double is not None:
        assert bench.posts()[0] == (1 if bench.case.posts_per == "call" else 2)


@SUBMIT.check()
def submits_once(bench: Bench) -> None:
    """Sends a call exactly once."""
    bench.send(bench.call())
    assert bench.posts() == (1, 1)


@SUBMIT.check()
def waits_for_a_slow_answer(bench: Bench) -> None:
    """Waits for an answer that is slow but within its time."""
    bench.double.fail_next("latency")
    begun = time.monotonic()
    bench.send(bench.call())
    assert time.monotonic() - begun >= LATENCY
    assert bench.posts() == (1, 1)


@SUBMIT.check()
def hears_of_too_many_requests(bench: Bench) -> None:
    """429 is a passing fault, with the time until which to wait."""
    bench.double.fail_next("429")
    error = bench.refusal(Retryable, lambda: bench.send(bench.call()))
    assert error.retry_after == 2
    assert bench.posts() == (1, 0)


@SUBMIT.check()
def hears_of_an_outage(bench: Bench) -> None:
    """503 is a passing fault."""
    bench.double.fail_next("503")
    bench.refusal(Retryable, lambda: bench.send(bench.call()))
    assert bench.posts() == (1, 0)


@SUBMIT.check()
def is_careful_after_a_server_error(bench: Bench) -> None:
    """After 500 and 502 nobody knows whether it was taken: never sent again by itself."""
    for fault in ("500", "502"):
        bench.double.fail_next(fault)
        with pytest.raises(bench.case.server_error):
            bench.send(bench.call())
    assert bench.posts() == (2, 0)


@SUBMIT.check()
def bounds_a_hang(bench: Bench) -> None:
    """A provider that says nothing is given up in time, and the outcome is unknown."""
    bench.hurry()
    bench.double.fail_next("hang")
    bench.refusal(SubmitUnknown, lambda: bench.send(bench.call()))
    assert bench.posts() == (1, 0)


@SUBMIT.check()
def never_resends_what_was_taken(bench: Bench) -> None:
    """What was taken without an answer is unknown, and never sent again."""
    bench.hurry()
    for number, fault in enumerate(("accept_then_drop", "accept_then_hang"), start=1):
        bench.double.fail_next(fault)
        bench.refusal(SubmitUnknown, lambda: bench.send(bench.call()))
        assert bench.posts() == (number, number)
    time.sleep(0.2)
    assert bench.posts() == (2, 2)


@SUBMIT.check()
def never_resends_what_was_dropped(bench: Bench) -> None:
    """A connection that breaks before an answer is unknown too: from here it looks the same."""
    bench.double.fail_next("drop_before_accept")
    bench.refusal(SubmitUnknown, lambda: bench.send(bench.call()))
    assert bench.posts() == (1, 0)


@SUBMIT.check()
def takes_no_garbled_answer(bench: Bench) -> None:
    """A success that cannot be read is unknown, not a failure to be repeated."""
    bench.double.fail_next("garbled")
    bench.refusal(SubmitUnknown, lambda: bench.send(bench.call()))
    assert bench.posts() == (1, 1)


@SUBMIT.check()
def follows_no_redirect(bench: Bench) -> None:
    """A redirect of a submit is not followed."""
    bench.double.fail_next("redirect_post")
    with pytest.raises(ProviderError):
        bench.send(bench.call())
    assert bench.posts() == (1, 0)


@SUBMIT.check()
def tells_a_wrong_key(bench: Bench) -> None:
    """A key that is refused is the operator's matter, at once."""
    error = bench.refusal(AuthFailed, lambda: bench.send(bench.call(), bench.wrong))
    assert bench.case.title.split()[0] in str(error)
    bench.double.fail_next("key_refused")
    bench.refusal(AuthFailed, lambda: bench.send(bench.call()))
    assert bench.posts() == (2, 0)


@SUBMIT.check()
def tells_a_missing_key(bench: Bench) -> None:
    """Without a key nothing is sent."""
    bench.refusal(AuthFailed, lambda: bench.send(bench.call(), bench.adapter(key="")))
    assert bench.posts() == (0, 0)


@SUBMIT.check()
def tells_an_empty_account(bench: Bench) -> None:
    """An account out of money is the operator's matter, at once."""
    bench.double.fail_next("balance_exhausted")
    bench.refusal(QuotaExceeded, lambda: bench.send(bench.call()))
    assert bench.posts() == (1, 0)


@SUBMIT.check()
def tells_a_refusal_of_content(bench: Bench) -> None:
    """A refusal by the provider's safety check is told as one."""
    bench.case.content_policy.strike(bench.double)
    bench.refusal(ContentRejected, lambda: bench.whole(bench.call()))
    assert bench.posts()[0] == 1


@SUBMIT.check(is_local_too=True, needs="cause")
def names_what_is_wrong(bench: Bench) -> None:
    """Input that the provider refuses is refused with the cause named."""
    error = bench.refusal(InvalidInput, lambda: bench.whole(bench.call(**bench.case.refused)))
    assert bench.case.cause.lower() in str(error).lower()
