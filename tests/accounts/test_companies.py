"""A company that several people share: who may do what, and what never happens, whoever comes at the same moment."""

from datetime import timedelta
from uuid import uuid4

import pytest
from allauth.account.models import EmailAddress
from django.core.exceptions import ValidationError
from django.core.mail.message import sanitize_address
from django.test import RequestFactory
from django.utils import timezone

from accounts import companies
from accounts.company_refusals import (
    DomainRefused,
    LastOwner,
    NoSuchMember,
    NotAllowed,
    PersonalCompany,
    SlugTaken,
    StateUnchanged,
    Suspended,
    TooManyCompanies,
)
from accounts.company_rules import clean_company_name, clean_domain, domain_of, is_public_host, slug_stem
from accounts.models import ApiKey, AuditEntry, Company, Membership, User
from accounts.viewer import CompanyInactive, viewer_for
from billing.models import Subscription, Wallet
from config.base.ids import uuid7
from config.base.refusal import Refusal
from tests.billing.test_races import at_once
from tests.factories.accounts import PersonFactory
from tests.factories.teams import acting, make_team, place_of

pytestmark = pytest.mark.usefixtures("db")

Role = Membership.Role


def people(company: Company) -> dict[str, str]:
    rows = Membership.objects.filter(company=company).values_list("user__email", "role")
    return dict(rows)


def actions(company: Company) -> list[str]:
    return list(AuditEntry.objects.filter(company=company).order_by("id").values_list("action", flat=True))


def with_address(person: User, domain: str, *, verified: bool = True) -> str:
    email = f"{uuid4().hex[:8]}@{domain}"
    EmailAddress.objects.create(user=person, email=email, verified=verified)
    return email


def test_a_team_starts_with_its_owner_no_credits_and_the_free_plan(alice):
    company = companies.create_team(user=alice, name="Fox & Sons")

    assert (company.kind, company.name, people(company)) == (Company.Kind.TEAM, "Fox & Sons", {alice.email: "owner"})
    assert company.slug.startswith("fox-sons")
    assert Wallet.objects.get(company=company).balance == 0
    assert Subscription.objects.get(company=company).plan.slug == "free"
    assert company.entitlements == {"seats": 1, "api": False, "white_label": False, "rate": 1}
    assert actions(company) == ["company.created"]


def test_two_teams_of_one_name_have_different_short_names(alice):
    names = {companies.create_team(user=alice, name="Лис і сини").slug for _ in range(3)}
    assert len(names) == 3
    assert all(name.startswith("team") for name in names)


def test_one_person_owns_twenty_teams_at_most(alice, monkeypatch):
    monkeypatch.setattr(companies, "MOST_OWNED", 2)
    for _ in range(2):
        companies.create_team(user=alice, name="Fox")
    before = Company.objects.count()
    with pytest.raises(TooManyCompanies, match="2 of at most 2"):
        companies.create_team(user=alice, name="Fox")
    assert Company.objects.count() == before


def test_settings_are_the_owners_and_admins_to_change(alice, bob):
    carol = PersonFactory()
    company = make_team(alice, bob, admin=carol)
    slug = f"vulpes-{uuid4().hex[:6]}"

    changed = companies.update_company(viewer=acting(carol, company), name="Vulpes", slug=slug, email="pay@example.com")
    assert (changed.name, changed.slug, changed.email) == ("Vulpes", slug, "pay@example.com")
    with pytest.raises(NotAllowed):
        companies.update_company(viewer=acting(bob, company), name="Wolves")
    with pytest.raises(SlugTaken):
        companies.update_company(viewer=acting(alice, company), slug=viewer_for(alice).company.slug)
    company.refresh_from_db()
    assert (company.name, company.slug) == ("Vulpes", slug)
    assert actions(company)[-1] == "company.changed"


def test_a_domain_is_taken_only_with_a_confirmed_address_there(alice, bob):
    company = make_team(alice, bob)
    domain = f"{uuid4().hex[:8]}.example"
    with_address(bob, domain)
    with_address(alice, domain, verified=False)
    viewer = acting(alice, company)

    with pytest.raises(DomainRefused, match="confirmed address"):
        companies.update_company(viewer=viewer, domain=domain)
    EmailAddress.objects.filter(user=alice).update(verified=True)
    assert companies.update_company(viewer=viewer, domain=domain, joins_by_domain=True).domain == domain

    other = make_team(bob)
    with pytest.raises(DomainRefused, match="Another company"):
        companies.update_company(viewer=acting(bob, other), domain=domain)
    with pytest.raises(PersonalCompany):
        companies.update_company(viewer=viewer_for(alice), domain=domain)
    cleared = companies.update_company(viewer=viewer, domain=None)
    assert (cleared.domain, cleared.joins_by_domain) == (None, False)


@pytest.mark.parametrize(
    "domain",
    ["gmail.com", "mail.gmail.com", "yahoo.co.uk", "outlook.com.br", "@web.de", "ukr.net", "not a domain", "x"],
)
def test_public_mail_hosts_and_nonsense_are_no_domains(domain):
    with pytest.raises(ValidationError):
        clean_domain(domain)


