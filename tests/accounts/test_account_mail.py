"""People are told by mail what was done to their place in a company; what was done stands, whatever becomes of it."""

import pytest
from django.core import mail
from django.db import transaction

from accounts import companies
from accounts.models import Company, Membership
from config.servers import free_port
from tests.factories.accounts import PersonFactory
from tests.factories.teams import acting, make_team, place_of

pytestmark = pytest.mark.usefixtures("committed_db")
Role = Membership.Role


@pytest.fixture
def team(alice, bob):
    return make_team(alice, bob, name="Fox & Sons <b>")


def letters(person):
    return [message for message in mail.outbox if message.to == [person.email]]


def test_whoever_is_removed_is_told_by_whom(alice, bob, team):
    companies.remove_member(viewer=acting(alice, team), member=place_of(bob, team))
    (letter,) = letters(bob)
    assert letter.subject == "You were removed from Fox & Sons <b>"
    assert f"Alice Adams ({alice.email}) removed you from Fox & Sons <b>." in letter.body
    html = letter.alternatives[0].content
    assert "Fox &amp; Sons &lt;b&gt;" in html
    assert letters(alice) == []


def test_whose_role_changes_is_told_from_what_to_what_and_once(alice, bob, team):
    for _twice in range(2):
        companies.set_role(viewer=acting(alice, team), member=place_of(bob, team), role=Role.ADMIN)
    (letter,) = letters(bob)
    assert letter.subject == "Your role in Fox & Sons <b> is admin now"
    assert "from member to admin" in letter.body


def test_who_steps_down_alone_is_told_nothing_and_a_new_owner_is(alice, bob, team):
    companies.transfer_ownership(viewer=acting(alice, team), member=place_of(bob, team))
    assert [letter.subject for letter in letters(bob)] == ["Your role in Fox & Sons <b> is owner now"]
    assert letters(alice) == []


def test_all_who_run_the_company_are_told_that_it_is_to_be_deleted_and_members_are_not(alice, bob, team):
    admin, gone = PersonFactory(), PersonFactory()
    for person in (admin, gone):
        Membership.objects.create(company=team, user=person, role=Role.ADMIN)
    gone.is_active = False
    gone.save()
    companies.request_deletion(viewer=acting(alice, team))
    for person, count in ((alice, 1), (admin, 1), (bob, 0), (gone, 0)):
        assert len(letters(person)) == count, person
    assert "will be deleted on" in letters(admin)[0].subject
    assert "an owner can keep it" in letters(admin)[0].body


def test_what_is_rolled_back_or_refused_is_told_to_nobody(alice, bob, team):
    with pytest.raises(companies.NotAllowed):
        companies.remove_member(viewer=acting(bob, team), member=place_of(alice, team))
    with transaction.atomic():
        companies.remove_member(viewer=acting(alice, team), member=place_of(bob, team))
        transaction.set_rollback(True)
    assert place_of(bob, team).role == Role.MEMBER
    assert (letters(alice), letters(bob)) == ([], [])


def test_a_mail_server_that_is_away_changes_nothing(alice, bob, team, settings):
    settings.EMAIL_BACKEND = "django.core.mail.backends.smtp.EmailBackend"
    settings.EMAIL_HOST, settings.EMAIL_PORT = "127.0.0.1", free_port()
    companies.remove_member(viewer=acting(alice, team), member=place_of(bob, team))
    assert not Membership.objects.filter(company=team, user=bob).exists()
    assert Company.objects.get(pk=team.pk).is_active
