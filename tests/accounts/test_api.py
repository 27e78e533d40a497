"""The API's sign-in family and `users/me`."""

import logging
import re
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from threading import Barrier

import jwt
import pytest
from allauth.account.models import EmailAddress
from django.contrib.sessions.models import Session
from django.core import mail
from django.core.cache import cache
from django.db import connections
from django.test import Client
from rest_framework.test import APIClient

from accounts.models import AuditEntry, Company, User
from billing.selectors import credits_of
from tests.factories.accounts import PASSWORD

API = "/api/v1"
NEW = {"email": "new@example.com", "password": PASSWORD, "full_name": "New Person"}


@pytest.fixture
def api() -> APIClient:
    """A program that has not signed in."""
    return APIClient()


@pytest.fixture
def no_new_session(db: None) -> Iterator[None]:
    """The test must leave no session behind; those that committed tests left do not count."""
    before = Session.objects.count()
    yield
    assert Session.objects.count() == before


def _key() -> str:
    found = re.search(r"http://testserver/(?:verify-email|reset-password)/(\S+)", mail.outbox[-1].body)
    assert found
    return found[1].replace("%3A", ":")


def _sign_in(api: APIClient, user: User) -> dict[str, str]:
    answer = api.post(f"{API}/auth/login", {"email": user.email, "password": PASSWORD})
    assert answer.status_code == 200
    return answer.json()


def _me(access: str) -> int:
    return APIClient().get(f"{API}/users/me", headers={"authorization": f"Bearer {access}"}).status_code


def _refresh(token: str) -> tuple[int, dict[str, str]]:
    answer = APIClient().post(f"{API}/auth/refresh", {"refresh": token})
    return answer.status_code, answer.json()


def _assert_problem(answer, status: int, code: str) -> None:
    body = answer.json()
    assert (answer.status_code, body["status"], body["code"]) == (status, status, code)
    assert answer.headers["Content-Type"] == "application/problem+json"
    assert body["detail"]


@pytest.mark.django_db
def test_register_verify_and_sign_in(api):
    made = api.post(f"{API}/auth/register", NEW)
    user = User.objects.get(email=NEW["email"])
    assert made.status_code == 201
    assert made.json().items() >= {"id": str(user.pk), "email": NEW["email"], "full_name": "New Person"}.items()
    assert user.full_name == "New Person"
    company = Company.objects.get(memberships__user=user)
    assert credits_of(company).balance == 0
    assert api.post(f"{API}/auth/verify-email", {"key": _key()}).status_code == 200
    assert credits_of(company).balance == 100
    answer = api.post(f"{API}/auth/login", {"email": "NEW@example.com", "password": PASSWORD})
    body = answer.json()
    assert set(body) == {"access", "refresh", "user"}
    assert body["user"]["company"]["role"] == "owner"
    claims = jwt.decode(body["access"], options={"verify_signature": False})
    assert (claims["company"], claims["role"]) == (str(company.pk), "owner")
    assert claims["exp"] - claims["iat"] == 15 * 60
    assert _me(body["access"]) == 200


@pytest.mark.django_db
def test_a_key_verifies_once(api):
    api.post(f"{API}/auth/register", NEW)
    key = _key()
    api.post(f"{API}/auth/verify-email", {"key": key})
    again = api.post(f"{API}/auth/verify-email", {"key": key})
    _assert_problem(again, 422, "invalid_key")
    assert again.json()["errors"][0]["field"] == "key"
    assert credits_of(Company.objects.get(memberships__user__email=NEW["email"])).balance == 100


@pytest.mark.django_db
def test_registering_a_known_address_tells_nothing(api, alice):
    people = User.objects.count()
    answer = api.post(f"{API}/auth/register", NEW | {"email": alice.email})
    assert answer.status_code == 201
    assert set(answer.json()) == {"id", "email", "full_name", "detail"}
    assert answer.json()["id"] != str(alice.pk)
    assert User.objects.count() == people
    assert mail.outbox[-1].to == [alice.email]


@pytest.mark.django_db
@pytest.mark.parametrize(
    ("change", "field"),
    [({"email": "no address"}, "email"), ({"password": "password"}, "password"), ({"email": None}, "email")],
)
def test_wrong_input_names_its_field_and_makes_nothing(api, change, field):
    people = User.objects.count()
    answer = api.post(f"{API}/auth/register", NEW | change)
    _assert_problem(answer, 422, "invalid_input")
    assert answer.json()["errors"][0]["field"] == field
    assert User.objects.count() == people
    assert mail.outbox == []


