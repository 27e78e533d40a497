"""The local studio: the same request gives the same picture; another prompt, seed or input gives another."""

import hashlib
import itertools
import subprocess
import sys
from pathlib import Path

import cv2
import numpy as np
import numpy.typing as npt
import pytest

from generation.providers.studio import ASPECTS, STYLES, StudioRequest, render
from generation.providers.studio.prompt import read

PROJECT = Path(__file__).resolve().parents[2]

PROMPTS = (
    "calm lake with mountains, autumn",
    "city at night in the rain, neon",
    "golden desert dunes at sunrise",
    "field of poppies",
    "lighthouse on a cliff in a storm",
    "a whale under the stars",
    "bauhaus circles",
    "teal marble",
    "coral reef underwater",
    "ringed planet in space",
)


def paint(
    prompt: str, seed: int = 1, width: int = 192, height: int = 192, detail: str = "draft", style: str = "auto"
) -> npt.NDArray[np.uint8]:
    request = StudioRequest("text-to-image", prompt, width, height, seed, style=style, detail=detail)
    return decode(render(request, ignore))


def restyle(source: bytes, style: str = "auto", prompt: str = "", strength: float = 0.6) -> npt.NDArray[np.uint8]:
    request = StudioRequest("image-to-image", prompt, 224, 224, 3, style=style, strength=strength, source=source)
    return decode(render(request, ignore))


def ignore(fraction: float) -> None:
    """Progress that nobody watches."""


def decode(png: bytes) -> npt.NDArray[np.uint8]:
    decoded = cv2.imdecode(np.frombuffer(png, np.uint8), cv2.IMREAD_UNCHANGED)
    assert decoded is not None
    return decoded.astype(np.uint8)


def encode(image: npt.NDArray[np.uint8]) -> bytes:
    return bytes(cv2.imencode(".png", image)[1].tobytes())


def fingerprint(image: npt.NDArray[np.uint8]) -> npt.NDArray[np.bool_]:
    """dHash of 64 bits: where a small grey copy grows brighter to the right."""
    small = cv2.resize(cv2.cvtColor(image, cv2.COLOR_BGR2GRAY), (9, 8), interpolation=cv2.INTER_AREA).astype(int)
    return np.asarray(small[:, 1:] > small[:, :-1]).ravel()


def difference(first: npt.NDArray[np.uint8], second: npt.NDArray[np.uint8]) -> float:
    """Mean absolute difference in levels of 256."""
    return float(np.abs(first.astype(float) - second.astype(float)).mean())


def likeness(first: npt.NDArray[np.uint8], second: npt.NDArray[np.uint8]) -> float:
    """Correlation of two small grey copies: 1 is the same composition."""
    pair = [
        cv2.resize(cv2.cvtColor(each, cv2.COLOR_BGR2GRAY), (24, 24), interpolation=cv2.INTER_AREA)
        for each in (first, second)
    ]
    return float(np.corrcoef(pair[0].ravel(), pair[1].ravel())[0, 1])


@pytest.fixture(scope="module")
def pictures() -> dict[str, npt.NDArray[np.uint8]]:
    return {prompt: paint(prompt) for prompt in PROMPTS}


@pytest.fixture(scope="module")
def source() -> bytes:
    """A picture with one clear form: a bright disc over a dark ground with a slanted bar."""
    image = np.full((256, 256, 3), (70, 60, 40), np.uint8)
    image[150:] = (40, 90, 60)
    cv2.circle(image, (90, 90), 52, (120, 200, 250), -1, cv2.LINE_AA)
    cv2.line(image, (160, 40), (236, 226), (200, 210, 230), 22, cv2.LINE_AA)
    return encode(image)


def test_the_same_request_gives_the_same_bytes() -> None:
    request = StudioRequest("text-to-image", "red fox in the snow at dusk", 160, 120, 7)
    assert render(request, ignore) == render(request, ignore)


def test_another_process_paints_the_same_pixels(pictures: dict[str, npt.NDArray[np.uint8]]) -> None:
    code = (
        "import sys, hashlib, cv2, numpy as np\n"
        "from generation.providers.studio import *\n"
        f"request = StudioRequest('text-to-image', {PROMPTS[4]!r}, 192, 192, 1, detail='draft')\n"
        "png = render(request, lambda part: None)\n"
        "print(hashlib.sha256(cv2.imdecode(np.frombuffer(png, np.uint8), -1).tobytes()).hexdigest())\n"
        "assert 'django' not in sys.modules\n"
    )
    ran = subprocess.run([sys.executable, "-c", code], cwd=PROJECT, capture_output=True, text=True, check=True)
    expected = hashlib.sha256(pictures[PROMPTS[4]].tobytes()).hexdigest()
    assert ran.stdout.strip() == expected


