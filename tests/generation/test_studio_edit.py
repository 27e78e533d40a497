"""The studio edits by words: each instruction does what it says, and what it cannot do is refused before any work."""

import numpy as np
import pytest

from generation.providers.studio import Refused, StudioRequest, render
from generation.providers.studio.instructions import understand
from tests.generation.studio_pictures import Picture, decode, difference, encode, landscape, likeness, make, thing


def edited(words: str, picture: Picture | None = None, seed: int = 1) -> Picture:
    return decode(make("edit", encode(landscape() if picture is None else picture), words, seed))


def saturation(picture: Picture) -> float:
    return float(np.ptp(picture.astype(int), axis=2).mean())


def test_light_warmth_and_contrast_go_where_the_words_say() -> None:
    before = landscape()
    assert edited("make it brighter").mean() > before.mean() + 10
    assert edited("a bit darker").mean() < before.mean() - 3
    assert edited("much darker").mean() < edited("slightly darker").mean() - 10
    blue, _green, red = (edited("warmer").astype(float) - before).reshape(-1, 3).mean(axis=0)
    assert red > 3 > -3 > blue
    assert edited("more contrast").std() > before.std() + 3 > edited("less contrast").std()
    assert saturation(edited("more saturated")) > saturation(before) + 5 > saturation(edited("muted")) + 5


def test_words_for_colour_are_seen() -> None:
    grey = edited("black and white")
    assert saturation(grey) == 0
    assert likeness(grey, landscape()) > 0.9
    blue, green, red = edited("sepia").reshape(-1, 3).mean(axis=0)
    assert red > green > blue
    assert difference(edited("invert the colours"), 255 - landscape()) < 1
    blue, _green, red = edited("make it red").reshape(-1, 3).mean(axis=0)
    assert red > blue + 30
    blue, _green, red = edited("replace red with blue", thing())[80:120, 100:140].reshape(-1, 3).mean(axis=0)
    assert blue > red + 40


def test_shape_follows_the_words() -> None:
    before = landscape()
    assert np.array_equal(edited("mirror it"), before[:, ::-1])
    assert np.array_equal(edited("flip vertically"), before[::-1])
    assert np.array_equal(edited("upside down"), before[::-1, ::-1])
    assert np.array_equal(edited("rotate right"), np.rot90(before, -1))
    assert np.array_equal(edited("rotate left"), np.rot90(before))
    assert edited("crop it to a square").shape == (180, 180, 3)
    height, width = edited("rotate by 10 degrees").shape[:2]
    assert width < 240
    assert width / height == pytest.approx(4 / 3, rel=0.03)
    framed = edited("add a black frame")
    assert framed.shape[0] - 180 == framed.shape[1] - 240 > 10
    assert framed[6, 120].max() < 80
    assert decode(make("edit", encode(before), "brighter", aspect_ratio="1:1")).shape == (180, 180, 3)


@pytest.mark.parametrize(
    "words", ["make it night", "golden hour", "foggy", "snowy", "rainy", "neon", "vintage", "vignette", "add grain"]
)
def test_hours_weathers_and_surfaces_change_the_picture_and_keep_its_composition(words: str) -> None:
    made = edited(words)
    assert difference(made, landscape()) > 2.5
    assert likeness(made, landscape()) > 0.4


def test_the_ground_can_be_changed_apart_from_the_subject() -> None:
    away = edited("remove the background", thing())
    assert away.shape[2] == 4
    assert away[100, 120, 3] == 255
    assert away[10, 10, 3] == 0
    green = edited("green background", thing())
    assert green[10, 10, 1] > green[10, 10, 2] + 40
    assert difference(green[85:115, 105:135], thing()[85:115, 105:135]) < 3
    noisy = landscape()
    noisy[40:150, 70:170] = thing(100, 110)
    blurred = edited("blur the background", thing())
    assert difference(blurred[90:110, 110:130], thing()[90:110, 110:130]) < 2


def test_a_style_is_a_word_too() -> None:
    assert difference(edited("as a pencil sketch"), landscape()) > 10


def test_what_was_transparent_stays_so() -> None:
    picture = np.dstack([landscape(), np.tile(np.arange(240, dtype=np.uint8), (180, 1))])
    made = edited("brighter and mirrored", picture)
    assert np.array_equal(made[..., 3], picture[:, ::-1, 3])


@pytest.mark.parametrize("words", ["", "make a spaceship appear", "a cat on the sofa", "don't make it brighter"])
def test_words_that_name_nothing_are_refused_before_anything_is_done(words: str) -> None:
    seen: list[float] = []
    with pytest.raises(Refused) as refusal:
        render(StudioRequest("edit", words, source=b"not even a picture"), seen.append)
    assert refusal.value.reason == "no-instruction"
    assert seen == [0.0]


def test_two_pictures_are_joined_as_the_words_say() -> None:
    first, second = landscape(), thing()
    pair = {"source": encode(first), "second": encode(second)}
    side = decode(make("edit", prompt="side by side", **pair))
    assert side.shape[0] == 180
    assert side.shape[1] > 240 + 200
    assert np.array_equal(side[:, :240], first)
    blend = decode(make("edit", prompt="blend them", **pair))
    assert difference(blend, first) > 8
    assert difference(decode(make("edit", prompt="blend, brighter", **pair)), blend) > 5
    look = decode(make("edit", prompt="in the colours of the second", **pair))
    assert likeness(look, first) > 0.7
    assert abs(look.mean() - second.mean()) < abs(first.mean() - second.mean())


def test_words_for_two_need_two_and_two_need_words_for_them() -> None:
    with pytest.raises(Refused) as refusal:
        understand("put them side by side", 1)
    assert refusal.value.reason == "needs-second"
    with pytest.raises(Refused) as refusal:
        understand("make it brighter", 2)
    assert refusal.value.reason == "needs-joint"


@pytest.mark.parametrize(
    ("words", "names"),
    [
        ("warmer and slightly darker, please", ["light", "warmth"]),
        ("not too bright, much warmer", ["warmth"]),
        ("blur the background", ["ground-blur"]),
        ("less noise", ["smooth"]),
        ("turn the red car blue", ["exchange"]),
        ("make it night, crop to 16:9 and add a white border", ["crop", "night", "frame"]),
        ("brightness up, desaturate", ["light", "colour"]),
    ],
)
def test_an_instruction_is_understood_in_steps(words: str, names: list[str]) -> None:
    assert [step.name for step in understand(words, 1)[0]] == names


def test_seeds_differ_in_how_far_they_go_and_one_seed_always_gives_the_same() -> None:
    source = encode(landscape())
    assert make("edit", source, "golden hour") == make("edit", source, "golden hour")
    assert difference(edited("golden hour"), edited("golden hour", seed=2)) > 1
