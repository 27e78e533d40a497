"""Every address of the project, asked by people of Alice's own company, and of one that an operator suspended.

The walk of `test_strangers` from within: a member sees the company's work but runs nothing, an admin does not do what
is the owner's, and who belongs to a suspended company can do nothing with it. A route that changes who runs a company,
how it looks or what it pays fails the build until its row says who may.
"""

from collections.abc import Iterator

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

# What begins like this runs a company, its keys or its money: each needs a row in `ROLES`.
RUNNING = (
    *("api-audit", "api-billing", "api-company", "api-credits-purchase", "api-invitation", "api-key", "api-member"),
    *("api-subscription", "billing", "buy-", "company-", "invitation-r", "keys", "member-"),
)
# About oneself: entering, leaving and beginning companies.
ONES_OWN = {
    *("api-invitation-accept", "company-join", "company-leave", "company-new", "company-offers", "company-switch"),
}
# By route and method, what a member and an admin get: 403 is refused, 404 and 409 find nothing to do it to, 422 asks
# for what the empty form lacks. A member sees a company's plan and use, an admin also who did what and what was paid.
ROLES: dict[str, dict[str, tuple[int, int]]] = {
    "api-audit": {"GET": (403, 200)},
    "api-company": {"GET": (200, 200), "PATCH": (403, 200)},
    "api-credits-purchase": {"POST": (422, 422)},
    "api-invitation": {"DELETE": (403, 204)},
    "api-invitation-resend": {"POST": (403, 404)},
    "api-invitations": {"GET": (200, 200), "POST": (422, 422)},
    "api-key": {"DELETE": (404, 204)},
    "api-keys": {"GET": (200, 200), "POST": (422, 422)},
    "api-member": {"PATCH": (200, 200), "DELETE": (403, 403)},
    "api-members": {"GET": (200, 200)},
    "api-subscription": {"GET": (200, 200)},
    "billing": {"GET": (200, 200)},
    "billing-cancel": {"GET": (403, 409), "POST": (403, 409)},
    "billing-change": {"GET": (404, 404), "POST": (404, 404)},
    "billing-invoices": {"GET": (403, 200)},
    "billing-ledger": {"GET": (200, 200)},
    "billing-ledger-csv": {"GET": (200, 200)},
    "billing-portal": {"POST": (403, 503)},
    "billing-resume": {"POST": (403, 409)},
    "billing-thanks": {"GET": (404, 404)},
    "buy-pack": {"POST": (404, 404)},
    "buy-plan": {"POST": (404, 404)},
    "company-audit": {"GET": (403, 200)},
    "company-audit-csv": {"GET": (403, 200)},
    "company-brand-css": {"GET": (200, 200)},
    "company-deactivate": {"POST": (403, 403)},
    "company-delete": {"POST": (403, 403)},
    "company-invite": {"POST": (403, 422)},
    "company-keep": {"POST": (403, 403)},
    "company-logo": {"GET": (404, 404)},
    "company-look": {"POST": (403, 302)},
    "company-reactivate": {"POST": (403, 403)},
    "company-transfer": {"POST": (403, 403)},
    "company-update": {"POST": (403, 422)},
    "invitation-resend": {"POST": (403, 404)},
    "invitation-revoke": {"POST": (403, 404)},
    "keys": {"GET": (200, 200), "POST": (422, 422)},
    "keys-revoke": {"POST": (404, 302)},
    "member-change": {"POST": (422, 422)},
    "member-remove": {"POST": (403, 403)},
}
# What people may do for themselves wherever they belong, and what is everybody's.
WITHOUT_COMPANY = {
    *("api-login", "api-mfa", "api-refresh", "api-register", "api-reset-password", "api-reset-password-confirm"),
    *("api-docs", "api-redoc", "api-schema", "api-verify-email", "avatar", "avatar-change", "change-email"),
    *("change-password", "company-new", "company-offers", "contact-sales", "credits-pill", "export-file", "invitation"),
    *("invitation-accept", "invitation-decline", "landing", "pricing", "provider-webhook", "reset-password"),
    *("security", "sessions", "stripe-webhook", "stripe-webhook-configured", "health-live", "health-ready", "metrics"),
    # An address that was signed before is good for its two hours.
    "file",
}
WITHOUT_COMPANY_PREFIXES = ("account_", "mfa_")
# Asked nothing here: they end the session, or name another company.
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


def walk(browser: Client, program: APIClient, things: Things) -> Iterator[tuple[str, str, int]]:  # noqa: F811
    """Every route by every method that it takes, and the status of its answer."""
    for name in own_routes():
        if name in ENDS:
            continue
        forget_limits()
        for method in ROWS[name].answers:
            yield name, method, ask(program if name.startswith("api-") else browser, method, name, ROWS[name], things)


def test_everything_that_runs_a_company_says_who_may() -> None:
    running = {name for name in own_routes() if name.startswith(RUNNING)} - ONES_OWN
    assert running == set(ROLES)
    for name, methods in ROLES.items():
        assert set(methods) == set(ROWS[name].answers), name
        assert all(member == 403 or admin != 403 for member, admin in methods.values()), name


@pytest.mark.long
@pytest.mark.parametrize("role", ["member", "admin"])
def test_colleagues_do_what_their_place_allows(role: str, things: Things, team: Company) -> None:  # noqa: F811
    Company.objects.filter(pk=team.pk).update(entitlements={**team.entitlements, "seats": 5, "api": True})
    browser, program = colleague(team, role)
    before = shared_state_of(team)
    wrong: list[str] = []
    for name, method, status in walk(browser, program, things):
        expected = ROLES.get(name, {}).get(method)
        wanted = None if expected is None else expected[role == "admin"]
        if wanted is not None and status != wanted:
            wrong.append(f"{role} {method} {name}: {status}, not {wanted}")
        after = shared_state_of(team)
        if after != before and (role == "member" or wanted is None or wanted >= 400) and name != "company-leave":
            wrong.append(f"{role} {method} {name} changed who runs the company")
        before = after
    assert not wrong, "\n".join(wrong)


@pytest.mark.long
def test_nobody_does_anything_with_a_company_that_an_operator_suspended(
    things: Things,  # noqa: F811
    team: Company,
) -> None:
    owner = User.objects.get(pk=things.user)
    browser, program = acting_for(team, browser_of(owner)), program_for(team, owner)
    Company.objects.filter(pk=team.pk).update(is_active=False, suspended_reason="spam")
    before = (shared_state_of(team), state_of(team))
    wrong: list[str] = []
    for name, method, status in walk(browser, program, things):
        is_free = name in WITHOUT_COMPANY or name.startswith(WITHOUT_COMPANY_PREFIXES)
        # Sent on to where one chooses another company, signs in anew or sees the moved page.
        if not is_free and status not in (301, 302, 403):
            wrong.append(f"{method} {name}: {status}")
        if (shared_state_of(team), state_of(team)) != before:
            wrong.append(f"{method} {name} changed something")
            before = (shared_state_of(team), state_of(team))
    assert not wrong, "\n".join(wrong)
