"""Every address of the project, asked by people who have no business there; and nothing of Alice's changes.

A route without a row here fails the build: whoever adds one decides what strangers see of it.
"""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import timedelta
from typing import Any
from uuid import UUID, uuid4

import pytest
from allauth.mfa.models import Authenticator
from allauth.usersessions.models import UserSession
from django.test import Client
from django.urls import URLPattern, URLResolver, get_resolver, reverse
from django.utils import timezone
from rest_framework.test import APIClient

from accounts.exports import address_of
from accounts.models import ApiKey, Company, DataExport, Invitation, Membership, User
from accounts.viewer import SESSION_KEY, Viewer
from config.base import realtime, registry
from gallery.delivery import delivery_for
from gallery.models import Asset
from generation import pipeline
from generation.models import Job, PromptUse
from generation.prompting import history
from tests.factories.accounts import PersonFactory
from tests.factories.generation import submit
from tests.generation.conftest import state_of
from tests.personas import browser_of, key_of, program_of

# The admin's own addresses are walked by their prefix: nobody but operators gets behind it.
ADMIN = "admin/"
FLOOR = 60
METHODS = ("GET", "POST", "PUT", "PATCH", "DELETE")


@dataclass(frozen=True)
class Things:
    """What Alice has, for addresses and bodies."""

    asset: UUID
    job: UUID
    file: dict[str, str]
    use: UUID
    company: UUID
    member: UUID
    invitation: UUID
    api_key: UUID
    user: UUID
    version: UUID
    session: int
    passkey: int
    export: str


@dataclass(frozen=True)
class Row:
    """What a route answers: by method, the status for (anonymous, stranger). Every other method must be refused."""

    # Several where the stranger's place in a company of the stranger's own decides.
    answers: dict[str, tuple[int, int | frozenset[int]]]
    kwargs: str = ""
    body: str = ""


def page(**answers: tuple[int, int]) -> Row:
    return Row({**answers} if answers else {"GET": (302, 200)})


def by_role(*statuses: int) -> Row:
    return Row({"POST": (302, frozenset(statuses))})


OPEN = Row({"GET": (200, 200)})
# Sign-in pages lead people who are signed in elsewhere; a post without its fields shows the form again.
DOOR = Row({"GET": (200, 302), "POST": (200, 302)})
API_OWN = Row({"GET": (401, 200)})

