"""Where outputs may be fetched from, how far a redirect is followed, and how much is read."""

from collections.abc import Iterator
from uuid import UUID, uuid4

import pytest

from generation.providers.base import ProviderError, Retryable
from generation.providers.downloads import Downloader, DownloadLimits, Source
from generation.providers.fal import OFFICIAL_SOURCES
from tests.emulators.fal import FalEmulator
from tests.emulators.fal_files import picture
from tests.emulators.fal_jobs import FalJob

SOURCES = [Source.of(pattern) for pattern in OFFICIAL_SOURCES]


@pytest.fixture
def fal() -> Iterator[FalEmulator]:
    with FalEmulator() as fal:
        yield fal


def a_file(fal: FalEmulator) -> str:
    """The address of an output."""
    job = FalJob("fal-ai/flux/dev", {"prompt": "a fox", "seed": 5}, "", 0, 0)
    fal.take(job)
    assert UUID(job.id)
    return f"{fal.url}/files/{job.id}-0.png"


@pytest.mark.parametrize(
    "address",
    [
        "https://fal.media/files/a.png",
        "https://v3.fal.media/files/a.png",
        "https://v3b.fal.media/files/b/a.png?x=1",
        "https://v3.fal.media:443/files/a.png",
        "https://storage.googleapis.com/falserverless/a.png",
    ],
)
def test_fals_own_hosts_are_served_from(address: str) -> None:
    downloader = Downloader(OFFICIAL_SOURCES)
    assert str(downloader._checked(address)).startswith("https://")


@pytest.mark.parametrize(
    "address",
    [
        "http://v3.fal.media/a.png",
        "https://v3.fal.media:8443/a.png",
        "https://user:secret@v3.fal.media/a.png",
        "https://v3.fal.media.example/a.png",
        "https://evilfal.media/a.png",
        "https://storage.googleapis.com/somebody-else/a.png",
        "https://storage.googleapis.com/falserverless/../somebody-else/a.png",
        "https://169.254.169.254/latest/meta-data",
        "https://127.0.0.1/a.png",
        "file:///etc/passwd",
        "data:image/png;base64,AAAA",
        "//v3.fal.media/a.png",
        "https://[",
        "",
    ],
)
def test_no_other_address_is_asked(address: str) -> None:
    with pytest.raises(ProviderError):
        Downloader(OFFICIAL_SOURCES).download(address)


def test_a_file_is_fetched_whole(fal: FalEmulator) -> None:
    download = Downloader([f"{fal.url}/files/"]).download(a_file(fal))
    with download.stream as stream:
        assert stream.read() == picture(5)
    assert (download.mime, download.size) == ("image/png", len(picture(5)))


def test_a_redirect_on_the_same_host_is_followed_but_not_in_circles(fal: FalEmulator) -> None:
    address = a_file(fal)
    fal.redirect_to = address
    fal.fail_next("redirect", times=2)
    with Downloader([fal.url]).download(address).stream as stream:
        assert stream.read() == picture(5)
    fal.fail_next("redirect", times=20)
    with pytest.raises(ProviderError, match="circles"):
        Downloader([fal.url]).download(address)


def test_a_redirect_between_two_allowed_hosts_is_not_followed(fal: FalEmulator) -> None:
    with FalEmulator() as other:
        fal.redirect_to = f"{other.url}/files/{uuid4()}-0.png"
        fal.fail_next("redirect")
        with pytest.raises(ProviderError, match="another host"):
            Downloader([fal.url, other.url]).download(a_file(fal))
        assert list(other.log) == []


def test_a_file_is_not_read_beyond_the_limit_nor_the_time(fal: FalEmulator) -> None:
    small = Downloader([fal.url], DownloadLimits(size=100))
    with pytest.raises(ProviderError, match="too large"):
        small.download(a_file(fal))
    late = Downloader([fal.url], DownloadLimits(total=0))
    with pytest.raises(Retryable, match="too slow"):
        late.download(a_file(fal))
