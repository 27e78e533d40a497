"""The studio fills holes and continues pictures: what was there stays value for value, and no seam is seen."""

import itertools

import cv2
import numpy as np
import pytest

from generation.providers.studio import Margins, Refused
from tests.generation.studio_pictures import Picture, decode, difference, encode, landscape, make

SIDE = Margins(left=60, right=40)


def hole(shape: tuple[int, ...], radius: int = 36) -> Picture:
    """A mask with a disc in the middle."""
    mask = np.zeros(shape[:2], np.uint8)
    cv2.circle(mask, (shape[1] // 2, shape[0] // 2), radius, 255, -1)
    return mask


def blotted(radius: int = 34) -> Picture:
    """The landscape with a magenta blot where the hole will be."""
    picture = landscape()
    cv2.circle(picture, (120, 90), radius, (255, 0, 255), -1)
    return picture


def test_what_lies_outside_the_mask_is_not_touched_and_what_lies_inside_is_like_its_surroundings() -> None:
    picture, mask = blotted(), hole((180, 240))
    made = decode(make("inpaint", encode(picture), mask=encode(mask)))
    assert made.shape == picture.shape
    assert np.array_equal(made[mask == 0], picture[mask == 0])
    # The truth is known: the blot lies on a sky that pales, over a field.
    assert difference(made[mask > 0], landscape()[mask > 0]) < 14
    assert difference(picture[mask > 0], landscape()[mask > 0]) > 80


def test_a_thin_scratch_is_closed() -> None:
    picture, mask = landscape(), np.zeros((180, 240), np.uint8)
    cv2.line(mask, (20, 20), (220, 160), 255, 5)
    picture[mask > 0] = (255, 0, 255)
    made = decode(make("inpaint", encode(picture), mask=encode(mask)))
    assert np.array_equal(made[mask == 0], picture[mask == 0])
    assert difference(made[mask > 0], landscape()[mask > 0]) < 12


def test_a_fill_has_the_texture_of_what_is_around_it() -> None:
    picture = np.clip(np.random.default_rng(2).normal(128, 40, (160, 160, 3)), 0, 255).astype(np.uint8)
    mask = hole(picture.shape, 30)
    made = decode(make("inpaint", encode(picture), mask=encode(mask)))
    assert made[mask > 0].std() > 0.45 * picture.std()


def test_words_that_can_be_drawn_are_drawn_into_the_hole() -> None:
    source, mask = encode(landscape()), hole((180, 240), 60)
    night, plain = (decode(make("inpaint", source, words, mask=encode(mask))) for words in ("city at night", "fill it"))
    assert difference(night[mask > 0], plain[mask > 0]) > 25
    assert np.array_equal(night[mask == 0], landscape()[mask == 0])


def test_a_fill_keeps_transparency_outside_and_is_opaque_inside() -> None:
    picture = np.dstack([blotted(), np.full((180, 240), 90, np.uint8)])
    mask = hole((180, 240))
    made = decode(make("inpaint", encode(picture), mask=encode(mask)))
    assert np.array_equal(made[mask == 0], picture[mask == 0])
    assert (made[mask > 0, 3] == 255).all()


def test_the_same_fill_is_the_same_and_another_seed_fills_otherwise() -> None:
    source, mask = encode(blotted()), encode(hole((180, 240)))
    first, again, other = (make("inpaint", source, mask=mask, seed=seed) for seed in (1, 1, 2))
    assert first == again
    assert first != other


@pytest.mark.parametrize(("level", "reason"), [(0, "empty-mask"), (255, "full-mask")])
def test_a_mask_that_opens_nothing_or_all_is_refused(level: int, reason: str) -> None:
    with pytest.raises(Refused) as refusal:
        make("inpaint", encode(landscape()), mask=encode(np.full((180, 240), level, np.uint8)))
    assert refusal.value.reason == reason


def test_a_hole_without_a_mask_is_refused() -> None:
    with pytest.raises(Refused) as refusal:
        make("inpaint", encode(landscape()))
    assert refusal.value.reason == "no-mask"


@pytest.mark.parametrize(
    "margins",
    [SIDE, Margins(top=50), Margins(bottom=33), Margins(30, 20, 25, 15)],
    ids=["sides", "top", "bottom", "all"],
)
def test_a_picture_grows_around_itself(margins: Margins) -> None:
    picture = landscape()
    made = decode(make("outpaint", encode(picture), margins=margins))
    assert made.shape == (180 + margins.top + margins.bottom, 240 + margins.left + margins.right, 3)
    middle = made[margins.top : margins.top + 180, margins.left : margins.left + 240]
    assert np.array_equal(middle, picture)


def test_no_seam_is_seen_where_it_grew() -> None:
    made = decode(make("outpaint", encode(landscape()), margins=SIDE)).astype(float)
    steps = np.abs(np.diff(made, axis=1)).mean(axis=(0, 2))
    seams = steps[[SIDE.left - 1, SIDE.left + 240 - 1]]
    inside = steps[SIDE.left + 10 : SIDE.left + 230]
    assert seams.max() < inside.mean() * 2 + 1
    # The sky goes on above, the field below.
    assert difference(made[:60, :40].astype(np.uint8), landscape()[:60, :40]) < 20
    assert difference(made[150:, :40].astype(np.uint8), landscape()[150:, :40]) < 25


def test_growing_is_repeatable_and_differs_by_seed() -> None:
    source = encode(landscape())
    first, again, other = (make("outpaint", source, margins=SIDE, seed=seed) for seed in (1, 1, 2))
    assert first == again
    assert first != other


def test_a_transparent_picture_grows_transparent() -> None:
    picture = np.dstack([landscape(), np.full((180, 240), 90, np.uint8)])
    assert (decode(make("outpaint", encode(picture), margins=SIDE))[..., 3] == 90).all()


def test_a_picture_that_would_grow_beyond_what_is_kept_is_refused() -> None:
    wide = encode(np.zeros((3000, 6000, 3), np.uint8))
    with pytest.raises(Refused) as refusal:
        make("outpaint", wide, margins=Margins(2000, 2000, 1500, 1500))
    assert refusal.value.reason == "grown-too-far"
    with pytest.raises(Refused) as refusal:
        make("outpaint", wide)
    assert refusal.value.reason == "no-margin"


def test_variations_are_the_picture_and_differ_from_it_and_from_each_other() -> None:
    source = encode(landscape())
    made = [decode(make("variation", source, seed=seed, strength=0.5)) for seed in (1, 2, 3, 4)]
    for picture in made:
        assert picture.shape == (180, 240, 3)
        assert difference(picture, landscape()) > 5
        assert likeness_either_way(picture) > 0.6
    for one, other in itertools.combinations(made, 2):
        assert difference(one, other) > 4
    assert make("variation", source, seed=1) == make("variation", source, seed=1)


def test_strength_says_how_far_a_variation_goes() -> None:
    source = encode(landscape())
    faint, full = (
        np.mean(
            [
                difference(decode(make("variation", source, seed=seed, strength=strength)), landscape())
                for seed in (5, 6)
            ]
        )
        for strength in (0.0, 1.0)
    )
    assert full > faint * 2


def likeness_either_way(picture: Picture) -> float:
    """How much alike the composition is, mirrored or not."""
    small = [cv2.resize(each, (24, 24), interpolation=cv2.INTER_AREA).mean(axis=2) for each in (picture, landscape())]
    return float(max(np.corrcoef(each.ravel(), small[1].ravel())[0, 1] for each in (small[0], small[0][:, ::-1])))
