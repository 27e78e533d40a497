"""An account that is asked to be deleted: nothing is open any more, and until its day it can be kept."""

import time
from concurrent.futures import ThreadPoolExecutor
from datetime import datetime, timedelta

import pytest
from allauth.account.authentication import AUTHENTICATION_METHODS_SESSION_KEY
from allauth.usersessions.models import UserSession
from django.core import mail
from django.db import connection
from django.test import Client, RequestFactory
from django.urls import ResolverMatch
from django.utils import timezone
from pytest_django.fixtures import Settings
from rest_framework.test import APIClient

from accounts import deletion_erasing, deletions, exports
from accounts.company_refusals import LastOwner, NotAllowed
from accounts.deletion_erasing import erase_person
from accounts.export_making import make_export
from accounts.impersonation_rules import is_refused
from accounts.memberships import leave_company, transfer_ownership
from accounts.models import (
    ApiKey,
    AuditEntry,
    Company,
    DataExport,
    DeletionReceipt,
    Membership,
    User,
)
from accounts.privacy_refusals import OperatorAccount, SoleOwner
from accounts.sessions import sessions_of
from accounts.viewer import AccountEnding, viewer_for
from billing.selectors import credits_of
from tests.accounts.leaving import (
    ask,
    erase,
    mine,
    pass_grace,
)
from tests.accounts.test_security import prove, set_up_app
from tests.factories.accounts import PASSWORD, PersonFactory
from tests.factories.gallery import AssetFactory
from tests.factories.teams import acting, make_team, place_of, put_on
from tests.generation.conftest import state_of
from tests.personas import browser_of, key_of, program_of, program_with

pytestmark = pytest.mark.usefixtures("committed_db")


def test_before_its_day_nothing_is_touched_and_the_clock_takes_those_whose_day_it_is(alice: User, bob: User) -> None:
    AssetFactory(user=alice)
    before = state_of(mine(alice).company)
    own = mine(alice).company
    at = ask(alice)
    ask(bob)
    assert timedelta(days=13, hours=23) < at - timezone.now() <= timedelta(days=14)
    assert not erase_person(user_id=alice.pk)
    assert state_of(own) == before
    pass_grace(bob)
    assert deletion_erasing.delete_due_people() >= 1
    assert User.objects.get(pk=bob.pk).deleted_at
    assert User.objects.get(pk=alice.pk).deleted_at is None


def test_once_asked_nothing_is_open_any_more(alice: User, alice_client: Client, alice_api: APIClient) -> None:
    _key, secret = key_of(mine(alice))
    program = program_with(secret)
    assert program.get("/api/v1/jobs").status_code == alice_api.get("/api/v1/jobs").status_code == 200

    ask(alice)

    assert alice_client.get("/generate").headers["Location"].startswith("/login")
    assert alice_api.get("/api/v1/jobs").status_code == 401
    assert program.get("/api/v1/jobs").json()["code"] == "key_revoked"
    assert not UserSession.objects.filter(user=alice).exists()
    ApiKey.objects.filter(user=alice).update(revoked_at=None)
    assert program.get("/api/v1/jobs").status_code == 401, "a key that was made at this very moment"
    answer = APIClient().post("/api/v1/auth/login", {"email": alice.email, "password": PASSWORD})
    assert (answer.status_code, answer.json()["code"]) == (403, "account_ending")
    assert sessions_of(alice, current_key=None) == []
    with pytest.raises(AccountEnding):
        viewer_for(User.objects.get(pk=alice.pk))


@pytest.mark.parametrize("path", ["/", "/generate", "/profile", "/profile/security", "/company/new", "/admin/"])
def test_who_signs_in_meanwhile_sees_the_way_back_and_nothing_else(alice: User, path: str) -> None:
    ask(alice)
    client = Client()
    assert client.post("/login", {"login": alice.email, "password": PASSWORD}).headers["Location"] == "/generate"
    answer = client.get(path)
    assert answer.status_code == 403
    assert "Keep my account" in answer.content.decode()
    assert client.post("/company/new", {"name": "X"}).status_code == 403
    assert client.get("/api/v1/companies").json()["code"] == "account_ending"
    assert client.get("/company/brand.css").status_code == 403