ROWS: dict[str, Row] = {
    # Pages for all.
    "landing": OPEN,
    "pricing": OPEN,
    "contact-sales": Row({"GET": (200, 200), "POST": (422, 422)}),
    "login": DOOR,
    "account_login": DOOR,
    "register": DOOR,
    "account_signup": DOOR,
    # Asked after its other name, so nobody is signed in any more.
    "logout": Row({"GET": (302, 302), "POST": (302, 302)}),
    "account_logout": Row({"GET": (302, 200), "POST": (302, 302)}),
    "verify-email": Row({"GET": (200, 302), "POST": (200, 302)}),
    "account_email_verification_sent": Row({"GET": (200, 302), "POST": (200, 302)}),
    "account_confirm_email": Row({"GET": (200, 200), "POST": (200, 200)}, kwargs="key"),
    "reset-password": Row({"GET": (200, 200), "POST": (200, 200)}),
    "account_reset_password": Row({"GET": (200, 200), "POST": (200, 200)}),
    "account_reset_password_done": OPEN,
    "account_reset_password_from_key": Row({"GET": (200, 200), "POST": (200, 200)}, kwargs="uid"),
    "account_inactive": OPEN,
    "dev-mail": Row({}),
    "dev-mail-message": Row({}, kwargs="mail"),
    # A person's own.
    "profile": Row({"GET": (302, 200), "POST": (302, 200)}),
    "change-password": Row({"GET": (302, 200), "POST": (302, 200)}),
    "account_change_password": Row({"GET": (302, 200), "POST": (302, 200)}),
    "export-ask": Row({"POST": (302, 302)}),
    "export-file": Row({"GET": (302, 404)}, kwargs="export"),
    "account-delete": Row({"GET": (302, 302), "POST": (302, 302)}),
    "account-keep": Row({"POST": (302, 302)}),
    # How one signs in; whatever changes it asks for the password first.
    "mfa_authenticate": Row({"GET": (302, 302), "POST": (302, 302)}),
    "mfa_login_webauthn": Row({"GET": (200, 302), "POST": (302, 302)}),
    "account_reauthenticate": Row({"GET": (302, 200), "POST": (302, 200)}),
    "mfa_reauthenticate": Row({"GET": (302, 302), "POST": (302, 302)}),
    "mfa_reauthenticate_webauthn": Row({"GET": (302, 302), "POST": (302, 302)}),
    "security": page(),
    "mfa_index": page(),
    "mfa_activate_totp": Row({"GET": (302, 302), "POST": (302, 302)}),
    "mfa_deactivate_totp": Row({"GET": (302, 404), "POST": (302, 404)}),
    "mfa_view_recovery_codes": Row({"GET": (302, 404)}),
    "mfa_generate_recovery_codes": Row({"GET": (302, 302), "POST": (302, 302)}),
    "mfa_download_recovery_codes": Row({"GET": (302, 404)}),
    "mfa_add_webauthn": Row({"GET": (302, 302), "POST": (302, 302)}),
    "mfa_edit_webauthn": Row({"GET": (302, 302), "POST": (302, 302)}, kwargs="pk"),
    "mfa_remove_webauthn": Row({"GET": (302, 302), "POST": (302, 302)}, kwargs="pk"),
    "change-email": Row({"GET": (302, 200), "POST": (302, 200)}),
    "account_email": Row({"GET": (302, 200), "POST": (302, 200)}),
    "set-password": Row({"GET": (302, 302), "POST": (302, 302)}),
    "account_set_password": Row({"GET": (302, 302), "POST": (302, 302)}),
    "sessions": page(),
    "sessions-end": Row({"POST": (302, 302)}),
    "session-end": Row({"POST": (302, 404)}, kwargs="session"),
    "avatar-change": Row({"GET": (302, 200), "POST": (302, 422)}),
    "avatar": Row({"GET": (302, 404)}, kwargs="avatar"),
    # There are no keys of Google's or Apple's here.
    "socialaccount_connections": Row({}),
    "socialaccount_login_error": Row({}),
    "socialaccount_login_cancelled": Row({}),
    "socialaccount_signup": Row({}),
    "google_login": Row({}),
    "google_callback": Row({}),
    "apple_login": Row({}),
    "apple_callback": Row({}),
    "apple_finish_callback": Row({}),
    "gallery": page(),
    "bin": page(),
    "generate": Row({"GET": (302, 200), "POST": (302, 422)}),
    "generate-pick": page(),
    "generate-price": page(),
    "prompt-history": page(),
    "prompt-forget-all": Row({"POST": (302, 302)}),
    "prompt-complete": page(),
    "prompt-random": page(GET=(302, 302)),
    "prompt-enhance": Row({"POST": (302, 422)}),
    "jobs-tray": Row({"GET": (204, 200)}),
    # Where it led before Billing.
    "credits": Row({"GET": (301, 301)}),
    "billing": page(),
    "billing-ledger": page(),
    "billing-ledger-csv": page(),
    # Owners and admins only; there is no way to pay here, and nothing that was bought.
    "billing-invoices": Row({"GET": (302, frozenset((200, 403)))}),
    "buy-plan": Row({"POST": (302, 404)}),
    "buy-pack": Row({"POST": (302, 404)}),
    "billing-portal": by_role(403, 409, 503),
    "billing-change": Row({"GET": (302, 404), "POST": (302, 404)}),
    "billing-cancel": Row({"GET": (302, frozenset((403, 409))), "POST": (302, frozenset((403, 409)))}),
    "billing-resume": by_role(403, 409),
    "billing-thanks": page(GET=(302, 404)),
    "test-checkout": Row({"GET": (302, 404), "POST": (302, 404)}, kwargs="token"),
    "credits-pill": Row({"GET": (204, 200)}),
    # Off until an operator lists hosts.
    "gallery-import": Row({}),
    "keys": Row({"GET": (302, 200), "POST": (302, 422)}),
    "keys-revoke": Row({"POST": (302, 404)}, kwargs="api_key"),
    # Only an operator is ever signed in as somebody.
    "sign-in-as-end": Row({"POST": (302, 302)}),
    # The company that one acts for, which is never Alice's.
    "company": page(),
    # Those who run the company that they act for.
    "company-audit": Row({"GET": (302, frozenset({200, 403}))}),
    "company-audit-csv": Row({"GET": (302, frozenset({200, 403}))}),
    "company-new": Row({"GET": (302, 200), "POST": (302, 422)}),
    "company-switch": Row({"POST": (302, 403)}, body="company"),
    "company-update": by_role(403, 422),
    "company-look": by_role(302, 403),
    "company-logo": page(GET=(302, 404)),
    "company-brand-css": page(),
    "company-leave": by_role(302, 409),
    "company-transfer": Row({"POST": (302, 404)}, body="member"),
    "company-deactivate": by_role(403, 409),
    "company-delete": by_role(403, 422),
    "company-keep": by_role(403, 409),
    "company-offers": page(),
    "company-invite": by_role(403, 422),
    "invitation": Row({"GET": (404, 404)}, kwargs="token"),
    "invitation-accept": Row({"POST": (302, 404)}, kwargs="token"),
    "invitation-decline": Row({"POST": (404, 404)}, kwargs="token"),
    # What is Alice's.
    "member-change": Row({"POST": (302, 404)}, kwargs="member"),
    "member-remove": Row({"POST": (302, 404)}, kwargs="member"),
    "invitation-resend": Row({"POST": (302, 404)}, kwargs="invitation"),
    "invitation-revoke": Row({"POST": (302, 404)}, kwargs="invitation"),
    "company-join": Row({"POST": (302, 404)}, kwargs="company"),
    "company-reactivate": Row({"POST": (302, 404)}, kwargs="company"),
    "gallery-delete": Row({"POST": (302, 404)}, body="asset"),
    "gallery-restore": Row({"POST": (302, 404)}, body="asset"),
    "asset": Row({"GET": (302, 404)}, kwargs="asset"),
    "compare": Row({"GET": (302, 404)}),
    "asset-download": Row({"GET": (302, 404)}, kwargs="asset"),
    "asset-delete": Row({"POST": (302, 404)}, kwargs="asset"),
    "asset-restore": Row({"POST": (302, 404)}, kwargs="asset"),
    "prompt-forget": Row({"POST": (302, 404)}, kwargs="use"),
    "asset-tasks": Row({"GET": (302, 404), "POST": (302, 404)}, kwargs="asset"),
    "job": Row({"GET": (302, 404)}, kwargs="job"),
    "job-cancel": Row({"POST": (302, 404)}, kwargs="job"),
    # A signed address works for whoever was given it, until it expires; a forged one for nobody.
    "file": Row({"GET": (200, 200)}, kwargs="file"),
    # Operators only; everybody else is led to the admin's sign-in.
    "admin-system": page(GET=(302, 302)),
    "admin-breaker-close": Row({"POST": (302, 302)}, kwargs="provider"),
    "admin-operate": Row({"GET": (302, 302), "POST": (302, 302)}, kwargs="job"),
    # Providers only: the address carries a token, the body a signature.
    "provider-webhook": Row({"POST": (404, 404)}, kwargs="hook"),
    # No such endpoint.
    "stripe-webhook": Row({"POST": (404, 404)}, kwargs="endpoint"),
    "stripe-webhook-configured": Row({"POST": (404, 404)}),
    # The API.
    "api-register": Row({"POST": (422, 422)}),
    "api-login": Row({"POST": (422, 422)}),
    "api-refresh": Row({"POST": (422, 422)}),
    "api-mfa": Row({"POST": (422, 422)}),
    "api-switch": Row({"POST": (401, 403)}, body="company"),
    "api-logout": Row({"POST": (401, 204)}),
    "api-verify-email": Row({"POST": (422, 422)}),
    "api-reset-password": Row({"POST": (422, 422)}),
    "api-reset-password-confirm": Row({"POST": (422, 422)}),
    "api-me": Row({"GET": (401, 200), "PATCH": (401, 200), "DELETE": (401, 422)}),
    "api-export": Row({"GET": (401, 404), "POST": (401, 202)}),
    # Asked for a moment ago, and made by no worker here.
    "api-export-file": Row({"GET": (401, 409)}),
    "api-companies": Row({"GET": (401, 200), "POST": (401, 422)}),
    "api-company": Row({"GET": (401, 200), "PATCH": (401, 200)}),
    "api-audit": API_OWN,
    "api-members": API_OWN,
    "api-member": Row({"PATCH": (401, 404), "DELETE": (401, 404)}, kwargs="member"),
    "api-invitations": Row({"GET": (401, 200), "POST": (401, 422)}),
    "api-invitation": Row({"DELETE": (401, 404)}, kwargs="invitation"),
    "api-invitation-resend": Row({"POST": (401, 404)}, kwargs="invitation"),
    "api-invitation-accept": Row({"POST": (401, 422)}),
    "api-keys": Row({"GET": (401, 200), "POST": (401, 422)}),
    "api-key": Row({"DELETE": (401, 404)}, kwargs="api_key"),
    "api-avatar": Row({"PUT": (401, 422), "DELETE": (401, 204)}),
    "api-sessions": Row({"GET": (401, 200), "DELETE": (401, 204)}),
    "api-session": Row({"DELETE": (401, 404)}, kwargs="session"),
    "api-credits-balance": API_OWN,
    "api-credits-history": API_OWN,
    "api-credits-purchase": Row({"POST": (401, 422)}),
    "api-plans": OPEN,
    "api-subscription": API_OWN,
    "api-my-subscription": API_OWN,
    "api-checkout": Row({"POST": (401, 422)}),
    "api-upgrade": Row({"GET": (401, 422), "POST": (401, 422)}),
    "api-portal": Row({"POST": (401, frozenset((403, 409, 503)))}),
    "api-cancel": Row({"POST": (401, frozenset((403, 409)))}),
    "api-payments": Row({"GET": (401, frozenset((200, 403)))}),
    "api-uploads": Row({"POST": (401, 422)}),
    "api-assets": API_OWN,
    "api-asset": Row({"GET": (401, 404), "DELETE": (401, 404)}, kwargs="asset"),
    "api-asset-restore": Row({"POST": (401, 404)}, kwargs="asset"),
    "api-models": OPEN,
    "api-jobs": Row({"GET": (401, 200), "POST": (401, 422)}, body="job"),
    "api-job": Row({"GET": (401, 404)}, kwargs="job"),
    "api-job-status": Row({"GET": (401, 404)}, kwargs="job"),
    "api-job-result": Row({"GET": (401, 404)}, kwargs="job"),
    "api-job-cancel": Row({"POST": (401, 404)}, kwargs="job"),
    "api-prompts": API_OWN,
    "api-prompt": Row({"DELETE": (401, 404)}, kwargs="use"),
    "api-prompt-enhance": Row({"POST": (401, 422)}),
    "api-prompt-random": API_OWN,
    "api-presets": OPEN,
    "api-schema": OPEN,
    "api-docs": OPEN,
    "api-redoc": OPEN,
    # There is none until an operator says whom to write to.
    "security-txt": Row({}),
    "favicon": Row({"GET": (302, 302), "POST": (302, 302)}),
    "health-live": OPEN,
    # For whoever asks from this machine, as this test does; `tests/config/test_metrics.py` has the rest.
    "metrics": OPEN,
    # No worker runs beside this test, so it is honest to say so.
    "health-ready": Row({"GET": (503, 503)}),
}
# Asked last and in this order: after leaving one acts for the personal company, the others end sessions.
LAST = ("company-leave", "account_logout", "logout", "api-sessions", "api-logout", "sessions-end")


