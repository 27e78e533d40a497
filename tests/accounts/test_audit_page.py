"""The audit log: what is written down, who reads it, in which words; and that nobody changes it."""

import csv
import io
import re
from datetime import timedelta
from uuid import uuid4

import pytest
from allauth.account.models import EmailAddress
from django.core.cache import cache
from django.db import IntegrityError, connection, transaction
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.urls import reverse
from django.utils import timezone
from rest_framework.test import APIClient

from accounts import companies
from accounts.audit_words import ACTS, sentence_of
from accounts.models import AuditEntry, Company, Membership
from accounts.services import record_audit, record_of_account
from tests.database import PROJECT
from tests.factories.accounts import PASSWORD, PersonFactory
from tests.factories.teams import acting, join, make_team, place_of
from tests.personas import browser_of, key_of, program_of, program_with
from tests.test_strangers import acting_for

pytestmark = pytest.mark.django_db
PAGE = "/company/audit"
API = "/api/v1/companies/current/audit"


@pytest.fixture
def team(alice, bob):
    return make_team(alice, bob)


def browser_in(company, person):
    return acting_for(company, browser_of(person))


def text_of(answer):
    if answer.streaming:
        return b"".join(answer.streaming_content).decode()
    return answer.content.decode()


def written(company, action):
    return AuditEntry.objects.filter(company=company, action=action)


def test_members_read_nothing_of_it_and_other_companies_see_only_their_own(alice, bob, team):
    record_audit(actor=alice.email, action="member.left", target="a secret of the team", company=team)
    member, strangers = browser_in(team, bob), browser_of(bob)
    for path in (PAGE, f"{PAGE}.csv"):
        assert Client().get(path).status_code == 302
        refused = member.get(path)
        assert refused.status_code == 403
        assert "Only owners and admins" in text_of(refused)
        assert "a secret of the team" not in text_of(strangers.get(path))
        assert "member.left" in text_of(browser_in(team, alice).get(path)) or path == PAGE


def test_programs_need_the_role_and_the_scope(alice, bob, team, viewer):
    record_audit(actor=alice.email, action="member.left", company=team)
    assert APIClient().get(API).status_code == 401
    owner, member = acting(alice, team), acting(bob, team)
    for made, status in ((owner, 200), (member, 403)):
        scopes = ("manage",) if made is owner else ("read", "generate")
        assert program_with(key_of(made, *scopes)[1]).get(API).status_code == status
    assert program_with(key_of(owner, "read")[1]).get(API).status_code == 403
    rows = program_of(bob).get(API).json()["results"]
    assert {row["actor"] for row in rows} <= {bob.email}


def test_the_api_tells_the_same_in_pages(alice, viewer):
    company = viewer(alice).company
    for number in range(30):
        record_audit(actor=alice.email, action="member.removed", target=f"p{number}@example.com", company=company)
    program = program_of(alice)
    first = program.get(API, {"kind": "people"}).json()
    assert [row["target"] for row in first["results"]][:2] == ["p29@example.com", "p28@example.com"]
    assert first["results"][0]["sentence"] == f"{alice.email} removed p29@example.com"
    rest = program.get(first["next"]).json()
    assert len(first["results"]) + len(rest["results"]) == 30
    wrong = program.get(API, {"since": "yesterday"})
    assert wrong.status_code == 422
    assert [error["field"] for error in wrong.json()["errors"]] == ["since"]


def test_filters_find_people_kinds_and_days(alice, viewer):
    company = viewer(alice).company
    record_audit(actor="carol@example.com", action="api_key.revoked", target="blue key", company=company)
    record_audit(actor=alice.email, action="member.removed", target="carol@example.com", company=company)
    old = record_audit(actor=alice.email, action="company.branded", company=company)
    assert old.at.date() == timezone.now().date()
    client = browser_of(alice)

    def found(**query):
        return re.findall(r'audit-sentence" dir="auto">([^<]+)', text_of(client.get(PAGE, query)))

    assert found(person="CAROL@example.com") == [
        f"{alice.email} removed carol@example.com",
        "carol@example.com revoked the API key blue key",
    ]
    assert found(kind="keys") == ["carol@example.com revoked the API key blue key"]
    today = timezone.localdate()
    assert len(found(since=today.isoformat(), kind="people")) == 1
    assert found(until=(today - timedelta(days=1)).isoformat()) == []
    assert found(since=(today + timedelta(days=1)).isoformat()) == []


@pytest.mark.parametrize(
    ("query", "sentence"),
    [
        ({"since": "31.31.2026"}, "Enter a valid date"),
        ({"kind": "everything"}, "Select a valid choice"),
        ({"since": "2026-03-02", "until": "2026-03-01"}, "Exchange them"),
    ],
)
def test_a_wrong_filter_says_what_to_do(alice_client, query, sentence):
    for path in (PAGE, f"{PAGE}.csv"):
        answer = alice_client.get(path, query)
        assert answer.status_code == 422
        assert sentence in text_of(answer)
    assert alice_client.get(PAGE, {"before": "somewhere"}).status_code == 404


