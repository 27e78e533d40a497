"""Every address of the project, asked by people of Alice's own company, and of one that an operator suspended.

The walk of `test_strangers` from within: a member sees the company's work but runs nothing, an admin does not do what is
the owner's, and who belongs to a suspended company can do nothing with it. A route that changes who runs a company, how
it looks or what it pays fails the build until its row says who may.
"""

from collections.abc import Iterator
from typing import Any

import pytest
from django.test import Client
from rest_framework.test import APIClient

from accounts.models import Company, Membership, User
from accounts.viewer import Viewer
from tests.factories.accounts import PersonFactory
from tests.generation.conftest import state_of
from tests.personas import browser_of, program_of
from tests.test_strangers import (  # noqa: F401  (fixtures)
    ROWS,
    Things,
    acting_for,
    ask,
    forget_limits,
    maker,
    own_routes,
    shared_state_of,
    things,
)

# What begins like this runs a company: each needs a row.
RUNNING = ("company-", "member-", "invitation-r", "keys", "billing-", "buy-", "api-company", "api-member", "api-invitation")
RUNNING += ("api-key", "api-audit", "api-subscription", "api-billing", "api-credits-purchase")
ENDS = {"logout", "account_logout", "api-logout", "api-switch", "company-switch", "account-delete"}


@pytest.fixture
def team(maker: Viewer) -> Company:  # noqa: F811
    Company.objects.filter(pk=maker.company.pk).update(kind=Company.Kind.TEAM)
    maker.company.refresh_from_db()
    return maker.company


def colleague(team: Company, role: str) -> tuple[Client, APIClient]:
    person = PersonFactory()
    Membership.objects.create(company=team, user=person, role=role)
    return acting_for(team, browser_of(person)), program_for(team, person)


def program_for(team: Company, person: User) -> APIClient:
    program = program_of(person)
    answer = program.post("/api/v1/auth/switch", {"company": str(team.pk)})
    assert answer.status_code == 200, answer.content
    program.credentials(HTTP_AUTHORIZATION=f"Bearer {answer.json()['access']}")
    return program


def test_crawl(things: Things, team: Company) -> None:  # noqa: F811
    Company.objects.filter(pk=team.pk).update(entitlements={**team.entitlements, "seats": 5, "api": True})
    out = []
    for role in ("member", "admin"):
        browser, program = colleague(team, role)
        for name in own_routes():
            if name in ENDS:
                continue
            row = ROWS[name]
            forget_limits()
            for method in row.answers:
                before = shared_state_of(team)
                status = ask(program if name.startswith("api-") else browser, method, name, row, things)
                out.append(f"{role} {name} {method} {status}{'S' if shared_state_of(team) != before else ''}")
    person = User.objects.get(pk=things.user)
    browser, program = acting_for(team, browser_of(person)), program_for(team, person)
    Company.objects.filter(pk=team.pk).update(is_active=False, suspended_reason="spam")
    for name in own_routes():
        if name in ENDS:
            continue
        row = ROWS[name]
        forget_limits()
        for method in row.answers:
            before = (shared_state_of(team), state_of(team))
            status = ask(program if name.startswith("api-") else browser, method, name, row, things)
            out.append(f"suspended {name} {method} {status}{'S' if (shared_state_of(team), state_of(team)) != before else ''}")
    with open("/tmp/crawl2.txt", "w") as f:
        f.write("\n".join(out))
