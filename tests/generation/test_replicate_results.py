"""Replicate after the submit: looking, how the work ended, downloads, cancelling, each with every fault."""

from collections.abc import Iterator
from contextlib import closing

import pytest

from generation.providers.base import ContentRejected, Gone, InvalidInput, ProviderError, Retryable, Submitted, TimedOut
from generation.providers.replicate import Replicate
from tests.emulators.replicate import ReplicateDouble
from tests.generation.replicate_calls import call, fetched, made, provider_at
from tests.generation.row_calls import HANG, an_image


@pytest.fixture(scope="module")
def double() -> Iterator[ReplicateDouble]:
    with ReplicateDouble() as replicate:
        yield replicate


@pytest.fixture
def replicate(double: ReplicateDouble) -> ReplicateDouble:
    """The double, with everything of the test before forgotten."""
    double.forget()
    double.hang = HANG
    return double


@pytest.fixture
def provider(replicate: ReplicateDouble) -> Iterator[Replicate]:
    with closing(provider_at(replicate)) as provider:
        yield provider


# --- How the work ends ------------------------------------------------------------------------------------------------


def test_waiting_and_running_are_told_apart(replicate: ReplicateDouble, provider: Replicate) -> None:
    replicate.waiting = 60
    waiting = provider.poll(provider.submit(call()))
    replicate.waiting, replicate.rendering = 0, 60
    running = provider.poll(provider.submit(call()))
    assert (waiting.state, waiting.percent) == ("waiting", None)
    assert (running.state, running.percent) == ("running", 40)


ENDS = [
    ("nsfw", ContentRejected),
    ("content_policy", ContentRejected),
    ("bad_input", InvalidInput),
    ("model_error", ProviderError),
    ("model_timeout", TimedOut),
    ("aborted", TimedOut),
]


@pytest.mark.parametrize(("fault", "expected"), ENDS, ids=[row[0] for row in ENDS])
def test_work_that_failed_says_why_at_the_next_look(
    replicate: ReplicateDouble, provider: Replicate, fault: str, expected: type[ProviderError]
) -> None:
    replicate.fail_next(fault)
    submitted = provider.submit(call())
    for look in (provider.poll, lambda one: list(provider.fetch(one, call()))):
        with pytest.raises(expected) as caught:
            look(submitted)
        assert not isinstance(caught.value, Retryable)
    assert replicate.downloads == 0


def test_what_the_model_flags_is_left_out(replicate: ReplicateDouble, provider: Replicate) -> None:
    replicate.fail_next("nsfw_first")
    assert len(fetched(provider, call(count=3))) == 2


def test_a_picture_that_is_too_large_for_the_hardware_is_a_matter_of_the_input(provider: Replicate) -> None:
    submitted = provider.submit(call("real-esrgan", inputs=(an_image(1_600, 1_400),)))
    with pytest.raises(InvalidInput, match="Resize"):
        provider.poll(submitted)


def test_one_that_never_completes_goes_on_running(replicate: ReplicateDouble, provider: Replicate) -> None:
    replicate.fail_next("never")
    submitted = provider.submit(call())
    assert provider.poll(submitted).state == "running"
    with pytest.raises(Retryable):
        list(provider.fetch(submitted, call()))


@pytest.mark.parametrize("fault", ["500", "429", "hang", "drop", "key_refused", "balance_exhausted"])
def test_a_look_that_fails_is_worth_another(replicate: ReplicateDouble, provider: Replicate, fault: str) -> None:
    submitted = provider.submit(call())
    replicate.fail_next(fault, on="status")
    with pytest.raises(Retryable):
        provider.poll(submitted)
    assert replicate.counts["status"] == 1
    assert provider.poll(submitted).state == "done"


def test_outputs_that_were_deleted_after_an_hour_are_gone(replicate: ReplicateDouble, provider: Replicate) -> None:
    replicate.fail_next("data_removed")
    with pytest.raises(Gone):
        fetched(provider, call())


@pytest.mark.parametrize(
    ("fault", "expected"),
    [("gone", Gone), ("redirect", ProviderError), ("html", Retryable), ("truncated", Retryable)],
)
def test_a_download_that_fails_is_told_apart(
    replicate: ReplicateDouble, provider: Replicate, fault: str, expected: type[ProviderError]
) -> None:
    replicate.fail_next(fault)
    with pytest.raises(expected):
        fetched(provider, call())
    assert replicate.leaks == 0


def test_a_running_prediction_is_cancelled_and_a_finished_one_is_not(
    replicate: ReplicateDouble, provider: Replicate
) -> None:
    replicate.rendering = 60
    running = provider.submit(call())
    assert provider.cancel(running)
    with pytest.raises(ProviderError, match="cancelled"):
        provider.poll(running)
    replicate.rendering = 0
    assert not provider.cancel(made(provider, call()))
    assert not provider.cancel(Submitted(external_id="unknown"))
    assert replicate.cancels == 3


@pytest.mark.parametrize("fault", ["500", "hang", "drop"])
def test_a_cancel_that_fails_is_worth_another(replicate: ReplicateDouble, provider: Replicate, fault: str) -> None:
    replicate.rendering = 60
    submitted = provider.submit(call())
    replicate.fail_next(fault, on="cancel")
    with pytest.raises(Retryable):
        provider.cancel(submitted)
    assert provider.cancel(submitted)


def test_webhooks_are_asked_for_at_the_start_and_the_end(replicate: ReplicateDouble, provider: Replicate) -> None:
    replicate.rendering = 60
    address = "https://pictures.example/hooks/replicate/7/abc"
    asked = replicate.jobs[provider.submit(call(webhook_url=address)).external_id]
    assert (asked.webhook, asked.events) == (address, ("start", "completed"))
    assert replicate.jobs[provider.submit(call()).external_id].webhook == ""
