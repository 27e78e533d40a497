"""fal through its real SDK, against a double on loopback that speaks its protocol: what is asked, and one POST each."""

import socket
from collections import Counter
from collections.abc import Iterator
from contextlib import closing
from typing import Any

import httpx
import pytest
from PIL import Image
from pytest_django.fixtures import Settings

from generation.catalogue.fal import FAL
from generation.parameters import complete
from generation.providers.base import (
    AuthFailed,
    Call,
    InvalidInput,
    ProviderError,
    QueuedProvider,
    QuotaExceeded,
    Retryable,
    Submitted,
    SubmitUnknown,
)
from generation.providers.fal import Account, Fal, Route
from generation.providers.fal_endpoints import ENDPOINTS
from tests.emulators.fal import FalEmulator
from tests.emulators.fal_files import picture
from tests.emulators.fal_schemas import ENDPOINTS as DOUBLED
from tests.generation.fal_calls import QUICK, account_at, an_input, call, fetched, made, provider_at


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
    job = next(iter(fal.jobs.values()))
    assert set(DOUBLED[job.endpoint].required) <= set(job.arguments)


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


def test_a_webhook_is_asked_for_where_fal_can_reach_us(fal: FalEmulator, provider: Fal) -> None:
    fal.rendering = 60
    address = "https://pictures.example/hooks/fal/7/abc?x=1&y=2"
    assert fal.jobs[provider.submit(call(webhook_url=address)).external_id].webhook == address
    assert fal.jobs[provider.submit(call()).external_id].webhook == ""
