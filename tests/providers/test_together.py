"""What Together gets of a call: one request for each seed, pictures inside it, sizes that it takes."""

from collections.abc import Iterator
from contextlib import closing
from dataclasses import replace
from typing import Any

import pytest
from PIL import Image

from generation.providers.base import InvalidInput, ProviderError
from generation.providers.together import Account
from tests.emulators.together import TogetherDouble
from tests.providers.bench import Bench, image_file
from tests.providers.case_together import TOGETHER_CASE

pytestmark = pytest.mark.xdist_group("providers")


@pytest.fixture
def bench() -> Iterator[Bench]:
    """Together on the bench."""
    with TogetherDouble() as double, closing(Bench(TOGETHER_CASE, double)) as made:
        yield made


def row(slug: str) -> Any:
    return next(row for row in TOGETHER_CASE.rows if row["slug"] == slug)


def test_each_output_is_made_with_its_own_seed(bench: Bench) -> None:
    both = bench.whole(bench.call(count=2))
    assert [request.json()["seed"] for request in bench.double.submissions] == [41, 42]
    alone = bench.whole(bench.call(seeds=(42,)))
    assert alone[0] == both[1]


def test_parameters_travel_under_their_names(bench: Bench) -> None:
    call = bench.call(row("together-flux-2-dev"))
    params = {"aspect_ratio": "16:9", "steps": 20, "guidance": 4.5, "negative_prompt": "blur", "output_format": "png"}
    bench.whole(replace(call, params=params))
    sent = bench.double.submissions[-1].json()
    assert sent == {
        "model": "black-forest-labs/FLUX.2-dev",
        "prompt": call.prompt,
        "n": 1,
        "seed": 41,
        "width": 1312,
        "height": 736,
        "steps": 20,
        "guidance_scale": 4.5,
        "negative_prompt": "blur",
        "output_format": "png",
        "response_format": "base64",
    }


def test_a_picture_travels_inside_the_request_and_keeps_its_shape(bench: Bench) -> None:
    call = bench.call(row("together-kontext-pro"), inputs=(image_file("image", Image.new("RGB", (300, 200))),))
    bench.whole(call)
    sent = bench.double.submissions[-1].json()
    assert sent["image_url"].startswith("data:image/png;base64,")
    assert (sent["width"], sent["height"]) == (1216, 800)
    assert "reference_images" not in sent


def test_several_references_travel_as_a_list_where_the_model_takes_it(bench: Bench) -> None:
    inputs = tuple(image_file("image", Image.new("RGB", (64, 64), colour)) for colour in ("red", "blue"))
    bench.whole(bench.call(row("together-flux-2-edit"), inputs=inputs))
    assert len(bench.double.submissions[-1].json()["reference_images"]) == 2
    with pytest.raises(InvalidInput, match="one picture; 2"):
        bench.send(bench.call(row("together-kontext-pro"), inputs=inputs))
    assert bench.posts() == (1, 1)


def test_an_output_at_an_address_that_fails_is_not_ordered_again(bench: Bench) -> None:
    bench.double.fail_next("as_url")
    bench.double.fail_next("gone")
    with pytest.raises(ProviderError):
        bench.send(bench.call())
    bench.double.fail_next("as_url")
    bench.double.fail_next("truncated")
    assert bench.whole(bench.call())
    assert (bench.posts(), bench.double.downloads, bench.double.leaks) == ((2, 2), 3, 0)


def test_the_environment_changes_nothing_of_what_is_sent(bench: Bench, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TOGETHER_PROJECT_ID", "something")
    monkeypatch.setenv("TOGETHER_BASE_URL", "http://127.0.0.1:9")
    monkeypatch.setenv("TOGETHER_CUSTOM_HEADERS", "Authorization: Bearer another\nX-Own: 1")
    bench.send(bench.call())
    headers = bench.double.submissions[-1].headers
    assert sorted(headers) == ["accept", "authorization", "content-length", "content-type", "host", "user-agent"]
    assert headers["authorization"] == f"Bearer {bench.double.key}"


def test_outputs_come_from_togethers_own_hosts_or_the_gateways() -> None:
    assert Account(key="k").sources == ("https://*.together.ai", "https://*.together.xyz")
    assert Account(key="k", base_url="https://api.together.ai").sources == Account(key="k").sources
    assert Account(key="k", base_url="https://gateway.example/together").sources == ("https://gateway.example/",)
