"""Operators who are signed in as somebody: who may, for how long, what they may not do, and that it is never unseen."""

from datetime import timedelta
from threading import Barrier, Thread
from types import SimpleNamespace

import pytest
from allauth.mfa.models import Authenticator
from allauth.usersessions.models import UserSession
from django.contrib.auth.models import Permission
from django.core import mail
from django.db import connections
from django.test import Client
from django.urls import reverse
from django.utils import timezone

from accounts import impersonation
from accounts.impersonation_rules import CHANGES, HIDDEN
from accounts.models import ApiKey, AuditEntry, Company, Membership, SignInAs, User
from accounts.services import record_audit
from config.event_ticket import COOKIE, read_ticket
from tests.factories.accounts import PASSWORD, PersonFactory
from tests.factories.teams import make_team, place_of
from tests.personas import browser_of, key_of
from tests.test_strangers import METHODS, ROWS, address, own_routes, routes, things  # noqa: F401  (fixtures)
from tests.test_strangers import maker as maker

pytestmark = pytest.mark.usefixtures("committed_db")
REASON = "Ticket 4711: the gallery is empty"
END = "/sign-in-as/end"


@pytest.fixture
def operator() -> User:
    return PersonFactory(is_operator=True)


def at_desk(operator: User) -> Client:
    """A browser of an operator who typed the password just now."""
    client = browser_of(operator)
    assert client.post("/confirm", {"password": PASSWORD}).status_code == 302
    return client


def door(person: User) -> str:
    return reverse("admin:accounts_user_sign_in_as", args=[person.pk])


def sign_in_as(operator: User, person: User) -> Client:
    client = at_desk(operator)
    answer = client.post(door(person), {"reason": REASON})
    assert (answer.status_code, answer.headers.get("Location")) == (302, "/generate"), answer.content
    return client


def text_of(answer):
    return answer.content.decode()


def acts(person: User, action: str):
    return AuditEntry.objects.filter(person=person, action=action)


def test_nobody_but_operators_with_the_right_gets_there(alice, bob, operator):
    helper = PersonFactory()
    User.objects.filter(pk=helper.pk).update(is_staff=True)
    helper.refresh_from_db()
    helper.user_permissions.add(*Permission.objects.filter(codename__in=["view_user", "change_user"]))
    for client in (Client(), browser_of(alice)):
        assert client.post(door(bob), {"reason": REASON}).status_code == 302
    assert at_desk(helper).post(door(bob), {"reason": REASON}).status_code == 403
    assert not SignInAs.objects.filter(person=bob).exists()

    helper.user_permissions.add(Permission.objects.get(codename="sign_in_as"))
    assert text_of(sign_in_as(User.objects.get(pk=helper.pk), bob).get("/profile")).count(bob.email) >= 1


def test_a_reason_and_a_proof_are_needed(alice, operator):
    assert browser_of(operator).get(door(alice)).headers["Location"].startswith("/confirm?")
    unproved = browser_of(operator).post(door(alice), {"reason": REASON})
    assert unproved.headers["Location"].startswith("/confirm?")
    client = at_desk(operator)
    assert "Sign in as" in text_of(client.get(reverse("admin:accounts_user_change", args=[alice.pk])))
    assert "reads this" in text_of(client.get(door(alice)))
    assert client.post(door(alice), {"reason": "  "}).status_code == 422
    assert not SignInAs.objects.filter(person=alice).exists()
    assert alice.email not in text_of(client.get("/profile"))


@pytest.mark.parametrize("kind", ["staff", "superuser", "inactive", "leaving", "without company", "oneself"])
def test_these_are_never_signed_in_as(operator, kind):
    person = PersonFactory() if kind != "oneself" else operator
    changes = {
        "staff": {"is_staff": True},
        "superuser": {"is_superuser": True},
        "inactive": {"is_active": False},
        "leaving": {"delete_after": timezone.now() + timedelta(days=3)},
    }
    User.objects.filter(pk=person.pk).update(**changes.get(kind, {}))
    if kind == "without company":
        Company.objects.filter(memberships__user=person).update(is_active=False)
    answer = at_desk(operator).post(door(person), {"reason": REASON})
    assert answer.status_code == 422
    assert 'role="alert"' in text_of(answer)
    assert not SignInAs.objects.filter(person=person).exists()


def test_it_is_announced_on_every_page_to_the_person_and_to_the_companies(alice, bob, operator):
    team = make_team(bob, alice)
    client = sign_in_as(operator, alice)

    for path in (
        "/generate",
        "/gallery",
        "/profile",
        "/company",
        "/billing",
        "/profile/security",
        "/no-such-page",
        "/",
    ):
        page = text_of(client.get(path))
        assert 'class="acting"' in page, path
        assert operator.email in page
        assert alice.email in page
    letter = next(message for message in mail.outbox if message.to == [alice.email])
    assert letter.subject == "An operator signed in as you"
    assert REASON in letter.body
    assert operator.email in letter.body
    told = text_of(browser_of(alice).get("/profile/security"))
    assert f"{operator.email}, an operator, signed in as {alice.email}: {REASON}" in told
    assert 'class="acting"' not in told
    log = AuditEntry.objects.get(company=team, action="sign_in_as.begun")
    assert (log.actor, log.target, log.detail["reason"], log.person) == (operator.email, alice.email, REASON, None)


