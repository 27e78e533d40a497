"""fal through its real SDK, against a double on loopback that speaks its protocol and fails in every way."""

import io
import socket
from collections import Counter
from collections.abc import Iterator
from contextlib import closing, nullcontext
from typing import Any
from uuid import uuid4

import httpx
import pytest
from PIL import Image
from pytest_django.fixtures import Settings

from generation.catalogue_fal import FAL
from generation.parameters import complete
from generation.providers.base import (
    AuthFailed,
    Call,
    ContentRejected,
    Gone,
    InputFile,
    InvalidInput,
    ProviderError,
    QueuedProvider,
    QuotaExceeded,
    Retryable,
    Submitted,
    SubmitUnknown,
    TimedOut,
)
from generation.providers.downloads import DownloadLimits
from generation.providers.fal import Account, Fal, Route
from generation.providers.fal_endpoints import ENDPOINTS
from generation.providers.transport import Limits
from tests.emulators.fal import FalEmulator
from tests.emulators.fal_jobs import ENDPOINTS as DOUBLED
from tests.emulators.fal_jobs import picture

QUICK = Limits(connect=0.5, read=0.4, write=0.5, total=0.8)
SMALL = DownloadLimits(size=200_000, connect=0.5, read=0.4, total=0.8)
NEEDS_PICTURE = {name for name, endpoint in ENDPOINTS.items() if endpoint.inputs}


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


def account_at(fal: FalEmulator, key: str = "") -> Account:
    return Account(key=key or fal.key, queue_url=fal.url, rest_url=fal.url, cdn_url=fal.url)


@pytest.fixture
def provider(fal: FalEmulator) -> Iterator[Fal]:
    provider = Fal(account_at(fal), limits=QUICK, download_limits=SMALL)
    yield provider
    provider.close()


def call(endpoint: str = "fal-ai/flux/schnell", *, count: int = 1, **changes: Any) -> Call:
    values: dict[str, Any] = {
        "job_id": uuid4(),
        "task": "text-to-image",
        "endpoint": endpoint,
        "prompt": "a red fox",
        "params": {},
        "seeds": tuple(range(41, 41 + count)),
        "inputs": (an_input(),) if endpoint in NEEDS_PICTURE else (),
    }
    return Call(**values | changes)


def an_input(role: str = "image") -> InputFile:
    return InputFile(role=role, mime="image/png", open=lambda: nullcontext(io.BytesIO(picture(1))))


def made(provider: Fal, wanted: Call) -> Submitted:
    """A request that was submitted and is done."""
    submitted = provider.submit(wanted)
    assert provider.poll(submitted).state == "done"
    return submitted


def fetched(provider: Fal, wanted: Call) -> dict[int, bytes]:
    artifacts = provider.fetch(made(provider, wanted), wanted)
    return {artifact.index: artifact.stream.read() for artifact in artifacts}


# --- The way when all is well -----------------------------------------------------------------------------------------


def test_it_is_a_queued_provider() -> None:
    assert isinstance(Fal(), QueuedProvider)


def test_a_call_is_submitted_watched_and_fetched(fal: FalEmulator, provider: Fal) -> None:
    wanted = call(count=3)
    submitted = provider.submit(wanted)
    assert provider.poll(submitted).state == "done"
    artifacts = []
    for artifact in provider.fetch(submitted, wanted):
        with Image.open(artifact.stream) as image:
            artifacts.append((artifact.index, artifact.mime, image.format, image.size, artifact.meta["seed"]))
    assert artifacts == [(index, "image/png", "PNG", (256, 192), 41) for index in range(3)]
    assert len(set(fetched(provider, wanted).values())) == 3
    assert fal.leaks == 0


def test_waiting_and_running_are_told_apart(fal: FalEmulator, provider: Fal) -> None:
    fal.waiting = 60
    waiting = provider.poll(provider.submit(call()))
    fal.waiting, fal.rendering = 0, 60
    running = provider.poll(provider.submit(call()))
    assert (waiting.state, waiting.position, waiting.percent) == ("waiting", 3, None)
    assert (running.state, running.position, running.percent) == ("running", None, 40)


def test_the_settings_say_where_fal_is_and_with_which_key(fal: FalEmulator, settings: Settings) -> None:
    settings.FAL_KEY = fal.key
    settings.FAL_QUEUE_URL = settings.FAL_REST_URL = settings.FAL_CDN_URL = f"{fal.url}/"
    with closing(Fal()) as provider:
        assert len(fetched(provider, call("fal-ai/flux-pro/kontext"))) == 1


def test_without_a_key_nothing_is_sent(fal: FalEmulator, settings: Settings) -> None:
    settings.FAL_KEY = ""
    settings.FAL_QUEUE_URL = fal.url
    with pytest.raises(AuthFailed):
        Fal().submit(call())
    assert fal.posts == 0


