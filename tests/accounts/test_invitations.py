"""Invitations and seats: one token, one person, one seat, whoever comes at the same moment."""

import re
from datetime import timedelta
from uuid import uuid4

import pytest
from allauth.account.models import EmailAddress
from django.core import mail
from django.utils import timezone

from accounts import companies, invitations
from accounts.company_refusals import (
    AlreadyMember,
    CompanyFull,
    DomainNotOpen,
    InvitationGone,
    NoSuchInvitation,
    NotAllowed,
    PersonalCompany,
    SentJustNow,
    WrongAddress,
)
from accounts.models import AuditEntry, Invitation, Membership
from accounts.refusals import MailNotSent
from accounts.viewer import viewer_for
from config.base.refusal import Refusal
from tests.billing.test_races import at_once
from tests.factories.accounts import PersonFactory
from tests.factories.teams import acting, make_team, place_of, put_on

pytestmark = pytest.mark.usefixtures("db")


def token_in_mail(email):
    """The token in the latest mail to an address."""
    text = next(message.body for message in reversed(mail.outbox) if message.to == [email])
    return re.search(r"/invitations/([\w-]+)", text)[1]


@pytest.fixture
def invited(alice, django_capture_on_commit_callbacks):
    """A function: the token that reached an address."""

    def to(company, email, role="member", by=None):
        with django_capture_on_commit_callbacks(execute=True):
            invitations.invite(viewer=acting(by or alice, company), email=email, role=role)
        return token_in_mail(email.lower())

    return to


def later(invitation, **by):
    """As if the invitation had been sent longer ago."""
    ago = timedelta(**by)
    row = Invitation.objects.get(pk=invitation.pk)
    Invitation.objects.filter(pk=row.pk).update(sent_at=row.sent_at - ago, expires_at=row.expires_at - ago)


def test_the_invited_person_joins_with_the_role_and_the_token_is_kept_as_a_digest(alice, bob, invited):
    company = make_team(alice)
    token = invited(company, bob.email.upper(), role="admin")

    row = Invitation.objects.get(company=company)
    assert len(token) >= 43
    assert token not in str(vars(row))
    assert row.token_digest == invitations.digest_of(token)
    assert timedelta(days=6, hours=23) < row.expires_at - timezone.now() <= timedelta(days=7)

    place = invitations.accept(user=bob, token=token)
    assert (place.role, place.company) == ("admin", company)
    assert invitations.accept(user=bob, token=token).pk == place.pk
    assert Membership.objects.filter(company=company).count() == 2
    actions = AuditEntry.objects.filter(company=company).order_by("id").values_list("action", flat=True)
    assert list(actions)[-2:] == ["invitation.sent", "invitation.accepted"]


def test_the_mail_names_who_and_what_in_html_and_in_text(alice, invited):
    company = make_team(alice, name="Fox <b>& Sons")
    token = invited(company, "bob@example.com")
    message = mail.outbox[-1]
    html = message.alternatives[0].content
    assert message.subject == "Alice Adams invites you to Fox <b>& Sons on Darkroom"
    assert f"http://testserver/invitations/{token}" in message.body
    assert "Fox &lt;b&gt;&amp; Sons" in html
    assert f"/invitations/{token}" in html


def test_somebody_else_cannot_use_the_token(alice, bob, invited):
    company = make_team(alice)
    token = invited(company, "carol@example.com")
    with pytest.raises(WrongAddress, match=r"carol@example\.com"):
        invitations.accept(user=bob, token=token)
    EmailAddress.objects.create(user=bob, email="carol@example.com", verified=False)
    with pytest.raises(WrongAddress):
        invitations.accept(user=bob, token=token)
    assert Membership.objects.filter(company=company).count() == 1
    assert Invitation.objects.get(company=company).accepted_at is None
    EmailAddress.objects.filter(user=bob, email="carol@example.com").update(verified=True)
    assert invitations.accept(user=bob, token=token)


def test_inviting_again_sends_a_new_token_and_the_old_one_is_dead(alice, bob, invited):
    company = make_team(alice)
    old = invited(company, bob.email)
    row = Invitation.objects.get(company=company)
    with pytest.raises(SentJustNow) as refused:
        invitations.invite(viewer=acting(alice, company), email=bob.email, role="member")
    assert 0 < refused.value.retry_after <= 61
    later(row, minutes=2)
    new = invited(company, bob.email, role="admin")

    assert Invitation.objects.filter(company=company).count() == 1
    with pytest.raises(NoSuchInvitation):
        invitations.accept(user=bob, token=old)
    assert invitations.accept(user=bob, token=new).role == "admin"