def test_keeping_the_account_restores_everything_but_sessions_and_keys(alice: User, bob: User) -> None:
    AssetFactory(user=alice)
    own = mine(alice).company
    team = make_team(bob, alice)
    _key, secret = key_of(mine(alice))
    before = (state_of(own), User.objects.filter(pk=alice.pk).values("email", "password", "full_name").get())
    ask(alice)
    client = Client()
    client.post("/login", {"login": alice.email, "password": PASSWORD})

    assert client.post("/profile/keep").headers["Location"] == "/generate"

    assert client.get("/generate").status_code == 200
    assert (state_of(own), User.objects.filter(pk=alice.pk).values("email", "password", "full_name").get()) == before
    assert acting(User.objects.get(pk=alice.pk), team).role == Membership.Role.MEMBER
    assert program_with(secret).get("/api/v1/jobs").status_code == 401
    assert not DeletionReceipt.objects.filter(user=alice).exists()
    assert program_of(alice).get("/api/v1/jobs").status_code == 200
    assert "not deleted" in str(mail.outbox[-1].body)
    acts = set(AuditEntry.objects.filter(actor=alice.email).values_list("action", flat=True))
    assert {"account.deletion_requested", "account.kept"} <= acts
    assert client.post("/profile/keep").headers["Location"] == "/profile", "there is nothing to keep"


def test_after_its_day_it_is_too_late_to_keep_it(alice: User) -> None:
    ask(alice)
    client = browser_of(User.objects.get(pk=alice.pk))
    pass_grace(alice)
    client.post("/profile/keep")
    assert User.objects.get(pk=alice.pk).delete_after is not None


def test_a_copy_that_was_asked_for_before_can_be_fetched_meanwhile(alice: User) -> None:
    export = exports.request_export(user=alice)
    ask(alice)
    make_export(export_id=export.pk)
    client = browser_of(User.objects.get(pk=alice.pk))
    answer = client.get(exports.address_of(export))
    assert b"".join(answer.streaming_content).startswith(b"PK")  # type: ignore[arg-type]


def test_the_page_asks_who_it_is_and_for_the_address(alice: User, alice_client: Client) -> None:
    assert alice_client.get("/profile/delete").headers["Location"].startswith("/confirm?")
    assert alice_client.post("/profile/delete", {"email": alice.email}).headers["Location"].startswith("/confirm?")
    assert User.objects.get(pk=alice.pk).delete_after is None
    prove(alice_client)
    User.objects.filter(pk=alice.pk).update(delete_after=None)
    assert "deleted for good" in alice_client.get("/profile/delete").content.decode()
    wrong = alice_client.post("/profile/delete", {"email": "bob@example.com"})
    assert wrong.status_code == 422
    assert "not the address of your account" in wrong.content.decode()
    assert User.objects.get(pk=alice.pk).delete_after is None

    answer = alice_client.post("/profile/delete", {"email": alice.email.upper()})

    assert answer.status_code == 200
    assert "is deleted on" in answer.content.decode()
    assert "_auth_user_id" not in alice_client.session
    receipt = DeletionReceipt.objects.get(user=alice)
    told = mail.outbox[-1]
    assert told.to == [alice.email]
    assert "Keep my account" in str(told.body)
    assert receipt.reference in str(told.body)
    entry = AuditEntry.objects.get(actor=alice.email, action="account.deletion_requested")
    assert (entry.address, entry.detail["reference"]) == ("127.0.0.1", receipt.reference)


def test_two_requests_at_once_send_one_mail(alice: User) -> None:
    def work(_number: int) -> datetime:
        try:
            return ask(alice)
        finally:
            connection.close()

    with ThreadPoolExecutor(3) as threads:
        assert len(set(threads.map(work, range(3)))) == 1
    assert len(mail.outbox) == 1


def test_the_only_owner_of_a_team_hands_it_over_first(alice: User, bob: User, alice_client: Client) -> None:
    team = make_team(alice, bob, name="Foxes & Co")
    prove(alice_client)
    assert "Foxes &amp; Co" in alice_client.get("/profile/delete").content.decode()
    answer = alice_client.post("/profile/delete", {"email": alice.email})
    assert answer.status_code == 409
    assert "only owner of Foxes &amp; Co" in answer.content.decode()
    assert User.objects.get(pk=alice.pk).delete_after is None
    assert not DeletionReceipt.objects.filter(user=alice).exists()

    Company.objects.filter(pk=team.pk).update(delete_after=timezone.now() + timedelta(days=30))
    assert companies_left(alice) == [], "one that is to be deleted goes its way"
    Company.objects.filter(pk=team.pk).update(delete_after=None)
    Membership.objects.filter(company=team, user=bob).update(role=Membership.Role.OWNER)
    ask(alice)
    with pytest.raises(LastOwner):
        leave_company(viewer=acting(bob, team))
    with pytest.raises(SoleOwner):
        ask(bob)


def test_nobody_hands_a_team_over_to_an_account_that_is_to_be_deleted(alice: User, bob: User) -> None:
    team = make_team(alice, bob)
    ask(bob)
    with pytest.raises(NotAllowed):
        transfer_ownership(viewer=acting(alice, team), member=place_of(bob, team))
    assert place_of(alice, team).role == Membership.Role.OWNER