def routes(resolver: URLResolver | None = None, prefix: str = "") -> Iterator[tuple[str, URLPattern]]:
    for entry in (resolver or get_resolver()).url_patterns:
        path = prefix + str(entry.pattern)
        if isinstance(entry, URLResolver):
            yield from routes(entry, path)
        else:
            yield path, entry


def own_routes() -> list[str]:
    names = [route.name or path for path, route in routes() if not path.startswith(ADMIN) or "admin/system" in path]
    return sorted(names, key=lambda name: (LAST.index(name) if name in LAST else -1, name))


def test_every_route_has_a_row_and_every_row_a_route() -> None:
    assert set(own_routes()) == set(ROWS)
    assert len(own_routes()) >= FLOOR


def address(name: str, row: Row, things: Things) -> str:
    kwargs: dict[str, Any] = {
        "": {},
        "asset": {"asset_id": things.asset},
        "job": {"job_id": things.job},
        "use": {"use_id": things.use},
        "file": things.file,
        "company": {"company_id": things.company},
        "member": {"member_id": things.member},
        "invitation": {"invitation_id": things.invitation},
        "api_key": {"key_id": things.api_key},
        "token": {"token": "made-up"},
        "key": {"key": "MQ:made-up:signature"},
        "uid": {"uidb36": "1", "key": "made-up"},
        "mail": {"file": "a.log", "number": 1},
        "pk": {"pk": things.passkey},
        "session": {"session_id": things.session},
        "avatar": {"user_id": things.user, "version": things.version, "edge": 256},
        "export": {"token": things.export},
        "provider": {"provider": "local"},
        "endpoint": {"uuid": things.company},
        "hook": {"provider_name": "local", "job_id": things.job, "token": "0" * 32},
    }[row.kwargs]
    return reverse(name, kwargs=kwargs)


