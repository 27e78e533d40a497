"""What the gallery has of a person, for a copy of everything: all they made as rows, the files where they belong."""

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from uuid import UUID

from django.utils.text import slugify

from accounts.models import Company, User
from accounts.viewer import Viewer, memberships_of
from config.base.registry import ExportDocument, ExportFile
from config.base.walking import walk
from gallery.delivery import Delivery, delivery_for
from gallery.models import Asset, AssetRendition
from gallery.querysets import AssetQuerySet

# What is given of each asset, as far as there is any: thumbnails can be made again.
RENDITIONS = ("original", "manifest")
WORDS_LENGTH = 40


@dataclass(frozen=True, slots=True)
class _Place:
    """A company that the person belongs to, and what of its files they may have."""

    company: Company
    delivery: Delivery

    def files(self, asset: Asset) -> list[tuple[str, AssetRendition]]:
        """Path in the archive and rendition, marked on a plan that marks."""
        given = [(name, self.delivery.rendition(asset, name)) for name in RENDITIONS]
        return [(self._path(asset, name, found), found) for name, found in given if found]

    def _path(self, asset: Asset, name: str, rendition: AssetRendition) -> str:
        words = slugify(asset.prompt or asset.original_name.rpartition(".")[0])[:WORDS_LENGTH].strip("-")
        stem = "-".join(part for part in (f"{asset.created_at:%Y-%m-%d}", words, str(asset.pk)) if part)
        extension = rendition.key.rpartition(".")[2]
        return f"files/{self.company.slug}/{stem}{'' if name == 'original' else f'-{name}'}.{extension}"


def export_assets(user_id: UUID) -> Iterable[ExportDocument | ExportFile]:
    """Rows of all that the person made or sent, in whatever company; files of the companies that they belong to now."""
    places = _places(User.objects.get(pk=user_id))
    yield ExportDocument("gallery/assets.json", _rows(user_id, places))
    for place in places.values():
        for asset in walk(_made_by(user_id).visible_to(place.delivery.viewer)):
            for path, rendition in place.files(asset):
                yield ExportFile(path, rendition.key)


def count_assets(company_id: UUID) -> Mapping[str, int]:
    """How much a company has."""
    return {
        "assets": Asset.objects.filter(company=company_id).count(),
        "files": AssetRendition.objects.filter(asset__company=company_id).count(),
    }


def _places(user: User) -> dict[UUID, _Place]:
    """A team that is switched off gives nothing to anybody; what is personal stays the person's."""
    return {
        place.company_id: _Place(place.company, delivery_for(Viewer(user, place.company, place.role)))
        for place in memberships_of(user)
        if place.company.is_active or not place.company.is_team
    }


def _made_by(user_id: UUID) -> AssetQuerySet:
    return Asset.objects.filter(user=user_id).present().with_files()


def _rows(user_id: UUID, places: Mapping[UUID, _Place]) -> Iterator[Mapping[str, object]]:
    for asset in walk(_made_by(user_id)):
        place = places.get(asset.company_id)
        yield {
            "id": asset.pk,
            "company": asset.company_id,
            "files": [path for path, _rendition in place.files(asset)] if place else [],
            "kind": asset.kind,
            "origin": asset.origin,
            "file_name": asset.original_name,
            "type": asset.mime,
            "width": asset.width,
            "height": asset.height,
            "seconds": asset.seconds,
            "faces": asset.faces,
            "prompt": asset.prompt,
            "task": asset.task,
            "model": asset.model_name,
            "parameters": asset.params,
            "seed": asset.seed,
            "credits": asset.credits,
            "made_from": asset.parents,
            "made_at": asset.created_at,
            "in_the_bin_since": asset.deleted_at,
        }
