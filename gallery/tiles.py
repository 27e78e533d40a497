"""A picture as the pages show it: its addresses for the viewer and its place in a row."""

import math
from dataclasses import dataclass
from datetime import datetime

from django.conf import settings
from django.utils.translation import gettext as _

from gallery.delivery import Delivery
from gallery.models import Asset

ALT_LENGTH = 140
# Shapes that gallery.css knows, by width ÷ height in hundredths: the content policy forbids a style on each picture.
# The ratios that people choose are there exactly; whatever else comes is cut by a few per cent in the grid only.
SHAPES = (33, 38, 43, 50, 56, 60, 67, 75, 80, 90, 100, 111, 125, 133, 150, 160, 178, 200, 233, 265, 300)


@dataclass(frozen=True, slots=True)
class Tile:
    """One asset for a template; `gone_at` is when something in the bin is deleted for good."""

    asset: Asset
    alt: str
    shape: int
    thumbnail: str
    srcset: str
    gone_at: datetime | None


def tile_of(asset: Asset, delivery: Delivery) -> Tile:
    """Return the tile of an asset whose renditions are fetched."""
    thumbnail, srcset = delivery.image(asset)
    return Tile(
        asset=asset,
        alt=alt_of(asset),
        shape=shape_of(asset.width, asset.height),
        thumbnail=thumbnail,
        srcset=srcset,
        gone_at=asset.deleted_at + settings.BIN_LIFETIME if asset.deleted_at else None,
    )


def alt_of(asset: Asset) -> str:
    """What the picture shows, as far as we know it."""
    text = asset.prompt or asset.original_name or _("Picture without a description")
    return text if len(text) <= ALT_LENGTH else f"{text[: ALT_LENGTH - 1]}…"


def shape_of(width: int, height: int) -> int:
    """The nearest of `SHAPES`, by proportion."""
    ratio = 100 * width / max(1, height)
    return min(SHAPES, key=lambda shape: abs(math.log(shape / max(1.0, ratio))))
