"""Companies over HTTP: the same rules as on the pages, as problem documents."""

from datetime import timedelta
from uuid import uuid4

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext
from django.utils import timezone
from rest_framework.test import APIClient

from accounts import invitations
from accounts.models import Company, Invitation, Membership
from accounts.viewer import SESSION_KEY
from tests.factories.accounts import PersonFactory
from tests.factories.teams import join, make_team, place_of, put_on

pytestmark = pytest.mark.django_db
API = "/api/v1"


def acting_by_session(person, company):
    """A page's own script: the session says for whom."""
    client = APIClient()
    client.force_login(person)
    session = client.session
    session[SESSION_KEY] = str(company.pk)
    session.save()
    return client


@pytest.fixture
def team(alice, bob):
    return make_team(alice, bob)


def test_one_lists_ones_companies_and_makes_another(alice, alice_api):
    made = alice_api.post(f"{API}/companies", {"name": " Fox  & Sons "})
    assert made.status_code == 201
    assert (made.json()["name"], made.json()["kind"], made.json()["role"]) == ("Fox & Sons", "team", "owner")
    rows = alice_api.get(f"{API}/companies").json()
    assert [row["kind"] for row in rows] == ["personal", "team"]
    assert alice_api.post(f"{API}/companies", {"name": " "}).json()["errors"][0]["field"] == "name"


def test_the_current_company_is_read_and_changed(alice, bob, team):
    hers, his = acting_by_session(alice, team), acting_by_session(bob, team)
    body = his.get(f"{API}/companies/current").json()
    assert (body["role"], body["seats_used"], body["seats"]) == ("member", 2, 5)
    assert hers.patch(f"{API}/companies/current", {"name": "Vulpes"}).json()["name"] == "Vulpes"
    refused = his.patch(f"{API}/companies/current", {"name": "Wolves"})
    assert (refused.status_code, refused.json()["code"]) == (403, "not_allowed")
    public = hers.patch(f"{API}/companies/current", {"domain": "gmail.com"})
    assert (public.status_code, public.json()["errors"][0]["field"]) == (422, "domain")
    unproved = hers.patch(f"{API}/companies/current", {"domain": "nobody.example"})
    assert (unproved.status_code, unproved.json()["code"]) == (422, "domain_refused")
    team.refresh_from_db()
    assert (team.name, team.domain) == ("Vulpes", None)


def test_members_are_listed_changed_and_removed(alice, bob, team):
    hers, his = acting_by_session(alice, team), acting_by_session(bob, team)
    rows = his.get(f"{API}/companies/current/members").json()
    assert [(row["email"], row["role"], row["credits_today"]) for row in rows] == [
        (alice.email, "owner", None),
        (bob.email, "member", 0),
    ]
    path = f"{API}/companies/current/members/{place_of(bob, team).pk}"
    changed = hers.patch(path, {"credit_cap": 7, "cap_period": "day", "role": "admin"}).json()
    assert (changed["credit_cap"], changed["cap_period"], changed["role"]) == (7, "day", "admin")
    assert hers.patch(path, {"role": "king"}).status_code == 422
    own = f"{API}/companies/current/members/{place_of(alice, team).pk}"
    assert his.delete(own).json()["code"] == "not_allowed"
    last = hers.patch(own, {"role": "member", "credit_cap": 1})
    assert (last.status_code, last.json()["code"]) == (409, "last_owner")
    assert place_of(alice, team).credit_cap is None
    assert hers.delete(path).status_code == 204
    assert hers.delete(path).status_code == 404
    assert his.get(f"{API}/companies/current").json()["kind"] == "personal"


def test_invitations_are_sent_listed_sent_again_and_taken_back(alice, bob, team):
    hers, his = acting_by_session(alice, team), acting_by_session(bob, team)
    path = f"{API}/companies/current/invitations"
    assert his.post(path, {"email": "carol@example.com"}).status_code == 403
    sent = hers.post(path, {"email": "Carol@Example.com", "role": "admin"})
    assert (sent.status_code, sent.json()["email"], sent.json()["role"]) == (201, "carol@example.com", "admin")
    assert "token" not in str(sent.json())
    again = hers.post(path, {"email": "carol@example.com"})
    assert (again.status_code, again.json()["code"]) == (429, "sent_just_now")
    assert int(again.headers["Retry-After"]) > 0
    row = Invitation.objects.get(company=team)
    Invitation.objects.filter(pk=row.pk).update(sent_at=timezone.now() - timedelta(minutes=2))
    assert hers.post(f"{path}/{row.pk}/resend").status_code == 200
    assert his.get(path).json() == []
    assert [one["id"] for one in hers.get(path).json()] == [str(row.pk)]
    assert his.delete(f"{path}/{row.pk}").status_code == 403
    assert hers.delete(f"{path}/{row.pk}").status_code == 204
    assert hers.delete(f"{path}/{row.pk}").status_code == 404
    assert hers.get(path).json() == []


def test_inviting_over_the_seats_is_a_conflict_with_figures(alice, team):
    put_on(team, "free")
    refused = acting_by_session(alice, team).post(f"{API}/companies/current/invitations", {"email": "c@example.com"})
    assert (refused.status_code, refused.json()["code"]) == (409, "company_full")
    assert "2 of 1" in refused.json()["detail"]
    assert not Invitation.objects.filter(company=team).exists()


def test_an_invitation_is_accepted_by_whom_it_is_for(team):
    carol = PersonFactory()
    token = uuid4().hex
    Invitation.objects.create(
        company=team,
        email=carol.email,
        token_digest=invitations.digest_of(token),
        invited_by=team.memberships.get(role="owner").user,
        expires_at=timezone.now() + timedelta(days=1),
    )
    stranger, hers = APIClient(), APIClient()
    stranger.force_login(PersonFactory())
    hers.force_login(carol)
    path = f"{API}/invitations/accept"
    assert stranger.post(path, {"token": token}).json()["code"] == "wrong_address"
    assert hers.post(path, {"token": "made-up"}).status_code == 404
    assert hers.post(path, {"token": token}).json()["id"] == str(team.pk)
    assert hers.post(path, {"token": token}).status_code == 200
    assert stranger.post(path, {"token": token}).json()["code"] == "invitation_used"
    assert Membership.objects.filter(company=team).count() == 3


@pytest.mark.parametrize("path", ["companies/current", "companies/current/members", "companies/current/invitations"])
def test_a_list_costs_the_same_for_one_row_and_for_fifty(path, alice):
    company = make_team(alice, plan="enterprise")
    client = acting_by_session(alice, company)
    client.get(f"{API}/{path}")
    with CaptureQueriesContext(connection) as few:
        assert client.get(f"{API}/{path}").status_code == 200
    for number in range(49):
        join(company, PersonFactory())
        Invitation.objects.create(
            company=company,
            email=f"{number}@example.com",
            token_digest=uuid4().hex,
            invited_by=alice,
            expires_at=timezone.now() + timedelta(days=1),
        )
    with CaptureQueriesContext(connection) as many:
        assert client.get(f"{API}/{path}").status_code == 200
    assert len(many) == len(few)


def test_a_company_that_is_switched_off_is_a_problem(alice, team):
    client = acting_by_session(alice, team)
    Company.objects.filter(pk=team.pk).update(is_active=False)
    answer = client.get(f"{API}/companies/current")
    assert (answer.status_code, answer.json()["code"]) == (403, "company_inactive")
