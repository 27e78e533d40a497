"""fal after the submit: looking, how the work ended, downloads, cancelling, each with every fault."""

from collections.abc import Iterator
from contextlib import closing
from uuid import uuid4

import pytest

from generation.providers.base import ContentRejected, Gone, InvalidInput, ProviderError, Retryable, Submitted, TimedOut
from generation.providers.fal import Account, Fal
from tests.emulators.fal import FalEmulator
from tests.emulators.fal_files import picture
from tests.generation.fal_calls import QUICK, call, fetched, made, provider_at


@pytest.fixture(scope="module")
def double() -> Iterator[FalEmulator]:
    with FalEmulator() as fal:
        yield fal


@pytest.fixture
def fal(double: FalEmulator) -> FalEmulator:
    """The double, with everything of the test before forgotten."""
    double.forget()
    double.hang = 1.0
    return double


@pytest.fixture
def provider(fal: FalEmulator) -> Iterator[Fal]:
    with closing(provider_at(fal)) as provider:
        yield provider


# --- Looking ----------------------------------------------------------------------------------------------------------


def test_missing_logs_do_not_matter(fal: FalEmulator, provider: Fal) -> None:
    fal.rendering = 60
    fal.fail_next("missing_logs")
    assert provider.poll(provider.submit(call())).state == "running"


@pytest.mark.parametrize("fault", ["500", "429", "hang", "drop", "key_refused", "balance_exhausted"])
def test_a_look_that_fails_is_worth_another(fal: FalEmulator, provider: Fal, fault: str) -> None:
    submitted = provider.submit(call())
    fal.fail_next(fault, on="status")
    with pytest.raises(Retryable):
        provider.poll(submitted)
    assert fal.counts["status"] == 1
    assert provider.poll(submitted).state == "done"


def test_an_unknown_request_is_gone(provider: Fal) -> None:
    lost = Submitted(external_id=str(uuid4()), reference={"endpoint": "fal-ai/flux/dev"})
    with pytest.raises(Gone):
        provider.poll(lost)
    with pytest.raises(Gone):
        list(provider.fetch(lost, call("fal-ai/flux/dev")))


def test_one_that_never_completes_goes_on_running(fal: FalEmulator, provider: Fal) -> None:
    fal.fail_next("never")
    assert provider.poll(provider.submit(call())).state == "running"


# --- How the work ended -----------------------------------------------------------------------------------------------

ENDS = [
    ("content_policy", ContentRejected),
    ("nsfw", ContentRejected),
    ("model_error", ProviderError),
    ("model_timeout", TimedOut),
]


@pytest.mark.parametrize(("fault", "expected"), ENDS, ids=[row[0] for row in ENDS])
def test_work_that_failed_is_done_and_its_result_says_why(
    fal: FalEmulator, provider: Fal, fault: str, expected: type[ProviderError]
) -> None:
    fal.fail_next(fault)
    wanted = call(count=2)
    submitted = made(provider, wanted)
    with pytest.raises(expected) as caught:
        list(provider.fetch(submitted, wanted))
    assert not isinstance(caught.value, Retryable)
    assert fal.downloads == 0


def test_input_that_the_model_refuses_is_named(provider: Fal) -> None:
    wanted = call(prompt="")
    with pytest.raises(InvalidInput, match="Field required"):
        list(provider.fetch(made(provider, wanted), wanted))


def test_a_flagged_output_is_left_out_and_not_downloaded(fal: FalEmulator, provider: Fal) -> None:
    fal.fail_next("nsfw_first")
    assert sorted(fetched(provider, call(count=3))) == [1, 2]
    assert fal.downloads == 2


def test_a_result_that_is_asked_for_too_early_comes_later(fal: FalEmulator, provider: Fal) -> None:
    fal.rendering = 60
    wanted = call()
    with pytest.raises(Retryable):
        list(provider.fetch(provider.submit(wanted), wanted))


@pytest.mark.parametrize("fault", ["500", "503", "hang", "drop", "key_refused"])
def test_a_result_that_cannot_be_had_now_comes_later(fal: FalEmulator, provider: Fal, fault: str) -> None:
    wanted = call()
    submitted = made(provider, wanted)
    fal.fail_next(fault, on="result")
    with pytest.raises(Retryable):
        list(provider.fetch(submitted, wanted))
    assert len(list(provider.fetch(submitted, wanted))) == 1


# --- Downloads --------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("fault", ["truncated", "dribble", "html", "500", "429", "hang", "drop"])
def test_a_download_that_fails_is_worth_another(fal: FalEmulator, provider: Fal, fault: str) -> None:
    wanted = call()
    submitted = made(provider, wanted)
    fal.fail_next(fault, on="download")
    with pytest.raises(Retryable):
        list(provider.fetch(submitted, wanted))
    assert [artifact.stream.read() for artifact in provider.fetch(submitted, wanted)] == [picture(41)]


@pytest.mark.parametrize(("fault", "expected"), [("oversized", ProviderError), ("gone", Gone)])
def test_a_download_that_can_never_succeed_ends_it(
    fal: FalEmulator, provider: Fal, fault: str, expected: type[ProviderError]
) -> None:
    wanted = call()
    submitted = made(provider, wanted)
    fal.fail_next(fault)
    with pytest.raises(expected) as caught:
        list(provider.fetch(submitted, wanted))
    assert not isinstance(caught.value, Retryable)


def test_a_download_is_not_followed_to_another_host(fal: FalEmulator, provider: Fal) -> None:
    with FalEmulator() as stranger:
        stranger_url = f"{stranger.url}/files/{uuid4()}-0.png"
        fal.redirect_to = stranger_url
        fal.fail_next("redirect")
        wanted = call()
        with pytest.raises(ProviderError):
            fetched(provider, wanted)
        assert list(stranger.log) == []


def test_outputs_are_fetched_from_the_file_server_alone(fal: FalEmulator) -> None:
    """The queue of a gateway that was taken over could name any address; ours must not be asked for it."""
    account = Account(key=fal.key, queue_url=fal.url, rest_url=fal.url)
    wanted = call()
    with closing(Fal(account, limits=QUICK)) as provider, pytest.raises(ProviderError):
        fetched(provider, wanted)
    assert fal.downloads == 0


# --- Cancelling -------------------------------------------------------------------------------------------------------


def test_a_cancel_stops_what_is_not_done(fal: FalEmulator, provider: Fal) -> None:
    fal.rendering = 60
    wanted = call()
    submitted = provider.submit(wanted)
    assert provider.cancel(submitted) is True
    with pytest.raises(ProviderError):
        list(provider.fetch(submitted, wanted))


def test_a_cancel_of_what_is_done_or_unknown_is_too_late(provider: Fal) -> None:
    assert provider.cancel(made(provider, call())) is False
    assert provider.cancel(Submitted(external_id=str(uuid4()), reference={"endpoint": "fal-ai/flux/dev"})) is False


@pytest.mark.parametrize("fault", ["500", "drop", "hang"])
def test_a_cancel_that_fails_is_worth_another(fal: FalEmulator, provider: Fal, fault: str) -> None:
    fal.rendering = 60
    submitted = provider.submit(call())
    fal.fail_next(fault, on="cancel")
    with pytest.raises(Retryable):
        provider.cancel(submitted)
    assert fal.cancels == 1
    assert provider.cancel(submitted) is True