def test_pages_go_on_by_key_and_miss_nothing(alice, alice_client, viewer):
    company = viewer(alice).company
    for number in range(70):
        record_audit(actor=alice.email, action="member.removed", target=f"p{number}@x.example", company=company)
    seen = []
    address = f"{PAGE}?kind=people"
    while address:
        text = text_of(alice_client.get(address))
        seen += re.findall(r"removed (p\d+)@", text)
        record_audit(actor=alice.email, action="member.removed", target="late@x.example", company=company)
        older = re.search(r'rel="next" href="([^"]+)"', text)
        address = f"{PAGE}{older[1].replace('&amp;', '&')}" if older else ""
    assert seen == [f"p{number}" for number in reversed(range(70))]


def test_the_page_asks_as_often_for_one_row_as_for_fifty(alice, alice_client, viewer):
    company = viewer(alice).company

    def queries(path):
        with CaptureQueriesContext(connection) as asked:
            assert alice_client.get(path).status_code == 200
        return len(asked)

    for path in (PAGE, "/profile/security"):
        record_audit(actor=alice.email, action="tested", company=company, person=alice)
        alice_client.get(path)
        one = queries(path)
        for _number in range(50):
            record_audit(actor=alice.email, action="tested", company=company, person=alice)
        assert queries(path) == one


def test_the_file_holds_everything_and_no_formula(alice, alice_client, viewer):
    company = viewer(alice).company
    for number in range(520):
        record_audit(actor="=HYPERLINK(1)", action="tested", target=f"+{number}", company=company)
    answer = alice_client.get(f"{PAGE}.csv", {"person": "=HYPERLINK(1)"})
    assert answer["Content-Type"] == "text/csv; charset=utf-8"
    assert "attachment" in answer["Content-Disposition"]
    assert "no-store" in answer["Cache-Control"]
    rows = list(csv.DictReader(io.StringIO(text_of(answer).removeprefix("\ufeff"))))
    assert [row["target"] for row in rows] == [f"'+{number}" for number in reversed(range(520))]
    assert {row["actor"] for row in rows} == {"'=HYPERLINK(1)"}


def test_every_act_that_the_product_writes_has_words():
    apps = ("accounts", "billing", "gallery", "generation")
    sources = [path for app in apps for path in (PROJECT / app).rglob("*.py") if path.parent.name != "migrations"]
    text = "\n".join(path.read_text() for path in sources)
    calls = re.findall(r'action=(?:f?"[^"]+"(?: if \w+ else "[^"]+")?)', text)
    named = {code for call in calls for code in re.findall(r'"([a-z_]+\.[a-z_]+)"', call)}
    named |= set(re.findall(r'_note\([^)]*?"([a-z_]+\.[a-z_]+)"', text))
    assert len(named) > 30
    assert named - set(ACTS) == set()


def test_every_sentence_can_be_said_of_an_entry_without_details():
    for action in ACTS:
        said = sentence_of(AuditEntry(actor="a@x.example", action=action, target="t"))
        assert "%" not in said, action
    unknown = AuditEntry(actor="a@x.example", action="moon.landed", target="100% cheese")
    assert sentence_of(unknown) == "a@x.example · moon.landed · 100% cheese"
    assert sentence_of(AuditEntry(action="member.left")) == "Somebody who is gone left"


def test_a_sign_in_and_its_failures_are_written_down_with_address_and_program(alice, team, viewer):
    personal = viewer(alice).company
    client = Client(headers={"User-Agent": "Mozilla/5.0 (X11; Linux x86_64) Firefox/141.0"}, REMOTE_ADDR="203.0.113.7")
    assert client.post("/login", {"login": alice.email, "password": "wrong"}).status_code == 200
    assert client.post("/login", {"login": alice.email, "password": PASSWORD}).status_code == 302
    for company in (personal, team):
        failed, done = written(company, "sign_in.failed").get(), written(company, "sign_in.done").get()
        assert (failed.actor, failed.target) == ("unknown", alice.email)
        assert (done.actor, done.address, "Firefox" in done.agent) == (alice.email, "203.0.113.7", True)
    page = text_of(client.get("/profile/security"))
    assert f"{alice.email} signed in" in page
    assert f"Somebody failed to sign in as {alice.email}" in page
    assert "203.0.113.7" in page
    assert page.count("signed in</p>") == 1, "once, however many companies the person has"


def test_programs_that_sign_in_are_written_down_too(alice, viewer):
    company = viewer(alice).company
    APIClient().post("/api/v1/auth/login", {"email": alice.email, "password": "wrong"})
    program_of(alice)
    assert written(company, "sign_in.failed").count() == 1
    assert written(company, "sign_in.done").count() == 1


