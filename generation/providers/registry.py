"""The providers by the name that catalogue rows use, and which of them this installation has a key for.

Endpoints that an operator added are called `custom:<slug>`; what knows them stands above the providers and registers
itself here. They are looked up each time, so a change in the admin works at once in every process.
"""

from collections.abc import Callable
from dataclasses import dataclass

from django.conf import settings
from django.db.models import Q

from generation.providers.base import DirectProvider, QueuedProvider
from generation.providers.fal import Fal
from generation.providers.local import LocalStudio
from generation.providers.openai_images import OpenAIImages
from generation.providers.replicate import Replicate
from generation.providers.stability import Stability
from generation.providers.together import Together

CUSTOM = "custom:"

_PROVIDERS: dict[str, DirectProvider | QueuedProvider] = {
    LocalStudio.name: LocalStudio(),
    Fal.name: Fal(),
    Replicate.name: Replicate(),
    OpenAIImages.name: OpenAIImages(),
    Stability.name: Stability(),
    Together.name: Together(),
}
# The setting without which a provider cannot be asked; the local studio needs none.
_KEYS = {
    Fal.name: "FAL_KEY",
    Replicate.name: "REPLICATE_API_TOKEN",
    OpenAIImages.name: "OPENAI_API_KEY",
    Stability.name: "STABILITY_API_KEY",
    Together.name: "TOGETHER_API_KEY",
}


@dataclass(frozen=True, slots=True, kw_only=True)
class CustomProviders:
    """Who knows the endpoints that an operator added.

    `find` returns one by its slug, active or not, or raises `KeyError`; `names` are those of the active ones;
    `are_named_by` is the condition that a column holds the name of an active one.
    """

    find: Callable[[str], DirectProvider]
    names: Callable[[], list[str]]
    are_named_by: Callable[[str], Q]


_custom: list[CustomProviders] = []


def register_custom(source: CustomProviders) -> None:
    """Serve an operator's own endpoints from here on."""
    _custom[:] = [source]


def provider(name: str) -> DirectProvider | QueuedProvider:
    """Return a provider, also one whose key was taken away: its jobs end with its own error. Raises `KeyError`.

    One query for a custom one.
    """
    if name.startswith(CUSTOM) and _custom:
        return _custom[0].find(name.removeprefix(CUSTOM))
    return _PROVIDERS[name]


def names() -> list[str]:
    """Names of the providers that can be asked; one query."""
    return sorted(_built_in() + [name for source in _custom for name in source.names()])


def known() -> list[str]:
    """Names of the providers that come with the program, whether they can be asked or not."""
    return list(_PROVIDERS)


def setting_of(name: str) -> str:
    """The setting that holds a provider's key; "" where it needs none, or where the key is in the admin."""
    return _KEYS.get(name, "")


def are_named_by(column: str) -> Q:
    """The condition that a column names a provider that can be asked; no query of its own."""
    condition = Q(**{f"{column}__in": _built_in()})
    for source in _custom:
        condition |= source.are_named_by(column)
    return condition


def _built_in() -> list[str]:
    return [name for name in _PROVIDERS if name not in _KEYS or getattr(settings, _KEYS[name])]
