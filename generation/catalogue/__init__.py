"""The models that a fresh installation offers. Rows are data: what an operator changes stays."""

from generation.catalogue.fal import FAL
from generation.catalogue.studio import STUDIO
from generation.models import AIModel


def seed_catalogue() -> str:
    """Add the models that are missing; return a sentence that says how many."""
    rows = STUDIO + FAL
    added = 0
    for row in rows:
        _model, is_new = AIModel.objects.get_or_create(slug=row["slug"], defaults=row)
        added += is_new
    return f"Catalogue: {added} models added, {len(rows) - added} there already."
