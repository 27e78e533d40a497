"""What every file that leaves says of itself (how it was made, signed), and what none says (who, what, where)."""

import hashlib
import io
import json
import tempfile
from collections.abc import Callable
from functools import cache
from pathlib import Path
from typing import Any
from xml.etree import ElementTree

import c2pa
import pillow_heif
import pytest
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import ec
from django.core.files.storage import default_storage
from django.core.files.uploadedfile import SimpleUploadedFile
from PIL import Image, PngImagePlugin
from pytest_django import Settings

from accounts.models import User
from accounts.viewer import Viewer
from config.base import provenance
from config.base.ids import uuid7
from config.base.provenance import ALGORITHMIC, SOURCE_TYPES, TRAINED
from gallery import checks, making, services
from gallery.files import StoredAsset

ViewerOf = Callable[[User], Viewer]
pillow_heif.register_heif_opener()
PROMPT = "A RED FOX that my neighbour Olena must not see"
EMAIL = "alice.private@example.com"
PLACE = 50.2649
IPTC_SOURCE_TYPE = "{http://iptc.org/std/Iptc4xmpExt/2008-02-29/}DigitalSourceType"
NOTHING: list[dict[str, Any]] = []
KINDS = ["JPEG", "PNG", "WEBP", "HEIF", "AVIF"]


@cache
def private_picture(kind: str, size: tuple[int, int] = (720, 480)) -> bytes:
    """A picture that tells all about its maker in every way that its format knows."""
    exif = Image.Exif()
    exif[0x010E] = PROMPT
    exif[0x013B] = EMAIL
    exif[0x8298] = f"Copyright {EMAIL}"
    exif.get_ifd(0x8825).update({1: "N", 2: (50.0, 15.0, 53.64), 3: "E", 4: (28.0, 39.0, 31.0), 0x1D: "2026:11:20"})
    xmp = f"<x:xmpmeta>{PROMPT} {EMAIL} exif:GPSLatitude='{PLACE}'</x:xmpmeta>".encode()
    options: dict[str, Any] = {"exif": exif.tobytes(), "xmp": xmp}
    if kind == "PNG":
        info = PngImagePlugin.PngInfo()
        info.add_text("parameters", f"{PROMPT} {EMAIL}")
        info.add_text("prompt", PROMPT, zip=True)
        info.add_itxt("Comment", f"{PROMPT} GPS {PLACE}")
        options["pnginfo"] = info
    if kind == "JPEG":
        options["comment"] = f"{PROMPT} {EMAIL}".encode()
    image = Image.radial_gradient("L").resize(size).convert("RGB")
    buffer = io.BytesIO()
    image.save(buffer, kind, **options)
    return buffer.getvalue()


def store(content: bytes, folder: Path, **options: Any) -> StoredAsset:
    source = folder / "made"
    source.write_bytes(content)
    return making.store_made(
        kind="image", source=source, company_id=uuid7(), folder="job", asset_id=uuid7(), marked=True, **options
    )


@cache
def made(kind: str, source_type: str = TRAINED) -> StoredAsset:
    """A private picture as it was stored, once for all that look at it."""
    with tempfile.TemporaryDirectory() as folder:
        return store(private_picture(kind), Path(folder), source_type=source_type)


def content_of(key: str) -> bytes:
    with default_storage.open(key) as file:
        content: bytes = file.read()
    return content


def reader_of(mime: str, content: bytes) -> c2pa.Reader:
    return c2pa.Reader(mime, io.BytesIO(content))


def forms_of(text: str) -> list[bytes]:
    return [text.encode(), text.encode("utf-16-le"), text.encode("utf-16-be"), text.lower().encode()]


SECRETS = [
    *forms_of(PROMPT),
    *forms_of("Olena"),
    *forms_of(EMAIL),
    *forms_of(str(PLACE)),
    *(b"GPS", b"Exif\0", b"eXIf", b"EXIF", b"parameters", b"prompt", b"example.com"),
]


@pytest.mark.parametrize("kind", KINDS)
def test_the_official_reader_believes_what_full_size_files_say(kind: str) -> None:
    stored = made(kind)

    signed = {file.name: file for file in stored.files if file.name in ("original", "marked")}
    assert len(signed) == 2
    for file in signed.values():
        reader = reader_of(file.mime, content_of(file.key))
        assert reader.get_validation_state() == "Valid"
        manifest = reader.get_active_manifest()
        assert manifest is not None
        (action,) = manifest["assertions"][0]["data"]["actions"]
        assert action["action"] == "c2pa.created"
        assert action["digitalSourceType"].endswith("/digitalsourcetype/trainedAlgorithmicMedia")
        assert manifest["claim_generator_info"][0]["name"] == "Darkroom"