def companies_left(user: User) -> list[Company]:
    return deletions.companies_to_hand_over(user)


def test_of_two_owners_who_go_at_once_one_stays(alice: User, bob: User) -> None:
    team = make_team(alice, owner=bob)

    def work(user: User) -> bool:
        try:
            ask(user)
            return True
        except SoleOwner:
            return False
        finally:
            connection.close()

    with ThreadPoolExecutor(2) as threads:
        assert sorted(threads.map(work, [alice, bob])) == [False, True]
    assert Membership.objects.filter(company=team, user__delete_after=None).count() == 1


def test_who_deletes_the_account_and_signs_up_again_is_not_welcomed_again(settings: Settings) -> None:
    person = PersonFactory()
    email = person.email
    erase(person)
    # Nor once the key has changed by which the digest was made.
    settings.SECRET_KEY_FALLBACKS, settings.SECRET_KEY = [settings.SECRET_KEY], "another-key"
    again = PersonFactory(email=email)
    assert credits_of(Company.objects.get(memberships__user=again)).balance == 0


def test_an_operator_gives_that_up_first(alice: User) -> None:
    User.objects.filter(pk=alice.pk).update(is_staff=True)
    with pytest.raises(OperatorAccount):
        ask(alice)
    assert User.objects.get(pk=alice.pk).delete_after is None


def test_an_operator_signed_in_as_somebody_takes_no_copy_and_deletes_nothing(alice: User) -> None:
    for name in ("account-delete", "api-export", "api-export-file", "export-file"):
        request = RequestFactory().get("/")
        request.resolver_match = ResolverMatch(lambda: None, (), {}, name)
        assert is_refused(request), name


def test_programs_send_the_password_and_the_code(alice: User, alice_client: Client, alice_api: APIClient) -> None:
    path = "/api/v1/users/me"
    body = {"email": alice.email, "password": PASSWORD}
    assert alice_api.delete(path, {**body, "email": "bob@example.com"}).status_code == 422
    wrong = alice_api.delete(path, {**body, "password": "wrong"})
    assert (wrong.status_code, wrong.json()["code"]) == (403, "wrong_password")
    _secret, codes = set_up_app(alice_client)
    missing = alice_api.delete(path, body)
    assert (missing.status_code, missing.json()["code"]) == (403, "invalid_code")
    assert User.objects.get(pk=alice.pk).delete_after is None

    answer = alice_api.delete(path, {**body, "code": codes[0]})

    assert answer.status_code == 202, answer.content
    assert answer.json()["delete_after"][:10] == f"{User.objects.get(pk=alice.pk).delete_after:%Y-%m-%d}"
    assert alice_api.get(path).status_code == 401


def test_who_has_no_seat_any_more_takes_a_copy_and_goes_all_the_same(
    alice: User, bob: User, bob_api: APIClient
) -> None:
    team = make_team(alice, bob)
    tokens = bob_api.post("/api/v1/auth/switch", {"company": str(team.pk)}).json()
    bob_api.credentials(HTTP_AUTHORIZATION=f"Bearer {tokens['access']}")
    put_on(team, "free")
    assert bob_api.post("/api/v1/users/me/export").status_code == 202
    assert bob_api.delete("/api/v1/users/me", {"email": bob.email, "password": PASSWORD}).status_code == 202


def test_somebody_without_a_password_signed_in_just_now(alice: User, alice_client: Client) -> None:
    alice.set_unusable_password()
    alice.save()
    browser = browser_of(alice)
    refused = browser.delete("/api/v1/users/me", {"email": alice.email}, content_type="application/json")
    assert (refused.status_code, refused.json()["code"]) == (403, "sign_in_again")
    session = browser.session
    session[AUTHENTICATION_METHODS_SESSION_KEY] = [{"method": "socialaccount", "at": time.time()}]
    session.save()
    answer = browser.delete("/api/v1/users/me", {"email": alice.email}, content_type="application/json")
    assert answer.status_code == 202, answer.content


def test_no_key_deletes_an_account_or_takes_a_copy(alice: User) -> None:
    program = program_with(key_of(mine(alice))[1])
    for method, path in (("delete", ""), ("post", "/export"), ("get", "/export"), ("get", "/export/file")):
        answer = getattr(program, method)(f"/api/v1/users/me{path}", {"email": alice.email, "password": PASSWORD})
        assert (answer.status_code, answer.json()["code"]) == (403, "insufficient_scope"), path
    assert User.objects.get(pk=alice.pk).delete_after is None
    assert not DataExport.objects.filter(user=alice).exists()
