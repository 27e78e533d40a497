"""More members than seats, after a downgrade: who joined last looks on, and nobody is put out."""

from collections.abc import Callable
from typing import Any

import pytest
from django.test import Client
from rest_framework.test import APIClient

from accounts.memberships import remove_member
from accounts.models import Company, Membership, User
from accounts.seats import SeatFrozen
from accounts.viewer import SESSION_KEY
from gallery.models import Asset
from tests.factories.accounts import PersonFactory
from tests.factories.gallery import AssetFactory
from tests.factories.generation import submit
from tests.factories.teams import acting, make_team, place_of, put_on
from tests.generation.conftest import state_of
from tests.personas import browser_of, key_of, program_with

pytestmark = pytest.mark.usefixtures("db")


@pytest.fixture
def people() -> list[User]:
    return [PersonFactory() for _number in range(4)]


@pytest.fixture
def company(people: list[User]) -> Company:
    """An owner, a member, an admin and another member, who joined in this order."""
    return make_team(people[0], people[1], plan="pro")


def browser(person: User, company: Company) -> Client:
    client = browser_of(person)
    session = client.session
    session[SESSION_KEY] = str(company.pk)
    session.save()
    return client


def seats(company: Company, number: int) -> None:
    Company.objects.filter(pk=company.pk).update(entitlements={**company.entitlements, "seats": number})


def joined(company: Company, person: User, role: str = "member") -> Membership:
    return Membership.objects.create(company=company, user=person, role=role)


def test_after_a_downgrade_the_last_who_joined_have_no_seat_and_owners_always_have_one(
    company: Company, people: list[User]
) -> None:
    joined(company, people[2], "admin")
    joined(company, people[3], "owner")
    assert all(acting(person, company).has_seat for person in people)
    seats(company, 3)
    # Both owners come first, then who joined first.
    assert [acting(person, company).has_seat for person in people] == [True, True, False, True]
    seats(company, 1)
    assert [acting(person, company).has_seat for person in people] == [True, False, False, True]


def test_a_seat_comes_back_at_once_with_a_larger_plan_or_when_somebody_goes(
    company: Company, people: list[User]
) -> None:
    joined(company, people[2])
    put_on(company, "basic")
    assert not acting(people[2], company).has_seat
    put_on(company, "pro")
    assert acting(people[2], company).has_seat
    seats(company, 2)
    assert not acting(people[2], company).has_seat
    remove_member(viewer=acting(people[0], company), member=place_of(people[1], company))
    assert acting(people[2], company).has_seat


def test_without_a_seat_one_sees_everything_and_changes_nothing(company: Company, people: list[User]) -> None:
    asset = AssetFactory(user=PersonFactory())
    Asset.objects.filter(pk=asset.pk).update(company=company)
    seats(company, 1)
    client = browser(people[1], company)
    for address in ("/gallery", f"/a/{asset.pk}", "/generate", "/company", "/billing"):
        assert client.get(address).status_code == 200, address
    before = state_of(company)
    form = {"model": "studio-scenes", "task": "text-to-image", "prompt": "a fox", "num_images": "1"}
    answer = client.post("/generate", form)
    assert answer.status_code == 403
    assert "has 2 members and its plan has seats for 1" in answer.content.decode()
    assert client.post(f"/a/{asset.pk}/delete").status_code == 403
    assert Asset.objects.get(pk=asset.pk).deleted_at is None
    with pytest.raises(SeatFrozen):
        submit(acting(people[1], company))
    assert state_of(company) == before


def test_an_admin_without_a_seat_runs_nothing_and_can_still_leave(company: Company, people: list[User]) -> None:
    joined(company, people[2], "admin")
    seats(company, 2)
    client = browser(people[2], company)
    assert client.post("/company/settings", {"name": "Mine now"}).status_code == 403
    assert client.post("/company/invitations", {"email": "x@example.com", "role": "member"}).status_code == 403
    company.refresh_from_db()
    assert company.name != "Mine now"
    assert client.post("/company/leave").status_code == 302
    assert not Membership.objects.filter(company=company, user=people[2]).exists()


def test_own_matters_and_other_companies_are_not_touched(company: Company, people: list[User]) -> None:
    seats(company, 1)
    client = browser(people[1], company)
    person = {"full_name": "Other Name", "username": people[1].username, "language": "en", "time_zone": "UTC"}
    assert client.post("/profile", person).status_code == 302
    personal = people[1].memberships.get(company__kind="personal").company
    assert client.post("/company/switch", {"company": str(personal.pk)}).status_code == 302
    form = {"model": "studio-scenes", "task": "text-to-image", "prompt": "a fox", "num_images": "1"}
    assert client.post("/generate", form).status_code == 302


def test_a_program_of_somebody_without_a_seat_reads_only(company: Company, people: list[User]) -> None:
    _key, secret = key_of(acting(people[1], company), "read", "generate")
    program: APIClient = program_with(secret)
    seats(company, 1)
    assert program.get("/api/v1/assets").status_code == 200
    asked: dict[str, Any] = {"model": "studio-scenes", "task": "text-to-image", "prompt": "a fox"}
    answer = program.post("/api/v1/jobs", asked, headers={"Idempotency-Key": "seatless"})
    assert answer.status_code == 403
    body = answer.json()
    assert (body["code"], body["used"], body["limit"], body["resets_at"]) == ("seat_frozen", 2, 1, None)


def test_the_company_page_says_who_has_no_seat(
    company: Company, people: list[User], django_assert_max_num_queries: Callable[..., Any]
) -> None:
    joined(company, people[2])
    seats(company, 1)
    page = browser(people[0], company).get("/company").content.decode()
    assert page.count("no seat") >= 2
    assert "2 members have no seat in your plan" in page
    mine = browser(people[1], company).get("/company").content.decode()
    assert "you can look at everything and change nothing" in mine
