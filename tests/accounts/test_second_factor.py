"""Signing in by API with a second factor: a password alone gives no token."""

import time

import pytest
from allauth.account.models import EmailAddress
from allauth.mfa.recovery_codes.internal.auth import RecoveryCodes
from allauth.mfa.totp.internal import auth as totp
from django.contrib.sessions.models import Session
from django.core.cache import cache
from rest_framework.test import APIClient

from accounts.models import Company, User
from tests.factories.accounts import PASSWORD

API = "/api/v1"
pytestmark = pytest.mark.django_db


@pytest.fixture
def secret(alice) -> str:
    """Alice's authenticator app."""
    made = totp.generate_totp_secret()
    totp.TOTP.activate(alice, made)
    return made


def code_now(secret: str) -> str:
    return totp.format_hotp_value(totp.hotp_value(secret, int(time.time()) // 30))


def wrong_code(secret: str) -> str:
    near = {totp.format_hotp_value(totp.hotp_value(secret, int(time.time()) // 30 + step)) for step in range(-2, 3)}
    return next(code for code in ("000000", "111111", "222222", "333333", "444444", "555555") if code not in near)


def sign_in(user: User):
    return APIClient().post(f"{API}/auth/login", {"email": user.email, "password": PASSWORD})


def finish(token: str, code: str):
    return APIClient().post(f"{API}/auth/mfa", {"token": token, "code": code})


def test_the_password_alone_gives_no_tokens_but_says_what_is_wanted(alice, secret):
    answer = sign_in(alice)
    body = answer.json()
    assert (answer.status_code, body["code"], body["status"]) == (401, "mfa_required", 401)
    assert answer.headers["Content-Type"] == "application/problem+json"
    assert answer.headers["WWW-Authenticate"].startswith("Bearer")
    assert (body["methods"], body["expires_in"]) == (["totp"], 300)
    assert not {"access", "refresh", "user"} & set(body)
    headers = {"authorization": f"Bearer {body['token']}", "x-session-token": body["token"]}
    assert APIClient().get(f"{API}/users/me", headers=headers).status_code == 401


def test_somebody_who_signs_up_with_a_look_alike_address_keeps_nobody_out(alice, secret):
    # "ſ" and "s" have one capital letter.
    User.objects.filter(pk=alice.pk).update(email=f"s{alice.email}")
    EmailAddress.objects.filter(user=alice).update(email=f"s{alice.email}")
    look_alike = {"email": f"ſ{alice.email}", "password": PASSWORD}
    assert APIClient().post(f"{API}/auth/register", look_alike).status_code == 201
    answer = sign_in(User.objects.get(pk=alice.pk))
    assert (answer.status_code, answer.json()["code"]) == (401, "mfa_required")


def test_the_code_of_the_app_completes_the_sign_in(alice, secret):
    answer = finish(sign_in(alice).json()["token"], code_now(secret))
    assert answer.status_code == 200, answer.json()
    body = answer.json()
    assert body["user"]["email"] == alice.email
    headers = {"authorization": f"Bearer {body['access']}"}
    assert APIClient().get(f"{API}/users/me", headers=headers).status_code == 200
    newer = APIClient().post(f"{API}/auth/refresh", {"refresh": body["refresh"]})
    assert newer.status_code == 200
    session = Session.objects.latest("expire_date")
    assert "_session_expiry" not in session.get_decoded(), "what waited five minutes now lasts as long as others"


def test_a_recovery_code_does_too_and_only_once(alice, secret):
    code = RecoveryCodes.activate(alice).get_unused_codes()[0]
    first = sign_in(alice).json()
    assert first["methods"] == ["recovery_codes", "totp"] or set(first["methods"]) == {"recovery_codes", "totp"}
    assert finish(first["token"], code).status_code == 200
    again = finish(sign_in(alice).json()["token"], code)
    assert (again.status_code, again.json()["code"]) == (401, "invalid_code")


def test_a_code_of_the_app_is_good_once(alice, secret):
    code = code_now(secret)
    assert finish(sign_in(alice).json()["token"], code).status_code == 200
    assert finish(sign_in(alice).json()["token"], code).status_code == 401


def test_a_finished_sign_in_and_a_made_up_token_lead_nowhere(alice, secret):
    token = sign_in(alice).json()["token"]
    assert finish(token, code_now(secret)).status_code == 200
    for tried in (token, "made-up"):
        answer = finish(tried, code_now(secret))
        assert (answer.status_code, answer.json()["code"]) == (401, "sign_in_over")


def test_a_sign_in_whose_session_is_gone_begins_again(alice, secret):
    token = sign_in(alice).json()["token"]
    Session.objects.all().delete()
    for key in cache._cache.get_client().scan_iter("*cached_db*"):
        cache._cache.get_client().delete(key)
    answer = finish(token, code_now(secret))
    assert (answer.status_code, answer.json()["code"]) == (401, "sign_in_over")


def test_wrong_codes_wait_on_and_lock_after_five(alice, secret):
    token = sign_in(alice).json()["token"]
    wrong = wrong_code(secret)
    first = finish(token, wrong)
    assert (first.status_code, first.json()["code"]) == (401, "invalid_code")
    assert first.json()["errors"][0]["field"] == "code"
    for _ in range(4):
        assert finish(token, wrong).status_code == 401
    locked = finish(token, code_now(secret))
    assert (locked.status_code, locked.json()["code"]) == (429, "too_many_attempts")
    assert 0 < int(locked.headers["Retry-After"]) <= 300
    # Another sign-in with the password does not open the lock.
    assert finish(sign_in(alice).json()["token"], code_now(secret)).status_code == 429


def test_trying_tokens_is_limited_by_address(settings):
    settings.ACCOUNT_RATE_LIMITS = {"mfa": "2/m/ip"}
    assert [finish("made-up", "123456").status_code for _ in range(3)] == [401, 401, 429]


@pytest.mark.parametrize("body", [{}, {"token": "x"}, {"code": "123456"}, {"token": "", "code": ""}], ids=range(4))
def test_missing_input_is_told(body):
    answer = APIClient().post(f"{API}/auth/mfa", body)
    assert (answer.status_code, answer.json()["code"]) == (422, "invalid_input")


def test_whoever_became_inactive_between_password_and_code_stays_out(alice, secret):
    token = sign_in(alice).json()["token"]
    Company.objects.filter(memberships__user=alice).update(is_active=False)
    answer = finish(token, code_now(secret))
    assert answer.status_code in (401, 403)
    assert "access" not in answer.json()
    User.objects.filter(pk=alice.pk).update(is_active=False)
    again = finish(token, code_now(secret))
    assert again.status_code in (401, 403)