def test_an_invitation_ends_by_time_revoking_or_declining(alice, bob, invited, django_capture_on_commit_callbacks):
    company = make_team(alice)
    viewer = acting(alice, company)
    token = invited(company, bob.email)
    row = Invitation.objects.get(company=company)
    later(row, days=8)
    with pytest.raises(InvitationGone) as gone:
        invitations.accept(user=bob, token=token)
    assert gone.value.problem_code == "invitation_expired"

    with django_capture_on_commit_callbacks(execute=True):
        invitations.resend(viewer=viewer, invitation=row)
    token = token_in_mail(bob.email)
    invitations.revoke(viewer=viewer, invitation=row)
    with pytest.raises(InvitationGone) as gone:
        invitations.accept(user=bob, token=token)
    assert gone.value.problem_code == "invitation_revoked"
    for act in (invitations.revoke, invitations.resend):
        with pytest.raises(NoSuchInvitation):
            act(viewer=viewer, invitation=row)

    token = invited(company, bob.email)
    invitations.decline(token=token)
    with pytest.raises(InvitationGone):
        invitations.accept(user=bob, token=token)
    assert viewer_for(bob, company_id=str(company.pk)).company != company
    with pytest.raises(NoSuchInvitation):
        invitations.accept(user=bob, token="made-up")


def test_who_may_invite_whom(alice, bob, invited):
    carol = PersonFactory()
    company = make_team(alice, bob, admin=carol)
    for person, role in ((bob, "member"), (carol, "owner")):
        with pytest.raises(NotAllowed):
            invitations.invite(viewer=acting(person, company), email="dave@example.com", role=role)
    with pytest.raises(AlreadyMember):
        invitations.invite(viewer=acting(carol, company), email=bob.email, role="member")
    with pytest.raises(PersonalCompany):
        invitations.invite(viewer=viewer_for(alice), email="dave@example.com", role="member")
    assert not Invitation.objects.filter(company=company).exists()
    assert invited(company, "dave@example.com", by=carol)
    with pytest.raises(NoSuchInvitation):
        invitations.revoke(viewer=acting(alice, make_team(alice)), invitation=Invitation.objects.get(company=company))


def test_an_admin_cannot_turn_an_owners_invitation_into_another_one(alice):
    carol = PersonFactory()
    company = make_team(alice, admin=carol)
    sent = invitations.invite(viewer=acting(alice, company), email="dave@example.com", role="owner")
    Invitation.objects.filter(pk=sent.pk).update(sent_at=timezone.now() - timedelta(hours=1))
    with pytest.raises(NotAllowed):
        invitations.invite(viewer=acting(carol, company), email="dave@example.com", role="member")
    now_is = Invitation.objects.get(pk=sent.pk)
    assert (now_is.role, now_is.token_digest) == ("owner", sent.token_digest)


def test_inviting_over_the_seats_is_refused_early_with_figures(alice, bob, invited):
    company = make_team(alice, bob)
    for number in range(3):
        invited(company, f"person-{number}@example.com")
    with pytest.raises(CompanyFull, match="5 of 5"):
        invitations.invite(viewer=acting(alice, company), email="one-more@example.com", role="member")
    assert Invitation.objects.filter(company=company).count() == 3
    free = make_team(alice, plan="free")
    with pytest.raises(CompanyFull, match="1 of 1"):
        invitations.invite(viewer=acting(alice, free), email="dave@example.com", role="member")
    endless = make_team(alice, plan="enterprise")
    assert invited(endless, "dave@example.com")


def test_a_full_company_takes_nobody_and_keeps_the_invitation(alice, bob, invited):
    company = make_team(alice)
    token = invited(company, bob.email)
    put_on(company, "free")
    with pytest.raises(CompanyFull, match="1 of 1"):
        invitations.accept(user=bob, token=token)
    assert Invitation.objects.get(company=company).accepted_at is None
    put_on(company, "pro")
    assert invitations.accept(user=bob, token=token)


def test_nobody_joins_a_company_that_is_switched_off(alice, bob, invited):
    company = make_team(alice)
    token = invited(company, bob.email)
    companies.deactivate_company(viewer=acting(alice, company))
    with pytest.raises(InvitationGone) as gone:
        invitations.accept(user=bob, token=token)
    assert gone.value.problem_code == "company_inactive"


def test_a_mail_that_cannot_be_sent_is_told_and_the_invitation_is_kept(
    alice, monkeypatch, django_capture_on_commit_callbacks
):
    company = make_team(alice)
    # A port on which nobody listens.
    monkeypatch.setattr("django.conf.settings.EMAIL_BACKEND", "django.core.mail.backends.smtp.EmailBackend")
    monkeypatch.setattr("django.conf.settings.EMAIL_HOST", "127.0.0.1")
    monkeypatch.setattr("django.conf.settings.EMAIL_PORT", 9)
    with pytest.raises(MailNotSent), django_capture_on_commit_callbacks(execute=True):
        invitations.invite(viewer=acting(alice, company), email="bob@example.com", role="member")
    assert Invitation.objects.filter(company=company, accepted_at=None).exists()


def open_to(company, owner, domain):
    EmailAddress.objects.create(user=owner, email=f"{uuid4().hex[:8]}@{domain}", verified=True)
    companies.update_company(viewer=acting(owner, company), domain=domain, joins_by_domain=True)