def test_prompts_on_different_subjects_differ_in_colour_and_in_structure(
    pictures: dict[str, npt.NDArray[np.uint8]],
) -> None:
    for (first, one), (second, other) in itertools.combinations(pictures.items(), 2):
        assert difference(one, other) > 12, (first, second)
        assert np.count_nonzero(fingerprint(one) != fingerprint(other)) >= 8, (first, second)


@pytest.mark.parametrize("prompt", ["mountains at sunset", "bauhaus shapes", "a cat", "quarterly report spreadsheet"])
def test_another_seed_gives_another_picture(prompt: str) -> None:
    made = [paint(prompt, seed) for seed in (1, 2, 3)]
    for one, other in itertools.combinations(made, 2):
        assert difference(one, other) > 6
        assert np.count_nonzero(fingerprint(one) != fingerprint(other)) >= 4


def test_a_word_more_changes_the_picture() -> None:
    assert difference(paint("lake at dawn"), paint("lake at night")) > 25
    assert difference(paint("lake at dawn"), paint("lake at dawn with a boat")) > 3


def test_a_named_colour_is_seen() -> None:
    blue, _green, red = paint("red abstract pattern").reshape(-1, 3).mean(axis=0)
    assert red > blue + 30
    blue, green, red = paint("teal mountains").reshape(-1, 3).mean(axis=0)
    assert min(blue, green) > red + 15


@pytest.mark.parametrize("prompt", ["", "зимовий ліс", "?!?", "x" * 2000, "quarterly report spreadsheet"])
def test_words_that_nothing_is_known_of_still_give_a_picture(prompt: str) -> None:
    image = paint(prompt)
    assert image.shape == (192, 192, 3)
    assert image.std() > 12


