"""Coming by Google's door, or Apple's: a whole person with a company, and nobody's account taken over."""

import re
from collections.abc import Iterator
from html import unescape
from typing import Any
from urllib.parse import urlsplit
from uuid import uuid4

import httpx
import pytest
from allauth.account.models import EmailAddress
from allauth.socialaccount.models import SocialAccount
from allauth.socialaccount.providers.apple.views import AppleOAuth2Adapter
from allauth.socialaccount.providers.google.views import GoogleOAuth2Adapter
from django.core import mail
from django.test import Client

from accounts.models import AuditEntry, Company, Membership, User
from billing.selectors import credits_of
from tests.emulators.oidc import CLIENT, KEY_ID, SECRET, TEAM, AppleDouble, GoogleDouble
from tests.factories.accounts import PASSWORD

pytestmark = pytest.mark.usefixtures("committed_db")


@pytest.fixture
def google(settings: Any, monkeypatch: pytest.MonkeyPatch) -> Iterator[GoogleDouble]:
    """Google as an operator has set it up, at another address."""
    settings.SOCIALACCOUNT_PROVIDERS = {
        "google": {"APPS": [{"client_id": CLIENT, "secret": SECRET, "key": ""}], "OAUTH_PKCE_ENABLED": True}
    }
    with GoogleDouble() as double:
        monkeypatch.setattr(GoogleOAuth2Adapter, "authorize_url", f"{double.url}/auth")
        monkeypatch.setattr(GoogleOAuth2Adapter, "access_token_url", f"{double.url}/token")
        double.person = _person(f"grace-{uuid4().hex[:12]}@example.com")
        yield double
    assert double.refused == []


@pytest.fixture
def apple(settings: Any, monkeypatch: pytest.MonkeyPatch) -> Iterator[AppleDouble]:
    """Apple as an operator has set it up, at another address."""
    with AppleDouble() as double:
        app = {"client_id": CLIENT, "secret": KEY_ID, "key": TEAM}
        app["settings"] = {"certificate_key": double.certificate_key}
        settings.SOCIALACCOUNT_PROVIDERS = {"apple": {"APPS": [app]}}
        monkeypatch.setattr(AppleOAuth2Adapter, "authorize_url", f"{double.url}/auth")
        monkeypatch.setattr(AppleOAuth2Adapter, "access_token_url", f"{double.url}/token")
        monkeypatch.setattr(AppleOAuth2Adapter, "public_key_url", f"{double.url}/keys")
        told = _person(f"ada-{uuid4().hex[:12]}@example.com")
        double.person = {"sub": told["sub"], "email": told["email"], "email_verified": "true"}
        double.name = {"firstName": "Ada", "lastName": "Amber"}
        yield double
    assert double.refused == []


def _person(email: str, *, verified: bool = True) -> dict[str, Any]:
    return {
        "sub": uuid4().hex,
        "email": email,
        "email_verified": verified,
        "given_name": "Grace",
        "family_name": "Green",
    }


def _walk(client: Client, query: str = "process=login") -> str:
    """Press the button, come back from Google; where one lands."""
    away = client.post(f"/login/google?{query}").headers["Location"]
    back = urlsplit(httpx.get(away, trust_env=False).headers["Location"])
    return client.get(f"{back.path}?{back.query}").headers["Location"]


def _walk_by_apple(client: Client, query: str = "process=login") -> str:
    """Press the button, send the form on Apple's page, without our cookies as browsers do; where one lands."""
    away = client.post(f"/login/apple?{query}").headers["Location"]
    page = httpx.get(away, trust_env=False).text
    fields = {name: unescape(value) for name, value in re.findall(r'name="(\w+)" value="([^"]*)"', page)}
    action = re.search(r'action="([^"]+)"', page)
    assert action is not None
    answer = Client(enforce_csrf_checks=True).post(urlsplit(unescape(action[1])).path, fields)
    for name, morsel in answer.cookies.items():
        client.cookies[name] = morsel.value
    back = urlsplit(answer.headers["Location"])
    return client.get(f"{back.path}?{back.query}").headers["Location"]


def test_a_newcomer_becomes_a_whole_person_with_a_company_and_the_welcome_once(google, client):
    assert "Continue with Google" in client.get("/login").content.decode()
    assert _walk(client, "process=login&next=/gallery") == "/gallery"

    user = User.objects.get(email=google.person["email"])
    company = Company.objects.get(memberships__user=user, memberships__role=Membership.Role.OWNER)
    assert (user.full_name, company.kind) == ("Grace Green", Company.Kind.PERSONAL)
    assert user.username.startswith("grace-")
    assert user.verified_at is not None
    assert EmailAddress.objects.get(user=user).verified
    assert credits_of(company).balance == 100
    assert not user.has_usable_password()

    again = Client()
    assert _walk(again) == "/generate"
    assert again.session["_auth_user_id"] == str(user.pk)
    assert credits_of(company).balance == 100
    assert User.objects.filter(email__iexact=google.person["email"]).count() == 1


