"""Access tokens act for the company that they name, as the database has it now, or not at all."""

from concurrent.futures import ThreadPoolExecutor
from threading import Barrier
from uuid import uuid4

import jwt
import pytest
from django.db import connections
from rest_framework.test import APIClient

from accounts import tokens
from accounts.models import AuditEntry, Company, Membership, User
from tests.factories.accounts import PASSWORD

API = "/api/v1"


@pytest.fixture
def team(alice, bob) -> Company:
    """Bob owns it, Alice is an admin of it."""
    slug = f"team-{uuid4().hex[:12]}"
    company = Company.objects.create(name="Team", slug=slug, kind=Company.Kind.TEAM, entitlements={"seats": 5})
    Membership.objects.create(company=company, user=bob, role=Membership.Role.OWNER)
    Membership.objects.create(company=company, user=alice, role=Membership.Role.ADMIN)
    return company


def sign_in(user: User) -> dict[str, str]:
    answer = APIClient().post(f"{API}/auth/login", {"email": user.email, "password": PASSWORD})
    assert answer.status_code == 200
    return answer.json()


def ask(method: str, path: str, access: str, body=None):
    headers = {"authorization": f"Bearer {access}"}
    return getattr(APIClient(), method)(f"{API}/{path}", body, headers=headers)


def switch(access: str, company: Company):
    return ask("post", "auth/switch", access, {"company": str(company.pk)})


def refresh(token: str):
    return APIClient().post(f"{API}/auth/refresh", {"refresh": token})


def company_of(access: str) -> str:
    return ask("get", "users/me", access).json()["company"]["id"]


def claims_of(access: str) -> dict[str, str]:
    return jwt.decode(access, options={"verify_signature": False})


def code_of(answer) -> tuple[int, str]:
    return answer.status_code, answer.json()["code"]


@pytest.mark.django_db
def test_switching_gives_tokens_of_that_company_and_refreshing_keeps_it(alice, team):
    pair = sign_in(alice)
    home = company_of(pair["access"])
    answer = switch(pair["access"], team)
    assert answer.status_code == 200
    switched = answer.json()
    assert switched["user"]["company"]["id"] == company_of(switched["access"]) == str(team.pk)
    assert (claims_of(switched["access"])["company"], claims_of(switched["access"])["role"]) == (str(team.pk), "admin")
    assert company_of(pair["access"]) == home, "an earlier access token goes on for the company that it names"
    newer = refresh(switched["refresh"]).json()
    assert company_of(newer["access"]) == str(team.pk)
    assert company_of(refresh(newer["refresh"]).json()["access"]) == str(team.pk)
    assert AuditEntry.objects.filter(company=team, action="company.switched", actor=alice.email).count() == 1


@pytest.mark.django_db
def test_a_refresh_token_from_before_the_switch_leads_nowhere(alice, team):
    pair = sign_in(alice)
    switched = switch(pair["access"], team).json()
    assert code_of(refresh(pair["refresh"])) == (401, "invalid_refresh_token")
    assert company_of(switched["access"]) == str(team.pk), "used at once it is the same program's"


@pytest.mark.django_db
def test_nobody_switches_to_a_company_of_others(alice, bob, team):
    Membership.objects.filter(company=team, user=alice).delete()
    pair = sign_in(alice)
    assert code_of(switch(pair["access"], team)) == (403, "not_allowed")
    assert ask("post", "auth/switch", pair["access"], {"company": "x"}).status_code == 422
    assert ask("post", "auth/switch", pair["access"], {"company": str(uuid4())}).status_code == 403
    assert refresh(pair["refresh"]).status_code == 200
    assert not AuditEntry.objects.filter(company=team, action="company.switched").exists()


@pytest.mark.django_db
def test_nobody_switches_to_a_company_that_is_switched_off(alice, team):
    pair = sign_in(alice)
    Company.objects.filter(pk=team.pk).update(is_active=False)
    assert code_of(switch(pair["access"], team)) == (403, "company_inactive")
    assert refresh(pair["refresh"]).status_code == 200