def test_a_lock_out_is_written_down_once(alice, viewer):
    client = Client()
    for _try in range(8):
        client.post("/login", {"login": alice.email, "password": "wrong"})
    company = viewer(alice).company
    assert written(company, "sign_in.failed").count() == 5
    assert written(company, "sign_in.locked").count() == 1
    cache.clear()


def test_what_is_typed_as_an_address_of_nobody_is_not_kept(db):
    before = AuditEntry.objects.count()
    Client().post("/login", {"login": "my-secret-password@example.com", "password": "x"})
    entry = AuditEntry.objects.latest("id")
    assert AuditEntry.objects.count() == before + 1
    assert (entry.action, entry.actor, entry.target, entry.company, entry.person) == (
        "sign_in.failed",
        "unknown",
        "",
        None,
        None,
    )


def test_a_changed_password_names_where_it_was_changed_from(alice, viewer):
    client = browser_of(alice)
    answer = client.post("/profile/password", {"oldpassword": PASSWORD, "password1": "another-quiet-room"})
    assert answer.status_code == 302
    entry = written(viewer(alice).company, "password.changed").get()
    assert (entry.address, entry.person) == ("127.0.0.1", alice)


def test_recent_activity_is_ones_own_alone(alice, bob, team):
    record_of_account(user=bob, action="password.changed")
    record_audit(actor=bob.email, action="member.left", company=team)
    assert bob.email not in text_of(browser_of(alice).get("/profile/security"))


def test_who_takes_over_an_address_does_not_see_what_its_former_owner_did(alice):
    former = PersonFactory()
    record_of_account(user=former, action="password.changed")
    address, former.email = former.email, f"gone-{uuid4().hex}@example.com"
    former.save()
    EmailAddress.objects.filter(user=former).delete()
    heir = PersonFactory(email=address)
    assert "changed the password" not in text_of(browser_of(heir).get("/profile/security"))


@pytest.mark.parametrize("change", ["actor", "action", "target", "operator", "at", "company"])
def test_the_database_refuses_to_change_an_entry(alice, viewer, change):
    entry = record_audit(actor=alice.email, action="member.left", target="t", company=viewer(alice).company)
    before = AuditEntry.objects.filter(pk=entry.pk).values().get()
    value = {"at": timezone.now(), "company": None}.get(change, "something else")
    with pytest.raises(IntegrityError, match="append-only"), transaction.atomic():
        AuditEntry.objects.filter(pk=entry.pk).update(**{change: value})
    with pytest.raises(IntegrityError, match="append-only"), transaction.atomic():
        AuditEntry.objects.filter(pk=entry.pk).delete()
    assert AuditEntry.objects.filter(pk=entry.pk).values().get() == before


def test_a_deleted_company_keeps_that_things_were_done_and_forgets_by_whom(alice, bob, team):
    companies.remove_member(viewer=acting(alice, team), member=place_of(bob, team))
    Company.objects.filter(pk=team.pk).update(delete_after=timezone.now() - timedelta(days=1))
    while not Company.objects.filter(pk=team.pk, deleted_at__isnull=False).exists():
        companies.delete_due_companies()
    rows = AuditEntry.objects.filter(company=team).exclude(action="company.deleted")
    assert rows.filter(action="member.removed").count() == 1
    for row in rows:
        assert (row.actor, row.target, row.agent, row.address, row.detail, row.person) == ("", "", "", None, {}, None)


def test_an_operators_change_in_the_admin_is_written_down(alice):
    operator = PersonFactory(is_operator=True)
    client = browser_of(operator)
    path = reverse("admin:generation_deniedphrase_add")
    assert client.post(path, {"phrase": f"word {uuid4().hex}", "reason": "", "is_active": "on"}).status_code == 302
    added = AuditEntry.objects.filter(actor=operator.email, action="admin.added").get()
    assert (added.address, added.detail["model"]) == ("127.0.0.1", "denied phrase")
    path = reverse("admin:accounts_user_change", args=[alice.pk])
    fields = {name: getattr(alice, name) for name in ("username", "language", "time_zone")}
    for prefix in ("emailaddress_set", "memberships"):
        fields |= {f"{prefix}-TOTAL_FORMS": "0", f"{prefix}-INITIAL_FORMS": "0"}
    assert client.post(path, {**fields, "full_name": "Alice Anders", "is_active": "on"}).status_code == 302
    changed = AuditEntry.objects.get(actor=operator.email, action="admin.changed")
    assert (changed.target, changed.person) == (alice.email, alice)
    assert changed.detail["fields"] == ["Full name"]
    assert "Full name" in sentence_of(changed)


def test_what_colleagues_do_to_members_is_told_in_words(alice, bob, team):
    carol = PersonFactory()
    join(team, carol)
    companies.set_role(viewer=acting(alice, team), member=place_of(carol, team), role=Membership.Role.ADMIN)
    page = text_of(browser_in(team, alice).get(PAGE))
    assert f"{alice.email} changed the role of {carol.email} from member to admin" in page
