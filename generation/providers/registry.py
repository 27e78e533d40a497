"""The providers by the name that catalogue rows use, and which of them this installation has a key for."""

from django.conf import settings

from generation.providers.base import DirectProvider, QueuedProvider
from generation.providers.fal import Fal
from generation.providers.local import LocalStudio

_PROVIDERS: dict[str, DirectProvider | QueuedProvider] = {LocalStudio.name: LocalStudio(), Fal.name: Fal()}
# The setting without which a provider cannot be asked; the local studio needs none.
_KEYS = {Fal.name: "FAL_KEY"}


def provider(name: str) -> DirectProvider | QueuedProvider:
    """Return a provider, also one whose key was taken away: its jobs end with its own error. Raises `KeyError`."""
    return _PROVIDERS[name]


def names() -> list[str]:
    """Names of the providers that can be asked."""
    return sorted(name for name in _PROVIDERS if name not in _KEYS or getattr(settings, _KEYS[name]))
