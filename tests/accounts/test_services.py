"""Sign-up as a service: whole, unique under races, welcomed once."""

from concurrent.futures import ThreadPoolExecutor
from threading import Barrier
from uuid import UUID, uuid4

import pytest
from django.core.exceptions import ValidationError
from django.db import connections

from accounts.models import AuditEntry, Company, Membership, User
from accounts.people import clean_username, username_stem
from accounts.refusals import EmailTaken, UsernameTaken
from accounts.services import record_audit, sign_up, update_person, verify_person
from billing.selectors import credits_of
from config.base import registry
from tests.factories.accounts import PersonFactory


def _unsaved(email: str) -> User:
    user = User(email=email)
    user.set_unusable_password()
    return user


def _fresh() -> str:
    return f"new-{uuid4().hex[:12]}@example.com"


def _together(count, act):
    """Run `act(number)` in threads that start at the same moment; each has its own connection."""
    barrier = Barrier(count)

    def run(number):
        try:
            barrier.wait()
            return act(number)
        finally:
            connections.close_all()

    with ThreadPoolExecutor(count) as pool:
        return list(pool.map(run, range(count)))


@pytest.mark.parametrize(
    ("email", "stem"),
    [
        ("Alice.Adams+news@example.com", "alice-adams-news"),
        ("___@example.com", "user-1"),
        ("іван@example.com", "user-1"),
        ("admin@example.com", "admin-1"),
        ("a" * 60 + "@example.com", "a" * 32),
    ],
)
def test_a_user_name_is_made_from_the_address(email, stem):
    assert username_stem(email) == stem
    assert clean_username(stem) == stem


@pytest.mark.parametrize("name", ["", "-a", "a-", "a b", "ä", "support", "a_b"])
def test_a_user_name_that_reads_badly_or_passes_for_ours_is_refused(name):
    with pytest.raises(ValidationError):
        clean_username(name)


@pytest.mark.django_db
def test_who_signs_up_owns_a_personal_company():
    company = sign_up(user=_unsaved(_fresh()))
    membership = Membership.objects.get(company=company)
    assert (company.kind, membership.role) == (Company.Kind.PERSONAL, Membership.Role.OWNER)
    assert credits_of(company).balance == 0


@pytest.mark.django_db
def test_a_taken_user_name_gets_a_suffix():
    first, second = _unsaved("same.name@example.com"), _unsaved("same-name@example.org")
    sign_up(user=first)
    sign_up(user=second)
    assert first.username == "same-name"
    assert second.username.startswith("same-name-")


@pytest.mark.django_db
def test_a_taken_company_name_gets_a_suffix():
    user = _unsaved(_fresh())
    user.username = "harbour"
    Company.objects.create(name="Harbour Ltd", slug="harbour", kind=Company.Kind.TEAM)
    assert sign_up(user=user).slug.startswith("harbour-")


@pytest.mark.django_db
def test_a_known_address_is_refused_whatever_its_case_and_nothing_is_made(alice):
    before = (User.objects.count(), Company.objects.count())
    with pytest.raises(EmailTaken):
        sign_up(user=_unsaved(alice.email.upper()))
    assert (User.objects.count(), Company.objects.count()) == before


@pytest.mark.django_db
def test_a_listener_that_fails_leaves_neither_person_nor_company(monkeypatch):
    def fail(_company_id: UUID) -> None:
        raise RuntimeError("no wallet")

    hook = registry.Hook("company_created", [*registry.company_created.listeners, fail])
    monkeypatch.setattr(registry, "company_created", hook)
    before = (User.objects.count(), Company.objects.count(), Membership.objects.count())
    with pytest.raises(RuntimeError, match="no wallet"):
        sign_up(user=_unsaved(_fresh()))
    assert (User.objects.count(), Company.objects.count(), Membership.objects.count()) == before


def test_of_eight_simultaneous_sign_ups_with_one_address_one_wins(committed_db):
    email = _fresh()

    def attempt(_number):
        try:
            return sign_up(user=_unsaved(email))
        except EmailTaken:
            return None

    companies = [company for company in _together(8, attempt) if company]
    assert len(companies) == 1
    assert User.objects.filter(email=email).count() == 1
    assert Company.objects.filter(email=email).count() == 1


def test_eight_simultaneous_people_of_one_name_all_get_in(committed_db):
    name = f"twin-{uuid4().hex[:8]}"
    companies = _together(8, lambda number: sign_up(user=_unsaved(f"{name}@host{number}.example.com")))
    assert len({company.slug for company in companies}) == 8


def test_of_eight_simultaneous_proofs_one_brings_the_welcome(committed_db):
    user = _unsaved(_fresh())
    company = sign_up(user=user)
    outcomes = _together(8, lambda _number: verify_person(user=User.objects.get(pk=user.pk)))
    assert sorted(outcomes) == [False] * 7 + [True]
    assert credits_of(company).balance == 100


@pytest.mark.django_db
def test_a_second_proof_changes_nothing(alice, viewer):
    at = alice.verified_at
    assert verify_person(user=alice) is False
    alice.refresh_from_db()
    assert alice.verified_at == at
    assert credits_of(viewer(alice).company).balance == 100


@pytest.mark.django_db
def test_a_welcome_that_fails_leaves_the_person_unproved(monkeypatch):
    def fail(_user_id: UUID, _company_id: UUID) -> None:
        raise RuntimeError("no grant")

    user = _unsaved(_fresh())
    company = sign_up(user=user)
    hook = registry.Hook("person_verified", [*registry.person_verified.listeners, fail])
    monkeypatch.setattr(registry, "person_verified", hook)
    with pytest.raises(RuntimeError, match="no grant"):
        verify_person(user=user)
    user.refresh_from_db()
    assert user.verified_at is None
    assert credits_of(company).balance == 0


@pytest.mark.django_db
def test_a_taken_user_name_is_refused_and_the_old_one_stays(alice, bob):
    old = alice.username
    with pytest.raises(UsernameTaken):
        update_person(user=alice, username=bob.username)
    assert alice.username == old
    alice.refresh_from_db()
    assert alice.username == old


@pytest.mark.django_db
def test_the_audit_keeps_text_and_company(alice, viewer):
    company = viewer(alice).company
    record_audit(actor="a" * 300, action="tested", target="thing", company=company, detail={"n": 1})
    entry = AuditEntry.objects.get(company=company)
    assert (len(entry.actor), entry.action, entry.target, entry.detail) == (254, "tested", "thing", {"n": 1})


@pytest.mark.django_db
def test_factory_people_are_real(viewer):
    person = PersonFactory()
    assert person.verified_at is not None
    assert credits_of(viewer(person).company).available == 100
