"""The local studio: pictures made on this machine by classical code, without a key or a network. It is not AI.

`render` is the whole interface; `StudioRequest` says what to make and `ASPECTS` in which sizes.
"""

from generation.providers.studio.rendering import render
from generation.providers.studio.request import ASPECTS, STYLES, StudioRequest

__all__ = ["ASPECTS", "STYLES", "StudioRequest", "render"]