def ask(client: Client, method: str, name: str, row: Row, things: Things) -> int:
    bodies: dict[str, dict[str, Any]] = {
        "": {},
        "asset": {"ids": [str(things.asset)]},
        "company": {"company": str(things.company)},
        "member": {"member": str(things.member)},
        "job": {"model": "studio-stylise", "inputs": [str(things.asset)]},
    }
    options: dict[str, Any] = {"data": bodies[row.body]} if method == "POST" else {}
    answer = getattr(client, method.lower())(address(name, row, things), **options)
    if answer.streaming:
        list(answer.streaming_content)
    answer.close()
    return int(answer.status_code)


def forget_limits() -> None:
    """Limits are another test's business; messages of jobs stay."""
    keys = list(realtime.connection().scan_iter("cache:*"))
    if keys:
        realtime.connection().delete(*keys)


@pytest.fixture
def maker(committed_db: None, alice: User, viewer: Callable[[User], Viewer]) -> Viewer:
    """Alice, with real commits: what a worker does shows."""
    return viewer(alice)


@pytest.fixture
def things(maker: Viewer) -> Things:
    made = submit(maker, seed=1)
    pipeline.start(job_id=made.pk)
    asset = Asset.objects.prefetch_related("renditions").get(company=maker.company)
    waiting = submit(maker, seed=2)
    _empty, _f, token, name = delivery_for(maker).url(asset).split("/")
    history.note_use(viewer=maker, prompt="a secret of Alice")
    use = history.recent(maker)[0]
    asked = Invitation.objects.create(
        company=maker.company,
        email="guest@example.com",
        token_digest=uuid4().hex,
        invited_by=maker.user,
        expires_at=timezone.now() + timedelta(days=7),
    )
    session = UserSession.objects.create(user=maker.user, session_key=uuid4().hex, ip="127.0.0.1", user_agent="Alice's")
    # Another one's, so that Alice's programs sign in without it.
    passkey = Authenticator.objects.create(
        user=PersonFactory(), type=Authenticator.Type.WEBAUTHN, data={"name": "Blue key"}
    )
    User.objects.filter(pk=maker.user.pk).update(avatar_key=f"people/{maker.user.pk}/{use.pk}/256.webp")
    return Things(
        asset=asset.pk,
        job=waiting.pk,
        file={"token": token, "name": name},
        use=use.pk,
        company=maker.company.pk,
        member=Membership.objects.get(company=maker.company).pk,
        invitation=asked.pk,
        api_key=key_of(maker)[0].pk,
        user=maker.user.pk,
        version=use.pk,
        session=session.pk,
        passkey=passkey.pk,
        export=address_of(DataExport.objects.create(user=maker.user)).rpartition("/")[2],
    )