@pytest.mark.django_db
@pytest.mark.parametrize("body", ["[]", "{", '"text"'])
def test_a_body_that_is_no_object_is_refused(api, body):
    answer = api.post(f"{API}/auth/login", body, content_type="application/json")
    assert answer.status_code in {400, 422}
    assert answer.headers["Content-Type"] == "application/problem+json"


@pytest.mark.django_db
def test_an_unproved_address_gets_no_tokens_but_another_mail(api, settings, no_new_session):
    settings.ACCOUNT_RATE_LIMITS = {"confirm_email": "10/m/key"}
    api.post(f"{API}/auth/register", NEW)
    answer = api.post(f"{API}/auth/login", {"email": NEW["email"], "password": PASSWORD})
    _assert_problem(answer, 403, "email_unverified")
    assert len(mail.outbox) == 2


@pytest.mark.django_db
@pytest.mark.parametrize("known", [True, False])
def test_wrong_credentials_get_401_whether_the_address_is_known_or_not(api, alice, known, no_new_session):
    email = alice.email if known else "nobody@example.com"
    answer = api.post(f"{API}/auth/login", {"email": email, "password": "wrong-password"})
    _assert_problem(answer, 401, "invalid_credentials")
    assert answer.headers["WWW-Authenticate"].startswith("Bearer")


@pytest.mark.django_db
def test_five_wrong_passwords_lock_the_address_for_a_while(api, alice):
    for _ in range(5):
        api.post(f"{API}/auth/login", {"email": alice.email, "password": "wrong-password"})
    answer = api.post(f"{API}/auth/login", {"email": alice.email, "password": PASSWORD})
    _assert_problem(answer, 429, "too_many_attempts")
    assert 0 < int(answer.headers["Retry-After"]) <= 300


@pytest.mark.django_db
def test_json_that_is_nested_without_end_is_the_senders_mistake(api):
    answer = api.post(f"{API}/auth/login", "[" * 100_000, content_type="application/json")
    _assert_problem(answer, 400, "parse_error")


@pytest.mark.django_db
def test_the_lock_of_an_address_holds_at_whatever_port_is_asked_for(api, alice):
    for port in range(8001, 8006):
        wrong = {"email": alice.email, "password": "wrong-password"}
        api.post(
            f"{API}/auth/login", wrong, headers={"host": f"testserver:{port}"}, REMOTE_ADDR=f"192.0.2.{port % 250}"
        )
    answer = api.post(
        f"{API}/auth/login",
        {"email": alice.email, "password": PASSWORD},
        headers={"host": "testserver:8006"},
        REMOTE_ADDR="192.0.2.250",
    )
    _assert_problem(answer, 429, "too_many_attempts")


@pytest.mark.django_db
def test_too_many_sign_ins_from_one_place_wait(api):
    for number in range(30):
        api.post(f"{API}/auth/login", {"email": f"n{number}@example.com", "password": ""})
    for number in range(31):
        answer = api.post(f"{API}/auth/login", {"email": f"n{number}@example.com", "password": "wrong-password"})
    _assert_problem(answer, 429, "too_many_attempts")
    assert 0 < int(answer.headers["Retry-After"]) <= 60


@pytest.mark.django_db
@pytest.mark.parametrize("who", ["person", "company"])
def test_an_inactive_person_or_company_gets_nothing(api, alice, who):
    pair = _sign_in(api, alice)
    if who == "person":
        User.objects.filter(pk=alice.pk).update(is_active=False)
    else:
        Company.objects.filter(memberships__user=alice).update(is_active=False)
    answer = api.post(f"{API}/auth/login", {"email": alice.email, "password": PASSWORD})
    _assert_problem(answer, 403, "inactive")
    # A person is known no more; a company is, and says so.
    expected = 401 if who == "person" else 403
    assert _me(pair["access"]) == expected
    assert _refresh(pair["refresh"])[0] == expected


@pytest.mark.django_db
def test_a_header_of_an_old_token_does_not_hinder_signing_in(alice, alice_api):
    answer = alice_api.post(f"{API}/auth/login", {"email": alice.email, "password": PASSWORD})
    assert answer.status_code == 200


@pytest.mark.django_db
def test_a_session_key_is_no_credential(alice, alice_client):
    key = alice_client.session.session_key
    answer = APIClient().get(f"{API}/users/me", headers={"x-session-token": key})
    _assert_problem(answer, 401, "not_authenticated")
    assert answer.headers["WWW-Authenticate"].startswith("Bearer")