@pytest.mark.parametrize("ratio", ASPECTS)
def test_every_ratio_has_its_size(ratio: str) -> None:
    width, height = ASPECTS[ratio]
    across, down = (int(part) for part in ratio.split(":"))
    assert width % 8 == height % 8 == 0
    assert width / height == pytest.approx(across / down, rel=0.01)
    assert 950_000 < width * height < 1_100_000
    assert paint("sea at dusk", width=width // 8, height=height // 8).shape == (height // 8, width // 8, 3)


@pytest.mark.parametrize("detail", ["draft", "standard", "fine"])
def test_every_detail_gives_the_asked_size_and_the_same_composition(detail: str) -> None:
    image = paint("calm lake with mountains, autumn", detail=detail)
    assert image.shape == (192, 192, 3)
    assert likeness(image, paint("calm lake with mountains, autumn", detail="standard")) > 0.9


@pytest.mark.parametrize("style", [style for style in STYLES if style != "auto"])
def test_a_scene_can_be_made_in_every_style(style: str, pictures: dict[str, npt.NDArray[np.uint8]]) -> None:
    assert difference(paint(PROMPTS[0], style=style), pictures[PROMPTS[0]]) > 3


@pytest.mark.parametrize("task", ["text-to-image", "image-to-image", "upscale"])
def test_progress_rises_from_the_start_to_the_end(task: str, source: bytes) -> None:
    seen: list[float] = []
    render(StudioRequest(task, "forest in the mist", 128, 128, 1, source=source), seen.append)
    assert len(seen) >= 8
    assert seen == sorted(seen)
    assert (seen[0], seen[-1]) == (0.0, 1.0)
    assert max(after - before for before, after in itertools.pairwise(seen)) < 0.5


@pytest.mark.parametrize("task", ["text-to-image", "image-to-image", "upscale"])
def test_what_the_report_raises_ends_the_work(task: str, source: bytes) -> None:
    class Cancelled(Exception):
        pass

    seen: list[float] = []

    def stop(fraction: float) -> None:
        seen.append(fraction)
        if fraction > 0.3:
            raise Cancelled

    with pytest.raises(Cancelled):
        render(StudioRequest(task, "city at night", 128, 128, 1, source=source), stop)
    assert seen[-1] < 1.0


@pytest.mark.parametrize("style", ["sketch", "watercolour", "oil", "pixel", "poster", "riso"])
def test_a_style_changes_the_picture_and_keeps_its_composition(style: str, source: bytes) -> None:
    original = cv2.resize(decode(source), (224, 224), interpolation=cv2.INTER_AREA).astype(np.uint8)
    styled = restyle(source, style)
    assert difference(styled, original) > 2
    assert likeness(styled, original) > 0.6


def test_strength_says_how_far_the_style_goes(source: bytes) -> None:
    original = cv2.resize(decode(source), (224, 224), interpolation=cv2.INTER_AREA).astype(np.uint8)
    faint, full = (difference(restyle(source, "sketch", strength=strength), original) for strength in (0.05, 0.95))
    assert full > faint * 2


def test_restyling_follows_prompt_and_input(source: bytes) -> None:
    assert difference(restyle(source, "poster", "in teal"), restyle(source, "poster", "in red and gold")) > 12
    assert difference(restyle(source, prompt="as a pencil sketch"), restyle(source, prompt="pixel art")) > 12
    other = encode(decode(source)[::-1].copy())
    assert difference(restyle(source, "oil"), restyle(other, "oil")) > 12


def test_restyling_without_a_size_keeps_the_ratio_of_the_source(source: bytes) -> None:
    wide = encode(cv2.resize(decode(source), (300, 150)).astype(np.uint8))
    image = decode(
        render(StudioRequest("image-to-image", "", 0, 0, 1, style="poster", detail="draft", source=wide), ignore)
    )
    assert image.shape[1] / image.shape[0] == pytest.approx(2.0, rel=0.02)


def test_upscaling_is_closer_to_the_truth_than_bicubic() -> None:
    truth = paint("red fox in the hills at sunset", width=256, height=256, detail="standard")
    # Grain is chance: no method can find it again, so it is taken off the truth.
    truth = cv2.bilateralFilter(truth, 5, 30, 2).astype(np.uint8)
    small = cv2.resize(truth, (128, 128), interpolation=cv2.INTER_AREA).astype(np.uint8)
    made = decode(render(StudioRequest("upscale", "", 0, 0, 1, source=encode(small)), ignore))
    plain = cv2.resize(small, (256, 256), interpolation=cv2.INTER_CUBIC).astype(np.uint8)
    assert made.shape == truth.shape
    assert cv2.PSNR(truth, made) > cv2.PSNR(truth, plain) + 0.2


def test_upscaling_keeps_transparency_and_can_go_four_times() -> None:
    small = np.dstack(
        [decode(encode(paint("waves", width=40, height=40))), np.tile(np.arange(40, dtype=np.uint8) * 6, (40, 1))]
    )
    assert decode(render(StudioRequest("upscale", "", 0, 0, 1, source=encode(small)), ignore)).shape == (80, 80, 4)
    assert decode(render(StudioRequest("upscale", "", 0, 0, 1, source=encode(small), scale=4), ignore)).shape == (
        160,
        160,
        4,
    )


@pytest.mark.parametrize(
    ("task", "options"),
    [
        ("paint", {}),
        ("text-to-image", {"style": "ai"}),
        ("text-to-image", {"detail": "ultra"}),
        ("text-to-image", {"width": 9_000}),
        ("image-to-image", {}),
        ("image-to-image", {"source": b"x", "strength": 2.0}),
        ("upscale", {"source": b"x", "scale": 3}),
    ],
)
def test_what_cannot_be_made_is_refused_before_any_work(task: str, options: dict[str, object]) -> None:
    fields: dict[str, object] = {"width": 64, "height": 64, **options}
    with pytest.raises(ValueError, match=r"\w"):
        StudioRequest(task, "x", seed=1, **fields)  # type: ignore[arg-type]


def test_a_source_that_is_no_picture_is_refused() -> None:
    with pytest.raises(ValueError, match="cannot be decoded"):
        render(StudioRequest("upscale", "", 0, 0, 1, source=b"not a picture"), ignore)


def test_the_png_carries_nothing_but_pixels() -> None:
    png = render(StudioRequest("text-to-image", "sea", 64, 64, 1), ignore)
    kinds, at = [], 8
    while at < len(png):
        kinds.append(png[at + 4 : at + 8])
        at += 12 + int.from_bytes(png[at : at + 4], "big")
    assert set(kinds) == {b"IHDR", b"IDAT", b"IEND"}


def test_words_are_matched_whole_and_colours_go_to_the_thing_they_stand_before() -> None:
    brief = read("two red foxes near the golden sea, foxglove and catalogue")
    assert [(subject.name, subject.colour, subject.count) for subject in brief.subjects] == [("fox", "red", 2)]
    assert brief.colours == ("golden",)
    assert brief.of("ground") == ("sea",)
    assert read("northern lights and the milky way").of("light") == ("aurora", "milkyway")
    assert read("a hot air balloon").subjects[0].name == "balloon"
