"""Assets for tests: rows by the product's own service, over small true files in the storage."""

import io
from functools import cache
from typing import Any

import factory
from django.core.files.base import ContentFile
from django.core.files.storage import default_storage
from factory.django import DjangoModelFactory
from PIL import Image

from accounts.models import Company, User
from config.base.ids import uuid7
from config.base.media import MESH_MIME, VIDEO_MIME
from gallery.files import EXTENSIONS, UPLOADS, StoredAsset, StoredFile
from gallery.making import keep_made
from gallery.models import Asset

CLEAN = ("original", "thumb-320", "thumb-640", "thumb-1280")
MARKED = ("marked", "marked-320", "marked-640", "marked-1280")
# A blurred sunset, as the decoder would have written it.
THUMBHASH = "1QcSHQRnh493V4dIh4eXh1h4kJUI"


@cache
def tiny(kind: str, colour: str) -> bytes:
    """A picture of 16 × 9 pixels in one colour."""
    buffer = io.BytesIO()
    Image.new("RGB", (16, 9), colour).save(buffer, kind)
    return buffer.getvalue()


def store_tiny(
    *, company: Company, folder: str, width: int, height: int, names: tuple[str, ...], kind: str = "image", **more: Any
) -> StoredAsset:
    """Files of a new asset: red where clean, blue where marked; of a video or mesh, pictures of it are."""
    asset_id = uuid7()
    files = []
    full = {"video": VIDEO_MIME, "mesh": MESH_MIME}.get(kind, "image/png")
    for name in names:
        is_large = name in {"original", "marked"}
        mime = full if is_large else "image/webp"
        content = tiny("PNG" if is_large else "WEBP", "blue" if name.startswith("marked") else "red")
        key = f"{company.pk}/{folder}/{asset_id}/{name}.{EXTENSIONS[mime]}"
        default_storage.save(key, ContentFile(content))
        edge = max(width, height) if is_large else int(name.partition("-")[2])
        scale = edge / max(width, height)
        files.append(StoredFile(name, key, mime, len(content), round(width * scale), round(height * scale)))
    return StoredAsset(
        asset_id=asset_id,
        kind=kind,
        mime=full,
        width=width,
        height=height,
        sha256="0" * 64,
        thumbhash=THUMBHASH,
        files=tuple(files),
        **more,
    )


class AssetFactory(DjangoModelFactory[Asset]):
    """A made picture of a person's, in the personal company; `origin="upload"` for one that was sent."""

    class Meta:
        model = Asset

    user = factory.SubFactory("tests.factories.accounts.PersonFactory")
    prompt = factory.Sequence(lambda number: f"red fox in the snow {number}")
    task = "text-to-image"
    model_name = "Local studio"
    params = factory.LazyFunction(lambda: {"aspect_ratio": "4:3"})
    seed = factory.Sequence(lambda number: number)
    width = 1600
    height = 1200

    @classmethod
    def _create(cls, model_class: type[Asset], *_args: Any, user: User, **fields: Any) -> Asset:
        company = user.memberships.select_related("company").get().company
        is_upload = fields.pop("origin", Asset.Origin.MADE) == Asset.Origin.UPLOAD
        names = fields.pop("names", CLEAN if is_upload else CLEAN + MARKED)
        folder = UPLOADS if is_upload else str(uuid7())
        size = {"width": fields.pop("width"), "height": fields.pop("height")}
        about = {name: fields.pop(name) for name in ("kind", "seconds", "faces") if name in fields}
        stored = store_tiny(company=company, folder=folder, names=names, **size, **about)
        later = {name: fields.pop(name) for name in ("deleted_at", "original_name") if name in fields}
        made = {"credits": 1, "elapsed_ms": 900, "parents": []} | fields
        asset = keep_made(stored=stored, company=company, user=user, **made)
        if is_upload:
            later |= {"origin": Asset.Origin.UPLOAD, "prompt": "", "model_name": "", "seed": None, "credits": 0}
        for name, value in later.items():
            setattr(asset, name, value)
        if later:
            asset.save(update_fields=list(later))
        return asset
