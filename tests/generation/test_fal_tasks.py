"""Every task at fal: what is asked in its words, and what comes back: pictures, films, meshes."""

import io
import subprocess
from collections.abc import Iterator
from contextlib import closing, nullcontext
from typing import Any

import imageio_ffmpeg
import pytest
import trimesh
from PIL import Image

from generation.catalogue.fal import FAL
from generation.models import AIModel, Task
from generation.parameters import complete
from generation.providers.base import InputFile, InvalidInput, ProviderError
from generation.providers.downloads import DownloadLimits
from generation.providers.fal import LARGE_FILES, Fal
from generation.providers.fal_endpoints import ENDPOINTS
from tests.emulators.fal import FalEmulator
from tests.emulators.fal_files import film, picture
from tests.generation.fal_calls import QUICK, account_at, an_input, call, fetched, made, provider_at

ROWS = {row["slug"]: row for row in FAL}


@pytest.fixture(scope="module")
def double() -> Iterator[FalEmulator]:
    with FalEmulator() as fal:
        yield fal


@pytest.fixture
def fal(double: FalEmulator) -> FalEmulator:
    double.forget()
    return double


@pytest.fixture
def provider(fal: FalEmulator) -> Iterator[Fal]:
    with closing(provider_at(fal)) as provider:
        yield provider


def asked(fal: FalEmulator, provider: Fal, slug: str, **changes: Any) -> dict[str, Any]:
    """What fal got for a row with these parameters, addresses of uploads left out."""
    row = ROWS[slug]
    params = complete(row["parameters"], changes.pop("params", {}))
    wanted = call(row["endpoint"], task=row["task"], params=params, **changes)
    arguments = fal.jobs[made(provider, wanted).external_id].arguments
    assert len(list(provider.fetch(made(provider, wanted), wanted))) == 1
    return {name: value for name, value in arguments.items() if not name.endswith(("_url", "_urls"))}


def test_every_task_of_the_product_is_there() -> None:
    assert {row["task"] for row in FAL} == set(Task) - {Task.TRAIN}


# --- Words ------------------------------------------------------------------------------------------------------------


def test_films_are_asked_for_in_each_vendors_seconds(fal: FalEmulator, provider: Fal) -> None:
    assert asked(fal, provider, "kling-2-5-turbo", params={"duration": 10}) == {"prompt": "a red fox", "duration": "10"}
    veo = asked(fal, provider, "veo-3-1-fast", params={"duration": 6, "resolution": "1080p", "aspect_ratio": "9:16"})
    assert (veo["duration"], veo["resolution"], veo["aspect_ratio"]) == ("6s", "1080p", "9:16")
    assert veo["generate_audio"] is False
    assert asked(fal, provider, "wan-2-6")["duration"] == "5"


@pytest.mark.parametrize(("quality", "faces"), [("low", 1_000), ("medium", 5_000), ("high", 10_000)])
def test_a_mesh_has_the_faces_that_were_asked_for(fal: FalEmulator, provider: Fal, quality: str, faces: int) -> None:
    wanted = call("tripo3d/tripo/v2.5/image-to-3d", task=Task.IMAGE_TO_3D, params={"quality": quality})
    [content] = fetched(provider, wanted).values()
    scene = trimesh.load(io.BytesIO(content), file_type="glb")
    assert sum(len(mesh.faces) for mesh in scene.dump()) == faces


def test_an_outpaint_adds_what_was_asked_for_and_nothing_else(fal: FalEmulator, provider: Fal) -> None:
    arguments = asked(fal, provider, "fal-outpaint", params={"left": 100, "top": 7}, prompt="")
    assert arguments == {
        "expand_left": 100,
        "expand_right": 0,
        "expand_top": 7,
        "expand_bottom": 0,
        "zoom_out_percentage": 0,
        "output_format": "png",
        "num_images": 1,
        "enable_safety_checker": True,
    }


def test_a_picture_is_animated_and_painted_anew_without_words(fal: FalEmulator, provider: Fal) -> None:
    for slug in ("kling-2-5-turbo", "wan-2-6-animate", "flux-dev-image"):
        assert asked(fal, provider, slug, prompt="")["prompt"]


# --- Pictures that go up ----------------------------------------------------------------------------------------------


def test_the_mask_goes_up_as_it_is_since_white_changes_there_as_well(fal: FalEmulator, provider: Fal) -> None:
    mask = picture(9)
    inputs = (
        an_input(),
        InputFile(role="mask", mime="image/png", open=lambda: nullcontext(io.BytesIO(mask)), width=256, height=192),
    )
    arguments = fal.jobs[provider.submit(call("fal-ai/flux-pro/v1/fill", inputs=inputs)).external_id].arguments
    assert fal.uploads[arguments["mask_url"].rpartition("/")[2]] == mask
    assert fal.uploads[arguments["image_url"].rpartition("/")[2]] == picture(1)


