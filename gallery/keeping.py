"""The rows of an asset whose files lie in the storage."""

from config.base.realtime import publish
from gallery.files import StoredAsset
from gallery.models import Asset, AssetRendition


def keep(stored: StoredAsset, asset: Asset) -> Asset:
    """Fill in what the files say and write the asset and its renditions, within the caller's transaction.

    The company's pages are told on commit, unless it is a mask, which none shows.
    """
    asset.pk = stored.asset_id
    asset.kind = stored.kind
    asset.mime, asset.bytes, asset.sha256 = stored.mime, stored.bytes, stored.sha256
    asset.width, asset.height, asset.thumbhash = stored.width, stored.height, stored.thumbhash
    asset.seconds, asset.faces = stored.seconds, stored.faces
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