def test_a_request_is_found_by_its_id_and_endpoint_alone(provider: Fal) -> None:
    wanted = call("fal-ai/flux/dev")
    adopted = Submitted(external_id=made(provider, wanted).external_id, reference={"endpoint": wanted.endpoint})
    assert provider.poll(adopted).state == "done"
    assert len(list(provider.fetch(adopted, wanted))) == 1


def test_addresses_of_a_stranger_in_the_reference_are_not_followed(fal: FalEmulator, provider: Fal) -> None:
    submitted = made(provider, call())
    stranger = {name: f"http://localhost:9/{name}" for name in ("status_url", "response_url", "cancel_url")}
    spoiled = Submitted(external_id=submitted.external_id, reference=submitted.reference | stranger)
    assert provider.poll(spoiled).state == "done"


class Recorder(httpx.BaseTransport):
    """Notes each request and succeeds."""

    def __init__(self) -> None:
        self.seen: list[tuple[str, str, str | None]] = []

    def handle_request(self, request: httpx.Request) -> httpx.Response:
        self.seen.append((str(request.url), request.headers["Host"], request.headers.get("Authorization")))
        return httpx.Response(200)


def test_a_gateway_is_asked_in_fals_place_and_strangers_get_no_key() -> None:
    recorder = Recorder()
    account = Account(key="k", queue_url="https://gateway.example:8443/fal")
    with httpx.Client(transport=Route(account, recorder), headers={"Authorization": "Key k"}) as client:
        client.post("https://queue.fal.run/fal-ai/flux/dev?fal_webhook=https%3A%2F%2Fus%2F")
        client.post("https://rest.fal.ai/storage/upload/initiate?storage_type=gcs")
        client.put("https://storage.googleapis.com/bucket/file?signature=x")
        client.get("https://queue.fal.run.example/steal")
    assert recorder.seen == [
        (
            "https://gateway.example:8443/fal/fal-ai/flux/dev?fal_webhook=https%3A%2F%2Fus%2F",
            "gateway.example:8443",
            "Key k",
        ),
        ("https://rest.fal.ai/storage/upload/initiate?storage_type=gcs", "rest.fal.ai", "Key k"),
        ("https://storage.googleapis.com/bucket/file?signature=x", "storage.googleapis.com", None),
        ("https://queue.fal.run.example/steal", "queue.fal.run.example", None),
    ]


# --- What is asked ----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("row", FAL, ids=lambda row: row["slug"])
def test_every_model_of_the_catalogue_is_understood(fal: FalEmulator, provider: Fal, row: dict[str, Any]) -> None:
    """The double refuses what the published schemas do not know, as the models would."""
    wanted = call(row["endpoint"], params=complete(row["parameters"], {}), task=row["task"])
    assert len(fetched(provider, wanted)) == 1
    arguments = next(iter(fal.jobs.values())).arguments
    assert len(arguments) >= 2


def test_the_catalogue_the_mapping_and_the_double_name_the_same_endpoints() -> None:
    assert {row["endpoint"] for row in FAL} == set(ENDPOINTS) == set(DOUBLED)
    for row in FAL:
        mapped = set(ENDPOINTS[row["endpoint"]].params)
        assert set(row["parameters"]["properties"]) == mapped, row["slug"]


def arguments_of(fal: FalEmulator, provider: Fal, wanted: Call) -> dict[str, Any]:
    return fal.jobs[provider.submit(wanted).external_id].arguments


def test_our_names_become_fals(fal: FalEmulator, provider: Fal) -> None:
    params = {"aspect_ratio": "16:9", "steps": 20, "guidance": 4.5, "output_format": "png", "unheard_of": 1}
    assert arguments_of(fal, provider, call("fal-ai/flux/dev", count=2, params=params)) == {
        "prompt": "a red fox",
        "image_size": "landscape_16_9",
        "num_inference_steps": 20,
        "guidance_scale": 4.5,
        "output_format": "png",
        "num_images": 2,
        "seed": 41,
        "enable_safety_checker": True,
    }
    banana = arguments_of(fal, provider, call("fal-ai/nano-banana", params={"aspect_ratio": "16:9"}))
    assert banana == {"prompt": "a red fox", "aspect_ratio": "16:9", "num_images": 1, "seed": 41}


def test_ratios_without_a_name_stay_within_a_megapixel(fal: FalEmulator, provider: Fal) -> None:
    for ratio in ("3:2", "2:3", "21:9"):
        size = arguments_of(fal, provider, call(params={"aspect_ratio": ratio}))["image_size"]
        wide, high = (int(part) for part in ratio.split(":"))
        assert size["width"] * size["height"] <= 1_000_000
        assert abs(size["width"] / size["height"] - wide / high) < 0.01


def test_a_picture_goes_up_by_fals_upload_without_the_key(fal: FalEmulator, provider: Fal) -> None:
    arguments = arguments_of(fal, provider, call("fal-ai/esrgan", params={"scale": 4, "face": True}))
    assert arguments == {"image_url": arguments["image_url"], "scale": 4, "face": True}
    assert fal.uploads[arguments["image_url"].rpartition("/")[2]] == picture(1)
    assert ("POST", "/storage/upload/initiate") in fal.log
    assert fal.leaks == 0


