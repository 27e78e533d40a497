"""Text at rest: readable under every secret that is set, written under the newest."""

import pytest
from cryptography.fernet import Fernet
from pytest_django.fixtures import Settings

from config.base import crypto


def test_what_was_encrypted_is_read_again_and_looks_like_nothing(settings: Settings) -> None:
    token = crypto.encrypt("sk-secret-Ключ")
    assert crypto.decrypt(token) == "sk-secret-Ключ"
    assert "secret" not in token
    assert crypto.encrypt("sk-secret-Ключ") != token


def test_a_new_key_reads_what_older_ones_wrote(settings: Settings) -> None:
    under_secret_key = crypto.encrypt("text")
    settings.ENCRYPTION_KEYS = ["first"]
    under_first = crypto.encrypt("text")
    settings.ENCRYPTION_KEYS = ["second", "first"]
    assert [crypto.decrypt(token) for token in (under_secret_key, under_first, crypto.encrypt("text"))] == ["text"] * 3


def test_a_changed_secret_key_reads_through_its_fallbacks(settings: Settings) -> None:
    token = crypto.encrypt("text")
    settings.SECRET_KEY_FALLBACKS = [settings.SECRET_KEY]
    settings.SECRET_KEY = "another-secret-of-this-installation"
    assert crypto.decrypt(token) == "text"


def test_what_was_rotated_no_longer_needs_the_older_key(settings: Settings) -> None:
    settings.ENCRYPTION_KEYS = ["old"]
    token = crypto.encrypt("text")
    settings.ENCRYPTION_KEYS = ["new", "old"]
    rotated = crypto.rotate(token)
    settings.ENCRYPTION_KEYS = ["new"]
    assert crypto.decrypt(rotated) == "text"
    with pytest.raises(crypto.Undecryptable):
        crypto.decrypt(token)


@pytest.mark.parametrize("kind", ["nothing", "garbage", "of somebody else", "changed"])
def test_what_nobody_here_encrypted_is_refused_with_advice(kind: str) -> None:
    token = crypto.encrypt("text")
    tokens = {
        "nothing": "",
        "garbage": "no token at all",
        "of somebody else": Fernet(Fernet.generate_key()).encrypt(b"text").decode(),
        "changed": token[:-8] + "A" * 8,
    }
    for read in (crypto.decrypt, crypto.rotate):
        with pytest.raises(crypto.Undecryptable, match="ENCRYPTION_KEYS"):
            read(tokens[kind])
