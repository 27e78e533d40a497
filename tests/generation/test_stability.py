"""Stability against a double on loopback that checks every form: what is asked, how often, and how it ends."""

import io
import socket
from collections.abc import Iterator
from typing import Any

import pytest
from PIL import Image
from pytest_django.fixtures import Settings

from generation.catalogue.stability import STABILITY
from generation.models import Task
from generation.providers.base import (
    Artifact,
    AuthFailed,
    Call,
    ContentRejected,
    DirectProvider,
    InvalidInput,
    ProviderError,
    QuotaExceeded,
    Retryable,
    SubmitUnknown,
)
from generation.providers.stability import Account, Stability
from generation.providers.stability_endpoints import ENDPOINTS, path_of
from tests.emulators.messages import Form
from tests.emulators.stability import StabilityDouble
from tests.emulators.stability_forms import PATHS
from tests.generation.row_calls import HANG, LIMITS, a_mask, an_image, call_of_row, inputs_of, row_named


@pytest.fixture(scope="module")
def double() -> Iterator[StabilityDouble]:
    with StabilityDouble() as stability:
        yield stability


@pytest.fixture
def stability(double: StabilityDouble) -> StabilityDouble:
    """The double, with everything of the test before forgotten."""
    double.forget()
    double.hang = HANG
    return double


@pytest.fixture
def provider(stability: StabilityDouble) -> Stability:
    return Stability(Account(key=stability.key, base_url=stability.url), limits=LIMITS)


def call(slug: str = "core", given: dict[str, Any] | None = None, **changes: Any) -> Call:
    return call_of_row(row_named(STABILITY, f"stability-{slug}"), given, **changes)


def ignore(_fraction: float) -> None:
    """Nobody watches."""


def made(provider: Stability, wanted: Call) -> list[Artifact]:
    return list(provider.make(wanted, ignore))


def form_of(stability: StabilityDouble, provider: Stability, wanted: Call) -> Form:
    """The form that goes up for a call."""
    made(provider, wanted)
    return stability.submissions[-1].form()


def values_of(stability: StabilityDouble, provider: Stability, wanted: Call) -> dict[str, str]:
    return {name: values[0] for name, values in form_of(stability, provider, wanted).values.items()}


# --- The way when all is well -----------------------------------------------------------------------------------------


def test_it_is_a_direct_provider() -> None:
    assert isinstance(Stability(), DirectProvider)


def test_each_seed_is_a_post_of_its_own_that_makes_its_own_picture(
    stability: StabilityDouble, provider: Stability
) -> None:
    fractions: list[float] = []
    artifacts = list(provider.make(call(count=3), fractions.append))
    assert [(artifact.index, artifact.mime, artifact.meta["seed"]) for artifact in artifacts] == [
        (index, "image/png", 41 + index) for index in range(3)
    ]
    assert len({artifact.stream.read() for artifact in artifacts}) == 3
    assert fractions == sorted(fractions)
    assert fractions[-1] >= 2 / 3
    assert stability.posts == stability.accepted == 3


def test_each_picture_is_handed_on_before_the_next_is_asked_for(
    stability: StabilityDouble, provider: Stability
) -> None:
    artifacts = provider.make(call(count=3), ignore)
    for posts in (1, 2, 3):
        next(artifacts)
        assert stability.posts == posts


def test_whoever_cancels_stops_before_the_next_post(stability: StabilityDouble, provider: Stability) -> None:
    class Enough(Exception):
        pass

    def report(fraction: float) -> None:
        if fraction > 0.3:
            raise Enough

    artifacts = provider.make(call(count=3), report)
    next(artifacts)
    with pytest.raises(Enough):
        next(artifacts)
    assert stability.posts == 1


@pytest.mark.parametrize("row", STABILITY, ids=lambda row: row["slug"])
def test_every_model_of_the_catalogue_is_understood_with_its_defaults(
    stability: StabilityDouble, provider: Stability, row: dict[str, Any]
) -> None:
    """The double refuses forms that lack what an endpoint needs or hold what it does not know."""
    (artifact,) = made(provider, call_of_row(row))
    content = artifact.stream.read()
    if row["task"] == Task.IMAGE_TO_3D:
        assert (artifact.mime, content[:4]) == ("model/gltf-binary", b"glTF")
    else:
        assert artifact.mime == "image/png"
        assert Image.open(io.BytesIO(content)).format == "PNG"


@pytest.mark.parametrize("row", STABILITY, ids=lambda row: row["slug"])
def test_every_value_that_a_model_offers_is_understood(
    stability: StabilityDouble, provider: Stability, row: dict[str, Any]
) -> None:
    for name, rules in row["parameters"]["properties"].items():
        limits = [rules[limit] for limit in ("minimum", "maximum") if limit in rules]
        # A canvas of 2 000 pixels more takes the double a second to paint.
        limits = [min(limit, 200) for limit in limits] if row["task"] == Task.OUTPAINT else limits
        for value in rules.get("enum") or limits or ["a hat"]:
            if row["task"] != Task.OUTPAINT or value or name == "creativity":
                made(provider, call_of_row(row, {name: value}))
                assert stability.accepted == stability.posts, (name, value)