def test_what_is_done_meanwhile_names_both(alice, operator):
    client = sign_in_as(operator, alice)
    company = Company.objects.get(memberships__user=alice)
    assert client.post("/company/switch", {"company": str(company.pk)}).status_code == 302
    entry = acts(alice, "company.switched").get()
    assert (entry.actor, entry.operator, entry.company) == (alice.email, operator.email, company)
    assert f"{alice.email} (really the operator {operator.email}) began" in text_of(client.get("/company/audit"))
    assert record_audit(actor=alice.email, action="tested").operator == "", "of another thread's request"


def test_the_sessions_of_the_person_stay_as_they_were_and_no_token_is_made(alice, operator):
    hers = browser_of(alice)
    hers.get("/generate")
    before = list(UserSession.objects.filter(user=alice).order_by("pk").values())

    client = sign_in_as(operator, alice)
    client.get("/generate")
    user_id, company_id, _mark = read_ticket(client.cookies[COOKIE].value)

    assert (user_id, company_id) == (str(alice.pk), str(Company.objects.get(memberships__user=alice).pk))
    assert list(UserSession.objects.filter(user=alice).order_by("pk").values()) == before
    assert hers.get("/profile").status_code == 200
    answer = client.post(
        "/api/v1/auth/login", {"email": alice.email, "password": PASSWORD}, content_type="application/json"
    )
    assert (answer.status_code, answer.json()["code"]) == (403, "not_while_signed_in_as")
    assert client.get("/api/v1/users/me").json()["email"] == alice.email


def test_the_end_leads_back_to_the_admin_as_oneself(alice, operator):
    client = sign_in_as(operator, alice)
    old_key = client.session.session_key
    assert client.get("/admin/").status_code == 403

    answer = client.post(END)

    assert answer.headers["Location"] == reverse("admin:accounts_user_change", args=[alice.pk])
    assert client.get(answer.headers["Location"]).status_code == 200
    page = text_of(client.get("/profile"))
    assert 'class="acting"' not in page
    assert alice.email not in page
    assert client.session.session_key != old_key
    assert acts(alice, "sign_in_as.ended").count() == 1
    assert client.post(END).headers["Location"] == "/generate"
    assert acts(alice, "sign_in_as.ended").count() == 1


def test_signing_out_ends_it_and_keeps_the_operator_signed_in(alice, operator):
    client = sign_in_as(operator, alice)
    assert client.post("/logout").headers["Location"].startswith("/admin/")
    assert operator.email in text_of(client.get("/profile"))


def test_the_operators_own_company_is_acted_for_again_afterwards(alice, operator):
    mine = make_team(operator, name=f"Desk {operator.pk}")
    client = at_desk(operator)
    client.post("/company/switch", {"company": str(mine.pk)})
    assert mine.name in text_of(client.get("/company"))
    client.post(door(alice), {"reason": REASON})
    assert mine.name not in text_of(client.get("/company"))
    client.post(END)
    assert mine.name in text_of(client.get("/company"))


def test_it_is_over_after_an_hour_and_the_clock_writes_that_down(alice, operator):
    client = sign_in_as(operator, alice)
    row = SignInAs.objects.get(person=alice)
    assert row.until - row.begun_at == timedelta(hours=1)
    SignInAs.objects.filter(pk=row.pk).update(until=timezone.now() - timedelta(seconds=1))

    page = text_of(client.get("/profile"))

    assert 'class="acting"' not in page
    assert operator.email in page
    assert impersonation.end_overdue() >= 1
    assert impersonation.end_overdue() == 0
    assert acts(alice, "sign_in_as.ended").count() == 1


@pytest.mark.parametrize("loss", ["permission", "operator", "person", "ended elsewhere", "promoted"])
def test_it_ends_at_once_with_what_it_stands_on(alice, operator, loss):
    client = sign_in_as(operator, alice)
    if loss == "permission":
        User.objects.filter(pk=operator.pk).update(is_superuser=False)
    elif loss == "operator":
        User.objects.filter(pk=operator.pk).update(is_active=False)
    elif loss == "person":
        User.objects.filter(pk=alice.pk).update(is_active=False)
    elif loss == "promoted":
        User.objects.filter(pk=alice.pk).update(is_staff=True)
    else:
        SignInAs.objects.filter(person=alice).update(ended_at=timezone.now())
    answer = client.get("/profile")
    assert alice.email not in text_of(answer)
    assert answer.status_code == (302 if loss == "operator" else 200)