def test_domains_are_written_as_dns_has_them():
    assert clean_domain(" @Example.COM. ") == "example.com"
    assert clean_domain("münchen-fotos.de") == "xn--mnchen-fotos-dlb.de"
    assert clean_domain("") is None
    # Where its mail goes, not what a newer reading of DNS makes of it.
    to = sanitize_address("anna@straße.example", "utf-8")
    assert domain_of("anna@straße.example") == domain_of(to) == "strasse.example"
    assert not is_public_host("gmail.com.fox-and-sons.example")


def test_names_are_one_line_of_visible_letters():
    assert clean_company_name("  Fox\n&\tSons\x00 ") == "Fox & Sons"
    assert slug_stem("Admin") == "admin-team"
    for wrong in ("", " \n ", "x" * 121):
        with pytest.raises(ValidationError):
            clean_company_name(wrong)


def test_admins_change_members_and_never_owners(alice, bob):
    carol, dave = PersonFactory(), PersonFactory()
    company = make_team(alice, bob, dave, admin=carol)
    admin = acting(carol, company)

    assert companies.set_role(viewer=admin, member=place_of(bob, company), role=Role.ADMIN).role == Role.ADMIN
    owner, member = place_of(alice, company), place_of(dave, company)
    for refused in (
        lambda: companies.set_role(viewer=admin, member=owner, role=Role.MEMBER),
        lambda: companies.set_role(viewer=admin, member=member, role=Role.OWNER),
        lambda: companies.set_cap(viewer=admin, member=owner, credit_cap=1, cap_period="day"),
        lambda: companies.remove_member(viewer=admin, member=owner),
        lambda: companies.transfer_ownership(viewer=admin, member=member),
        lambda: companies.deactivate_company(viewer=admin),
        lambda: companies.request_deletion(viewer=admin),
        lambda: companies.set_role(viewer=acting(dave, company), member=place_of(bob, company), role=Role.MEMBER),
    ):
        with pytest.raises(NotAllowed):
            refused()
    assert people(company) == {alice.email: "owner", bob.email: "admin", carol.email: "admin", dave.email: "member"}
    assert companies.set_role(viewer=acting(alice, company), member=member, role=Role.OWNER).role == Role.OWNER


def test_a_role_that_was_lost_a_moment_ago_counts_no_more(alice, bob):
    company = make_team(alice, admin=bob)
    stale = acting(bob, company)
    companies.set_role(viewer=acting(alice, company), member=place_of(bob, company), role=Role.MEMBER)
    with pytest.raises(NotAllowed):
        companies.update_company(viewer=stale, name="Mine now")
    companies.remove_member(viewer=acting(alice, company), member=place_of(bob, company))
    with pytest.raises(NotAllowed):
        companies.leave_company(viewer=stale)


def test_whoever_is_removed_acts_for_the_personal_company_at_once_and_keys_end(alice, bob):
    company = make_team(alice, bob)
    key = ApiKey.objects.create(
        company=company, user=bob, name="k", prefix=f"dk_{uuid4().hex[:8]}", digest="x", scopes=["read"]
    )
    place = place_of(bob, company)
    companies.remove_member(viewer=acting(alice, company), member=place)

    assert viewer_for(bob, company_id=str(company.pk)).company.kind == Company.Kind.PERSONAL
    key.refresh_from_db()
    assert key.revoked_at is not None
    with pytest.raises(NoSuchMember):
        companies.remove_member(viewer=acting(alice, company), member=place)
    assert actions(company).count("member.removed") == 1


def test_a_member_of_another_company_cannot_be_touched(alice, bob):
    ours, theirs = make_team(alice), make_team(bob)
    for act in (companies.remove_member, companies.transfer_ownership):
        with pytest.raises(NoSuchMember):
            act(viewer=acting(alice, ours), member=place_of(bob, theirs))
    assert people(theirs) == {bob.email: "owner"}


def test_the_last_owner_can_neither_leave_nor_be_removed_nor_demoted(alice, bob):
    company = make_team(alice, bob)
    viewer, mine = acting(alice, company), place_of(alice, company)
    for refused in (
        lambda: companies.leave_company(viewer=viewer),
        lambda: companies.remove_member(viewer=viewer, member=mine),
        lambda: companies.set_role(viewer=viewer, member=mine, role=Role.ADMIN),
    ):
        with pytest.raises(LastOwner):
            refused()
    assert people(company) == {alice.email: "owner", bob.email: "member"}

    companies.transfer_ownership(viewer=viewer, member=place_of(bob, company))
    assert people(company) == {alice.email: "admin", bob.email: "owner"}
    companies.leave_company(viewer=acting(alice, company))
    assert people(company) == {bob.email: "owner"}


