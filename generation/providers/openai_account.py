"""Whose account at OpenAI, or at an endpoint that speaks its protocol; apart from the adapter, so without its SDK."""

from dataclasses import dataclass, field

import httpx
from django.conf import settings

from generation.providers.vendor_errors import Vendor

# Most outputs that one request may ask for, as the product offers it; the protocol allows ten.
MOST = 8
# Most pictures that an edit may refer to.
MOST_INPUTS = 16


@dataclass(frozen=True, slots=True, kw_only=True)
class Account:
    """Whose account, and where. `needs_key` is false for an endpoint of one's own; `is_official` for any custom one."""

    title: str = "OpenAI"
    remedy: str = "OPENAI_API_KEY"
    key: str = field(default="", repr=False)
    base_url: str
    needs_key: bool = True
    is_official: bool = True

    @classmethod
    def from_settings(cls) -> "Account":
        """The one that the operator set up."""
        return cls(key=settings.OPENAI_API_KEY, base_url=settings.OPENAI_BASE_URL.rstrip("/"))

    @property
    def vendor(self) -> Vendor:
        """How errors speak of it."""
        return Vendor(title=self.title, remedy=self.remedy, secret=self.key)

    @property
    def sources(self) -> tuple[str, ...]:
        """Where outputs may be downloaded from: OpenAI always sends them along, others may name their own addresses."""
        return () if self.is_official else (str(httpx.URL(self.base_url).join("/")),)