def test_an_operator_is_one_other_at_a_time(alice, bob, operator):
    first, second = sign_in_as(operator, alice), sign_in_as(operator, bob)
    assert alice.email not in text_of(first.get("/profile"))
    assert bob.email in text_of(second.get("/profile"))
    assert acts(alice, "sign_in_as.ended").count() == 1
    assert SignInAs.objects.filter(operator=operator, ended_at=None).count() == 1


def test_of_two_beginnings_at_once_one_stands(alice, bob, operator):
    barrier = Barrier(2)
    answers: list[int] = []
    desks = [(at_desk(operator), person) for person in (alice, bob)]

    def begin(client: Client, person: User) -> None:
        barrier.wait()
        answers.append(client.post(door(person), {"reason": REASON}).status_code)
        connections.close_all()

    threads = [Thread(target=begin, args=desk) for desk in desks]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()

    assert sorted(answers) in ([302, 302], [302, 422])
    assert SignInAs.objects.filter(operator=operator, ended_at=None).count() == 1
    begun = AuditEntry.objects.filter(actor=operator.email, action="sign_in_as.begun").count()
    ended = AuditEntry.objects.filter(actor=operator.email, action="sign_in_as.ended").count()
    assert begun - ended == 1


def test_one_operators_session_does_not_open_for_another(alice, operator):
    row = SignInAs.objects.create(
        operator=operator, person=alice, reason=REASON, until=timezone.now() + timedelta(minutes=5)
    )
    thief = browser_of(PersonFactory())
    session = thief.session
    session[impersonation.STATE] = str(row.pk)
    session.save()
    assert alice.email not in text_of(thief.get("/profile"))
    assert impersonation.STATE not in thief.session


def secrets_of(person: User) -> SimpleNamespace:
    """All that nobody may touch in a person's name."""
    return SimpleNamespace(
        user=User.objects.filter(pk=person.pk).values().get(),
        keys=list(ApiKey.objects.filter(user=person).order_by("pk").values()),
        factors=list(Authenticator.objects.filter(user=person).order_by("pk").values()),
        sessions=list(UserSession.objects.filter(user=person).order_by("pk").values()),
        places=list(Membership.objects.filter(company__memberships__user=person).order_by("pk").values()),
        companies=list(Company.objects.filter(memberships__user=person).order_by("pk").values()),
    )


@pytest.mark.long
def test_nothing_that_is_the_persons_alone_is_done_in_their_name(things, maker, operator):  # noqa: F811
    alice = maker.user
    client = sign_in_as(operator, alice)
    before = secrets_of(alice)
    wrong: list[str] = []
    for name in own_routes():
        if name in ("sign-in-as-end", "logout", "account_logout"):
            continue
        path = address(name, ROWS[name], things)
        for method in METHODS:
            is_change = method != "GET"
            if (is_change and name in CHANGES) or (not is_change and name not in HIDDEN):
                continue
            answer = getattr(client, method.lower())(path)
            if answer.status_code not in (403, 405):
                wrong.append(f"{method} {name}: {answer.status_code}")
    assert wrong == []
    assert secrets_of(alice) == before
    assert 'class="acting"' in text_of(client.get("/profile"))


@pytest.mark.parametrize("path", ["security/codes", "security/codes/file", "password", "email", "connections"])
def test_secrets_are_not_even_shown(alice, operator, path):
    answer = sign_in_as(operator, alice).get(f"/profile/{path}")
    assert answer.status_code == 403
    assert "theirs alone" in text_of(answer)
    assert 'class="acting"' in text_of(answer)


def test_a_team_cannot_be_given_away_in_an_owners_name(alice, bob, operator):
    team = make_team(alice, bob)
    key_of(impersonation.viewer_for(alice))
    client = sign_in_as(operator, alice)
    client.post("/company/switch", {"company": str(team.pk)})
    heir = place_of(bob, team)
    posts = {
        "/company/transfer": {"member": str(heir.pk)},
        "/company/delete": {"password": PASSWORD},
        f"/company/members/{heir.pk}": {"role": "owner", "cap_period": "month"},
        f"/company/members/{heir.pk}/remove": {},
        "/api-keys": {"name": "mine now", "scopes": ["manage"], "lives": "90"},
    }
    for path, data in posts.items():
        assert client.post(path, data).status_code == 403, path
    assert place_of(bob, team).role == Membership.Role.MEMBER
    assert ApiKey.objects.filter(user=alice).count() == 1
    team.refresh_from_db()
    assert team.delete_after is None


def test_every_route_that_is_open_meanwhile_exists() -> None:
    names = {route.name for _path, route in routes()}
    assert names >= CHANGES
    assert names >= HIDDEN
