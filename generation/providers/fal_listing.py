"""What fal publishes about its endpoints: the fields that each takes, and what it costs. For operators' commands."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from decimal import Decimal, InvalidOperation
from types import TracebackType
from typing import Any, Self

import httpx
from django.conf import settings
from django.utils.translation import gettext as _

from generation.providers.base import AuthFailed, Gone, ProviderError, Retryable
from generation.providers.transport import Answered, Limits, OnceTransport

# How far one reference in a document may lead to another.
DEPTH = 8


@dataclass(frozen=True, slots=True, kw_only=True)
class Allowed:
    """What a field takes. `values` are its choices, None where it is free; limits are None where there are none."""

    values: tuple[Any, ...] | None = None
    minimum: float | None = None
    maximum: float | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Price:
    """What fal asks for, such as 0.05 USD per `unit` "megapixels", in fal's own words."""

    amount: Decimal
    unit: str
    currency: str


@dataclass(frozen=True, slots=True, kw_only=True)
class ListingAccount:
    """Where fal publishes, and whose prices. The addresses have no slash at the end."""

    key: str = field(repr=False)
    web_url: str
    api_url: str

    @classmethod
    def from_settings(cls) -> Self:
        """The one that the operator set up."""
        web_url, api_url = settings.FAL_WEB_URL.rstrip("/"), settings.FAL_API_URL.rstrip("/")
        return cls(key=settings.FAL_KEY, web_url=web_url, api_url=api_url)


class FalListing:
    """Reads one document at a time; use it as a context. Raises `Gone`, `AuthFailed`, `Retryable`, `ProviderError`."""

    def __init__(self, account: ListingAccount | None = None, *, limits: Limits | None = None) -> None:
        self.account = account or ListingAccount.from_settings()
        self._client = httpx.Client(transport=OnceTransport(limits), headers={"User-Agent": "darkroom"})

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._client.close()

    def fields(self, endpoint: str) -> dict[str, Allowed]:
        """The fields that an endpoint takes, by fal's names. Needs no key."""
        address = f"{self.account.web_url}/api/openapi/queue/openapi.json"
        document = self._read(address, endpoint, {})
        try:
            schema = _input_schema(document, endpoint)
            found = {name: _allowed(document, rules) for name, rules in schema["properties"].items()}
        except (KeyError, TypeError, AttributeError, ValueError, StopIteration) as error:
            raise ProviderError(_("fal's description of the endpoint cannot be read.")) from error
        return found

    def price(self, endpoint: str) -> Price:
        """What an endpoint costs this account."""
        headers = {"Authorization": f"Key {self.account.key}"}
        body = self._read(f"{self.account.api_url}/v1/models/pricing", endpoint, headers)
        try:
            row = next(row for row in body["prices"] if row["endpoint_id"] == endpoint)
            amount = Decimal(str(row["unit_price"]))
            return Price(amount=amount, unit=str(row["unit"]).strip().lower(), currency=str(row["currency"]).upper())
        except (KeyError, TypeError, StopIteration, InvalidOperation) as error:
            raise ProviderError(_("fal's price of the endpoint cannot be read.")) from error

    def _read(self, address: str, endpoint: str, headers: Mapping[str, str]) -> dict[str, Any]:
        try:
            response = self._client.get(address, params={"endpoint_id": endpoint}, headers=dict(headers))
            body = response.json()
        except Answered as answer:
            raise _error(answer) from answer
        except ValueError as error:
            raise ProviderError(_("fal's answer cannot be read.")) from error
        if not isinstance(body, dict):
            raise ProviderError(_("fal's answer cannot be read."))
        return body


def _error(answer: Answered) -> ProviderError:
    if answer.status in (404, 410):
        return Gone(_("fal no longer has this endpoint."))
    if answer.status in (401, 403):
        return AuthFailed(_("fal refused this installation's key. Check FAL_KEY."))
    sentence = _("fal answers with HTTP %d at the moment.") % answer.status
    return Retryable(sentence, retry_after=answer.retry_after)


def _input_schema(document: Mapping[str, Any], endpoint: str) -> Mapping[str, Any]:
    """The schema of what is posted to an endpoint."""
    paths = document["paths"]
    posts = [paths.get(f"/{endpoint}", {}).get("post"), *(path.get("post") for path in paths.values())]
    post = next(post for post in posts if post and "requestBody" in post)
    return _resolved(document, post["requestBody"]["content"]["application/json"]["schema"])


def _resolved(document: Mapping[str, Any], schema: Mapping[str, Any]) -> Mapping[str, Any]:
    """A schema, or the one that it refers to within its document. Raises `KeyError`, `ValueError`."""
    for _step in range(DEPTH):
        reference = schema.get("$ref")
        if reference is None:
            return schema
        target: Any = document
        for part in str(reference).removeprefix("#/").split("/"):
            target = target[part]
        schema = target
    raise ValueError("a reference leads in circles")


def _allowed(document: Mapping[str, Any], rules: Mapping[str, Any]) -> Allowed:
    """What a field takes, over all forms that it may have."""
    forms = list(_forms(document, rules, DEPTH))
    scalars = [form for form in forms if form.get("type") not in ("object", "array", "null")]
    choices = [form.get("enum", [form["const"]] if "const" in form else None) for form in scalars]
    values = None
    if choices and all(isinstance(choice, list) for choice in choices):
        values = tuple(value for choice in choices for value in choice or ())
    limits: dict[str, float | None] = {}
    for name, outermost in (("minimum", min), ("maximum", max)):
        found = [form.get(name) for form in scalars if form.get("type") in ("integer", "number")]
        numbers = [float(limit) for limit in found if isinstance(limit, int | float)]
        limits[name] = outermost(numbers) if numbers and len(numbers) == len(found) else None
    return Allowed(values=values, **limits)


def _forms(document: Mapping[str, Any], rules: Mapping[str, Any], depth: int) -> Iterator[Mapping[str, Any]]:
    found = _resolved(document, rules)
    branches = found.get("anyOf") or found.get("oneOf") or found.get("allOf")
    if not branches or not depth:
        yield found
        return
    for branch in branches:
        yield from _forms(document, branch, depth - 1)
