"""Second factors, passkeys, another address, and the mails that tell of each change."""

import re
import time
from typing import Any
from uuid import uuid4

import pytest
from allauth.account.models import EmailAddress
from allauth.mfa.models import Authenticator
from allauth.mfa.totp.internal.auth import format_hotp_value, hotp_value
from django.core import mail
from django.core.cache import cache
from django.test import Client
from rest_framework.test import APIClient

from accounts.devices import device_name, is_phone
from accounts.models import AuditEntry, User
from tests.factories.accounts import PASSWORD

pytestmark = pytest.mark.usefixtures("committed_db")


def code_of(secret: str, *, steps: int = 0) -> str:
    """What an authenticator app shows now, or some half minutes later."""
    return format_hotp_value(hotp_value(secret, int(time.time()) // 30 + steps))


def prove(client: Client) -> None:
    """Type the password before something important changes."""
    assert client.post("/confirm", {"password": PASSWORD}).status_code == 302


def set_up_app(client: Client) -> tuple[str, list[str]]:
    """Turn an authenticator app on; returns its secret and the recovery codes."""
    prove(client)
    page = client.get("/profile/security/app").content.decode()
    found = re.search(r'id="secret"[^>]*>([A-Z2-7]+)<', page)
    assert found, page
    answer = client.post("/profile/security/app", {"code": code_of(found[1])})
    assert answer.headers["Location"] == "/profile/security/codes"
    codes = re.findall(r'<li class="numbers">(\d{8})</li>', client.get("/profile/security/codes").content.decode())
    return found[1], codes


def sign_in(email: str) -> tuple[Client, str]:
    """A browser after the password, and where it was led."""
    client = Client()
    return client, client.post("/login", {"login": email, "password": PASSWORD}).headers["Location"]


def is_in(client: Client) -> bool:
    return "_auth_user_id" in client.session


def notices() -> list[Any]:
    return [message for message in mail.outbox if message.subject == "Your Darkroom account was changed"]


def test_the_password_alone_never_opens_an_account_with_an_app(alice, alice_client):
    secret, codes = set_up_app(alice_client)

    client, led_to = sign_in(alice.email)

    assert led_to == "/login/code"
    assert not is_in(client)
    assert client.get("/generate").status_code == 302
    assert client.post("/login/code", {"code": "000000"}).status_code == 200
    assert not is_in(client)
    assert client.post("/login/code", {"code": code_of(secret, steps=1)}).headers["Location"] == "/generate"
    assert is_in(client)
    assert len(codes) == len(set(codes)) == 10


def test_a_code_works_once(alice, alice_client):
    secret, _codes = set_up_app(alice_client)
    code = code_of(secret, steps=1)
    first, _ = sign_in(alice.email)
    second, _ = sign_in(alice.email)

    first.post("/login/code", {"code": code})
    second.post("/login/code", {"code": code})

    assert is_in(first)
    assert not is_in(second)


def test_a_code_that_a_page_took_opens_no_api_while_the_clock_would_allow_it(alice, alice_client):
    secret, _codes = set_up_app(alice_client)
    code = code_of(secret, steps=1)
    browser, _ = sign_in(alice.email)
    browser.post("/login/code", {"code": code})
    assert is_in(browser)
    # What allauth itself remembers for half a minute only.
    cache.delete(f"allauth.mfa.totp.used?user={alice.pk}&code={code}")
    program = APIClient()
    begun = program.post("/api/v1/auth/login", {"email": alice.email, "password": PASSWORD})
    assert (begun.status_code, begun.json()["code"]) == (401, "mfa_required")

    answer = program.post("/api/v1/auth/mfa", {"token": begun.json()["token"], "code": code})

    assert (answer.status_code, answer.json()["code"]) == (401, "invalid_code")


def test_a_recovery_code_works_once(alice, alice_client):
    _secret, codes = set_up_app(alice_client)
    first, _ = sign_in(alice.email)
    second, _ = sign_in(alice.email)

    first.post("/login/code", {"code": codes[3]})
    second.post("/login/code", {"code": codes[3]})

    assert is_in(first)
    assert not is_in(second)
    assert codes[3] not in alice_client.get("/profile/security/codes").content.decode()


def test_wrong_codes_lock_out_the_right_one_too(alice, alice_client):
    secret, _codes = set_up_app(alice_client)
    client, _ = sign_in(alice.email)

    for number in range(12):
        client.post("/login/code", {"code": f"{number:06}"})
    page = client.post("/login/code", {"code": code_of(secret, steps=1)}).content.decode()

    assert "Too many failed sign-ins" in page
    assert not is_in(client)


def test_five_wrong_passwords_lock_out_a_person_with_an_app_too(alice, alice_client):
    set_up_app(alice_client)
    client = Client()
    for _ in range(5):
        client.post("/login", {"login": alice.email, "password": "wrong-password"})

    page = client.post("/login", {"login": alice.email, "password": PASSWORD})

    assert page.status_code == 200
    assert "Too many failed sign-ins" in page.content.decode()


def test_secrets_lie_encrypted(alice, alice_client):
    secret, codes = set_up_app(alice_client)

    kept = str(list(Authenticator.objects.filter(user=alice).values_list("data", flat=True)))

    assert secret not in kept
    assert not any(code in kept for code in codes)


@pytest.mark.parametrize(
    "path",
    [
        "/profile/security/app",
        "/profile/security/codes/new",
        "/profile/security/passkeys/add",
    ],
)
def test_nothing_is_changed_before_the_person_proves_to_be_there(path, alice, alice_client):
    answer = alice_client.post(path, {"code": "000000", "name": "x", "credential": "{}"})

    assert answer.headers["Location"].startswith("/confirm?")
    assert not Authenticator.objects.filter(user=alice).exists()
    assert alice_client.post("/confirm", {"password": "wrong"}).status_code == 200
    assert alice_client.get(path).headers["Location"].startswith("/confirm?")


def test_each_change_is_told_once_by_mail_and_written_down(alice, alice_client):
    set_up_app(alice_client)
    alice_client.post("/profile/security/codes/new")
    alice_client.post("/profile/security/app/remove")

    told = notices()
    assert [message.to for message in told] == [[alice.email]] * 3
    assert "app was set up" in told[0].body
    assert "New recovery codes" in told[1].body
    assert "app was removed" in told[2].body
    assert all("/reset-password" in message.body and message.alternatives for message in told)
    actions = list(
        AuditEntry.objects.filter(actor=alice.email, action__startswith="second_factor")
        .order_by("id")
        .values_list("action", "detail__kind")
    )
    assert ("second_factor.added", "totp") in actions
    assert ("second_factor.removed", "totp") in actions
    assert ("second_factor.removed", "recovery_codes") in actions
    assert sign_in(alice.email)[1] == "/generate"


def test_a_changed_password_is_told(alice, alice_client):
    alice_client.post("/profile/password", {"oldpassword": PASSWORD, "password1": "another-quiet-room"})

    assert [message.to for message in notices()] == [[alice.email]]
    assert "Your password was changed." in notices()[0].body


def test_codes_are_downloaded_as_text(alice, alice_client):
    _secret, codes = set_up_app(alice_client)

    answer = alice_client.get("/profile/security/codes/file")

    assert answer["Content-Type"].startswith("text/plain")
    assert "attachment" in answer["Content-Disposition"]
    assert [line for line in answer.content.decode().splitlines() if line.isdigit()] == codes


def test_nobody_removes_or_renames_a_passkey_of_another(alice, bob_client):
    passkey = Authenticator.objects.create(user=alice, type=Authenticator.Type.WEBAUTHN, data={"name": "Blue key"})
    prove(bob_client)

    assert bob_client.post(f"/profile/security/passkeys/{passkey.pk}/remove").status_code == 404
    assert bob_client.post(f"/profile/security/passkeys/{passkey.pk}", {"name": "Mine"}).status_code == 404
    passkey.refresh_from_db()
    assert passkey.data == {"name": "Blue key"}


def test_a_made_up_passkey_opens_nothing(alice, client):
    Authenticator.objects.create(user=alice, type=Authenticator.Type.WEBAUTHN, data={"name": "Blue key"})
    assert "challenge" in client.get("/login/passkey").json()["request_options"]["publicKey"]

    for credential in ("", "{}", "no json", '{"id": "a", "rawId": "YQ", "type": "public-key", "response": {}}'):
        assert client.post("/login/passkey", {"credential": credential}).headers["Location"] == "/login"

    assert not is_in(client)


def ask_for_address(client: Client, email: str) -> str:
    """Ask for a new address; returns the path of the link in the mail to it."""
    prove(client)
    assert client.post("/profile/email", {"email": email}).headers["Location"] == "/profile/email"
    message = next(one for one in reversed(mail.outbox) if one.to == [email])
    found = re.search(r"http://testserver(/verify-email/\S+)", message.body)
    assert found
    return found[1]


def test_a_new_address_counts_once_it_is_confirmed_and_the_former_one_is_told(alice, alice_client):
    before, after = alice.email, f"new-{uuid4().hex[:8]}@example.com"
    link = ask_for_address(alice_client, after)
    assert after in alice_client.get("/profile/security").content.decode()
    assert sign_in(before)[1] == "/generate"
    alice.refresh_from_db()
    assert alice.email == before
    told = len(notices())

    alice_client.post(link)

    alice.refresh_from_db()
    assert alice.email == after
    assert list(EmailAddress.objects.filter(user=alice).values_list("email", "verified", "primary")) == [
        (after, True, True)
    ]
    assert [message.to for message in notices()[told:]] == [[before]]
    assert after in notices()[-1].body
    assert AuditEntry.objects.filter(action="email.changed", detail__from=before, detail__to=after).exists()
    assert sign_in(after)[1] == "/generate"


def test_an_address_of_somebody_else_is_never_taken(alice, bob, alice_client):
    link = ask_for_address(alice_client, bob.email)

    alice_client.post(link)

    alice.refresh_from_db()
    assert alice.email != bob.email
    assert "belongs to another account" in alice_client.get("/profile").content.decode()
    assert EmailAddress.objects.get(email=bob.email, verified=True).user == bob


def test_an_address_can_be_changed_by_who_has_an_app_and_kept_after_all(alice, alice_client):
    set_up_app(alice_client)
    ask_for_address(alice_client, f"new-{uuid4().hex[:8]}@example.com")

    alice_client.post("/profile/email", {"action_keep": "1"})

    assert EmailAddress.objects.filter(user=alice).count() == 1
    assert User.objects.get(pk=alice.pk).email == alice.email


def test_a_waiting_address_is_not_asked_for_without_proof(alice_client):
    answer = alice_client.post("/profile/email", {"email": "new@example.com"})

    assert answer.headers["Location"].startswith("/confirm?")
    assert not EmailAddress.objects.filter(email="new@example.com").exists()


@pytest.mark.parametrize(
    ("agent", "words", "phone"),
    [
        ("Mozilla/5.0 (X11; Linux x86_64; rv:140.0) Gecko/20100101 Firefox/140.0", "Firefox on Linux", False),
        (
            "Mozilla/5.0 (iPhone; CPU iPhone OS 18_5 like Mac OS X) AppleWebKit/605.1.15 (KHTML, like Gecko) "
            "Version/18.5 Mobile/15E148 Safari/604.1",
            "Safari on iPhone",
            True,
        ),
        (
            "Mozilla/5.0 (Windows NT 10.0; Win64; x64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/140.0 "
            "Safari/537.36 Edg/140.0",
            "Edge on Windows",
            False,
        ),
        ("python-httpx/0.28.1", "python-httpx", False),
        ("", "An unknown device", False),
    ],
    ids=["firefox", "safari", "edge", "program", "nothing"],
)
def test_devices_are_told_in_words(agent, words, phone):
    assert (device_name(agent), is_phone(agent)) == (words, phone)


def test_a_person_without_a_factor_has_no_codes_to_see(alice_client):
    assert alice_client.get("/profile/security/codes").status_code == 404
