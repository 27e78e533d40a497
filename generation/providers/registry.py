"""The providers that this installation has, by the name that catalogue rows use."""

from generation.providers.base import DirectProvider, QueuedProvider
from generation.providers.local import LocalStudio

_PROVIDERS: dict[str, DirectProvider | QueuedProvider] = {LocalStudio.name: LocalStudio()}


def provider(name: str) -> DirectProvider | QueuedProvider:
    """Return a provider. Raises `KeyError` for a name that no adapter has, or that is not configured here."""
    return _PROVIDERS[name]


def names() -> list[str]:
    """Names of the providers that are configured."""
    return sorted(_PROVIDERS)
