"""The models that an installation offers: one list for each provider, written into the database by `sync_rows`."""

from typing import Any

from generation.catalogue.fal import FAL
from generation.catalogue.openai import OPENAI
from generation.catalogue.replicate import REPLICATE
from generation.catalogue.stability import STABILITY
from generation.catalogue.studio import STUDIO
from generation.catalogue.sync import sync_rows
from generation.catalogue.together import TOGETHER


def listed() -> list[dict[str, Any]]:
    """The rows of all lists."""
    return [*STUDIO, *FAL, *REPLICATE, *OPENAI, *STABILITY, *TOGETHER]


def seed_catalogue() -> str:
    """Bring the catalogue up to the lists; return a sentence that says what was done."""
    report = sync_rows(listed())
    return "\n".join([report.sentence(), *(line for line in report.lines() if line.startswith("!"))])