def test_an_address_that_google_did_not_check_is_confirmed_by_mail_first(google, client):
    google.person["email_verified"] = False

    assert _walk(client) == "/verify-email"

    user = User.objects.get(email=google.person["email"])
    assert user.verified_at is None
    assert credits_of(Company.objects.get(memberships__user=user)).balance == 0
    assert "_auth_user_id" not in client.session
    assert mail.outbox[-1].to == [user.email]


def test_an_account_that_exists_is_not_taken_over(google, client, alice):
    google.person = _person(alice.email)

    assert _walk(client) == "/login"

    assert "Sign in to it first" in client.get("/login").content.decode()
    assert "_auth_user_id" not in client.session
    assert not SocialAccount.objects.filter(user=alice).exists()


def test_its_owner_connects_and_then_comes_by_that_door(google, alice, alice_client):
    google.person = _person(alice.email)
    assert _walk(alice_client, "process=connect&next=/profile/connections").startswith("/confirm")
    answer = alice_client.post("/confirm", {"password": PASSWORD})
    assert answer.headers["Location"] == "/profile/connections"
    page = alice_client.get("/profile/connections").content.decode()
    assert "Disconnect Google" in page
    assert AuditEntry.objects.filter(actor=alice.email, action="sign_in.connected").exists()
    assert "sign in with Google" in mail.outbox[-1].body

    elsewhere = Client()
    assert _walk(elsewhere) == "/generate"
    assert elsewhere.session["_auth_user_id"] == str(alice.pk)


def test_who_has_no_password_keeps_the_only_door(google, client):
    _walk(client)
    account = SocialAccount.objects.get(user__email=google.person["email"])

    client.post("/profile/connections", {"account": account.pk})

    assert "Give your account a password first" in client.get("/profile/connections").content.decode()
    assert SocialAccount.objects.filter(pk=account.pk).exists()
    assert client.get("/profile/password/set").status_code == 200


def test_turning_back_at_google_changes_nothing(google, client):
    google.says_no = True
    people = User.objects.count()

    assert _walk(client) == "/login/cancelled"

    assert "You turned back" in client.get("/login/cancelled").content.decode()
    assert User.objects.count() == people


def test_an_answer_that_nobody_asked_for_is_refused(google, client):
    answer = client.get("/login/google/callback?code=made-up&state=made-up")

    assert answer.status_code == 401
    assert "That did not work" in answer.content.decode()
    assert "_auth_user_id" not in client.session


def test_a_newcomer_comes_from_apple_with_the_name_told_once_and_the_welcome(apple, client):
    assert "Continue with Apple" in client.get("/login").content.decode()
    assert _walk_by_apple(client, "process=login&next=/gallery") == "/gallery"

    user = User.objects.get(email=apple.person["email"])
    company = Company.objects.get(memberships__user=user, memberships__role=Membership.Role.OWNER)
    assert (user.full_name, company.kind) == ("Ada Amber", Company.Kind.PERSONAL)
    assert user.verified_at is not None
    assert credits_of(company).balance == 100

    apple.name = None
    again = Client()
    assert _walk_by_apple(again) == "/generate"
    assert again.session["_auth_user_id"] == str(user.pk)
    assert credits_of(company).balance == 100
    user.refresh_from_db()
    assert user.full_name == "Ada Amber"


def test_apple_takes_over_no_account_either(apple, client, alice):
    apple.person["email"] = alice.email

    assert _walk_by_apple(client) == "/login"

    assert "Sign in to it first" in client.get("/login").content.decode()
    assert "_auth_user_id" not in client.session
    assert not SocialAccount.objects.filter(user=alice).exists()


def test_turning_back_at_apple_changes_nothing(apple, client):
    apple.says_no = True
    people = User.objects.count()

    assert _walk_by_apple(client).endswith("/login/cancelled")

    assert User.objects.count() == people


def test_what_apple_did_not_sign_is_refused(apple, client, monkeypatch):
    with AppleDouble() as another:
        monkeypatch.setattr(AppleOAuth2Adapter, "public_key_url", f"{another.url}/keys")
        away = client.post("/login/apple?process=login").headers["Location"]
        page = httpx.get(away, trust_env=False).text
        fields = dict(re.findall(r'name="(\w+)" value="([^"]*)"', page))
        answer = Client().post("/login/apple/callback", fields)
        client.cookies["apple-login-session"] = answer.cookies["apple-login-session"].value
        back = urlsplit(answer.headers["Location"])
        assert client.get(f"{back.path}?{back.query}").status_code == 401
    assert "_auth_user_id" not in client.session
    assert not User.objects.filter(email=apple.person["email"]).exists()


def test_without_keys_there_is_no_such_door(client, alice_client):
    assert "Google" not in client.get("/login").content.decode()
    for path in ("/login/google", "/login/apple", "/profile/connections"):
        assert alice_client.post(path).status_code == 404
