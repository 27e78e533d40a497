"""The providers by the name that catalogue rows use, and which of them this installation has a key for.

Endpoints that an operator added are called `custom:<slug>`; what knows them stands above the providers and registers
itself here. They are looked up each time, so a change in the admin works at once in every process.
"""

from collections.abc import Callable
from dataclasses import dataclass

from django.conf import settings
from django.db.models import Q
from django.utils.module_loading import import_string

from generation.providers import names as called
from generation.providers.base import DirectProvider, QueuedProvider

Adapter = DirectProvider | QueuedProvider


@dataclass(frozen=True, slots=True)
class Known:
    """A provider that comes with the program: its adapter's class, and the setting without which it cannot be asked."""

    path: str
    key: str
    is_direct: bool


_KNOWN = {
    called.LOCAL: Known("generation.providers.local.LocalStudio", "", is_direct=True),
    called.FAL: Known("generation.providers.fal.Fal", "FAL_KEY", is_direct=False),
    called.REPLICATE: Known("generation.providers.replicate.Replicate", "REPLICATE_API_TOKEN", is_direct=False),
    called.OPENAI: Known("generation.providers.openai_images.OpenAIImages", "OPENAI_API_KEY", is_direct=True),
    called.STABILITY: Known("generation.providers.stability.Stability", "STABILITY_API_KEY", is_direct=True),
    called.TOGETHER: Known("generation.providers.together.Together", "TOGETHER_API_KEY", is_direct=True),
}
# The adapters that were asked for in this process. SDKs take seconds and a hundred megabytes that a web server or a
# clock, which only names providers, has no use for.
_PROVIDERS: dict[str, Adapter] = {}


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


def provider(name: str) -> Adapter:
    """Return a provider, also one whose key was taken away: its jobs end with its own error. Raises `KeyError`.

    One query for a custom one.
    """
    if name.startswith(called.CUSTOM) and _custom:
        return _custom[0].find(name.removeprefix(called.CUSTOM))
    if name not in _PROVIDERS:
        _PROVIDERS[name] = import_string(_KNOWN[name].path)()
    return _PROVIDERS[name]


def is_direct(name: str) -> bool:
    """Whether a provider answers in one go; loads no adapter. Raises `KeyError`."""
    if name.startswith(called.CUSTOM):
        return True
    loaded = _PROVIDERS.get(name)
    return isinstance(loaded, DirectProvider) if loaded else _KNOWN[name].is_direct


def load(*, is_direct: bool, is_local: bool = False) -> None:
    """Load the adapters of a kind that can be asked, so that the first job does not wait for it."""
    for name in _built_in():
        known_as = _KNOWN.get(name)
        if known_as and known_as.is_direct == is_direct and (name == called.LOCAL) == is_local:
            provider(name)


def names() -> list[str]:
    """Names of the providers that can be asked; one query."""
    return sorted(_built_in() + [name for source in _custom for name in source.names()])


def known() -> list[str]:
    """Names of the providers that come with the program, whether they can be asked or not."""
    return list(_KNOWN)


def setting_of(name: str) -> str:
    """The setting that holds a provider's key; "" where it needs none, or where the key is in the admin."""
    return _KNOWN[name].key if name in _KNOWN else ""


def are_named_by(column: str) -> Q:
    """The condition that a column names a provider that can be asked; no query of its own."""
    condition = Q(**{f"{column}__in": _built_in()})
    for source in _custom:
        condition |= source.are_named_by(column)
    return condition


def _built_in() -> list[str]:
    own = [name for name in _PROVIDERS if name not in _KNOWN]
    return own + [name for name, row in _KNOWN.items() if not row.key or getattr(settings, row.key)]