@pytest.mark.django_db
def test_a_removed_members_tokens_are_dead_at_once_and_never_another_companys(alice, team):
    pair = switch(sign_in(alice)["access"], team).json()
    Membership.objects.filter(company=team, user=alice).delete()
    assert code_of(ask("get", "users/me", pair["access"])) == (403, "company_lost")
    assert code_of(ask("get", "jobs", pair["access"])) == (403, "company_lost")
    assert code_of(refresh(pair["refresh"])) == (403, "company_lost")
    home = Company.objects.get(memberships__user=alice)
    assert company_of(switch(pair["access"], home).json()["access"]) == str(home.pk)


@pytest.mark.django_db
def test_a_company_that_is_switched_off_closes_its_tokens_and_opens_them_again(alice, team):
    pair = switch(sign_in(alice)["access"], team).json()
    Company.objects.filter(pk=team.pk).update(is_active=False)
    assert code_of(ask("get", "users/me", pair["access"])) == (403, "company_inactive")
    assert code_of(refresh(pair["refresh"])) == (403, "company_inactive")
    Company.objects.filter(pk=team.pk).update(is_active=True)
    assert company_of(pair["access"]) == str(team.pk)


@pytest.mark.django_db
def test_a_changed_role_counts_at_once_whatever_the_token_says(alice, team):
    pair = switch(sign_in(alice)["access"], team).json()
    assert ask("patch", "companies/current", pair["access"], {"name": "Ours"}).status_code == 200
    Membership.objects.filter(company=team, user=alice).update(role=Membership.Role.MEMBER)
    assert claims_of(pair["access"])["role"] == "admin"
    assert code_of(ask("patch", "companies/current", pair["access"], {"name": "Mine"})) == (403, "not_allowed")
    assert ask("get", "users/me", pair["access"]).json()["company"]["role"] == "member"
    team.refresh_from_db()
    assert team.name == "Ours"


@pytest.mark.django_db
def test_a_token_that_names_no_company_opens_nothing(alice):
    from_us = claims_of(sign_in(alice)["access"])
    from_us.pop("company")
    forged = jwt.encode(from_us, "another-secret-key-of-some-length", algorithm="HS256")
    assert code_of(ask("get", "users/me", forged)) == (401, "invalid_token")


@pytest.mark.django_db
def test_a_refresh_token_from_before_the_switch_that_comes_back_later_ends_the_session(alice, team, monkeypatch):
    pair = sign_in(alice)
    switched = switch(pair["access"], team).json()
    monkeypatch.setattr(tokens, "TWICE_AT_ONCE", 0)
    assert code_of(refresh(pair["refresh"])) == (401, "invalid_refresh_token")
    assert ask("get", "users/me", switched["access"]).status_code == 401
    assert AuditEntry.objects.filter(action="refresh_token.reused", person=alice).count() == 1


@pytest.mark.parametrize("_again", range(5))
def test_switching_and_refreshing_at_once_never_mixes_companies(committed_db, alice, team, _again):
    pair = sign_in(alice)
    home = company_of(pair["access"])
    begin = Barrier(2)

    def do(act):
        try:
            begin.wait()
            return act()
        finally:
            connections.close_all()

    with ThreadPoolExecutor(2) as pool:
        switching = pool.submit(do, lambda: switch(pair["access"], team))
        refreshing = pool.submit(do, lambda: refresh(pair["refresh"]))
        switched, refreshed = switching.result(), refreshing.result()
    assert switched.status_code == 200
    assert company_of(switched.json()["access"]) == str(team.pk)
    if refreshed.status_code == 200:
        assert company_of(refreshed.json()["access"]) == home
    else:
        assert code_of(refreshed) == (401, "invalid_refresh_token")
    newer = refresh(switched.json()["refresh"])
    assert newer.status_code == 200
    assert company_of(newer.json()["access"]) == str(team.pk)