@pytest.mark.django_db
@pytest.mark.parametrize("token", ["", "nonsense", "a.b.c"])
def test_a_made_up_token_gets_401(token):
    answer = APIClient().get(f"{API}/users/me", headers={"authorization": f"Bearer {token}"})
    assert answer.status_code == 401
    assert answer.headers["WWW-Authenticate"].startswith("Bearer")


@pytest.mark.django_db
def test_a_refresh_token_opens_no_door_but_its_own(api, alice):
    pair = _sign_in(api, alice)
    assert _me(pair["refresh"]) == 401
    assert _refresh(pair["access"])[0] == 401


@pytest.mark.django_db
def test_refreshing_gives_a_new_pair(api, alice):
    pair = _sign_in(api, alice)
    status, new = _refresh(pair["refresh"])
    assert (status, set(new)) == (200, {"access", "refresh"})
    assert _me(new["access"]) == 200
    assert _refresh(new["refresh"])[0] == 200


@pytest.mark.django_db
def test_a_second_use_at_once_gets_nothing_and_harms_nobody(api, alice):
    pair = _sign_in(api, alice)
    new = _refresh(pair["refresh"])[1]
    assert _refresh(pair["refresh"])[0] == 401
    assert _me(new["access"]) == 200
    assert _refresh(new["refresh"])[0] == 200


@pytest.mark.django_db
@pytest.mark.parametrize("successor_used", [True, False])
def test_an_old_refresh_token_that_comes_back_ends_the_session(api, alice, caplog, successor_used, no_new_session):
    pair = _sign_in(api, alice)
    new = _refresh(pair["refresh"])[1]
    if successor_used:
        new = _refresh(new["refresh"])[1]
    else:
        # The few seconds within which a second use is taken for the same program's are over.
        cache.clear()
    with caplog.at_level(logging.WARNING, logger="accounts.tokens"):
        answer = api.post(f"{API}/auth/refresh", {"refresh": pair["refresh"]})
    _assert_problem(answer, 401, "invalid_refresh_token")
    assert "used again" in caplog.text
    assert AuditEntry.objects.filter(action="refresh_token.reused", actor=alice.email).count() == 1
    assert _me(new["access"]) == 401
    assert _refresh(new["refresh"])[0] == 401


def test_of_eight_simultaneous_refreshes_exactly_one_is_usable(committed_db, api, alice):
    pair = _sign_in(api, alice)
    barrier = Barrier(8)

    def refresh(_number):
        try:
            barrier.wait()
            return _refresh(pair["refresh"])
        finally:
            connections.close_all()

    with ThreadPoolExecutor(8) as pool:
        answers = list(pool.map(refresh, range(8)))
    won = [body for status, body in answers if status == 200]
    assert len(won) == 1
    assert [status for status, _ in answers if status != 200] == [401] * 7
    assert _me(won[0]["access"]) == 200
    assert _refresh(won[0]["refresh"])[0] == 200


@pytest.mark.django_db
def test_signing_out_kills_both_tokens_at_once_and_no_other_sign_in(api, alice):
    pair, other = _sign_in(api, alice), _sign_in(api, alice)
    answer = APIClient().post(f"{API}/auth/logout", headers={"authorization": f"Bearer {pair['access']}"})
    assert (answer.status_code, answer.content) == (204, b"")
    assert _me(pair["access"]) == 401
    assert _refresh(pair["refresh"])[0] == 401
    assert _me(other["access"]) == 200


@pytest.mark.django_db
def test_signing_out_needs_a_token(api, alice_client):
    _assert_problem(api.post(f"{API}/auth/logout"), 401, "not_authenticated")
    assert alice_client.post(f"{API}/auth/logout").status_code == 401
    assert alice_client.get("/profile").status_code == 200


@pytest.mark.django_db
def test_reset_by_mail_ends_every_session(api, alice):
    pair = _sign_in(api, alice)
    assert api.post(f"{API}/auth/reset-password", {"email": alice.email}).status_code == 202
    key = _key()
    answer = api.post(f"{API}/auth/reset-password/confirm", {"key": key, "password": "another-quiet-room"})
    assert answer.status_code == 200
    assert _me(pair["access"]) == 401
    assert _refresh(pair["refresh"])[0] == 401
    assert api.post(f"{API}/auth/login", {"email": alice.email, "password": PASSWORD}).status_code == 401
    assert api.post(f"{API}/auth/login", {"email": alice.email, "password": "another-quiet-room"}).status_code == 200
    again = api.post(f"{API}/auth/reset-password/confirm", {"key": key, "password": "yet-another-room"})
    _assert_problem(again, 422, "invalid_key")


