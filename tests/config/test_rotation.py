"""Everything that is encrypted at rest comes under the newest key, and is read with it alone."""

import re
import time
from contextlib import suppress
from io import StringIO
from uuid import uuid4

import pytest
from allauth.mfa.models import Authenticator
from allauth.mfa.totp.internal.auth import format_hotp_value, hotp_value
from django.core.management import CommandError, call_command
from django.test import Client
from django.utils import timezone

from accounts import rotating
from accounts.models import DeletionReceipt, User
from billing.stripe.webhooks import rotate_endpoint_secrets
from config.base import crypto, registry
from config.base.rotation import renewed, rotate_rows
from generation.custom import save_custom_provider
from generation.models import CustomProvider
from generation.rotating import rotate_provider_keys
from tests.database import PROJECT
from tests.factories.accounts import PASSWORD

pytestmark = pytest.mark.django_db
SECRET = "JBSWY3DPEHPK3PXP"
_IMPORTS_ENCRYPT = re.compile(r"^from config\.base\.crypto import .*\bencrypt\b", re.MULTILINE)


@pytest.fixture
def kept(settings, alice):
    """An authenticator app, recovery codes and a provider's key, under the old key."""
    settings.ENCRYPTION_KEYS = ["old"]
    kinds = Authenticator.Type
    app = Authenticator.objects.create(user=alice, type=kinds.TOTP, data={"secret": crypto.encrypt(SECRET)})
    seed = {"seed": crypto.encrypt("0123456789abcdef"), "used_mask": 5}
    codes = Authenticator.objects.create(user=alice, type=kinds.RECOVERY_CODES, data=seed)
    provider = save_custom_provider(
        row=CustomProvider(slug=f"p{uuid4().hex[:8]}", name="Shed", base_url="https://gpu.example/v1"), key="sk-shed-1"
    )
    return app, codes, provider


def rotate():
    out = StringIO()
    # Rows that other tests left may have lost their keys, of which it complains; ours are looked at one by one.
    with suppress(CommandError):
        call_command("rotate_secrets", stdout=out, stderr=out)
    return out.getvalue()


