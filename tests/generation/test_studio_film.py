"""The studio's films: decodable, as long and as large as asked, smooth, and gone when nobody wants them."""

import itertools
import time
from pathlib import Path

import cv2
import numpy as np
import pytest

from generation.providers.studio import MOTIONS, StudioRequest, encoder, render
from generation.providers.studio.camera import MOVES, Camera, choose_move
from generation.providers.studio.film import frame_size
from tests.generation.studio_pictures import Picture, difference, encode, ignore, landscape, make, thing


def frames_of(mp4: bytes, folder: Path) -> tuple[list[Picture], float]:
    """All frames, and how many there are a second."""
    file = folder / f"{len(list(folder.iterdir()))}.mp4"
    file.write_bytes(mp4)
    film = cv2.VideoCapture(str(file))
    frames = []
    while (read := film.read())[0]:
        frames.append(read[1].astype(np.uint8))
    rate = film.get(cv2.CAP_PROP_FPS)
    film.release()
    return frames, rate


def film(**values: object) -> bytes:
    options: dict[str, object] = {"duration": 2, "resolution": "480p", "motion": "pan-left"} | values
    return make("image-to-video", encode(landscape()), **options)  # type: ignore[arg-type]


@pytest.fixture(scope="module")
def panned() -> bytes:
    return film()


def test_a_film_over_a_picture_is_as_long_and_as_large_as_asked(panned: bytes, tmp_path: Path) -> None:
    frames, rate = frames_of(panned, tmp_path)
    assert rate == 24
    assert len(frames) / rate == pytest.approx(2, abs=0.2)
    # The picture is 4:3 and stays so.
    assert frames[0].shape == (480, 640, 3)
    assert difference(frames[0], frames[-1]) > 2


def test_a_film_starts_at_once_in_a_browser_and_says_nothing_of_its_maker(panned: bytes) -> None:
    assert panned[4:8] == b"ftyp"
    assert panned.index(b"moov") < panned.index(b"mdat")
    assert b"x264" not in panned
    assert b"Lavf" not in panned
    assert b"Lavc" not in panned


def test_the_same_film_is_the_same_bytes_and_another_seed_another_film(panned: bytes) -> None:
    assert film() == panned
    assert film(seed=2) != panned


@pytest.mark.parametrize("ratio", ["16:9", "9:16"])
def test_a_film_from_words_has_the_asked_shape(ratio: str, tmp_path: Path) -> None:
    mp4 = make("text-to-video", None, "sea at dawn", duration=1, resolution="480p", aspect_ratio=ratio, detail="draft")
    frames, _rate = frames_of(mp4, tmp_path)
    sizes = {"16:9": (480, 854, 3), "9:16": (854, 480, 3)}
    assert frames[0].shape == sizes[ratio]
    assert len(frames) == 24


def test_films_follow_their_words_and_their_seed(tmp_path: Path) -> None:
    options = {"duration": 1, "resolution": "480p", "aspect_ratio": "1:1", "detail": "draft"}
    asked = [("lake at dawn", 1), ("city at night", 1), ("lake at dawn", 2)]
    firsts = [frames_of(make("text-to-video", None, *each, **options), tmp_path)[0][0] for each in asked]  # type: ignore[arg-type]
    assert difference(firsts[0], firsts[1]) > 15
    assert difference(firsts[0], firsts[2]) > 5


def test_a_frame_is_even_and_between_9_16_and_16_9() -> None:
    assert frame_size(4.0, "720p") == (1280, 720)
    assert frame_size(0.2, "720p") == (720, 1280)
    assert frame_size(1.0, "480p") == (480, 480)
    assert all(side % 2 == 0 for ratio in (1.33, 1.5, 1.37, 0.7) for side in frame_size(ratio, "480p"))


@pytest.mark.parametrize("motion", MOVES)
def test_a_move_is_smooth_below_the_pixel_and_never_shows_what_lies_beyond_the_picture(motion: str) -> None:
    rng = np.random.default_rng(3)
    still = np.full((312, 416, 3), 128, np.uint8)
    still[4:-4, 4:-4] = cv2.GaussianBlur(rng.integers(0, 255, (304, 408, 3)).astype(np.float32), (0, 0), 4).astype(
        np.uint8
    )
    still[:2], still[-2:], still[:, :2], still[:, -2:] = 255, 255, 255, 255
    depth = np.tile(np.linspace(0, 1, 39, dtype=np.float32)[:, None], (1, 52))
    camera = Camera(still, depth, (320, 240), choose_move(motion, 5, (0.2, 0.1), 2))
    frames = [camera.frame(at / 47) for at in range(48)]
    steps = [difference(one, other) for one, other in itertools.pairwise(frames)]
    # Eased at both ends, and no step is a jump.
    assert max(steps) < 3 * np.median(steps)
    assert min(steps) > 0
    jerks = np.abs(np.diff(steps))
    assert jerks.max() < 0.35 * max(steps)
    for frame in frames:
        rim = np.concatenate([frame[0], frame[-1], frame[:, 0], frame[:, -1]])
        assert (rim.min(axis=1) < 250).mean() > 0.95


def test_each_motion_goes_its_own_way_and_auto_goes_one_of_them() -> None:
    views = {motion: choose_move(motion, 1, (0, 0), 4) for motion in MOVES}
    assert views["zoom-in"].end.zoom > views["zoom-in"].start.zoom + 0.1
    assert views["zoom-out"].end.zoom < views["zoom-out"].start.zoom - 0.1
    assert views["pan-left"].end.x < 0 < views["pan-left"].start.x
    assert views["pan-right"].end.x > 0 > views["pan-right"].start.x
    assert views["rise"].end.y < 0 < views["rise"].start.y
    assert len({choose_move("auto", seed, (0, 0), 4).end for seed in range(20)}) > 10
    assert (*MOTIONS[1:],) == MOVES


def children() -> set[str]:
    """Ids of this process's children."""
    found = set()
    for task in Path("/proc/self/task").iterdir():
        found |= set((task / "children").read_text().split())
    return found


def test_a_film_that_is_cancelled_ends_at_once_and_leaves_no_child() -> None:
    class Cancelled(Exception):
        pass

    before = children()
    stopped_at = 0.0

    def stop(fraction: float) -> None:
        nonlocal stopped_at
        if fraction > 0.3:
            stopped_at = time.monotonic()
            raise Cancelled

    request = StudioRequest("image-to-video", "", source=encode(thing()), duration=4, resolution="480p")
    with pytest.raises(Cancelled):
        render(request, stop)
    assert time.monotonic() - stopped_at < 1
    assert children() == before


def test_a_film_that_takes_too_long_is_given_up() -> None:
    before = children()
    with encoder.Encoder(64, 64, 0.3) as late:
        time.sleep(0.5)
        with pytest.raises(TimeoutError):
            late.write(np.zeros((64, 64, 3), np.uint8))
    assert children() == before


def test_an_encoder_that_fails_says_so(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("IMAGEIO_FFMPEG_EXE", "/bin/false")
    request = StudioRequest("image-to-video", "", source=encode(thing()), duration=1, resolution="480p")
    with pytest.raises(OSError, match="encoder failed"):
        render(request, ignore)
