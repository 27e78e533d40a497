"""What all of fal's rows share."""

from typing import Any

from generation.providers import names
from generation.providers.fal_endpoints import ENDPOINTS


def fal_row(slug: str, **values: Any) -> dict[str, Any]:
    """One row of the catalogue; it makes as many outputs at a time as its endpoint does."""
    shared = {"slug": slug, "provider": names.FAL, "resubmittable": False, "seconds_allowed": 60}
    return shared | {"outputs_allowed": ENDPOINTS[values["endpoint"]].most} | values