def test_a_personal_company_is_not_left_handed_over_switched_off_or_deleted(alice):
    viewer = viewer_for(alice)
    mine = place_of(alice, viewer.company)
    for refused in (
        lambda: companies.leave_company(viewer=viewer),
        lambda: companies.remove_member(viewer=viewer, member=mine),
        lambda: companies.transfer_ownership(viewer=viewer, member=mine),
        lambda: companies.deactivate_company(viewer=viewer),
        lambda: companies.request_deletion(viewer=viewer),
    ):
        with pytest.raises(PersonalCompany):
            refused()
    assert people(viewer.company) == {alice.email: "owner"}


def test_every_act_is_written_down_with_its_address_and_program(alice, bob):
    company = make_team(alice, bob)
    request = RequestFactory().post("/", REMOTE_ADDR="203.0.113.9", HTTP_USER_AGENT="Firefox")
    companies.set_cap(
        viewer=acting(alice, company), member=place_of(bob, company), credit_cap=7, cap_period="day", request=request
    )
    entry = AuditEntry.objects.filter(company=company).latest("id")
    assert (entry.action, entry.actor, entry.target) == ("member.cap", alice.email, bob.email)
    assert (entry.address, entry.agent) == ("203.0.113.9", "Firefox")
    assert entry.detail == {"cap": 7, "period": "day"}


def test_what_an_owner_switched_off_the_owner_switches_on(alice, bob):
    company = make_team(alice, bob)
    companies.deactivate_company(viewer=acting(alice, company))

    with pytest.raises(CompanyInactive):
        viewer_for(bob, company_id=str(company.pk))
    assert viewer_for(bob).company.kind == Company.Kind.PERSONAL
    with pytest.raises(NotAllowed):
        companies.reactivate_company(user=bob, company=company)
    companies.reactivate_company(user=alice, company=company)
    assert acting(bob, company).role == Role.MEMBER
    with pytest.raises(StateUnchanged):
        companies.reactivate_company(user=alice, company=company)


def test_what_an_operator_suspended_the_owner_cannot_take_back(alice):
    operator = PersonFactory(is_operator=True)
    company = make_team(alice)
    assert companies.suspend_company(company=company, operator=operator, reason="Chargebacks.")
    assert not companies.suspend_company(company=company, operator=operator, reason="Chargebacks.")
    with pytest.raises(Suspended, match="Chargebacks"):
        companies.reactivate_company(user=alice, company=company)
    assert companies.unsuspend_company(company=company, operator=operator)
    assert not companies.unsuspend_company(company=company, operator=operator)
    assert acting(alice, company)
    assert actions(company)[-2:] == ["company.suspended", "company.unsuspended"]


def test_a_deletion_can_be_taken_back_until_its_day(alice):
    company = make_team(alice)
    at = companies.request_deletion(viewer=acting(alice, company))
    assert timedelta(days=29) < at - timezone.now() <= timedelta(days=30)
    with pytest.raises(StateUnchanged):
        companies.request_deletion(viewer=acting(alice, company))
    companies.delete_due_companies()
    companies.cancel_deletion(viewer=acting(alice, company))
    with pytest.raises(StateUnchanged):
        companies.cancel_deletion(viewer=acting(alice, company))
    company.refresh_from_db()
    assert company.delete_after is None


def test_of_two_owners_who_leave_at_once_one_stays(committed_db, alice, bob):
    for _round in range(3):
        company = make_team(alice, owner=bob)
        viewers = [acting(alice, company), acting(bob, company)]

        def leave(number, viewers=viewers):
            try:
                companies.leave_company(viewer=viewers[number])
            except LastOwner:
                return "stays"
            return "left"

        assert sorted(at_once(2, leave)) == ["left", "stays"]
        assert list(people(company).values()) == ["owner"]


def test_owners_who_demote_each_other_at_once_leave_one(committed_db, alice, bob):
    company = make_team(alice, owner=bob)
    viewers = [acting(alice, company), acting(bob, company)]
    targets = [place_of(bob, company), place_of(alice, company)]

    def demote(number):
        try:
            companies.set_role(viewer=viewers[number], member=targets[number], role=Role.MEMBER)
        except Refusal as refusal:
            return refusal.code
        return "done"

    assert sorted(at_once(2, demote)) == ["done", "not_allowed"]
    assert sorted(people(company).values()) == ["member", "owner"]


def test_one_domain_wished_for_at_once_is_given_once(committed_db, alice, bob):
    domain = f"{uuid7().hex}.example"
    teams = [make_team(alice), make_team(bob)]
    viewers = [acting(alice, teams[0]), acting(bob, teams[1])]
    for person in (alice, bob):
        with_address(person, domain)

    def take(number):
        try:
            companies.update_company(viewer=viewers[number], domain=domain)
        except DomainRefused:
            return False
        return True

    assert sorted(at_once(2, take)) == [False, True]
    assert Company.objects.filter(domain=domain).count() == 1


def test_names_taken_at_once_get_short_names_of_their_own(committed_db, alice):
    name = f"Herd {uuid4().hex[:8]}"
    slugs = at_once(4, lambda number: companies.create_team(user=alice, name=name).slug)
    assert len(set(slugs)) == 4
