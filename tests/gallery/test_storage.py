"""One proof for both places where files may lie: the local disk, and a bucket of a store that speaks S3."""

import logging
import os
from collections.abc import Callable, Iterator
from datetime import datetime, timedelta
from io import BytesIO
from itertools import count
from pathlib import Path
from typing import Any
from uuid import UUID

import httpx
import pytest
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import rsa
from django.core.files.base import ContentFile
from django.core.files.storage import default_storage
from django.core.files.uploadedfile import SimpleUploadedFile
from django.core.management import CommandError, call_command
from django.test import Client
from django.utils import timezone
from moto.server import ThreadedMotoServer
from pytest_django import Settings

from accounts.models import User
from accounts.viewer import Viewer
from config.base.bucket import Bucket
from config.base.ids import uuid7
from gallery import binning, delivery, files, making, services
from gallery.delivery import delivery_for
from gallery.models import Asset
from tests.factories.gallery import tiny

ViewerOf = Callable[[User], Viewer]
LARGE = os.urandom(9 << 20)
numbers = count(1)
PARAMS = {
    "Key": "a b/ü.png",
    "ResponseContentDisposition": "inline",
    "ResponseCacheControl": "private, max-age=1800",
}


@pytest.fixture(scope="module")
def store() -> Iterator[str]:
    """The address of a store that speaks S3."""
    server = ThreadedMotoServer(ip_address="127.0.0.1", port=0, verbose=False)
    logging.getLogger("werkzeug").setLevel(logging.ERROR)
    server.start()
    host, port = server.get_host_and_port()
    yield f"http://{host}:{port}"
    server.stop()


@pytest.fixture
def bucket(store: str, settings: Settings) -> Iterator[Any]:
    """Pictures lie in a bucket of its own, set up as an operator does."""
    options = {
        "bucket_name": f"pictures-{next(numbers)}",
        "endpoint_url": store,
        "region_name": "eu-central-1",
        "access_key": "key",
        "secret_key": "secret",
        "signature_version": "s3v4",
        "object_parameters": {"ServerSideEncryption": "AES256"},
        "max_memory_size": 1 << 20,
    }
    settings.STORAGES = {
        **settings.STORAGES,
        "default": {"BACKEND": "config.base.bucket.Bucket", "OPTIONS": options},
    }
    settings.FILES_DIRECT = True
    call_command("prepare_bucket", verbosity=0)
    client = default_storage.connection.meta.client  # type: ignore[attr-defined]
    yield default_storage
    client.close()


@pytest.fixture(params=["disk", "bucket"])
def storage(request: pytest.FixtureRequest) -> Any:
    return request.getfixturevalue("bucket") if request.param == "bucket" else default_storage


def get(address: str) -> tuple[int, bytes, str]:
    """Status, content and disposition of an address of either kind."""
    if address.startswith("http"):
        answer = httpx.get(address)
        return answer.status_code, answer.content, answer.headers.get("Content-Disposition", "")
    own = Client().get(address)
    content = b"".join(own.streaming_content) if own.streaming else own.content
    own.close()
    return own.status_code, content, own.get("Content-Disposition", "")


def keys_of(company_id: UUID) -> list[str]:
    return [key for key, _time in files.walk() if key.startswith(f"{company_id}/")]


def test_a_file_is_put_overwritten_read_and_deleted(storage: Any) -> None:
    place = f"{uuid7()}/job/{uuid7()}"
    for content in (b"first", b"second"):
        assert storage.save(f"{place}/original.png", ContentFile(content)) == f"{place}/original.png"

    assert storage.exists(f"{place}/original.png")
    assert storage.size(f"{place}/original.png") == 6
    with storage.open(f"{place}/original.png") as file:
        assert file.read(3) == b"sec"
        file.seek(1)
        assert (file.size, file.read()) == (6, b"econd")
    storage.delete(f"{place}/original.png")
    assert not storage.exists(f"{place}/original.png")
    with pytest.raises(FileNotFoundError):
        storage.open(f"{place}/original.png")


def test_a_large_file_comes_back_as_it_went(storage: Any) -> None:
    key = f"{uuid7()}/job/{uuid7()}/original.png"

    storage.save(key, ContentFile(LARGE))

    with storage.open(key) as file:
        assert file.read() == LARGE


def test_a_large_file_is_put_in_parts_into_a_bucket(bucket: Any) -> None:
    key = f"{uuid7()}/job/{uuid7()}/original.png"

    bucket.save(key, ContentFile(LARGE))

    tag = bucket.bucket.Object(key).e_tag.strip('"')
    assert tag.endswith("-2"), "the tag of what was put in two parts"