def test_several_references_go_up_in_their_order(fal: FalEmulator, provider: Fal) -> None:
    pictures = [picture(seed) for seed in (5, 6, 7)]
    inputs = tuple(
        InputFile(role="image", mime="image/png", open=lambda content=content: nullcontext(io.BytesIO(content)))
        for content in pictures
    )
    wanted = call("fal-ai/nano-banana/edit", inputs=inputs)
    addresses = fal.jobs[made(provider, wanted).external_id].arguments["image_urls"]
    assert [fal.uploads[address.rpartition("/")[2]] for address in addresses] == pictures
    assert len(fetched(provider, wanted)) == 1


@pytest.mark.parametrize("endpoint", ["fal-ai/flux-pro/v1/fill", "fal-ai/nano-banana/edit"])
def test_a_missing_picture_or_mask_is_named_before_anything_is_sent(
    fal: FalEmulator, provider: Fal, endpoint: str
) -> None:
    inputs = (an_input(),) if "fill" in endpoint else ()
    with pytest.raises(InvalidInput, match="image"):
        provider.submit(call(endpoint, inputs=inputs))
    assert list(fal.log) == []


@pytest.mark.parametrize(
    ("width", "height", "expected"),
    [(4000, 3000, (1152, 864)), (640, 480, (640, 480)), (3000, 1000, (1728, 576)), (30, 10, (16, 16))],
)
def test_a_variation_has_the_shape_of_its_picture(
    fal: FalEmulator, provider: Fal, width: int, height: int, expected: tuple[int, int]
) -> None:
    source = InputFile(
        role="image", mime="image/png", open=lambda: nullcontext(io.BytesIO(picture(1))), width=width, height=height
    )
    size = asked(fal, provider, "flux-redux", inputs=(source,))["image_size"]
    assert (size["width"], size["height"]) == expected
    chosen = asked(fal, provider, "flux-redux", inputs=(source,), params={"aspect_ratio": "1:1"})
    assert chosen["image_size"] == "square_hd"


# --- What comes back --------------------------------------------------------------------------------------------------


def test_outputs_are_what_they_are_called(fal: FalEmulator, provider: Fal) -> None:
    for row in FAL:
        wanted = call(row["endpoint"], task=row["task"], params=complete(row["parameters"], {}))
        content, mime = next((each.stream.read(), each.mime) for each in provider.fetch(made(provider, wanted), wanted))
        kind = Task(row["task"]).output_kind
        if kind == "image":
            Image.open(io.BytesIO(content)).verify()
        elif kind == "mesh":
            assert content[:4] == b"glTF"
        else:
            assert (content[4:8], mime) == (b"ftyp", "video/mp4")


def test_a_film_lasts_as_long_as_was_asked_for() -> None:
    command = [imageio_ffmpeg.get_ffmpeg_exe(), "-i", "-", "-f", "null", "-"]
    told = subprocess.run(command, input=film(3, 8), capture_output=True, check=True).stderr.decode()
    assert "time=00:00:08" in told
    assert film(3) != film(4)


def test_films_may_be_larger_than_pictures_but_not_endless(fal: FalEmulator) -> None:
    pictures, films = DownloadLimits(), LARGE_FILES["video"]
    assert films.size == 256 * 1024 * 1024 > pictures.size
    assert films.total > pictures.total
    fal.oversized_bytes = films.size + 1
    wanted = call("fal-ai/veo3.1/fast", task=Task.TEXT_TO_VIDEO)
    with closing(Fal(account_at(fal), limits=QUICK)) as patient:
        fal.fail_next("oversized")
        with pytest.raises(ProviderError, match="too large"):
            fetched(patient, wanted)
        assert len(fetched(patient, wanted)) == 1


# --- Rows -------------------------------------------------------------------------------------------------------------


def test_films_are_priced_per_second_and_given_time() -> None:
    for row in FAL:
        kind = Task(row["task"]).output_kind
        assert (row.get("unit") == AIModel.Unit.SECOND) == (kind == "video"), row["slug"]
        assert row["seconds_allowed"] >= {"video": 600, "mesh": 300}.get(kind, 60), row["slug"]


def test_a_row_asks_for_no_value_that_its_endpoint_has_no_word_for() -> None:
    for row in FAL:
        for name, words in ENDPOINTS[row["endpoint"]].values.items():
            offered = row["parameters"]["properties"].get(name, {}).get("enum", [])
            assert set(offered) <= set(words), (row["slug"], name)
