"""Videos from outside: whatever a provider claims, what is kept is a clean MP4 that browsers play, or a refusal."""

import time
from collections.abc import Callable
from pathlib import Path

import pytest
from PIL import Image, ImageChops, ImageStat

from config.base.limited import Limits
from config.base.media import Media, MediaError
from config.base.videos import prepare_video
from tests.gallery.media import AAC, H264, facts, film, frame

XMP = b"<x:xmpmeta>made by rules</x:xmpmeta>"


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    made = tmp_path / "out"
    made.mkdir()
    return made


def saved(content: bytes, folder: Path) -> Path:
    path = folder.parent / "made.bin"
    path.write_bytes(content)
    return path


def prepared(content: bytes, folder: Path, text: str | None = None) -> Media:
    return prepare_video(saved(content, folder), folder, watermark_text=text, xmp=XMP)


def difference(one: Image.Image, other: Image.Image) -> float:
    return max(ImageStat.Stat(ImageChops.difference(one, other)).mean)


def test_h264_keeps_its_very_frames_and_gets_a_poster(folder: Path) -> None:
    content = film()

    media = prepared(content, folder)

    assert (media.kind, media.mime, media.width, media.height) == ("video", "video/mp4", 320, 180)
    assert media.seconds == pytest.approx(2, abs=0.1)
    assert media.thumbhash
    assert [row.name for row in media.renditions] == ["original", "thumb-320", "thumb-640"]
    kept = media.rendition("original").path.read_bytes()
    assert difference(frame(content), frame(kept)) == 0
    assert kept.index(b"moov") < kept.index(b"mdat"), "plays before it is all there"
    assert XMP in kept


@pytest.mark.parametrize(
    ("how", "suffix"),
    [
        (("-c:v", "libvpx", "-b:v", "500k", "-c:a", "libopus"), "webm"),
        (("-c:v", "libx264", "-preset", "ultrafast", "-pix_fmt", "yuv444p", *AAC), "mp4"),
        (("-c:v", "mpeg4", "-c:a", "libmp3lame"), "mp4"),
        ((*H264, *AAC), "mov"),
    ],
    ids=["webm", "all colours", "mpeg-4 and mp3", "quicktime"],
)
def test_everything_else_becomes_what_every_browser_plays(folder: Path, how: tuple[str, ...], suffix: str) -> None:
    media = prepared(film(*how, suffix=suffix), folder)

    told = facts(media.rendition("original").path.read_bytes())
    assert (told["codec_id 0"], told["codec_id 1"], told["dimensions 0"]) == ("h264", "aac", "320x180")
    assert media.seconds == pytest.approx(2, abs=0.2)


def test_a_silent_film_stays_silent(folder: Path) -> None:
    told = facts(prepared(film(sound=False), folder, "Darkroom").rendition("marked").path.read_bytes())

    assert "codec_id 1" not in told


def test_only_the_first_picture_and_sound_are_kept(folder: Path, tmp_path: Path) -> None:
    subtitles = tmp_path / "words.srt"
    subtitles.write_text("1\n00:00:00,000 --> 00:00:02,000\nolena@example.com\n")
    content = film(
        *("-i", str(subtitles), "-map", "0:v", "-map", "1:a", "-map", "0:v", "-map", "2:s", "-c:s", "mov_text"),
        *(*H264, *AAC),
    )
    assert "codec_id 3" in facts(content)

    kept = prepared(content, folder).rendition("original").path.read_bytes()

    assert [name for name in facts(kept) if name.startswith("codec_id")] == ["codec_id 0", "codec_id 1"]
    assert b"olena" not in kept