@pytest.mark.parametrize(
    ("kind", "source_type"),
    [*((kind, TRAINED) for kind in KINDS), ("PNG", ALGORITHMIC), ("JPEG", "compositeSynthetic")],
)
def test_every_file_names_how_it_was_made_in_its_xmp(kind: str, source_type: str) -> None:
    stored = made(kind, source_type)

    assert len(stored.files) == 8
    for file in stored.files:
        content = content_of(file.key)
        with Image.open(io.BytesIO(content)) as image:
            told = image.info.get("xmp") or image.info["XML:com.adobe.xmp"].encode()
        (description,) = ElementTree.fromstring(told)[0]  # noqa: S314 - our own
        assert description.get(IPTC_SOURCE_TYPE) == f"http://cv.iptc.org/newscodes/digitalsourcetype/{source_type}"


def test_the_local_studio_is_never_passed_off_as_ai(tmp_path: Path) -> None:
    stored = store(private_picture("PNG"), tmp_path)

    for file in stored.files:
        content = content_of(file.key)
        assert b"trained" not in content.lower()
        assert b"digitalsourcetype/algorithmicMedia" in content


@pytest.mark.parametrize("kind", KINDS)
def test_no_made_file_tells_the_prompt_the_person_or_the_place(kind: str) -> None:
    assert any(secret in private_picture(kind) for secret in forms_of(EMAIL)), "the source would tell"

    stored = made(kind)

    for file in stored.files:
        found = [secret for secret in SECRETS if secret in content_of(file.key)]
        assert found == [], file.name


@pytest.mark.parametrize("kind", KINDS)
def test_no_uploaded_file_tells_anything_at_all(alice: User, viewer: ViewerOf, kind: str) -> None:
    upload = SimpleUploadedFile("fox.bin", private_picture(kind))

    asset = services.upload_picture(viewer=viewer(alice), file=upload)

    for row in asset.renditions.all():
        content = content_of(row.key)
        assert [secret for secret in [*SECRETS, b"xmp", b"c2pa", b"digitalsourcetype"] if secret in content] == []


@pytest.mark.parametrize("kind", KINDS)
def test_what_is_kept_of_a_signed_file_is_true_of_it(kind: str) -> None:
    stored = made(kind)

    for file in stored.files:
        assert len(content_of(file.key)) == file.bytes
    original = next(file for file in stored.files if file.name == "original")
    assert hashlib.sha256(content_of(original.key)).hexdigest() == stored.sha256


def made_by_provider(
    folder: Path, *, action: dict[str, Any] | None = None, more: list[dict[str, Any]] = NOTHING
) -> bytes:
    """A picture with a manifest as a provider signs it."""
    path = folder / "provided.png"
    Image.radial_gradient("L").convert("RGB").save(path)
    done = {"action": "c2pa.created", "digitalSourceType": f"{provenance.VOCABULARY}{TRAINED}"} | (action or {})
    manifest = {
        "claim_generator_info": [{"name": "Some provider"}],
        "assertions": [{"label": "c2pa.actions.v2", "data": {"actions": [done]}}, *more],
    }
    out = io.BytesIO()
    with (
        c2pa.Context(settings=c2pa.Settings.from_dict(provenance.SETTINGS)) as context,
        c2pa.Builder.from_json(json.dumps(manifest), context) as builder,
        provenance._signer(provenance.make_identity()) as signer,
        path.open("rb") as source,
    ):
        builder.sign(signer, "image/png", source, out)
    return out.getvalue()


def test_what_a_provider_signed_is_kept_as_the_parent(tmp_path: Path) -> None:
    stored = store(made_by_provider(tmp_path), tmp_path, source_type=TRAINED)

    for file in stored.files:
        if file.name in ("original", "marked"):
            reader = reader_of(file.mime, content_of(file.key))
            manifest = reader.get_active_manifest()
            assert manifest is not None
            assert reader.get_validation_state() == "Valid"
            (parent,) = manifest["ingredients"]
            assert parent["relationship"] == "parentOf"
            theirs = reader.get_manifest(parent["active_manifest"])
            assert theirs is not None
            assert theirs["claim_generator_info"][0]["name"] == "Some provider"
            actions = manifest["assertions"][0]["data"]["actions"]
            assert [action["action"] for action in actions] == ["c2pa.opened", "c2pa.transcoded"]


