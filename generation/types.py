"""What a caller asks of the engine, checked and complete."""

from dataclasses import dataclass
from typing import Any

from gallery.models import Asset
from generation.models import AIModel, Preset


@dataclass(frozen=True, slots=True, kw_only=True)
class JobRequest:
    """One request for `count` outputs; made by `generation.requests.build_request`, which checks everything."""

    model: AIModel
    prompt: str
    # Every parameter of the model's schema, defaults filled in; without seed and count.
    params: dict[str, Any]
    count: int
    # None: the engine draws one. Output n is made with seed + n.
    seed: int | None
    inputs: tuple[Asset, ...]
    # Where the first input may change.
    mask: Asset | None = None
    preset: Preset | None = None
