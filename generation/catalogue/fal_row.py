"""What all of fal's rows share."""

from typing import Any

from generation.providers.fal import Fal
from generation.providers.fal_endpoints import ENDPOINTS


def fal_row(slug: str, **values: Any) -> dict[str, Any]:
    """One row of the catalogue; it makes as many outputs at a time as its endpoint does."""
    shared = {"slug": slug, "provider": Fal.name, "resubmittable": False, "seconds_allowed": 60}
    return shared | {"outputs_allowed": ENDPOINTS[values["endpoint"]].most} | values