@pytest.mark.parametrize(
    "wanted",
    [
        call("fal-ai/unheard-of"),
        call(count=5),
        call("fal-ai/esrgan", count=2),
        call("fal-ai/esrgan", inputs=()),
        call("fal-ai/esrgan", inputs=(an_input(), an_input())),
        call(inputs=(an_input(),)),
    ],
)
def test_what_does_not_fit_an_endpoint_is_refused_before_anything_is_sent(
    fal: FalEmulator, provider: Fal, wanted: Call
) -> None:
    with pytest.raises(InvalidInput):
        provider.submit(wanted)
    assert list(fal.log) == []


@pytest.mark.parametrize("place", ["upload", "upload_put"])
@pytest.mark.parametrize("fault", ["500", "429", "drop", "hang"])
def test_an_upload_that_fails_is_no_submit(fal: FalEmulator, provider: Fal, place: str, fault: str) -> None:
    fal.fail_next(fault, on=place)
    with pytest.raises(Retryable):
        provider.submit(call("fal-ai/esrgan"))
    assert (fal.posts, fal.jobs) == (0, {})


# --- One POST, whatever happens ---------------------------------------------------------------------------------------

SUBMIT_FAULTS = [
    ("429", Retryable, 0),
    ("503", Retryable, 0),
    ("redirect_post", Retryable, 0),
    ("key_refused", AuthFailed, 0),
    ("balance_exhausted", QuotaExceeded, 0),
    ("500", SubmitUnknown, 0),
    ("502", SubmitUnknown, 0),
    ("hang", SubmitUnknown, 0),
    ("drop_before_accept", SubmitUnknown, 0),
    ("accept_then_hang", SubmitUnknown, 1),
    ("accept_then_drop", SubmitUnknown, 1),
    ("garbled", SubmitUnknown, 1),
]


@pytest.mark.parametrize(("fault", "expected", "jobs"), SUBMIT_FAULTS, ids=[row[0] for row in SUBMIT_FAULTS])
def test_a_submit_that_fails_was_sent_once(
    fal: FalEmulator, provider: Fal, fault: str, expected: type[ProviderError], jobs: int
) -> None:
    fal.fail_next(fault, times=20)
    with pytest.raises(expected) as caught:
        provider.submit(call())
    assert (fal.posts, len(fal.jobs)) == (1, jobs)
    assert fal.key not in str(caught.value)


def test_fals_wish_to_be_left_alone_is_kept(fal: FalEmulator, provider: Fal) -> None:
    fal.retry_after = 17
    fal.fail_next("429")
    with pytest.raises(Retryable) as caught:
        provider.submit(call())
    assert caught.value.retry_after == 17


def test_a_submit_that_reached_nobody_may_be_sent_again() -> None:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        url = f"http://127.0.0.1:{listener.getsockname()[1]}"
    with pytest.raises(Retryable):
        Fal(Account(key="k", queue_url=url, rest_url=url, cdn_url=url), limits=QUICK).submit(call())


def test_under_a_storm_no_call_becomes_two_requests(fal: FalEmulator, provider: Fal) -> None:
    fal.rates = {"accept_then_drop": 0.2, "garbled": 0.1, "drop_before_accept": 0.1, "429": 0.1, "500": 0.1, "503": 0.1}
    fal.retry_after = 0
    outcomes: Counter[str] = Counter()
    for _call in range(80):
        try:
            provider.submit(call())
        except ProviderError as error:
            outcomes[error.code] += 1
        else:
            outcomes["taken"] += 1
    assert fal.posts == outcomes.total() == 80
    assert outcomes["taken"] < len(fal.jobs) <= outcomes["taken"] + outcomes["submit_unknown"]
    assert outcomes["provider_unavailable"] > 0


def test_a_slow_answer_is_waited_for(fal: FalEmulator, provider: Fal) -> None:
    fal.latency = 0.2
    fal.fail_next("latency")
    assert provider.submit(call()).external_id in fal.jobs


def test_a_wrong_key_is_the_operators_matter(fal: FalEmulator) -> None:
    with pytest.raises(AuthFailed):
        Fal(account_at(fal, "wrong"), limits=QUICK).submit(call())
    assert (fal.posts, fal.jobs) == (1, {})


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


# --- Webhooks: see test_fal_webhooks.py -------------------------------------------------------------------------------


def test_a_webhook_is_asked_for_where_fal_can_reach_us(fal: FalEmulator, provider: Fal) -> None:
    fal.rendering = 60
    address = "https://pictures.example/hooks/fal/7/abc?x=1&y=2"
    assert fal.jobs[provider.submit(call(webhook_url=address)).external_id].webhook == address
    assert fal.jobs[provider.submit(call()).external_id].webhook == ""