def test_without_words_every_model_that_may_do_without_is_understood(
    stability: StabilityDouble, provider: Stability
) -> None:
    for row in STABILITY:
        may = row.get("prompt_use", "optional") != "needed" and row["task"] not in (Task.TEXT_TO_IMAGE, Task.EDIT)
        if may:
            made(provider, call_of_row(row, prompt=""))
    assert stability.accepted == stability.posts > 0


def test_the_catalogue_and_the_mapping_name_the_same_endpoints_and_the_double_knows_them() -> None:
    # The smaller models work from pictures as well: an operator may add rows for that.
    assert {(row["endpoint"], row["task"]) for row in STABILITY} <= set(ENDPOINTS)
    assert {path_of(name).removeprefix("/v2beta/") for name, _task in ENDPOINTS} == set(PATHS)
    for row in STABILITY:
        endpoint = ENDPOINTS[row["endpoint"], row["task"]]
        assert set(row["parameters"]["properties"]) <= set(endpoint.params) | set(endpoint.choices), row["slug"]


# --- What is asked ----------------------------------------------------------------------------------------------------


def test_our_names_become_theirs(stability: StabilityDouble, provider: Stability) -> None:
    params = {"aspect_ratio": "21:9", "style": "anime", "guidance": 4.5, "negative_prompt": "hats"}
    assert values_of(stability, provider, call("sd35-large", params | {"output_format": "jpeg"})) == {
        "prompt": "a red fox",
        "mode": "text-to-image",
        "model": "sd3.5-large",
        "aspect_ratio": "21:9",
        "style_preset": "anime",
        "cfg_scale": "4.5",
        "negative_prompt": "hats",
        "output_format": "jpeg",
        "seed": "41",
    }
    grown = values_of(stability, provider, call("outpaint", {"left": 0, "top": 30, "bottom": 20}, prompt=""))
    assert (grown["up"], grown["down"], grown["left"]) == ("30", "20", "0")
    assert "prompt" not in grown
    mesh = values_of(stability, provider, call("fast-3d", {"quality": "high"}))
    assert mesh == {"remesh": "triangle", "vertex_count": "5000", "texture_resolution": "2048"}
    found = values_of(stability, provider, call("replace", {"search_prompt": "the hat"}))
    assert (found["search_prompt"], found["prompt"]) == ("the hat", "a red fox")


def test_a_seed_of_nought_is_a_seed_as_well(stability: StabilityDouble, provider: Stability) -> None:
    assert values_of(stability, provider, call(seeds=(0,)))["seed"] == "4294967294"


def test_the_mask_goes_up_as_it_is(stability: StabilityDouble, provider: Stability) -> None:
    form = form_of(stability, provider, call("inpaint"))
    image, mask = inputs_of(Task.INPAINT)
    with image.open() as image_file, mask.open() as mask_file:
        assert [part.content for part in form.files] == [image_file.read(), mask_file.read()]
    assert [(part.name, part.mime) for part in form.files] == [("image", "image/png"), ("mask", "image/png")]


def test_an_erase_takes_no_words(stability: StabilityDouble, provider: Stability) -> None:
    assert "prompt" not in values_of(stability, provider, call("erase", prompt="a hat"))


def test_faces_of_a_mesh_are_as_many_as_its_quality_says(stability: StabilityDouble, provider: Stability) -> None:
    sizes = [len(made(provider, call("fast-3d", {"quality": name}))[0].stream.read()) for name in ("low", "high")]
    assert sizes[1] > 8 * sizes[0]


@pytest.mark.parametrize(
    "wanted",
    [
        call(endpoint="stable-image/generate/unheard-of"),
        call(task=Task.UPSCALE),
        call(inputs=(an_image(),)),
        call("upscale-fast", inputs=()),
        call("upscale-fast", inputs=(an_image(), an_image())),
        call("upscale-fast", inputs=(an_image(), a_mask())),
        call("inpaint", inputs=(an_image(),)),
        call("outpaint", params={}),
        call("replace", params={}),
        call("sd35-image", params={}),
    ],
    ids=lambda wanted: wanted.task,
)
def test_what_does_not_fit_an_endpoint_is_refused_before_anything_is_sent(
    stability: StabilityDouble, provider: Stability, wanted: Call
) -> None:
    with pytest.raises(InvalidInput):
        made(provider, wanted)
    assert list(stability.log) == []


# --- Whose account, and where -----------------------------------------------------------------------------------------


