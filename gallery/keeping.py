"""The rows of an asset whose files lie in the storage, and the storage that they take of the company's plan."""

from collections.abc import Iterable
from uuid import UUID

from django.db import transaction

from accounts.models import Company
from billing.storage import add_storage, give_back_storage, take_storage
from config.base.realtime import publish
from gallery.files import StoredAsset
from gallery.models import Asset, AssetRendition


def keep(stored: StoredAsset, asset: Asset) -> Asset:
    """Fill in what the files say and write the asset and its renditions, within the caller's transaction.

    What was made is kept whatever the storage; an upload that does not fit raises `StorageFull`. The company's pages
    are told on commit, unless it is a mask, which none shows and none counts.
    """
    asset.pk = stored.asset_id
    asset.kind = stored.kind
    asset.mime, asset.bytes, asset.sha256 = stored.mime, stored.bytes, stored.sha256
    asset.width, asset.height, asset.thumbhash = stored.width, stored.height, stored.thumbhash
    asset.seconds, asset.faces = stored.seconds, stored.faces
    if asset.kind != Asset.Kind.MASK:
        _count(asset)
    asset.save(force_insert=True)
    AssetRendition.objects.bulk_create(
        AssetRendition(
            asset=asset,
            name=file.name,
            key=file.key,
            mime=file.mime,
            bytes=file.bytes,
            width=file.width,
            height=file.height,
        )
        for file in stored.files
    )
    if stored.kind != "mask":
        publish(company_id=asset.company_id, name="asset", ids={"id": str(asset.pk)})
    return asset


def _count(asset: Asset) -> None:
    if asset.origin == Asset.Origin.MADE:
        add_storage(company=asset.company, amount=asset.bytes)
    else:
        take_storage(company=asset.company, amount=asset.bytes, field="file")


def forget(ids: Iterable[UUID]) -> int:
    """Delete the rows of assets whose files are gone, and give back the storage that they took; return how many.

    Of callers at once each row is one's alone, so nothing is given back twice.
    """
    with transaction.atomic():
        rows = Asset.objects.select_for_update().filter(pk__in=set(ids)).order_by("pk")
        locked = list(rows.only("pk", "kind", "bytes", "company_id"))
        Asset.objects.filter(pk__in=[asset.pk for asset in locked]).delete()
        for company_id in sorted({asset.company_id for asset in locked}):
            mine = [asset for asset in locked if asset.company_id == company_id and asset.kind != Asset.Kind.MASK]
            give_back_storage(company=Company(pk=company_id), amount=sum(asset.bytes for asset in mine))
    return len(locked)