def shared_state_of(company: Company) -> list[Any]:
    """What a refusal must leave of who runs a company, how it is called and what opens it."""
    rows = (Company.objects.filter(pk=company.pk), Membership.objects.filter(company=company))
    more = (Invitation.objects.filter(company=company), ApiKey.objects.filter(company=company).order_by("pk"))
    return [list(found.values()) for found in (*rows, *more)]


def strangers(bob: User) -> dict[str, tuple[Client, Client]]:
    """By who asks: a browser for pages and a program for the API, both signed in as that person."""
    company = Company.objects.create(name="Elsewhere", slug=f"elsewhere-{uuid4().hex[:8]}", kind=Company.Kind.TEAM)
    registry.company_created(company.pk)
    people: dict[str, tuple[Client, Client]] = {
        "anonymous": (Client(), APIClient()),
        "stranger": (browser_of(bob), program_of(bob)),
    }
    for role in (Membership.Role.MEMBER, Membership.Role.ADMIN):
        person = PersonFactory()
        Membership.objects.create(company=company, user=person, role=role)
        people[f"{role} of another company"] = (acting_for(company, browser_of(person)), program_of(person))
    return people


def acting_for(company: Company, browser: Client) -> Client:
    """The browser after its person switched to `company`."""
    session = browser.session
    session[SESSION_KEY] = str(company.pk)
    session.save()
    return browser