def test_the_mark_lies_on_every_frame_and_on_the_posters(folder: Path) -> None:
    media = prepared(film(size="640x360", source="color=c=red"), folder, "Darkroom")

    clean, marked = (media.rendition(name).path.read_bytes() for name in ("original", "marked"))
    for at in (0.0, 1.8):
        corner = (440, 280, 640, 360)
        assert difference(frame(clean, at).crop(corner), frame(marked, at).crop(corner)) > 3
    with (
        Image.open(media.rendition("thumb-640").path) as thumb,
        Image.open(media.rendition("marked-640").path) as other,
    ):
        assert difference(thumb.convert("RGB"), other.convert("RGB")) > 0.5
    assert facts(marked)["codec_id 1"] == "aac"


def test_a_film_that_begins_black_gets_a_poster_that_shows_something(folder: Path) -> None:
    content = film(*H264, "-vf", "fade=in:st=0:d=2", "-an", seconds=3)

    media = prepared(content, folder)

    with Image.open(media.rendition("thumb-320").path) as poster:
        assert ImageStat.Stat(poster.convert("L")).mean[0] > 20


def test_an_upright_film_is_as_wide_and_high_as_it_is_shown(folder: Path) -> None:
    media = prepared(film(*H264, "-vf", "setsar=2", "-an", size="160x180"), folder)

    assert (media.width, media.height) == (320, 180)


@pytest.mark.parametrize("how", ["text", "picture", "playlist", "half", "without end"])
def test_what_is_no_whole_film_is_refused(folder: Path, how: str) -> None:
    whole = film()
    content = {
        "text": b"not a film",
        "picture": Path("static/img/icon-180.png").read_bytes(),
        "playlist": b"#EXTM3U\n#EXTINF:1,\nfile:///etc/passwd\n",
        "half": whole[: len(whole) // 2],
        "without end": whole[:2000],
    }[how]

    with pytest.raises(MediaError) as refused:
        prepared(content, folder)

    assert refused.value.code == ("broken_video" if how in {"half", "without end"} else "unsupported_video")
    assert "Nothing was charged" in str(refused.value)


def test_a_reference_to_another_file_leads_nowhere(folder: Path, tmp_path: Path) -> None:
    (tmp_path / "secret.mp4").write_bytes(film())
    playlist = tmp_path / "list.ffconcat"
    playlist.write_text("ffconcat version 1.0\nfile secret.mp4\n")

    with pytest.raises(MediaError):
        prepare_video(playlist, folder, watermark_text=None)

    assert list(folder.iterdir()) == []


@pytest.mark.parametrize("what", ["long", "wide"])
def test_a_film_beyond_the_limits_is_refused_before_it_is_decoded(folder: Path, what: str) -> None:
    size, seconds = ("64x36", 125.0) if what == "long" else ("4100x64", 0.2)

    with pytest.raises(MediaError, match="at most") as refused:
        prepared(film(*H264, "-an", size=size, seconds=seconds), folder)

    assert refused.value.code == "video_too_large"


def test_a_film_that_takes_too_long_is_stopped_with_all_that_works_on_it(folder: Path) -> None:
    source = saved(film(size="1280x720", seconds=6, sound=False), folder)
    start = time.monotonic()

    with pytest.raises(MediaError, match="memory or time") as refused:
        prepare_video(source, folder, watermark_text="Darkroom", limits=Limits(memory_bytes=2 << 30, wall_seconds=0.5))

    assert refused.value.code == "video_too_large"
    assert time.monotonic() - start < 5
    before = sorted((path.name, path.stat().st_size) for path in folder.iterdir())
    time.sleep(0.3)
    assert sorted((path.name, path.stat().st_size) for path in folder.iterdir()) == before, "ffmpeg went on"


def test_whoever_waits_hears_that_it_works_and_may_stop_it(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    class Stop(Exception):
        pass

    def beat() -> None:
        raise Stop

    monkeypatch.setattr("config.base.limited.BEAT_SECONDS", 0.05)
    call: Callable[..., Media] = prepare_video

    with pytest.raises(Stop):
        call(saved(film(), folder), folder, watermark_text="Darkroom", beat=beat)
