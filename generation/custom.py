"""Endpoints that an operator adds in the admin: an address that speaks the OpenAI images protocol, and perhaps a key.

The key is kept encrypted, and never shown again. A row is read each time it is needed, so a change works at once.
"""

import logging
import re
from urllib.parse import urlsplit

from django.core.exceptions import ValidationError
from django.db.models import CharField, F, Q, Value
from django.db.models.functions import Concat
from django.utils.module_loading import import_string
from django.utils.translation import gettext as _

from config.base.crypto import Undecryptable, decrypt, encrypt
from generation.models import CustomProvider
from generation.providers import names, registry
from generation.providers.base import DirectProvider
from generation.providers.openai_account import Account

# What fits into a header: visible ASCII.
KEY = re.compile(r"[\x21-\x7e]{1,500}")

logger = logging.getLogger(__name__)


def save_custom_provider(*, row: CustomProvider, key: str | None = None) -> CustomProvider:
    """Check and save an endpoint, new or changed. `key` is its key in clear, "" for none, None to leave it as it is.

    Raises `ValidationError` by field, and then nothing has changed.
    """
    row.base_url = row.base_url.strip().rstrip("/")
    check_address(row.base_url)
    if key is not None:
        row.key_encrypted = _encrypted(key)
    row.full_clean()
    row.save()
    return row


def set_key(row: CustomProvider, key: str) -> None:
    """Replace the key of an endpoint; "" takes it away. Raises `ValidationError`."""
    row.key_encrypted = _encrypted(key)
    row.save(update_fields=["key_encrypted"])


def register() -> None:
    """Let catalogue rows name these endpoints."""
    registry.register_custom(registry.CustomProviders(find=_find, names=_names, are_named_by=_are_named_by))


def check_address(address: str) -> None:
    """Raises `ValidationError` for `base_url` unless an API can begin there."""
    try:
        url = urlsplit(address)
        is_usable = url.scheme in ("http", "https") and bool(url.hostname) and url.port != 0
    except ValueError:
        is_usable = False
    if not is_usable:
        raise ValidationError({"base_url": _("Enter where its API begins, such as https://gpu.example/v1.")})
    if url.username or url.password or url.query or url.fragment:
        sentence = _(
            "Enter the address alone, without a name, password or anything after “?”: the key has its own field."
        )
        raise ValidationError({"base_url": sentence})


def _encrypted(key: str) -> str:
    stripped = key.strip()
    if stripped and not KEY.fullmatch(stripped):
        raise ValidationError({"key": _("A key has no spaces and at most 500 letters, digits and signs.")})
    return encrypt(stripped) if stripped else ""


def _find(slug: str) -> DirectProvider:
    """The endpoint of a row. Raises `KeyError` when there is none; one query."""
    row = CustomProvider.objects.filter(slug=slug).first()
    if row is None:
        raise KeyError(row_name(slug))
    key, needs_key = "", False
    if row.key_encrypted:
        needs_key = True
        try:
            key = decrypt(row.key_encrypted)
        except Undecryptable:
            # Its jobs end with the sentence for a missing key; this says why it is missing.
            logger.exception("the key of the custom provider %s cannot be decrypted", slug)
    account = Account(
        title=row.name,
        remedy=_("its key in the admin"),
        key=key,
        base_url=row.base_url,
        needs_key=needs_key,
        is_official=False,
    )
    adapter: DirectProvider = import_string("generation.providers.openai_images.CustomImages")(account)
    return adapter


def row_name(slug: str) -> str:
    """What catalogue rows call the endpoint of a slug."""
    return f"{names.CUSTOM}{slug}"


def _names() -> list[str]:
    return [row_name(slug) for slug in CustomProvider.objects.filter(is_active=True).values_list("slug", flat=True)]


def _are_named_by(column: str) -> Q:
    row_names = Concat(Value(names.CUSTOM), F("slug"), output_field=CharField())
    active = CustomProvider.objects.filter(is_active=True).order_by()
    return Q(**{f"{column}__in": active.annotate(row_name=row_names).values("row_name")})