def test_people_with_a_confirmed_address_of_the_domain_may_join_when_the_company_allows_it(alice, bob):
    company, domain = make_team(alice), f"{uuid4().hex[:8]}.example"
    open_to(company, alice, domain)
    address = EmailAddress.objects.create(user=bob, email=f"bob@{domain}", verified=False)
    with pytest.raises(DomainNotOpen):
        invitations.join_by_domain(user=bob, company=company)
    address.verified = True
    address.save()
    assert invitations.joinable(bob) == [company]
    assert invitations.join_by_domain(user=bob, company=company).role == "member"
    assert invitations.join_by_domain(user=bob, company=company).pk == place_of(bob, company).pk
    assert invitations.joinable(bob) == []

    carol = PersonFactory(email=f"carol@{domain}")
    companies.update_company(viewer=acting(alice, company), joins_by_domain=False)
    with pytest.raises(DomainNotOpen):
        invitations.join_by_domain(user=carol, company=company)
    companies.update_company(viewer=acting(alice, company), joins_by_domain=True)
    put_on(company, "free")
    with pytest.raises(CompanyFull):
        invitations.join_by_domain(user=carol, company=company)


def test_whoever_was_put_out_or_left_with_a_cap_comes_back_by_an_invitation_alone(alice):
    company, domain = make_team(alice), f"{uuid4().hex[:8]}.example"
    open_to(company, alice, domain)
    boss = acting(alice, company)
    for number, goes in enumerate(("removed", "capped", "free")):
        person = PersonFactory(email=f"p{number}@{domain}")
        unused = make_invitation(company, person.email)
        invitations.join_by_domain(user=person, company=company)
        if goes == "removed":
            companies.remove_member(viewer=boss, member=place_of(person, company))
        else:
            cap = 5 if goes == "capped" else None
            companies.set_cap(viewer=boss, member=place_of(person, company), credit_cap=cap, cap_period="month")
            companies.leave_company(viewer=acting(person, company))
        with pytest.raises(InvitationGone):
            invitations.accept(user=person, token=unused)
        if goes == "free":
            assert invitations.joinable(person) == [company]
            continue
        with pytest.raises(DomainNotOpen):
            invitations.join_by_domain(user=person, company=company)
        assert invitations.accept(user=person, token=make_invitation(company, person.email))
        companies.leave_company(viewer=acting(person, company))
        assert invitations.joinable(person) == [company]


def make_invitation(company, email):
    """An invitation whose token is known, past the mail."""
    token = uuid4().hex
    Invitation.objects.create(
        company=company,
        email=email,
        token_digest=invitations.digest_of(token),
        invited_by=company.memberships.get(role="owner").user,
        expires_at=timezone.now() + timedelta(days=7),
    )
    return token


def test_the_last_seat_is_given_once(committed_db, alice):
    for _round in range(3):
        company = make_team(alice, PersonFactory(), PersonFactory(), PersonFactory())
        guests = [PersonFactory(), PersonFactory()]
        tokens = [make_invitation(company, guest.email) for guest in guests]

        def take(number, guests=guests, tokens=tokens):
            try:
                invitations.accept(user=guests[number], token=tokens[number])
            except CompanyFull as refusal:
                return refusal.sentence
            return ""

        won, told = sorted(at_once(2, take))
        assert won == ""
        assert "5 of 5" in told
        assert Membership.objects.filter(company=company).count() == 5


def test_two_acceptances_of_one_token_make_one_membership(committed_db, alice, bob):
    company = make_team(alice)
    token = make_invitation(company, bob.email)
    places = at_once(4, lambda number: invitations.accept(user=bob, token=token).pk)
    assert len(set(places)) == 1
    assert Membership.objects.filter(company=company).count() == 2
    assert AuditEntry.objects.filter(company=company, action="invitation.accepted").count() == 1


def test_an_invitation_taken_back_while_it_is_accepted_ends_one_way(committed_db, alice, bob):
    company = make_team(alice)
    token = make_invitation(company, bob.email)
    row = Invitation.objects.get(company=company)
    viewer = acting(alice, company)

    def act(number):
        try:
            if number:
                invitations.revoke(viewer=viewer, invitation=row)
            else:
                invitations.accept(user=bob, token=token)
        except Refusal:
            return False
        return True

    assert sorted(at_once(2, act)) == [False, True]
    row.refresh_from_db()
    assert (row.accepted_at is None) != (row.revoked_at is None)
    assert Membership.objects.filter(company=company, user=bob).exists() == (row.accepted_at is not None)


def test_one_address_invited_twice_at_once_has_one_invitation(committed_db, alice):
    company = make_team(alice)
    viewer = acting(alice, company)
    email = f"{uuid4().hex[:8]}@example.com"

    def invite(number):
        try:
            invitations.invite(viewer=viewer, email=email, role="member")
        except SentJustNow:
            return False
        return True

    assert sorted(at_once(2, invite)) == [False, True]
    assert Invitation.objects.filter(company=company, email=email).count() == 1
