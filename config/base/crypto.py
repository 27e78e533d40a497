"""Text that is kept encrypted, such as keys of providers that were entered in the admin.

Fernet (AES-128-CBC with HMAC-SHA256) under keys derived by HKDF. The newest of `settings.ENCRYPTION_KEYS` encrypts, all
of them decrypt, and so do SECRET_KEY and SECRET_KEY_FALLBACKS: what was encrypted before there were keys of its own
stays readable. A key that is to go is listed last until every text was rotated.
"""

import base64
from functools import lru_cache

from cryptography.fernet import Fernet, InvalidToken, MultiFernet
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.kdf.hkdf import HKDF
from django.conf import settings
from django.utils.translation import gettext as _

# Keeps these keys apart from everything else that is derived from the same secrets. Changing it makes all unreadable.
PURPOSE = b"darkroom:text-at-rest:1"


class Undecryptable(ValueError):
    """No key decrypts it: it was encrypted under a secret that is no longer set, or it is not what was encrypted."""


def encrypt(text: str) -> str:
    """Encrypt under the newest key; ASCII, about a third longer than the text and 100 characters more."""
    return _fernet().encrypt(text.encode()).decode()


def decrypt(token: str) -> str:
    """The text. Raises `Undecryptable`."""
    try:
        return _fernet().decrypt(token).decode()
    except InvalidToken as error:
        raise _undecryptable() from error


def rotate(token: str) -> str:
    """The same text, encrypted anew under the newest key. Raises `Undecryptable`."""
    try:
        return _fernet().rotate(token).decode()
    except InvalidToken as error:
        raise _undecryptable() from error


def is_under_newest(token: str) -> bool:
    """Whether the newest key alone decrypts it: then the older ones are not needed for it."""
    try:
        _key(_secrets()[0]).decrypt(token)
    except InvalidToken:
        return False
    return True


def _undecryptable() -> Undecryptable:
    sentence = _(
        "The secrets that are set do not decrypt this. Add the former one to ENCRYPTION_KEYS, or enter it anew."
    )
    return Undecryptable(sentence)


def _fernet() -> MultiFernet:
    return _derived(_secrets())


def _secrets() -> tuple[str, ...]:
    return (*settings.ENCRYPTION_KEYS, settings.SECRET_KEY, *settings.SECRET_KEY_FALLBACKS)


@lru_cache(maxsize=4)
def _derived(secrets: tuple[str, ...]) -> MultiFernet:
    return MultiFernet([_key(secret) for secret in secrets])


def _key(secret: str) -> Fernet:
    derived = HKDF(algorithm=SHA256(), length=32, salt=None, info=PURPOSE).derive(secret.encode())
    return Fernet(base64.urlsafe_b64encode(derived))
