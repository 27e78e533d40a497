"""The local studio: pictures, films and reliefs made on this machine by classical code, without key or network.

It is not AI. `render` is the whole interface; `StudioRequest` says what to make, `MIMES` what comes of each task and
`Refused` why it cannot be done.
"""

from generation.providers.studio.rendering import render
from generation.providers.studio.request import ASPECTS, MIMES, MOTIONS, STYLES, Margins, Refused, StudioRequest

__all__ = ["ASPECTS", "MIMES", "MOTIONS", "STYLES", "Margins", "Refused", "StudioRequest", "render"]
