"""Replicate through its real SDK, against a double on loopback that speaks its protocol: what is asked, how often."""

import io
import socket
from collections import Counter
from collections.abc import Iterator
from contextlib import closing
from typing import Any, cast

import pytest
from PIL import Image
from pytest_django.fixtures import Settings

from generation.catalogue.replicate import REPLICATE
from generation.models import Task
from generation.providers.base import (
    AuthFailed,
    Call,
    Gone,
    InvalidInput,
    ProviderError,
    QueuedProvider,
    QuotaExceeded,
    Retryable,
    Submitted,
    SubmitUnknown,
)
from generation.providers.replicate import SMALL_INPUT, Account, Replicate
from generation.providers.replicate_endpoints import ENDPOINTS
from tests.emulators.replicate import ReplicateDouble
from tests.emulators.replicate_models import OFFICIAL, VERSIONED
from tests.generation.replicate_calls import call, fetched, made, provider_at
from tests.generation.row_calls import HANG, LIMITS, a_mask, an_image, call_of_row, row_named

BEGINNINGS = {"image": (b"\x89PNG", b"\xff\xd8\xff", b"RIFF"), "mesh": (b"glTF",)}


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


def input_of(replicate: ReplicateDouble, provider: Replicate, wanted: Call) -> dict[str, Any]:
    """What the model was asked, beside the files."""
    return replicate.jobs[provider.submit(wanted).external_id].input


# --- The way when all is well -----------------------------------------------------------------------------------------


def test_it_is_a_queued_provider() -> None:
    assert isinstance(Replicate(), QueuedProvider)


def test_a_call_is_submitted_watched_and_fetched(replicate: ReplicateDouble, provider: Replicate) -> None:
    wanted = call("flux-schnell", {"output_format": "webp"}, count=3)
    outputs = fetched(provider, wanted)
    assert [Image.open(io.BytesIO(content)).format for content in outputs.values()] == ["WEBP"] * 3
    assert len(set(outputs.values())) == 3
    assert (replicate.posts, replicate.leaks) == (1, 0)


@pytest.mark.parametrize("row", REPLICATE, ids=lambda row: row["slug"])
def test_every_model_of_the_catalogue_is_understood_with_its_defaults(
    replicate: ReplicateDouble, provider: Replicate, row: dict[str, Any]
) -> None:
    """The double refuses what the published inputs do not know or lack, as the models would."""
    outputs = fetched(provider, call_of_row(row))
    assert list(outputs) == [0]
    if row["task"] in (Task.TEXT_TO_VIDEO, Task.IMAGE_TO_VIDEO):
        assert outputs[0][4:8] == b"ftyp"
    else:
        assert outputs[0].startswith(BEGINNINGS[Task(row["task"]).output_kind])
    assert replicate.leaks == 0


@pytest.mark.parametrize("row", REPLICATE, ids=lambda row: row["slug"])
def test_every_value_that_a_model_offers_is_understood(
    replicate: ReplicateDouble, provider: Replicate, row: dict[str, Any]
) -> None:
    for name, rules in row["parameters"]["properties"].items():
        limits = [rules[limit] for limit in ("minimum", "maximum") if limit in rules]
        for value in rules.get("enum") or limits or [True]:
            if row["task"] != Task.OUTPAINT or value:
                provider.submit(call_of_row(row, {name: value}))
                assert replicate.accepted == replicate.posts, (name, value)


def test_without_words_every_model_that_may_do_without_is_understood(
    replicate: ReplicateDouble, provider: Replicate
) -> None:
    for row in REPLICATE:
        if row["task"] not in (Task.TEXT_TO_IMAGE, Task.TEXT_TO_VIDEO, Task.EDIT):
            provider.submit(call_of_row(row, prompt=""))
    assert replicate.accepted == replicate.posts > 0


def test_the_catalogue_and_the_mapping_name_the_same_models_and_the_double_runs_them() -> None:
    assert {(row["endpoint"], row["task"]) for row in REPLICATE} == set(ENDPOINTS)
    assert {name.partition(":")[2] or name for name, _task in ENDPOINTS} == set(OFFICIAL) | set(VERSIONED)


def test_the_price_of_a_film_is_by_the_second_and_of_a_mesh_by_quality() -> None:
    film, mesh = row_named(REPLICATE, "replicate-wan-text"), row_named(REPLICATE, "replicate-trellis")
    assert (film["unit"], film["cost_factors"]) == ("second", {"resolution": {"720p": 2}})
    assert (float(mesh["provider_cost"]), mesh["cost_factors"]) == (0.1, {"quality": {"medium": 1.5, "high": 2}})


# --- What is asked ----------------------------------------------------------------------------------------------------