@pytest.mark.django_db
def test_a_weak_new_password_is_refused_and_the_key_stays_good(api, alice):
    api.post(f"{API}/auth/reset-password", {"email": alice.email})
    answer = api.post(f"{API}/auth/reset-password/confirm", {"key": _key(), "password": "12345678"})
    _assert_problem(answer, 422, "invalid_input")
    assert {error["field"] for error in answer.json()["errors"]} == {"password"}
    alice.refresh_from_db()
    assert alice.check_password(PASSWORD)


@pytest.mark.django_db
def test_reset_answers_the_same_for_an_unknown_address(api, alice):
    known, unknown = (
        api.post(f"{API}/auth/reset-password", {"email": email}) for email in [alice.email, "nobody@example.com"]
    )
    assert (known.status_code, known.json()) == (unknown.status_code, unknown.json()) == (202, known.json())


@pytest.mark.django_db
def test_too_many_resets_of_one_address_wait(api, alice):
    for _ in range(5):
        api.post(f"{API}/auth/reset-password", {"email": alice.email})
    answer = api.post(f"{API}/auth/reset-password", {"email": alice.email})
    _assert_problem(answer, 429, "too_many_attempts")
    assert 0 < int(answer.headers["Retry-After"]) <= 60
    assert len(mail.outbox) == 5


@pytest.mark.django_db
@pytest.mark.parametrize("path", ["register", "reset-password"])
def test_a_mail_server_that_fails_is_a_503(api, alice, settings, path):
    settings.EMAIL_BACKEND = "django.core.mail.backends.smtp.EmailBackend"
    settings.EMAIL_HOST, settings.EMAIL_PORT = "127.0.0.1", 1
    answer = api.post(f"{API}/auth/{path}", NEW)
    _assert_problem(answer, 503, "mail_not_sent")
    assert answer.headers["Retry-After"]


@pytest.mark.django_db
def test_me_is_who_i_am_and_nobody_else(alice, bob, alice_api):
    body = alice_api.get(f"{API}/users/me").json()
    assert body["email"] == alice.email
    assert body["company"]["id"] == str(Company.objects.get(memberships__user=alice).pk)
    assert bob.email not in str(body)


@pytest.mark.django_db
def test_me_can_be_read_by_a_browser_session(alice, alice_client):
    assert alice_client.get(f"{API}/users/me").json()["email"] == alice.email


@pytest.mark.django_db
def test_a_browser_session_changes_nothing_without_the_csrf_token(alice):
    browser = Client(enforce_csrf_checks=True)
    browser.force_login(alice)
    answer = browser.patch(f"{API}/users/me", {"full_name": "Mallory"}, content_type="application/json")
    assert answer.status_code == 403
    alice.refresh_from_db()
    assert alice.full_name == "Alice Adams"


@pytest.mark.django_db
def test_i_change_what_is_mine_to_change(alice, alice_api):
    sent = {"full_name": "Alice B.", "time_zone": "Europe/Kyiv", "email": "other@example.com", "is_staff": True}
    body = alice_api.patch(f"{API}/users/me", sent).json()
    assert (body["full_name"], body["time_zone"], body["email"]) == ("Alice B.", "Europe/Kyiv", alice.email)
    alice.refresh_from_db()
    assert (alice.email, alice.is_staff) == (EmailAddress.objects.get(user=alice).email, False)


@pytest.mark.django_db
@pytest.mark.parametrize("change", [{"time_zone": "Mars/Base"}, {"username": "root"}, {"language": "xx"}])
def test_a_wrong_change_is_refused(alice, alice_api, change):
    answer = alice_api.patch(f"{API}/users/me", change | {"full_name": "X"})
    _assert_problem(answer, 422, "invalid_input")
    assert answer.json()["errors"][0]["field"] == next(iter(change))
    alice.refresh_from_db()
    assert alice.full_name == "Alice Adams"


@pytest.mark.django_db
def test_the_user_name_of_another_is_refused(alice, bob, alice_api):
    answer = alice_api.patch(f"{API}/users/me", {"username": bob.username})
    _assert_problem(answer, 422, "username_taken")


@pytest.mark.django_db
def test_me_costs_few_queries(alice_api, django_assert_max_num_queries):
    # The person, and the company with the membership: the session lies in the cache.
    with django_assert_max_num_queries(2):
        alice_api.get(f"{API}/users/me")