@pytest.mark.parametrize("ending", ["", "/", "/v2beta", "/v2beta/"])
def test_the_settings_say_where_stability_is_and_with_which_key(
    stability: StabilityDouble, settings: Settings, ending: str
) -> None:
    settings.STABILITY_API_KEY, settings.STABILITY_BASE_URL = stability.key, stability.url + ending
    assert len(made(Stability(), call())) == 1


def test_without_a_key_nothing_is_sent(stability: StabilityDouble, settings: Settings) -> None:
    settings.STABILITY_API_KEY, settings.STABILITY_BASE_URL = "", stability.url
    with pytest.raises(AuthFailed):
        made(Stability(), call())
    assert list(stability.log) == []
    assert "secret" not in repr(Account(key="secret"))


# --- One POST an output, whatever happens -----------------------------------------------------------------------------

FAULTS = [
    ("429", Retryable, 0),
    ("503", Retryable, 0),
    ("redirect_post", ProviderError, 0),
    ("key_refused", AuthFailed, 0),
    ("balance_exhausted", QuotaExceeded, 0),
    ("content_policy", ContentRejected, 0),
    ("500", SubmitUnknown, 0),
    ("502", SubmitUnknown, 0),
    ("hang", SubmitUnknown, 0),
    ("drop_before_accept", SubmitUnknown, 0),
    ("accept_then_hang", SubmitUnknown, 1),
    ("accept_then_drop", SubmitUnknown, 1),
    ("garbled", SubmitUnknown, 1),
    ("empty", SubmitUnknown, 1),
]


@pytest.mark.parametrize(("fault", "expected", "accepted"), FAULTS, ids=[row[0] for row in FAULTS])
def test_a_post_that_fails_was_sent_once(
    stability: StabilityDouble, provider: Stability, fault: str, expected: type[ProviderError], accepted: int
) -> None:
    stability.fail_next(fault, times=20)
    with pytest.raises(expected) as caught:
        made(provider, call(count=2))
    assert (stability.posts, stability.accepted) == (1, accepted)
    assert isinstance(caught.value, Retryable) == (expected is Retryable)
    assert stability.key not in str(caught.value)


def test_stabilitys_wish_to_be_left_alone_is_kept(stability: StabilityDouble, provider: Stability) -> None:
    stability.retry_after = 17
    stability.fail_next("429")
    with pytest.raises(Retryable) as caught:
        made(provider, call())
    assert caught.value.retry_after == 17


def test_a_post_that_reached_nobody_may_be_sent_again() -> None:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        url = f"http://127.0.0.1:{listener.getsockname()[1]}"
    with pytest.raises(Retryable):
        made(Stability(Account(key="k", base_url=url), limits=LIMITS), call())


@pytest.mark.parametrize(
    ("fault", "expected"), [("429", Retryable), ("500", SubmitUnknown), ("key_refused", AuthFailed)]
)
def test_what_was_made_before_an_error_is_delivered_first(
    stability: StabilityDouble, provider: Stability, fault: str, expected: type[ProviderError]
) -> None:
    artifacts = provider.make(call(count=3), ignore)
    assert next(artifacts).index == 0
    stability.fail_next(fault)
    with pytest.raises(expected):
        next(artifacts)
    assert stability.posts == 2


def test_one_that_was_made_and_held_back_is_left_out(stability: StabilityDouble, provider: Stability) -> None:
    stability.fail_next("nsfw")
    assert [artifact.index for artifact in made(provider, call(count=3))] == [1, 2]
    assert stability.posts == 3


def test_when_all_were_held_back_the_safety_check_is_named(stability: StabilityDouble, provider: Stability) -> None:
    stability.fail_next("nsfw", times=2)
    with pytest.raises(ContentRejected, match="safety"):
        made(provider, call(count=2))


def test_an_answer_in_json_is_understood_as_well(stability: StabilityDouble, provider: Stability) -> None:
    stability.fail_next("as_json")
    (artifact,) = made(provider, call())
    assert Image.open(artifact.stream).format == "PNG"
    assert artifact.meta["seed"] == 41


def test_what_stability_says_against_a_form_is_passed_on(stability: StabilityDouble, provider: Stability) -> None:
    with pytest.raises(InvalidInput, match="aspect_ratio"):
        made(provider, call(params={"aspect_ratio": "7:1"}))
    with pytest.raises(InvalidInput, match="pixels"):
        made(provider, call("upscale-fast", inputs=(an_image(20, 20),)))
    assert stability.accepted == 0


def test_an_answer_that_does_not_end_is_cut_off(stability: StabilityDouble, provider: Stability) -> None:
    stability.oversized_bytes = 80 * 1024 * 1024
    stability.fail_next("endless")
    with pytest.raises(SubmitUnknown):
        made(Stability(provider.account), call())