def test_our_names_become_theirs(replicate: ReplicateDouble, provider: Replicate) -> None:
    params = {"aspect_ratio": "16:9", "steps": 20, "guidance": 4.5, "output_format": "jpeg"}
    assert input_of(replicate, provider, call("flux-dev", params, count=2)) == {
        "prompt": "a red fox",
        "aspect_ratio": "16:9",
        "num_inference_steps": 20,
        "guidance": 4.5,
        "output_format": "jpg",
        "num_outputs": 2,
        "seed": 41,
    }
    wide = input_of(replicate, provider, call("flux-pro-1-1", {"aspect_ratio": "21:9"}))
    assert (wide["aspect_ratio"], wide["width"] / wide["height"]) == ("custom", 21 / 9)
    film = input_of(replicate, provider, call("wan-text", {"duration": 7, "resolution": "720p"}))
    assert (film["num_frames"], film["frames_per_second"], film["resolution"]) == (113, 16, "720p")
    motion = input_of(replicate, provider, call("kling-image", {"resolution": "1080p", "duration": 10}))
    assert (motion["mode"], motion["duration"]) == ("pro", 10)
    mesh = input_of(replicate, provider, call("trellis", {"quality": "high"}))
    assert (mesh["mesh_simplify"], mesh["texture_size"], mesh["generate_model"], mesh["seed"]) == (0.9, 2048, True, 41)


def test_an_edit_keeps_the_pictures_shape_unless_another_is_asked_for(
    replicate: ReplicateDouble, provider: Replicate
) -> None:
    assert input_of(replicate, provider, call("flux-kontext"))["aspect_ratio"] == "match_input_image"
    assert input_of(replicate, provider, call("flux-kontext", {"aspect_ratio": "1:1"}))["aspect_ratio"] == "1:1"


@pytest.mark.parametrize(("size", "ratio"), [((320, 240), "4:3"), ((200, 420), "9:21"), ((300, 301), "1:1")])
def test_a_variation_has_nearly_the_pictures_own_shape(
    replicate: ReplicateDouble, provider: Replicate, size: tuple[int, int], ratio: str
) -> None:
    asked = input_of(replicate, provider, call("flux-redux", inputs=(an_image(*size),)))
    assert asked["aspect_ratio"] == ratio
    assert "prompt" not in asked


def test_an_outpaint_is_a_larger_canvas_with_a_mask_of_what_is_new(
    replicate: ReplicateDouble, provider: Replicate
) -> None:
    wanted = call("flux-fill-outpaint", {"left": 100, "bottom": 60, "output_format": "png"})
    (content,) = fetched(provider, wanted).values()
    assert Image.open(io.BytesIO(content)).size == (420, 300)
    asked = next(iter(replicate.jobs.values())).input
    mask = Image.open(io.BytesIO(replicate._read(asked["mask"]) or b""))
    canvas = Image.open(io.BytesIO(replicate._read(asked["image"]) or b""))
    assert (mask.mode, mask.size) == ("L", canvas.size)
    # New at the left and below; of the old picture only the seam.
    assert [mask.getpixel(place) for place in ((50, 10), (200, 280), (104, 10), (200, 100))] == [255, 255, 255, 0]
    with an_image().open() as file, Image.open(file) as old:
        assert canvas.getpixel((100 + 200, 100)) == old.getpixel((200, 100))


def test_a_small_picture_travels_along_and_a_large_one_is_uploaded(
    replicate: ReplicateDouble, provider: Replicate
) -> None:
    assert input_of(replicate, provider, call("real-esrgan"))["image"].startswith("data:image/png;base64,")
    noise = Image.effect_noise((700, 700), 90)
    file = io.BytesIO()
    noise.save(file, "PNG")
    assert len(file.getvalue()) > SMALL_INPUT
    large = an_image()
    source = type(large)(role="image", mime="image/png", open=lambda: io.BytesIO(file.getvalue()))
    asked = input_of(replicate, provider, call("real-esrgan", inputs=(source,)))
    assert asked["image"] == f"{replicate.url}/v1/files/file-0"
    assert replicate.uploads == {"file-0": file.getvalue()}


@pytest.mark.parametrize("fault", ["500", "429", "drop", "hang"])
def test_an_upload_that_fails_is_no_submit(
    replicate: ReplicateDouble, provider: Replicate, monkeypatch: pytest.MonkeyPatch, fault: str
) -> None:
    monkeypatch.setattr("generation.providers.replicate.SMALL_INPUT", 0)
    replicate.fail_next(fault, on="upload")
    with pytest.raises(Retryable):
        provider.submit(call("real-esrgan"))
    assert (replicate.posts, replicate.jobs) == (0, {})


@pytest.mark.parametrize(
    "wanted",
    [
        call(endpoint="someone/unheard-of"),
        call(task=Task.UPSCALE),
        call(count=5),
        call("flux-kontext", count=2),
        call("real-esrgan", inputs=()),
        call("real-esrgan", inputs=(an_image(), an_image())),
        call("real-esrgan", inputs=(an_image(), a_mask())),
        call("flux-fill", inputs=(an_image(),)),
        call("flux-fill-outpaint", params={}),
        call("flux-fill-outpaint", params={"left": 5_000}),
        call(inputs=(an_image(),)),
    ],
    ids=lambda wanted: wanted.task,
)
def test_what_does_not_fit_a_model_is_refused_before_anything_is_sent(
    replicate: ReplicateDouble, provider: Replicate, wanted: Call
) -> None:
    with pytest.raises(InvalidInput):
        provider.submit(wanted)
    assert list(replicate.log) == []