def test_a_folder_goes_with_all_that_is_in_it_and_no_other(storage: Any) -> None:
    company_id = uuid7()
    gone, kept = f"{company_id}/job/{uuid7()}", f"{company_id}/job/{uuid7()}"
    for key in (f"{gone}/original.png", f"{gone}/strange name.webp", f"{kept}/original.png"):
        storage.save(key, ContentFile(b"x"))

    files.remove_folder(gone)
    files.remove_folder(gone)

    assert keys_of(company_id) == [f"{kept}/original.png"]


def test_keys_are_walked_in_the_order_of_their_bytes(storage: Any) -> None:
    company_id = uuid7()
    names = ["marked-1280.webp", "marked.png", "original.png", "thumb-320.webp"]
    folders = (f"{uuid7()}/{uuid7()}", f"uploads/{uuid7()}")
    wanted = [f"{company_id}/{folder}/{name}" for folder in folders for name in names]
    for key in reversed(wanted):
        storage.save(key, ContentFile(b"x"))

    assert keys_of(company_id) == wanted == sorted(wanted)


def test_a_picture_is_taken_in_and_given_out(alice: User, viewer: ViewerOf, storage: Any) -> None:
    who = viewer(alice)
    asset = services.upload_picture(viewer=who, file=SimpleUploadedFile("Fox.png", tiny("PNG", "red")))
    giver = delivery_for(who)
    shown, saved = giver.url(asset), giver.download_url(asset)
    with delivery.open_original(asset) as file:
        original = file.read()

    assert keys_of(who.company.pk) == sorted(row.key for row in asset.renditions.all())
    assert get(shown) == (200, original, 'inline; filename="darkroom-fox.png"')
    assert get(saved) == (200, original, 'attachment; filename="darkroom-fox.png"')


def test_what_is_purged_leaves_nothing_and_its_address_leads_nowhere(
    alice: User, viewer: ViewerOf, storage: Any
) -> None:
    who = viewer(alice)
    asset = services.upload_picture(viewer=who, file=SimpleUploadedFile("fox.png", tiny("PNG", "red")))
    address = delivery_for(who).url(asset)
    binning.bin_assets(viewer=who, ids=[asset.pk])

    # Also what other tests left in their bins.
    assert binning.purge_binned(before=timezone.now() + timedelta(seconds=1)) >= 1

    assert keys_of(who.company.pk) == []
    assert get(address)[0] in (403, 404), "a bucket does not even say what it has not"


def test_a_refused_upload_leaves_nothing_in_either_place(alice: User, viewer: ViewerOf, storage: Any) -> None:
    who = viewer(alice)

    with pytest.raises(services.UploadRefused):
        services.upload_picture(viewer=who, file=SimpleUploadedFile("fox.png", b"no picture"))

    assert keys_of(who.company.pk) == []


