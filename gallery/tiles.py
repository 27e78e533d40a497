"""An asset as the pages show it: its addresses for the viewer and its place in a row."""

import math
from dataclasses import dataclass
from datetime import datetime

from django.conf import settings
from django.utils.translation import gettext as _
from django.utils.translation import ngettext

from gallery.delivery import Delivery
from gallery.models import Asset

ALT_LENGTH = 140
# Shapes that gallery.css knows, by width ÷ height in hundredths: the content policy forbids a style on each picture.
# The ratios that people choose are there exactly; whatever else comes is cut by a few per cent in the grid only.
SHAPES = (33, 38, 43, 50, 56, 60, 67, 75, 80, 90, 100, 111, 125, 133, 150, 160, 178, 200, 233, 265, 300)


@dataclass(frozen=True, slots=True)
class Tile:
    """One asset for a template; `gone_at` is when something in the bin is deleted for good.

    `badge` says in short how long a video is or how many faces a mesh has; `badge_label` says it in words.
    """

    asset: Asset
    alt: str
    shape: int
    thumbnail: str
    srcset: str
    gone_at: datetime | None
    badge: str = ""
    badge_label: str = ""


def tile_of(asset: Asset, delivery: Delivery) -> Tile:
    """Return the tile of an asset whose renditions are fetched."""
    thumbnail, srcset = delivery.image(asset)
    badge, badge_label = badge_of(asset)
    return Tile(
        asset=asset,
        alt=alt_of(asset),
        shape=shape_of(asset.width, asset.height),
        thumbnail=thumbnail,
        srcset=srcset,
        gone_at=asset.deleted_at + settings.BIN_LIFETIME if asset.deleted_at else None,
        badge=badge,
        badge_label=badge_label,
    )


def _unnamed(asset: Asset) -> str:
    if asset.kind == Asset.Kind.VIDEO:
        return _("Video without a description")
    return _("3D model without a description") if asset.kind == Asset.Kind.MESH else _("Picture without a description")


def badge_of(asset: Asset) -> tuple[str, str]:
    """How long a video is or how many faces a mesh has, in short and in words; nothing of a picture."""
    if asset.kind == Asset.Kind.VIDEO:
        minutes, seconds = divmod(round(asset.seconds or 0), 60)
        label = ngettext("Video, %(count)d second", "Video, %(count)d seconds", round(asset.seconds or 0))
        return f"{minutes}:{seconds:02}", label % {"count": round(asset.seconds or 0)}
    if asset.kind == Asset.Kind.MESH:
        faces = asset.faces or 0
        label = ngettext("3D model, %(count)d face", "3D model, %(count)d faces", faces) % {"count": faces}
        return short_number(faces), label
    return "", ""


def short_number(number: int) -> str:
    """As many digits as fit a badge: 950, 5k, 12.5k, 1.9M."""
    if number < 1000:
        return str(number)
    amount, unit = (number / 1000, "k") if number < 999_950 else (number / 1_000_000, "M")
    return f"{amount:.1f}".removesuffix(".0") + unit


def alt_of(asset: Asset) -> str:
    """What it shows, as far as we know it."""
    text = asset.prompt or asset.original_name or _unnamed(asset)
    return text if len(text) <= ALT_LENGTH else f"{text[: ALT_LENGTH - 1]}…"


def shape_of(width: int, height: int) -> int:
    """The nearest of `SHAPES`, by proportion."""
    ratio = 100 * width / max(1, height)
    return min(SHAPES, key=lambda shape: abs(math.log(shape / max(1.0, ratio))))