def test_what_was_rotated_is_read_with_the_newest_key_alone(settings, alice, kept):
    app, codes, provider = kept
    settings.ENCRYPTION_KEYS = ["new", "old"]

    told = rotate()
    settings.ENCRYPTION_KEYS = ["new"]

    assert re.search(r"second factor: [1-9]\d* encrypted anew", told)
    for row in kept:
        row.refresh_from_db()
    assert crypto.decrypt(app.data["secret"]) == SECRET
    assert (crypto.decrypt(codes.data["seed"]), codes.data["used_mask"]) == ("0123456789abcdef", 5)
    assert crypto.decrypt(provider.key_encrypted) == "sk-shed-1"
    client = Client()
    assert client.post("/login", {"login": alice.email, "password": PASSWORD}).headers["Location"] == "/login/code"
    code = format_hotp_value(hotp_value(SECRET, int(time.time()) // 30))
    assert client.post("/login/code", {"code": code}).headers["Location"] == "/generate"


def test_a_second_turn_finds_nothing_to_do(settings, kept):
    settings.ENCRYPTION_KEYS = ["new", "old"]
    rotate()
    before = list(Authenticator.objects.order_by("pk").values())
    assert "second factor: 0 encrypted anew" in rotate()
    assert list(Authenticator.objects.order_by("pk").values()) == before


def test_what_no_key_decrypts_is_named_and_left_alone_while_the_rest_goes_on(settings, kept):
    app, codes, _provider = kept
    lost = {"secret": "no token at all"}
    Authenticator.objects.filter(pk=app.pk).update(data=lost)
    settings.ENCRYPTION_KEYS = ["new", "old"]
    out = StringIO()
    with pytest.raises(CommandError, match="keep the older keys"):
        call_command("rotate_secrets", stdout=out, stderr=out)
    assert f"second factor {app.pk}: no key that is set decrypts it" in out.getvalue()
    app.refresh_from_db()
    codes.refresh_from_db()
    assert app.data == lost
    assert crypto.is_under_newest(codes.data["seed"])


def test_a_code_that_is_used_meanwhile_stays_used(settings, kept):
    _app, codes, _provider = kept
    settings.ENCRYPTION_KEYS = ["new", "old"]
    reads = []

    def read(key):
        data = rotating._read_factor(key)
        if not reads:
            # Somebody uses a code between our reading and our writing.
            Authenticator.objects.filter(pk=key).update(data={**data, "used_mask": 7})
        reads.append(key)
        return data

    done = rotate_rows("x", [codes.pk], read=read, renew=rotating._renewed_factor, write=rotating._write_factor)

    codes.refresh_from_db()
    assert (done.rotated, len(reads), codes.data["used_mask"]) == (1, 2, 7)
    assert crypto.is_under_newest(codes.data["seed"])


def test_a_row_that_never_rests_is_named_and_one_that_is_gone_is_not(settings):
    settings.ENCRYPTION_KEYS = ["old"]
    token = crypto.encrypt("text")
    settings.ENCRYPTION_KEYS = ["new", "old"]
    done = rotate_rows("x", [1], read=lambda _key: token, renew=renewed, write=lambda *_all: 0)
    assert done.busy == ["1"]
    gone = rotate_rows("x", [1], read=lambda _key: None, renew=renewed, write=lambda *_all: 0)
    assert (gone.rotated, gone.busy, gone.unreadable) == (0, [], [])


# Who encrypts something that stays, and who encrypts it anew when the key changes.
ROTATED_BY = {
    "accounts/mfa_adapter.py": rotating.rotate_second_factors,
    "accounts/deletion_erasing.py": rotating.rotate_receipts,
    "generation/custom.py": rotate_provider_keys,
    "billing/stripe/catalogue.py": rotate_endpoint_secrets,
}


def test_whoever_encrypts_something_has_somebody_who_rotates_it():
    apps = ("accounts", "billing", "gallery", "generation")
    sources = [path for app in apps for path in (PROJECT / app).rglob("*.py") if path.parent.name != "migrations"]
    encrypting = {str(path.relative_to(PROJECT)) for path in sources if _IMPORTS_ENCRYPT.search(path.read_text())}
    assert encrypting == set(ROTATED_BY)
    assert set(registry.rotations.listeners) == set(ROTATED_BY.values())


def test_the_address_of_a_last_mail_is_read_with_the_newest_key_alone(settings):
    settings.ENCRYPTION_KEYS = ["old"]
    waiting, told = (
        DeletionReceipt.objects.create(reference=uuid4().hex[:12], finished_at=timezone.now(), mail_to=text)
        for text in (crypto.encrypt("gone@example.com"), "")
    )
    settings.ENCRYPTION_KEYS = ["new", "old"]

    assert str(waiting.pk) not in rotating.rotate_receipts().unreadable
    settings.ENCRYPTION_KEYS = ["new"]

    waiting.refresh_from_db()
    told.refresh_from_db()
    assert (crypto.decrypt(waiting.mail_to), told.mail_to) == ("gone@example.com", "")


def test_a_last_mail_that_leaves_meanwhile_leaves_no_address_behind(settings):
    settings.ENCRYPTION_KEYS = ["old"]
    receipt = DeletionReceipt.objects.create(
        reference=uuid4().hex[:12], finished_at=timezone.now(), mail_to=crypto.encrypt("gone@example.com")
    )
    settings.ENCRYPTION_KEYS = ["new", "old"]

    def read(key):
        before = DeletionReceipt.objects.values_list("mail_to", flat=True).get(pk=key)
        DeletionReceipt.objects.filter(pk=key).update(mail_to="", told_at=timezone.now())
        return before

    rotate_rows("x", [receipt.pk], read=read, renew=renewed, write=rotating._write_receipt)

    receipt.refresh_from_db()
    assert receipt.mail_to == ""


@pytest.mark.parametrize(("first", "second"), [("bcrypt_sha256", "argon2"), ("argon2", "bcrypt_sha256")])
def test_a_sign_in_makes_a_hash_of_the_other_kind_anew(settings, alice, first, second):
    hashers = {name.rpartition(".")[2][:6].lower(): name for name in settings.PASSWORD_HASHERS}
    order = {"bcrypt_sha256": hashers["bcrypt"], "argon2": hashers["argon2"]}
    settings.PASSWORD_HASHERS = [order[first], order[second]]
    alice.set_password(PASSWORD)
    alice.save()
    assert alice.password.startswith(f"{first}$")
    settings.PASSWORD_HASHERS = [order[second], order[first]]

    answer = Client().post("/login", {"login": alice.email, "password": PASSWORD})

    assert answer.headers["Location"] == "/generate"
    assert User.objects.get(pk=alice.pk).password.startswith(f"{second}$")
    if second == "argon2":
        assert "argon2id" in User.objects.get(pk=alice.pk).password