def test_an_address_stays_the_same_within_the_hour(
    alice: User, viewer: ViewerOf, storage: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    class Clock:
        now = 1_800_000_000.0

        def time(self) -> float:
            return self.now

    clock = Clock()
    monkeypatch.setattr(delivery, "time", clock)
    who = viewer(alice)
    asset = services.upload_picture(viewer=who, file=SimpleUploadedFile("fox.png", tiny("PNG", "red")))
    giver = delivery_for(who)
    first = giver.url(asset)
    clock.now += 3599

    assert giver.url(asset) == first
    clock.now += 2
    assert giver.url(asset) != first


def test_an_address_of_the_bucket_is_signed_for_two_hours_from_the_full_hour(bucket: Any) -> None:
    address = httpx.URL(
        bucket.signed_url("a/b.png", expires_at=1_800_007_200, seconds=7200, disposition='inline; filename="b.png"')
    )

    assert address.params["X-Amz-Date"] == "20270115T080000Z"
    assert address.params["X-Amz-Expires"] == "7200"
    assert address.params["X-Amz-Credential"] == "key/20270115/eu-central-1/s3/aws4_request"
    assert address.params["response-content-disposition"] == 'inline; filename="b.png"'
    assert len(address.params["X-Amz-Signature"]) == 64


def test_the_signature_is_the_one_that_boto_makes(bucket: Any) -> None:
    """Signed at the same second, ours and boto's own differ in nothing."""
    client = bucket.connection.meta.client
    theirs = httpx.URL(client.generate_presigned_url("get_object", Params=PARAMS | {"Bucket": bucket.bucket_name}))
    moment = theirs.params["X-Amz-Date"]
    start = int(datetime.strptime(moment + "+0000", "%Y%m%dT%H%M%SZ%z").timestamp())

    ours = httpx.URL(bucket.signed_url("a b/ü.png", expires_at=start + 3600, seconds=3600, disposition="inline"))

    assert dict(ours.params) == dict(theirs.params)
    assert ours.path == theirs.path


def test_at_amazon_an_address_leads_to_the_regions_own_door() -> None:
    bucket = Bucket(bucket_name="my-pictures", region_name="eu-west-1", access_key="key", secret_key="secret")

    address = httpx.URL(bucket.signed_url("a/b.png", expires_at=1_800_007_200, seconds=7200, disposition="inline"))

    assert (address.scheme, address.host, address.path) == (
        "https",
        "my-pictures.s3.eu-west-1.amazonaws.com",
        "/a/b.png",
    )


def test_a_domain_of_cloudfront_is_signed_for_until_the_same_moment() -> None:
    key = rsa.generate_private_key(public_exponent=65537, key_size=2048).private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.TraditionalOpenSSL, serialization.NoEncryption()
    )
    bucket = Bucket(bucket_name="my-pictures", custom_domain="cdn.example", cloudfront_key_id="K1", cloudfront_key=key)

    address = httpx.URL(bucket.signed_url("a/b.png", expires_at=1_800_007_200, seconds=7200, disposition="inline"))

    assert (address.host, address.path) == ("cdn.example", "/a/b.png")
    assert (address.params["Expires"], address.params["Key-Pair-Id"]) == ("1800007200", "K1")
    assert address.params["Signature"]


def test_what_is_put_into_a_bucket_is_encrypted_and_says_what_it_is(alice: User, viewer: ViewerOf, bucket: Any) -> None:
    asset = services.upload_picture(viewer=viewer(alice), file=SimpleUploadedFile("fox.png", tiny("PNG", "red")))

    head = bucket.bucket.Object(asset.renditions.get(name="thumb-320").key).get()

    assert (head["ServerSideEncryption"], head["ContentType"]) == ("AES256", "image/webp")


def test_a_prepared_bucket_is_private_encrypted_and_clears_up(bucket: Any) -> None:
    call_command("prepare_bucket", verbosity=0)
    client, name = bucket.connection.meta.client, bucket.bucket_name

    (rule,) = client.get_bucket_lifecycle_configuration(Bucket=name)["Rules"]
    blocked = client.get_public_access_block(Bucket=name)["PublicAccessBlockConfiguration"]
    (encryption,) = client.get_bucket_encryption(Bucket=name)["ServerSideEncryptionConfiguration"]["Rules"]

    assert rule["AbortIncompleteMultipartUpload"] == {"DaysAfterInitiation": 1}
    assert set(blocked.values()) == {True}
    assert encryption["ApplyServerSideEncryptionByDefault"] == {"SSEAlgorithm": "AES256"}
    key = f"{uuid7()}/job/a/original.png"
    bucket.save(key, BytesIO(b"private"))
    assert httpx.get(f"{bucket.endpoint_url}/{name}/{key}").status_code == 403


def test_a_bucket_may_stay_unseen_behind_us(alice: User, viewer: ViewerOf, bucket: Any, settings: Settings) -> None:
    settings.FILES_DIRECT = False
    asset = services.upload_picture(viewer=viewer(alice), file=SimpleUploadedFile("fox.png", tiny("PNG", "red")))
    with delivery.open_original(asset) as file:
        original = file.read()

    address = delivery_for(viewer(alice)).url(asset)

    assert address.startswith("/f/")
    assert get(address)[:2] == (200, original)


def test_on_the_disk_there_is_no_bucket_to_prepare() -> None:
    with pytest.raises(CommandError):
        call_command("prepare_bucket")


def test_the_disk_and_the_bucket_leave_nothing_behind(alice: User, storage: Any, tmp_path: Path) -> None:
    asset_id, company_id = uuid7(), uuid7()
    (tmp_path / "made").write_bytes(tiny("PNG", "red"))
    making.store_made(
        kind="image", source=tmp_path / "made", company_id=company_id, folder="job", asset_id=asset_id, marked=True
    )
    assert len(keys_of(company_id)) == 6

    making.discard_files(company_id=company_id, folder="job", asset_id=asset_id)

    assert keys_of(company_id) == []
    assert not Asset.objects.filter(pk=asset_id).exists()
