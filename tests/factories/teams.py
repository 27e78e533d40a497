"""Companies that several people share, for tests, made by the services that make them in the product."""

from uuid import uuid4

from django.db import transaction

from accounts.companies import create_team
from accounts.company_locks import add_member, lock_company
from accounts.models import Company, Membership, User
from accounts.viewer import Viewer, viewer_for
from billing.entitlements import write_entitlements
from billing.models import Plan, Subscription, Wallet


def make_team(founder: User, /, *members: User, plan: str = "pro", name: str = "", **roles: User) -> Company:
    """A team that `founder` owns, of `members`, and others by role (`admin=carol`), on a plan with five seats."""
    company = create_team(user=founder, name=name or f"Fox & Sons {uuid4().hex[:8]}")
    put_on(company, plan)
    for person in members:
        join(company, person)
    for role, person in roles.items():
        join(company, person, role)
    return company


def put_on(company: Company, slug: str) -> None:
    """Put a company on a plan, as an operator does, without the audit."""
    plan = Plan.objects.get(slug=slug)
    Subscription.objects.filter(company=company).update(plan=plan)
    Wallet.objects.filter(company=company).update(unlimited=plan.monthly_credits is None)
    write_entitlements(company=company)
    company.refresh_from_db()


def join(company: Company, person: User, role: str = Membership.Role.MEMBER) -> Membership:
    """Give a person a seat."""
    with transaction.atomic():
        return add_member(lock_company(company.pk), person, role)


def acting(person: User, company: Company) -> Viewer:
    """The person as a viewer of that company."""
    found = viewer_for(person, company_id=str(company.pk))
    assert found is not None
    assert found.company == company
    return found


def place_of(person: User, company: Company) -> Membership:
    """The person's place there."""
    return Membership.objects.get(user=person, company=company)
