"""What a viewer gets of an asset: signed addresses that expire, marked copies on plans that mark.

Nothing is public by its path. An address is made only through a `Delivery`, for assets that its viewer was shown, and
names one file until one moment; whoever holds it may fetch it until then. The moment is rounded to half the lifetime,
so that the address stays the same for up to an hour (browsers cache by address) and works for at least an hour.
"""

import json
import time
from collections.abc import Mapping
from dataclasses import dataclass
from functools import lru_cache
from typing import Any

from django.conf import settings
from django.core.files.base import File
from django.core.files.storage import default_storage
from django.core.signing import Signer, b64_decode, b64_encode
from django.urls import reverse
from django.utils.http import content_disposition_header
from django.utils.text import slugify

from accounts.viewer import Viewer
from billing.selectors import plan_of
from gallery import files
from gallery.models import Asset, AssetRendition

MARKED = {
    "original": "marked",
    "thumb-320": "marked-320",
    "thumb-640": "marked-640",
    "thumb-1280": "marked-1280",
    "manifest": "marked-manifest",
}
THUMBNAILS = ("thumb-320", "thumb-640", "thumb-1280")
NAME_WORDS = 6


class AddressExpired(Exception):
    """An address of ours that no longer works."""


@dataclass(frozen=True, slots=True)
class Address:
    """What a signed address says: which file, until when (Unix seconds), to keep or to look at."""

    key: str
    expires_at: int
    is_download: bool


@dataclass(frozen=True, slots=True)
class Delivery:
    """Makes the addresses for one viewer. The assets' renditions are fetched by the caller (`with_files`)."""

    viewer: Viewer
    is_marked: bool

    def url(self, asset: Asset, rendition: str = "original", *, download: bool = False) -> str:
        """Return the path of a rendition; "" when this viewer has none of that name.

        On a plan that marks, what was made is given as its marked copy and never as the clean one: an asset whose
        marked copies are missing gives nothing.
        """
        found = self._files(asset).get(rendition)
        return _address_of(asset, found, is_download=download) if found else ""

    def rendition(self, asset: Asset, name: str = "original") -> AssetRendition | None:
        """Return the file that this viewer may have under a name, as `url` gives it; None when there is none."""
        return self._files(asset).get(name)

    def script_url(self, asset: Asset) -> str:
        """Return the path of the original on this very site, for a script to fetch; "" when there is none.

        The viewer of 3D models reads its file itself: from a bucket's or a cache's site it would need their consent.
        """
        found = self._files(asset).get("original")
        return _own_address(found.key, name=file_name(asset, found), is_download=False) if found else ""

    def download_url(self, asset: Asset) -> str:
        """Return the path that saves the original under a telling name."""
        return self.url(asset, "original", download=True)

    def thumbnail(self, asset: Asset, width: int = 640) -> str:
        """Return the path of the smallest thumbnail whose long edge has `width` pixels, else of the largest."""
        return self.url(asset, _fitting(self._files(asset), width))

    def srcset(self, asset: Asset) -> str:
        """Return the thumbnails as an `<img srcset>` with their true widths."""
        return self.image(asset)[1]

    def image(self, asset: Asset, width: int = 640) -> tuple[str, str]:
        """Return `thumbnail` and `srcset` at once, each address signed once: a gallery makes hundreds."""
        given = self._files(asset)
        names = [name for name in THUMBNAILS if name in given]
        signed = {name: _address_of(asset, given[name]) for name in names}
        chosen = _fitting(given, width)
        return (
            signed[chosen] if chosen in signed else self.url(asset, chosen),
            ", ".join(f"{signed[name]} {given[name].width}w" for name in names),
        )

    def _files(self, asset: Asset) -> dict[str, AssetRendition]:
        """What the viewer may have, by the clean name."""
        given = {rendition.name: rendition for rendition in asset.renditions.all()}
        if not self.is_marked or asset.origin != Asset.Origin.MADE:
            return given
        return {name: given[marked] for name, marked in MARKED.items() if marked in given}


def delivery_for(viewer: Viewer) -> Delivery:
    """Look up the plan once and return the delivery for one request."""
    return Delivery(viewer=viewer, is_marked=plan_of(viewer.company).has_watermark)


def url_for(asset: Asset, viewer: Viewer, rendition: str = "original") -> str:
    """Return the path of one rendition; for several assets keep a `delivery_for`."""
    return delivery_for(viewer).url(asset, rendition)


def operator_url(asset: Asset, rendition: str = "thumb-320") -> str:
    """Return the path of a rendition for an operator in the admin, who sees what is stored; "" when there is none."""
    found = next((row for row in asset.renditions.all() if row.name == rendition), None)
    return _address_of(asset, found) if found else ""


def open_original(asset: Asset) -> "File[Any]":
    """Open the clean original, for a provider's input; the caller closes it. `AssetRendition.DoesNotExist` if none."""
    return default_storage.open(asset.renditions.get(name="original").key)


def read_address(token: str, name: str) -> Address:
    """Return what an address says. `signing.BadSignature` if it is not ours, `AddressExpired` if its time is over."""
    value, _dot, signature = token.partition(".")
    _signer().unsign(f"{value}/{name}:{signature}")
    key, expires_at, is_download = json.loads(b64_decode(value.encode()))
    if expires_at <= time.time():
        raise AddressExpired
    return Address(key=key, expires_at=expires_at, is_download=bool(is_download))


def file_name(asset: Asset, rendition: AssetRendition) -> str:
    """A safe name to save under: `darkroom-<first words of the prompt>-<seed>.png`."""
    words = _first_words(asset.prompt or asset.original_name.rpartition(".")[0])
    parts = ["darkroom", *words, "" if asset.seed is None else str(asset.seed)]
    stem = "-".join(part for part in parts if part)[:80]
    return f"{stem}.{rendition.key.rpartition('.')[2]}"


# A page asks for each picture's name once a size.
@lru_cache(maxsize=256)
def _first_words(text: str) -> tuple[str, ...]:
    return tuple(slugify(text).split("-")[:NAME_WORDS])


def _fitting(given: Mapping[str, AssetRendition], width: int) -> str:
    """The name of the smallest thumbnail that is wide enough, else of the largest, else the original's."""
    names = [name for name in THUMBNAILS if name in given]
    enough = [name for name in names if int(name.partition("-")[2]) >= width]
    return (enough or names[-1:] or ["original"])[0]


def _address_of(asset: Asset, rendition: AssetRendition, *, is_download: bool = False) -> str:
    return _address(rendition.key, name=file_name(asset, rendition), is_download=is_download)


def _address(key: str, *, name: str, is_download: bool) -> str:
    disposition = content_disposition_header(is_download, name) or "inline"
    direct = files.signed_url(key, expires_at=_expiry(), seconds=2 * _step(), disposition=disposition)
    return direct or settings.CDN_URL + _own_address(key, name=name, is_download=is_download)


def _own_address(key: str, *, name: str, is_download: bool) -> str:
    value = b64_encode(json.dumps([key, _expiry(), int(is_download)], separators=(",", ":")).encode()).decode()
    signature = _signer().signature(f"{value}/{name}")
    return reverse("file", args=[f"{value}.{signature}", name])


def _signer() -> Signer:
    return Signer(salt="gallery.delivery", sep=":")


def _expiry() -> int:
    """Unix seconds at which an address made now ends: between half of the lifetime and all of it away."""
    return (int(time.time()) // _step() + 2) * _step()


def _step() -> int:
    """Seconds for which an address stays the same: half of the lifetime."""
    return int(settings.FILE_URL_LIFETIME.total_seconds()) // 2
