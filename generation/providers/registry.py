"""The providers that this installation has, by the name that catalogue rows use."""

from generation.providers.base import Provider
from generation.providers.local import LocalStudio

_PROVIDERS: dict[str, Provider] = {LocalStudio.name: LocalStudio()}


def provider(name: str) -> Provider:
    """Return a provider. Raises `KeyError` for a name that no adapter has."""
    return _PROVIDERS[name]


def names() -> list[str]:
    """All names, for the admin's form."""
    return sorted(_PROVIDERS)