@pytest.mark.long
def test_strangers_get_what_the_rows_say_and_change_nothing(things: Things, maker: Viewer, bob: User) -> None:
    before, shared = state_of(maker.company), shared_state_of(maker.company)
    wrong: list[str] = []
    for who, (browser, program) in strangers(bob).items():
        for name in own_routes():
            row = ROWS[name]
            forget_limits()
            for method in METHODS:
                client = program if name.startswith("api-") else browser
                status = ask(client, method, name, row, things)
                expected = row.answers.get(method)
                if expected is None:
                    is_right = status in (302, 401, 403, 404, 405)
                else:
                    wanted = expected[0 if who == "anonymous" else 1]
                    is_right = status in wanted if isinstance(wanted, frozenset) else status == wanted
                if not is_right:
                    wrong.append(f"{who} {method} {name}: {status}, not {expected or 'a refusal'}")
            if state_of(maker.company) != before:
                wrong.append(f"{who} changed something at {name}")
                before = state_of(maker.company)
            if shared_state_of(maker.company) != shared:
                wrong.append(f"{who} changed who runs the company at {name}")
                shared = shared_state_of(maker.company)
    assert not wrong, "\n".join(wrong)
    assert Job.objects.get(pk=things.job).state == Job.State.QUEUED
    assert PromptUse.objects.filter(pk=things.use).exists()
    assert UserSession.objects.filter(pk=things.session).exists()
    assert Authenticator.objects.filter(pk=things.passkey).exists()


def test_the_admin_is_closed_to_everybody_else(bob: User, committed_db: None) -> None:
    browser = browser_of(bob)
    walked = 0
    for path, _route in routes():
        if not path.startswith(ADMIN) or "<" in path or "(" in path or "login" in path or "logout" in path:
            continue
        walked += 1
        for client in (Client(), browser):
            assert client.get(f"/{path}").status_code in (302, 404), path
    assert walked >= 15


def test_a_colleague_of_the_same_company_sees_what_strangers_do_not(things: Things, maker: Viewer, bob: User) -> None:
    Membership.objects.create(company=maker.company, user=bob, role=Membership.Role.MEMBER)
    client = browser_of(bob)
    assert client.get(reverse("asset", args=[things.asset])).status_code == 404, "while acting for the own company"

    acting_for(maker.company, client)

    assert client.get(reverse("asset", args=[things.asset])).status_code == 200
    assert client.get(reverse("job", args=[things.job])).status_code == 200


def test_nobody_acts_for_a_company_that_is_not_theirs_by_naming_it(things: Things, maker: Viewer, bob: User) -> None:
    client = acting_for(maker.company, browser_of(bob))

    assert client.get(reverse("asset", args=[things.asset])).status_code == 404
    assert client.get(reverse("job", args=[things.job])).status_code == 404


def test_an_inactive_company_can_do_nothing(things: Things, maker: Viewer) -> None:
    browser, program = browser_of(maker.user), program_of(maker.user)
    Company.objects.filter(pk=maker.company.pk).update(is_active=False)

    assert browser.get(reverse("gallery")).status_code == 403
    assert browser.get(reverse("asset", args=[things.asset])).status_code == 403
    assert program.get("/api/v1/jobs").status_code in (401, 403)
    assert program.post("/api/v1/jobs", {"model": "studio-scenes", "prompt": "x"}).status_code in (401, 403)