# --- Whose account, and where -----------------------------------------------------------------------------------------


@pytest.mark.parametrize("ending", ["", "/", "/v1", "/v1/"])
def test_the_settings_say_where_replicate_is_and_with_which_token(
    replicate: ReplicateDouble, settings: Settings, ending: str
) -> None:
    settings.REPLICATE_API_TOKEN, settings.REPLICATE_BASE_URL = replicate.key, replicate.url + ending
    with closing(Replicate()) as provider:
        assert len(fetched(provider, call())) == 1


def test_without_a_token_nothing_is_sent(replicate: ReplicateDouble, settings: Settings) -> None:
    settings.REPLICATE_API_TOKEN, settings.REPLICATE_BASE_URL = "", replicate.url
    with pytest.raises(AuthFailed):
        Replicate().submit(call())
    assert list(replicate.log) == []


def test_outputs_come_from_replicate_and_from_the_address_that_was_set() -> None:
    official = ("https://replicate.delivery", "https://*.replicate.delivery")
    assert Account(token="t").sources == official
    gateway = Account(token="t", base_url="https://gateway.example/replicate")
    assert gateway.sources == (*official, "https://gateway.example/")
    assert "secret" not in repr(Account(token="secret"))


def test_a_prediction_is_found_by_its_id_alone(replicate: ReplicateDouble, provider: Replicate) -> None:
    wanted = call("real-esrgan")
    adopted = Submitted(external_id=made(provider, wanted).external_id)
    assert len(list(provider.fetch(adopted, wanted))) == 1


@pytest.mark.parametrize("stranger", ["unknown", "../models", "a/cancel", ""])
def test_an_unknown_prediction_is_gone(provider: Replicate, stranger: str) -> None:
    with pytest.raises(Gone):
        provider.poll(Submitted(external_id=stranger))


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
    replicate: ReplicateDouble, provider: Replicate, fault: str, expected: type[ProviderError], jobs: int
) -> None:
    replicate.fail_next(fault, times=20)
    with pytest.raises(expected) as caught:
        provider.submit(call())
    assert (replicate.posts, len(replicate.jobs)) == (1, jobs)
    assert replicate.key not in str(caught.value)


def test_replicates_wish_to_be_left_alone_is_kept_though_only_its_words_say_it(
    replicate: ReplicateDouble, provider: Replicate, monkeypatch: pytest.MonkeyPatch
) -> None:
    replicate.retry_after = 17
    replicate.fail_next("429")
    with pytest.raises(Retryable) as caught:
        provider.submit(call())
    assert caught.value.retry_after == 17
    # Not a number: then the words have one.
    replicate.retry_after = cast(int, "soon")
    replicate.fail_next("429")
    with pytest.raises(Retryable) as caught:
        provider.submit(call())
    assert caught.value.retry_after == 2


def test_a_submit_that_reached_nobody_may_be_sent_again() -> None:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        url = f"http://127.0.0.1:{listener.getsockname()[1]}"
    with closing(Replicate(Account(token="t", base_url=url), limits=LIMITS)) as provider, pytest.raises(Retryable):
        provider.submit(call())


def test_under_a_storm_no_call_becomes_two_predictions(replicate: ReplicateDouble, provider: Replicate) -> None:
    replicate.rates = {"accept_then_drop": 0.2, "garbled": 0.1, "drop_before_accept": 0.1, "429": 0.1, "503": 0.1}
    replicate.retry_after = 0
    outcomes: Counter[str] = Counter()
    for _call in range(60):
        try:
            provider.submit(call())
        except ProviderError as error:
            outcomes[error.code] += 1
        else:
            outcomes["taken"] += 1
    assert replicate.posts == outcomes.total() == 60
    assert outcomes["taken"] < replicate.accepted <= outcomes["taken"] + outcomes["submit_unknown"]


def test_what_replicate_says_against_an_input_is_passed_on(replicate: ReplicateDouble, provider: Replicate) -> None:
    with pytest.raises(InvalidInput, match="num_inference_steps"):
        provider.submit(call(params={"steps": 400}))
    assert replicate.accepted == 0


def test_a_model_that_is_gone_is_said_so(
    replicate: ReplicateDouble, provider: Replicate, monkeypatch: pytest.MonkeyPatch
) -> None:
    wanted = call("real-esrgan")
    monkeypatch.setattr("tests.emulators.replicate.VERSIONED", {})
    monkeypatch.setattr("tests.emulators.replicate.OFFICIAL", {})
    for gone in (wanted, call()):
        with pytest.raises(InvalidInput, match="no longer offers"):
            provider.submit(gone)