@pytest.mark.parametrize(
    ("action", "more"),
    [
        ({"description": PROMPT}, []),
        ({"parameters": {"org.example.prompt": PROMPT}}, []),
        ({}, [{"label": "org.example.generation", "data": {"prompt": PROMPT, "user": EMAIL}}]),
        ({}, [{"label": "cawg.metadata", "data": {"@context": {"dc": "http://purl.org/dc/"}, "dc:title": PROMPT}}]),
    ],
    ids=["description", "parameters", "assertion", "metadata"],
)
def test_a_providers_manifest_that_tells_more_is_left_out(
    action: dict[str, Any], more: list[dict[str, Any]], tmp_path: Path
) -> None:
    content = made_by_provider(tmp_path, action=action, more=more)
    assert PROMPT.encode() in content

    stored = store(content, tmp_path, source_type=TRAINED)

    for file in stored.files:
        assert [secret for secret in SECRETS if secret in content_of(file.key)] == [], file.name
    original = next(file for file in stored.files if file.name == "original")
    assert reader_of(original.mime, content_of(original.key)).get_validation_state() == "Valid"


def test_a_change_to_the_picture_is_noticed(tmp_path: Path) -> None:
    stored = store(private_picture("JPEG", (64, 64)), tmp_path)
    original = next(file for file in stored.files if file.name == "original")
    content = bytearray(content_of(original.key))
    content[-100] ^= 0xFF

    assert reader_of(original.mime, bytes(content)).get_validation_state() == "Invalid"


def test_a_word_that_the_vocabulary_has_not_is_refused(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="digital source type"):
        store(private_picture("PNG", (64, 64)), tmp_path, source_type="handmade")
    assert all(provenance.xmp_packet(name) for name in SOURCE_TYPES)


def test_the_operators_own_identity_signs(settings: Settings, tmp_path: Path) -> None:
    identity = provenance.make_identity()
    (tmp_path / "chain.pem").write_text(identity.certificates)
    settings.C2PA_CERT, settings.C2PA_KEY = str(tmp_path / "chain.pem"), identity.key.replace("\n", "\\n")

    stored = store(private_picture("PNG", (64, 64)), tmp_path)

    original = next(file for file in stored.files if file.name == "original")
    assert reader_of(original.mime, content_of(original.key)).get_validation_state() == "Valid"
    assert not [note for note in checks.notes() if "C2PA" in note]


@pytest.mark.parametrize("broken", ["nonsense", "/nowhere/chain.pem", "another key"])
def test_a_signer_that_does_not_work_keeps_nobody_from_the_picture(
    broken: str, settings: Settings, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    settings.C2PA_CERT = settings.C2PA_KEY = broken
    if broken == "another key":
        key = ec.generate_private_key(ec.SECP256R1())
        settings.C2PA_CERT = provenance.make_identity().certificates
        settings.C2PA_KEY = key.private_bytes(
            serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
        ).decode()

    stored = store(private_picture("PNG", (64, 64)), tmp_path)

    assert "delivered without a manifest" in caplog.text
    for file in stored.files:
        content = content_of(file.key)
        assert len(content) == file.bytes
        assert b"digitalsourcetype/algorithmicMedia" in content
        with Image.open(io.BytesIO(content)) as image:
            image.load()


def test_our_own_identity_is_made_once_and_kept_secret(tmp_path: Path) -> None:
    folder = tmp_path / "c2pa"
    first = provenance.load_identity(certificates="", key="", folder=folder)
    provenance._own_identity.cache_clear()

    second = provenance.load_identity(certificates="", key="", folder=folder)

    assert first == second
    assert (folder / "key.pem").stat().st_mode & 0o777 == 0o600
    assert [path.name for path in tmp_path.iterdir()] == ["c2pa"]


def test_of_workers_that_begin_at_once_all_sign_as_one(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    folder = tmp_path / "c2pa"
    other = provenance.make_identity()

    def overtaken() -> provenance.Identity:
        folder.mkdir()
        (folder / "certificate.pem").write_text(other.certificates)
        (folder / "key.pem").write_text(other.key)
        return mine

    mine = provenance.make_identity()
    monkeypatch.setattr(provenance, "make_identity", overtaken)

    assert provenance.load_identity(certificates="", key="", folder=folder) == other
    assert [path.name for path in tmp_path.iterdir()] == ["c2pa"]


def test_without_an_identity_in_production_the_operator_is_told(settings: Settings) -> None:
    settings.DEBUG = False
    settings.C2PA_CERT = settings.C2PA_KEY = ""

    assert [note for note in checks.notes() if "C2PA_CERT" in note]
