"""Pictures from outside, through the real decoding child: what is refused, what is cleaned, what is written."""

import base64
import hashlib
import io
import struct
import zlib
from pathlib import Path

import pillow_heif
import pytest
import thumbhash
from PIL import Image, ImageChops, ImageCms, ImageDraw, ImageStat, PngImagePlugin

from config.base import imaging, limited
from config.base.media import Media

pillow_heif.register_heif_opener()
SECRETS = (b"Exif", b"GPS", b"SECRET", b"xmpmeta", b"ICC_PROFILE", b"iCCP", b"tEXt", b"iTXt", b"eXIf", b"ICCP", b"EXIF")


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    made = tmp_path / "out"
    made.mkdir()
    return made


def paint(size: tuple[int, int] = (800, 500), mode: str = "RGB") -> Image.Image:
    """A picture with an up and a left: red above, blue below, a green block in the top left corner."""
    image = Image.new("RGB", size, (30, 40, 220))
    draw = ImageDraw.Draw(image)
    draw.rectangle((0, 0, size[0], size[1] // 2), fill=(220, 40, 30))
    draw.rectangle((0, 0, size[0] // 4, size[1] // 4), fill=(20, 200, 60))
    return image.convert(mode)


def save(path: Path, image: Image.Image, kind: str, **options: object) -> Path:
    image.save(path, kind, **options)
    return path


def png_chunk(kind: bytes, data: bytes) -> bytes:
    return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))


def flat_png(path: Path, width: int, height: int, *, rows: int) -> Path:
    """A valid header for width by height RGBA over `rows` rows of zeros, squeezed to almost nothing."""
    squeezer = zlib.compressobj(9)
    row = bytes(1 + 4 * width)
    data = b"".join(squeezer.compress(row) for _ in range(rows)) + squeezer.flush()
    header = struct.pack(">IIBBBBB", width, height, 8, 6, 0, 0, 0)
    path.write_bytes(
        b"\x89PNG\r\n\x1a\n" + png_chunk(b"IHDR", header) + png_chunk(b"IDAT", data) + png_chunk(b"IEND", b"")
    )
    return path


def open_original(picture: Media) -> Image.Image:
    with Image.open(picture.rendition("original").path) as image:
        image.load()
        return image


def colour(image: Image.Image, x: float, y: float) -> str:
    pixel = image.convert("RGB").getpixel((int(x * (image.width - 1)), int(y * (image.height - 1))))
    assert isinstance(pixel, tuple)
    return "rgb"[pixel.index(max(pixel))]


def strongest(difference: Image.Image) -> int:
    """The largest value of a grey picture."""
    return max(index for index, count in enumerate(difference.histogram()) if count)


def refused(error: type[imaging.PictureError], source: Path, folder: Path, **options: imaging.Limits) -> str:
    with pytest.raises(error) as caught:
        imaging.prepare_upload(source, folder, **options)
    assert not list(folder.glob("original*"))
    assert caught.value.code == error.code
    return str(caught.value)


def test_a_text_file_named_png_is_refused_and_the_sentence_names_what_is_accepted(tmp_path: Path, folder: Path) -> None:
    source = tmp_path / "cat.png"
    source.write_text("this is not a picture\n" * 50)
    assert "JPEG, PNG, WebP, HEIC, AVIF" in refused(imaging.UnsupportedPicture, source, folder)


def test_a_gif_and_an_empty_file_are_refused(tmp_path: Path, folder: Path) -> None:
    refused(imaging.UnsupportedPicture, save(tmp_path / "a.jpg", paint(), "GIF"), folder)
    (tmp_path / "empty.jpg").touch()
    refused(imaging.UnsupportedPicture, tmp_path / "empty.jpg", folder)


@pytest.mark.parametrize("kind", ["JPEG", "PNG", "WEBP", "HEIF", "AVIF"])
def test_a_truncated_picture_is_called_damaged(kind: str, tmp_path: Path, folder: Path) -> None:
    source = save(tmp_path / "half", Image.effect_noise((300, 200), 80), kind)
    source.write_bytes(source.read_bytes()[: source.stat().st_size // 2])
    assert "damaged" in refused(imaging.BrokenPicture, source, folder)


@pytest.mark.parametrize(
    "head",
    [
        b"\xff\xd8\xff\xe0",
        b"\x89PNG\r\n\x1a\n",
        b"RIFF\x00\x00\x00\x00WEBP",
        b"RIFF1234WEBPVP8X",
        b"\x00\x00\x00\x14ftypheic\x00\x00\x00\x00mif1",
        b"\x00\x00\x00\x18ftypmif1\x00\x00\x00\x00mif1avif",
    ],
)
def test_a_file_that_only_begins_like_a_picture_is_called_damaged(head: bytes, tmp_path: Path, folder: Path) -> None:
    (tmp_path / "liar").write_bytes(head)
    refused(imaging.BrokenPicture, tmp_path / "liar", folder)


def test_a_30000_by_30000_png_is_refused_by_its_header(tmp_path: Path, folder: Path) -> None:
    source = flat_png(tmp_path / "bomb.png", 30_000, 30_000, rows=20)
    assert source.stat().st_size < 20_000
    assert "50 megapixels" in refused(imaging.PictureTooLarge, source, folder)


def test_a_picture_just_over_50_megapixels_is_refused(tmp_path: Path, folder: Path) -> None:
    refused(imaging.PictureTooLarge, flat_png(tmp_path / "big.png", 7_100, 7_100, rows=4), folder)


def test_a_webp_is_measured_before_libwebp_sees_it(tmp_path: Path, folder: Path) -> None:
    for kind in (
        b"VP8X" + bytes(8) + b"\xff\x3e\x00" * 2,
        b"VP8L" + bytes(5) + b"\xff\xff\xff\x0f",
        b"VP8 " + bytes(10) + b"\xff\x3f" * 2,
    ):
        (tmp_path / "bomb.webp").write_bytes(b"RIFF\xff\xff\x00\x00WEBP" + kind + bytes(64))
        refused(imaging.PictureTooLarge, tmp_path / "bomb.webp", folder)


def test_a_picture_that_wants_too_much_memory_is_stopped(tmp_path: Path, folder: Path) -> None:
    source = flat_png(tmp_path / "heavy.png", 5_000, 5_000, rows=5_000)
    assert source.stat().st_size < 200_000
    tight = imaging.Limits(memory_bytes=120 << 20)
    assert "memory or time" in refused(imaging.PictureTooLarge, source, folder, limits=tight)


def test_a_picture_that_takes_too_long_is_stopped(tmp_path: Path, folder: Path) -> None:
    source = flat_png(tmp_path / "slow.png", 5_000, 5_000, rows=5_000)
    refused(imaging.PictureTooLarge, source, folder, limits=imaging.Limits(wall_seconds=0.05))


def test_a_file_larger_than_the_limit_is_our_fault_and_not_the_pictures(tmp_path: Path, folder: Path) -> None:
    source = save(tmp_path / "noise.png", Image.effect_noise((400, 400), 90).convert("RGB"), "PNG")
    with pytest.raises(imaging.DecoderFailed):
        imaging.prepare_upload(source, folder, limits=imaging.Limits(file_bytes=2_000))


def test_exif_orientation_6_becomes_upright(tmp_path: Path, folder: Path) -> None:
    exif = Image.Exif()
    exif[0x0112] = 6
    # Stored lying on its left side, as a phone held upright does.
    lying = paint((500, 800)).transpose(Image.Transpose.ROTATE_90)
    picture = imaging.prepare_upload(save(tmp_path / "phone.jpg", lying, "JPEG", quality=95, exif=exif), folder)
    upright = open_original(picture)
    assert (picture.width, picture.height) == upright.size == (500, 800)
    assert [colour(upright, 0.1, 0.1), colour(upright, 0.9, 0.1), colour(upright, 0.5, 0.9)] == ["g", "r", "b"]
    assert [(row.width, row.height) for row in picture.renditions[1:3]] == [(200, 320), (400, 640)]


@pytest.mark.parametrize("kind", ["HEIF", "AVIF"])
def test_a_heic_or_avif_turned_by_its_container_and_by_exif_is_turned_once(
    kind: str, tmp_path: Path, folder: Path
) -> None:
    exif = Image.Exif()
    exif[0x0112] = 6
    lying = paint((500, 800)).transpose(Image.Transpose.ROTATE_90)
    source = save(tmp_path / "phone.jpg", lying, kind, quality=95, exif=exif.tobytes())
    assert b"irot" in source.read_bytes()

    picture = imaging.prepare_upload(source, folder)

    upright = open_original(picture)
    assert (picture.width, picture.height) == upright.size == (500, 800)
    assert [colour(upright, 0.1, 0.1), colour(upright, 0.9, 0.1), colour(upright, 0.5, 0.9)] == ["g", "r", "b"]
    assert (picture.mime, upright.format) == ("image/jpeg", "JPEG")
    assert picture.rendition("original").path.name == "original.jpg"


@pytest.mark.parametrize("kind", ["HEIF", "AVIF"])
def test_a_transparent_heic_or_avif_keeps_its_transparency_as_webp(kind: str, tmp_path: Path, folder: Path) -> None:
    image = paint(mode="RGBA")
    image.putalpha(Image.linear_gradient("L").resize(image.size))

    picture = imaging.prepare_upload(save(tmp_path / "clear", image, kind, quality=95), folder)

    assert (picture.mime, picture.has_alpha) == ("image/webp", True)
    assert open_original(picture).mode == "RGBA"


@pytest.mark.parametrize("kind", ["HEIF", "AVIF"])
def test_a_heic_or_avif_over_50_megapixels_is_refused_by_its_header(kind: str, tmp_path: Path, folder: Path) -> None:
    source = save(tmp_path / "in", paint((640, 480)), kind)
    content = source.read_bytes()
    # The box that states the size: its name, version and flags, width, height.
    at = content.index(b"ispe") + 8
    assert struct.unpack(">II", content[at : at + 8]) == (640, 480)
    source.write_bytes(content[:at] + struct.pack(">II", 8_000, 8_000) + content[at + 8 :])
    refused(imaging.PictureTooLarge, source, folder)


def test_a_heic_of_twelve_megapixels_fits_into_the_limits(tmp_path: Path, folder: Path) -> None:
    source = save(tmp_path / "in.heic", paint((4032, 3024)), "HEIF", quality=50)
    assert imaging.prepare_upload(source, folder).width == 4032


def test_a_video_in_the_same_kind_of_container_is_refused(tmp_path: Path, folder: Path) -> None:
    (tmp_path / "film.heic").write_bytes(b"\x00\x00\x00\x1cftypisom\x00\x00\x02\x00isomiso2mp41" + bytes(500))
    refused(imaging.UnsupportedPicture, tmp_path / "film.heic", folder)


@pytest.mark.parametrize("kind", ["JPEG", "PNG", "WEBP", "HEIF", "AVIF"])
def test_place_text_and_profile_are_gone_from_every_file(kind: str, tmp_path: Path, folder: Path) -> None:
    exif = Image.Exif()
    exif[0x010E] = "SECRET description"
    exif.get_ifd(0x8825).update({1: "N", 2: (50.0, 27.0, 0.0), 3: "E", 4: (30.0, 31.0, 0.0)})
    profile = ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB")).tobytes()
    options: dict[str, object] = {
        "exif": exif.tobytes(),
        "icc_profile": profile,
        "xmp": b"<x:xmpmeta>SECRET</x:xmpmeta>",
    }
    if kind == "PNG":
        info = PngImagePlugin.PngInfo()
        info.add_text("parameters", "SECRET prompt")
        info.add_itxt("comment", "SECRET comment")
        options["pnginfo"] = info
    if kind == "JPEG":
        options["comment"] = b"SECRET comment"
    source = save(tmp_path / "private", paint(), kind, **options)
    assert b"SECRET" in source.read_bytes()
    picture = imaging.prepare_output(source, folder, watermark_text="Darkroom")
    assert len(list(folder.iterdir())) == len(picture.renditions) == 8
    for path in folder.iterdir():
        content = path.read_bytes()
        assert [secret for secret in SECRETS if secret in content] == [], path.name


def swapped_profile() -> bytes:
    """An sRGB profile whose red and blue primaries have changed places."""
    profile = bytearray(ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB")).tobytes())
    red, blue = profile.index(b"rXYZ"), profile.index(b"bXYZ")
    profile[red : red + 4], profile[blue : blue + 4] = profile[blue : blue + 4], profile[red : red + 4]
    return bytes(profile)


@pytest.mark.parametrize("mode", ["RGB", "RGBA", "P"])
def test_another_colour_space_is_converted_and_not_merely_dropped(mode: str, tmp_path: Path, folder: Path) -> None:
    image = paint(mode=mode)
    if mode == "RGBA":
        image.putalpha(128)
    picture = imaging.prepare_upload(save(tmp_path / "in.png", image, "PNG", icc_profile=swapped_profile()), folder)
    assert [colour(open_original(picture), 0.9, 0.1), colour(open_original(picture), 0.5, 0.9)] == ["b", "r"]


def test_a_broken_profile_does_not_stop_the_picture(tmp_path: Path, folder: Path) -> None:
    source = save(tmp_path / "odd.jpg", paint(), "JPEG", icc_profile=b"not a profile at all")
    assert colour(open_original(imaging.prepare_upload(source, folder)), 0.1, 0.1) == "g"


@pytest.mark.parametrize(
    ("mode", "kind", "alpha"),
    [
        ("P", "PNG", False),
        ("L", "PNG", False),
        ("1", "PNG", False),
        ("CMYK", "JPEG", False),
        ("L", "JPEG", False),
        ("RGBA", "WEBP", False),
    ],
)
def test_every_mode_comes_out_in_plain_colours(mode: str, kind: str, alpha: bool, tmp_path: Path, folder: Path) -> None:
    picture = imaging.prepare_upload(save(tmp_path / "in", paint(mode=mode), kind), folder)
    image = open_original(picture)
    assert (image.format or kind, image.mode, picture.has_alpha) == (kind, "RGB", alpha)
    if mode not in {"1", "L"}:
        assert [colour(image, 0.1, 0.1), colour(image, 0.9, 0.1), colour(image, 0.5, 0.9)] == ["g", "r", "b"]


@pytest.mark.parametrize("mode", ["RGBA", "LA", "P"])
def test_transparency_is_kept(mode: str, tmp_path: Path, folder: Path) -> None:
    image = paint(mode="RGBA")
    image.putalpha(Image.linear_gradient("L").resize(image.size))
    if mode == "P":
        options = {"transparency": 0}
        image = Image.new("P", (300, 200), 0)
        image.putpalette([9, 9, 9, 200, 30, 30])
        image.paste(1, (50, 50, 200, 150))
    else:
        options = {}
        image = image.convert(mode)
    picture = imaging.prepare_upload(save(tmp_path / "clear.png", image, "PNG", **options), folder)
    assert picture.has_alpha
    assert open_original(picture).mode == "RGBA"
    with Image.open(picture.rendition("thumb-320").path) as thumb:
        assert thumb.mode == "RGBA"


def test_sixteen_bits_keep_their_brightness(tmp_path: Path, folder: Path) -> None:
    image = Image.new("I;16", (120, 80), 32_896)
    pixel = open_original(imaging.prepare_upload(save(tmp_path / "deep.png", image, "PNG"), folder)).getpixel((3, 3))
    assert pixel == (128, 128, 128)


@pytest.mark.parametrize("kind", ["PNG", "WEBP"])
def test_an_animation_is_taken_by_its_first_frame(kind: str, tmp_path: Path, folder: Path) -> None:
    frames = [Image.new("RGB", (90, 60), name) for name in ("red", "lime", "blue")]
    source = save(tmp_path / "moving", frames[0], kind, save_all=True, append_images=frames[1:], duration=50)
    picture = imaging.prepare_upload(source, folder)
    with Image.open(picture.rendition("original").path) as image:
        assert getattr(image, "n_frames", 1) == 1
        assert colour(image, 0.5, 0.5) == "r"


@pytest.mark.parametrize(
    ("size", "sizes"),
    [
        ((2000, 1000), {"thumb-320": (320, 160), "thumb-640": (640, 320), "thumb-1280": (1280, 640)}),
        ((1024, 1024), {"thumb-320": (320, 320), "thumb-640": (640, 640), "thumb-1280": (1024, 1024)}),
        ((600, 640), {"thumb-320": (300, 320), "thumb-640": (600, 640)}),
        ((100, 50), {"thumb-320": (100, 50), "thumb-640": (100, 50)}),
        ((4000, 2), {"thumb-320": (320, 1), "thumb-640": (640, 1), "thumb-1280": (1280, 1)}),
    ],
)
def test_thumbnails_have_their_long_edge_and_are_never_enlarged(
    size: tuple[int, int], sizes: dict[str, tuple[int, int]], tmp_path: Path, folder: Path
) -> None:
    picture = imaging.prepare_upload(save(tmp_path / "in.jpg", paint(size), "JPEG"), folder)
    assert {row.name: (row.width, row.height) for row in picture.renditions} == {"original": size, **sizes}
    for row in picture.renditions:
        with Image.open(row.path) as image:
            assert (image.size, image.get_format_mimetype()) == ((row.width, row.height), row.mime)
        assert row.bytes == row.path.stat().st_size


def test_the_picture_tells_the_truth_about_its_original(tmp_path: Path, folder: Path) -> None:
    picture = imaging.prepare_upload(save(tmp_path / "in.jpg", paint(), "JPEG", quality=90), folder)
    original = picture.rendition("original")
    assert picture.mime == original.mime == "image/jpeg"
    assert picture.sha256 == hashlib.sha256(original.path.read_bytes()).hexdigest()
    red, _green, _blue, alpha = thumbhash.thumb_hash_to_average_rgba(list(base64.b64decode(picture.thumbhash)))
    assert red == pytest.approx(ImageStat.Stat(open_original(picture)).mean[0] / 255, abs=0.05)
    assert alpha == 1.0
    with pytest.raises(KeyError):
        picture.rendition("marked")


@pytest.mark.parametrize("mode", ["RGB", "RGBA"])
def test_the_marked_set_differs_everywhere_a_crop_may_fall(mode: str, tmp_path: Path, folder: Path) -> None:
    image = paint((1200, 800), mode)
    if mode == "RGBA":
        image.putalpha(Image.linear_gradient("L").resize(image.size))
    picture = imaging.prepare_output(save(tmp_path / "made.png", image, "PNG"), folder, watermark_text="Darkroom")
    assert [row.name for row in picture.renditions] == [
        "original", "thumb-320", "thumb-640", "thumb-1280", "marked", "marked-320", "marked-640", "marked-1280",
    ]  # fmt: skip
    assert ImageChops.difference(open_original(picture).convert("RGB"), image.convert("RGB")).getbbox() is None
    with Image.open(picture.rendition("marked").path) as marked:
        difference = ImageChops.difference(marked.convert("RGB"), image.convert("RGB")).convert("L")
    for left in range(0, 1200, 400):
        for top in range(0, 800, 400):
            assert strongest(difference.crop((left, top, left + 400, top + 400))) > 10
    assert strongest(difference.crop((900, 700, 1200, 800))) > 60
    for edge in (320, 640, 1280):
        assert (
            picture.rendition(f"marked-{edge}").path.read_bytes()
            != picture.rendition(f"thumb-{edge}").path.read_bytes()
        )


def test_without_a_watermark_nothing_marked_is_written(tmp_path: Path, folder: Path) -> None:
    imaging.prepare_output(save(tmp_path / "made.webp", paint(), "WEBP", lossless=True), folder, watermark_text=None)
    assert sorted(path.name for path in folder.iterdir()) == [
        "original.webp",
        "thumb-1280.webp",
        "thumb-320.webp",
        "thumb-640.webp",
    ]


def test_a_lossless_webp_stays_lossless(tmp_path: Path, folder: Path) -> None:
    image = Image.effect_noise((200, 150), 60).convert("RGB")
    picture = imaging.prepare_upload(save(tmp_path / "in.webp", image, "WEBP", lossless=True), folder)
    assert ImageChops.difference(open_original(picture).convert("RGB"), image).getbbox() is None


def test_the_child_gets_no_secrets_of_ours(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SECRET_KEY", "do not tell")
    assert "SECRET_KEY" not in limited.ENVIRONMENT
    assert not {name for name in limited.ENVIRONMENT if "KEY" in name or "URL" in name}


def test_a_missing_file_is_our_fault_and_not_the_pictures(tmp_path: Path, folder: Path) -> None:
    with pytest.raises(imaging.DecoderFailed):
        imaging.prepare_upload(tmp_path / "nowhere.png", folder)
    with pytest.raises(imaging.DecoderFailed):
        imaging.prepare_upload(save(tmp_path / "in.png", paint(), "PNG"), tmp_path / "no folder")


def test_a_jpeg_is_kept_without_loss_that_an_eye_could_see(tmp_path: Path, folder: Path) -> None:
    buffer = io.BytesIO()
    paint((640, 480)).resize((640, 480)).save(buffer, "JPEG", quality=92)
    (tmp_path / "in.jpg").write_bytes(buffer.getvalue())
    before = Image.open(buffer).convert("RGB")
    after = open_original(imaging.prepare_upload(tmp_path / "in.jpg", folder))
    assert max(ImageStat.Stat(ImageChops.difference(before, after)).mean) < 1.5
