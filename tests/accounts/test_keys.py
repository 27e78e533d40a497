"""API keys: what is kept of them, when they open something, and to whom."""

import io
import logging
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from threading import Barrier

import pytest
from django.conf import settings as django_settings
from django.db import connection, connections
from django.test.utils import CaptureQueriesContext
from django.urls import reverse
from django.utils import timezone
from rest_framework.test import APIClient

from accounts import keys
from accounts.memberships import remove_member
from accounts.models import ApiKey, AuditEntry, Company, Membership, User
from accounts.refusals import TooManyKeys
from accounts.viewer import Viewer, viewer_for
from config import settings as configured
from generation.models import Job
from tests.factories.accounts import PersonFactory
from tests.personas import browser_of, key_of, open_api, program_with

API = "/api/v1"


def _assert_problem(answer, status: int, code: str) -> None:
    body = answer.json()
    assert (answer.status_code, body["status"], body["code"]) == (status, status, code), body
    assert answer.headers["Content-Type"] == "application/problem+json"
    assert body["detail"]


def _status(secret: str, scheme: str = "Token") -> int:
    return program_with(secret, scheme).get(f"{API}/jobs").status_code


@pytest.fixture
def alices(alice, viewer) -> Viewer:
    found = viewer(alice)
    open_api(found.company)
    return found


@pytest.fixture
def team(alice, bob) -> Company:
    """Alice owns it, Bob is a member; its plan lets programs in."""
    company = Company.objects.create(name="Team", slug=f"team-{alice.pk.hex[-12:]}", kind=Company.Kind.TEAM)
    Membership.objects.create(company=company, user=alice, role=Membership.Role.OWNER)
    Membership.objects.create(company=company, user=bob, role=Membership.Role.MEMBER)
    company.entitlements = {"seats": None, "api": True, "white_label": False}
    company.save()
    return company


def acting(user: User, company: Company) -> Viewer:
    found = viewer_for(user, company_id=str(company.pk))
    assert found is not None
    return found


@pytest.mark.django_db
def test_a_secret_is_shown_once_and_kept_as_a_keyed_digest(alices):
    key, secret = key_of(alices)
    kept = ApiKey.objects.get(pk=key.pk)
    assert secret.startswith(f"{kept.prefix}_")
    assert (len(kept.prefix), len(secret)) == (11, 44)
    assert len(kept.digest) == 64
    with connection.cursor() as cursor:
        cursor.execute("SELECT row_to_json(k)::text FROM accounts_apikey k WHERE id = %s", [key.pk])
        assert secret.removeprefix(f"{kept.prefix}_") not in cursor.fetchone()[0]
    assert AuditEntry.objects.filter(company=alices.company, action="api_key.created").count() == 1


@pytest.mark.django_db
@pytest.mark.parametrize("scheme", ["Token", "token", "Bearer", "bearer"])
def test_a_key_acts_for_its_person_in_its_company(alices, scheme):
    _key, secret = key_of(alices)
    body = program_with(secret, scheme).get(f"{API}/users/me").json()
    assert (body["email"], body["company"]["id"]) == (alices.user.email, str(alices.company.pk))


@pytest.mark.django_db
def test_a_key_acts_for_the_company_that_it_was_made_for_and_no_other(team, alice):
    _key, secret = key_of(acting(alice, team))
    assert program_with(secret).get(f"{API}/users/me").json()["company"]["id"] == str(team.pk)


@pytest.mark.django_db
@pytest.mark.parametrize("change", ["last letter", "prefix", "shorter", "longer", "empty", "umlauts", "two words"])
def test_what_is_no_key_gets_401_with_a_challenge(alices, change):
    _key, secret = key_of(alices)
    wrong = {
        "last letter": secret[:-1] + ("a" if secret[-1] != "a" else "b"),
        "prefix": "dk_AAAAAAAA" + secret[11:],
        "shorter": secret[:-1],
        "longer": secret + "a",
        "empty": "",
        "umlauts": "dk_äöü",
        "two words": f"{secret} {secret}",
    }[change]
    answer = program_with(wrong).get(f"{API}/jobs")
    _assert_problem(answer, 401, "invalid_key")
    assert answer.headers["WWW-Authenticate"] == 'Bearer realm="api", Token realm="api"'


@pytest.mark.django_db
def test_an_access_token_is_no_key_and_a_key_no_access_token(alices, alice_api):
    access = alice_api._credentials["HTTP_AUTHORIZATION"].removeprefix("Bearer ")
    _assert_problem(program_with(access).get(f"{API}/jobs"), 401, "invalid_key")
    assert program_with(access, "Bearer").get(f"{API}/jobs").status_code == 200


@pytest.mark.django_db
def test_keys_open_no_page_and_no_door_of_the_sign_in_family(alices):
    program = program_with(key_of(alices)[1])
    assert program.get(reverse("gallery")).status_code == 302
    assert program.get(reverse("keys")).status_code == 302
    for path in ("logout", "switch"):
        _assert_problem(
            program.post(f"{API}/auth/{path}", {"company": str(alices.company.pk)}), 401, "not_authenticated"
        )


@pytest.mark.django_db
def test_a_key_without_the_scope_is_told_which_it_needs(alices):
    program = program_with(key_of(alices, "read")[1])
    answer = program.post(f"{API}/jobs", {"model": "studio-scenes", "prompt": "a lighthouse"})
    _assert_problem(answer, 403, "insufficient_scope")
    assert answer.headers["WWW-Authenticate"] == 'Bearer realm="api", error="insufficient_scope", scope="generate"'
    assert not Job.objects.filter(company=alices.company).exists()


@pytest.mark.django_db
def test_a_generate_key_alone_reads_nothing(alices):
    _assert_problem(program_with(key_of(alices, "generate")[1]).get(f"{API}/jobs"), 403, "insufficient_scope")


@pytest.mark.django_db
def test_a_job_remembers_the_key_that_asked_for_it(alices):
    key, secret = key_of(alices, "generate", credit_cap=50)
    made = program_with(secret).post(f"{API}/jobs", {"model": "studio-scenes", "prompt": "a lighthouse"})
    assert made.status_code == 201, made.content
    assert Job.objects.get(pk=made.json()["id"]).api_key_id == key.pk


@pytest.mark.django_db
def test_expired_and_revoked_keys_say_so(alices):
    key, secret = key_of(alices)
    ApiKey.objects.filter(pk=key.pk).update(expires_at=timezone.now())
    _assert_problem(program_with(secret).get(f"{API}/jobs"), 401, "key_expired")
    assert keys.revoke_key(viewer=alices, key=key)
    _assert_problem(program_with(secret).get(f"{API}/jobs"), 401, "key_revoked")
    assert not keys.revoke_key(viewer=alices, key=key), "once is enough"
    assert AuditEntry.objects.filter(company=alices.company, action="api_key.revoked").count() == 1


@pytest.mark.django_db
def test_keys_rest_while_the_plan_has_no_api_and_work_again_after_it_has(alices):
    _key, secret = key_of(alices)
    Company.objects.filter(pk=alices.company.pk).update(entitlements={"api": False})
    _assert_problem(program_with(secret).get(f"{API}/jobs"), 403, "plan_required")
    open_api(alices.company)
    assert _status(secret) == 200


@pytest.mark.django_db
def test_a_key_dies_with_its_persons_place_and_rises_with_no_new_one(team, alice, bob):
    _key, secret = key_of(acting(bob, team), "read")
    assert _status(secret) == 200
    place = Membership.objects.get(company=team, user=bob)
    remove_member(viewer=acting(alice, team), member=place)
    _assert_problem(program_with(secret).get(f"{API}/jobs"), 401, "key_revoked")
    Membership.objects.create(company=team, user=bob, role=Membership.Role.MEMBER)
    assert _status(secret) == 401


@pytest.mark.django_db
def test_a_place_that_vanished_without_a_trace_closes_the_key_too(team, bob):
    _key, secret = key_of(acting(bob, team), "read")
    Membership.objects.filter(company=team, user=bob).delete()
    _assert_problem(program_with(secret).get(f"{API}/jobs"), 401, "key_revoked")


@pytest.mark.django_db
def test_an_inactive_person_or_company_has_no_working_key(team, bob):
    _key, secret = key_of(acting(bob, team), "read")
    Company.objects.filter(pk=team.pk).update(is_active=False)
    _assert_problem(program_with(secret).get(f"{API}/jobs"), 403, "company_inactive")
    Company.objects.filter(pk=team.pk).update(is_active=True)
    User.objects.filter(pk=bob.pk).update(is_active=False)
    _assert_problem(program_with(secret).get(f"{API}/jobs"), 401, "inactive")


@pytest.mark.django_db
def test_whoever_runs_the_company_no_more_runs_it_by_no_key(team, alice):
    _key, secret = key_of(acting(alice, team))
    program = program_with(secret)
    assert program.get(f"{API}/companies/current/members").status_code == 200
    Membership.objects.filter(company=team, user=alice).update(role=Membership.Role.MEMBER)
    _assert_problem(program.get(f"{API}/companies/current/members"), 403, "insufficient_scope")
    assert _status(secret) == 200


@pytest.mark.django_db
def test_members_make_keys_of_their_own_without_manage_and_see_only_those(team, alice, bob):
    owner, member = acting(alice, team), acting(bob, team)
    hers, his = key_of(owner)[0], key_of(member, "read", "generate")[0]
    refused = browser_of(bob)
    session = refused.session
    session["company"] = str(team.pk)
    session.save()
    answer = refused.post(f"{API}/api-keys", {"name": "x", "scopes": ["manage"]}, content_type="application/json")
    _assert_problem(answer, 403, "not_allowed")
    listed = refused.get(f"{API}/api-keys").json()["results"]
    assert [row["id"] for row in listed] == [str(his.pk)]
    assert "secret" not in listed[0]
    assert "digest" not in listed[0]
    assert refused.delete(f"{API}/api-keys/{hers.pk}").status_code == 404
    assert ApiKey.objects.get(pk=hers.pk).revoked_at is None
    assert {key.pk for key in keys.keys_visible_to(owner)} == {hers.pk, his.pk}
    assert keys.revoke_key(viewer=owner, key=his)


@pytest.mark.django_db
def test_a_program_makes_lists_and_revokes_keys(alice_api, alices):
    sent = {"name": " Night  shift ", "scopes": ["generate", "read"], "credit_cap": 500}
    made = alice_api.post(f"{API}/api-keys", sent)
    assert (made.status_code, made.headers["Cache-Control"]) == (201, "no-store")
    body = made.json()
    assert (body["name"], body["scopes"], body["credit_cap"]) == ("Night shift", ["read", "generate"], 500)
    assert _status(body["secret"]) == 200
    assert "secret" not in alice_api.get(f"{API}/api-keys").json()["results"][0]
    assert alice_api.delete(f"{API}/api-keys/{body['id']}").status_code == 204
    assert _status(body["secret"]) == 401


@pytest.mark.django_db
@pytest.mark.parametrize(
    ("change", "field"),
    [
        ({"name": " "}, "name"),
        ({"name": "x" * 81}, "name"),
        ({"name": "a\x00b"}, "name"),
        ({"scopes": []}, "scopes"),
        ({"scopes": ["everything"]}, "scopes.0"),
        ({"credit_cap": 0}, "credit_cap"),
        ({"credit_cap": 2**31}, "credit_cap"),
        ({"expires_at": "2020-01-01T00:00:00Z"}, "expires_at"),
    ],
    ids=["empty", "long", "null", "none", "unknown", "nothing", "huge", "past"],
)
def test_wrong_input_names_its_field_and_makes_no_key(alice_api, alices, change, field):
    answer = alice_api.post(f"{API}/api-keys", {"name": "A program", "scopes": ["read"], **change})
    _assert_problem(answer, 422, "invalid_input")
    assert answer.json()["errors"][0]["field"] == field
    assert not ApiKey.objects.filter(company=alices.company).exists()


@pytest.mark.django_db
def test_without_api_access_nobody_makes_a_key(alice, alice_api):
    answer = alice_api.post(f"{API}/api-keys", {"name": "A program", "scopes": ["read"]})
    _assert_problem(answer, 403, "plan_required")
    assert not ApiKey.objects.filter(user=alice).exists()


@pytest.mark.django_db
def test_a_key_makes_keys_that_are_no_more_than_itself(alices):
    until = timezone.now() + timedelta(days=1)
    maker = program_with(key_of(alices, "manage", expires_at=until)[1])
    new = {"name": "A child", "scopes": ["manage"], "expires_at": until.isoformat()}
    _assert_problem(maker.post(f"{API}/api-keys", new | {"scopes": ["generate"]}), 403, "not_allowed")
    _assert_problem(maker.post(f"{API}/api-keys", new | {"expires_at": None}), 403, "not_allowed")
    capped = program_with(key_of(alices, credit_cap=10)[1])
    _assert_problem(capped.post(f"{API}/api-keys", new), 403, "not_allowed")
    assert maker.post(f"{API}/api-keys", new).status_code == 201
    reader = program_with(key_of(alices, "read", "generate")[1])
    _assert_problem(reader.post(f"{API}/api-keys", new), 403, "insufficient_scope")


@pytest.mark.django_db
def test_nobody_has_more_keys_than_fifty_that_work(alices, monkeypatch):
    monkeypatch.setattr(keys, "MOST_KEYS", 2)
    first = key_of(alices)[0]
    key_of(alices)
    with pytest.raises(TooManyKeys):
        key_of(alices)
    keys.revoke_key(viewer=alices, key=first)
    assert key_of(alices)


@pytest.mark.django_db
def test_last_used_is_written_once_a_minute(alices, django_assert_num_queries):
    key, secret = key_of(alices)
    program = program_with(secret)
    program.get(f"{API}/users/me")
    first = ApiKey.objects.get(pk=key.pk).last_used_at
    assert first is not None
    # The key with its company, person and role: nothing else.
    with django_assert_num_queries(1):
        program.get(f"{API}/users/me")
    assert ApiKey.objects.get(pk=key.pk).last_used_at == first
    ApiKey.objects.filter(pk=key.pk).update(last_used_at=first - timedelta(minutes=2))
    with django_assert_num_queries(2):
        program.get(f"{API}/users/me")
    assert ApiKey.objects.get(pk=key.pk).last_used_at >= first


@pytest.mark.django_db
def test_a_key_costs_no_more_queries_than_an_access_token(alices, alice_api):
    program = program_with(key_of(alices)[1])
    counts = []
    for client in (alice_api, program, program):
        with CaptureQueriesContext(connection) as queries:
            assert client.get(f"{API}/jobs").status_code == 200
        counts.append(len(queries))
    assert counts[1] <= counts[0] + 2
    assert counts[2] <= counts[0]


@pytest.mark.django_db
def test_a_new_secret_key_takes_the_old_digests_over(alices, settings):
    key, secret = key_of(alices)
    old = ApiKey.objects.get(pk=key.pk).digest
    before = django_settings.SECRET_KEY
    settings.SECRET_KEY = "another-" + "0123456789" * 5
    assert _status(secret) == 401
    settings.SECRET_KEY_FALLBACKS = [before]
    assert _status(secret) == 200
    assert ApiKey.objects.get(pk=key.pk).digest != old
    settings.SECRET_KEY_FALLBACKS = []
    assert _status(secret) == 200


@pytest.mark.django_db
def test_a_key_has_a_limit_of_its_own(alices, settings):
    settings.RATE_LIMITS = settings.RATE_LIMITS | {"key": (2, 3600)}
    first, second = key_of(alices)[1], key_of(alices)[1]
    program = program_with(first)
    assert [program.get(f"{API}/users/me").status_code for _ in range(3)] == [200, 200, 429]
    refused = program.get(f"{API}/users/me")
    _assert_problem(refused, 429, "too_many_requests")
    assert int(refused.headers["Retry-After"]) > 0
    assert refused.headers["RateLimit-Limit"] == "2"
    assert program_with(second).get(f"{API}/users/me").status_code == 200


@pytest.mark.django_db
def test_guessing_keys_is_limited_by_address_and_hinders_no_good_key(alices, settings):
    settings.RATE_LIMITS = settings.RATE_LIMITS | {"key_failures": (3, 60)}
    _key, secret = key_of(alices)
    statuses = [_status(f"dk_AAAAAAAA_{number:032d}") for number in range(4)]
    assert statuses == [401, 401, 401, 429]
    assert _status(secret) == 200


def test_revoking_while_in_use_is_final_for_every_later_request(committed_db, alices):
    key, secret = key_of(alices)
    begin = Barrier(5)

    def use(_number: int) -> list[int]:
        try:
            begin.wait()
            return [_status(secret) for _ in range(6)]
        finally:
            connections.close_all()

    def end(_number: int) -> int:
        try:
            begin.wait()
            keys.revoke_key(viewer=alices, key=key)
            return _status(secret)
        finally:
            connections.close_all()

    with ThreadPoolExecutor(5) as pool:
        uses = [pool.submit(use, number) for number in range(4)]
        after = pool.submit(end, 0).result()
        answers = [used.result() for used in uses]
    assert after == 401
    for statuses in answers:
        assert set(statuses) <= {200, 401}
        assert statuses == sorted(statuses), "a revoked key opened something again"
    assert _status(secret) == 401


def test_a_minutes_first_use_by_many_at_once_is_written_once(committed_db, alices):
    key, secret = key_of(alices)
    found = keys.authenticate(secret)
    assert found is not None
    begin = Barrier(6)

    def note(_number: int) -> bool:
        try:
            begin.wait()
            return keys.note_use(found, timezone.now())
        finally:
            connections.close_all()

    with ThreadPoolExecutor(6) as pool:
        assert sum(pool.map(note, range(6))) == 1
    assert ApiKey.objects.get(pk=key.pk).last_used_at is not None


@pytest.fixture
def lines() -> Iterator[io.StringIO]:
    """What the product writes down, by its own formatter, from the finest level on."""
    line = dict(configured.LOGGING["formatters"]["line"])
    stream = io.StringIO()
    handler = logging.StreamHandler(stream)
    handler.setFormatter(line.pop("()")(**line))
    root = logging.getLogger()
    names = [root, logging.getLogger("darkroom.request"), logging.getLogger("django.db.backends")]
    levels = [logger.level for logger in names]
    root.addHandler(handler)
    for logger in names:
        logger.setLevel(logging.DEBUG)
    yield stream
    root.removeHandler(handler)
    for logger, level in zip(names, levels, strict=True):
        logger.setLevel(level)


@pytest.mark.django_db
def test_no_log_line_holds_a_secret(alices, lines):
    key, secret = key_of(alices)
    tail = secret[12:]
    with CaptureQueriesContext(connection):
        program_with(secret).get(f"{API}/users/me")
        program_with(secret, "Bearer").post(f"{API}/jobs", {"model": "none"})
        program_with(f"{secret}x").get(f"{API}/users/me")
    logging.getLogger("anything").warning("Somebody sent %s", secret)
    logging.getLogger("anything").warning("Headers: %s", {"Authorization": f"Token {secret}"})
    written = lines.getvalue()
    assert "users/me" in written
    assert "Somebody sent" in written
    assert tail not in written
    assert key.digest not in written


@pytest.mark.django_db
def test_the_document_names_all_three_ways_of_signing_in():
    schemes = APIClient().get(f"{API}/schema/?format=json").json()["components"]["securitySchemes"]
    assert {"bearer", "cookieAuth", "key"} == set(schemes)
    assert schemes["key"]["name"] == "Authorization"


@pytest.mark.django_db
def test_operators_see_and_revoke_keys_but_make_none(alices):
    key, secret = key_of(alices)
    operator = PersonFactory(is_operator=True)
    browser = browser_of(operator)
    page = browser.get(reverse("admin:accounts_apikey_changelist")).content.decode()
    assert key.prefix in page
    assert key.digest not in page
    assert browser.get(reverse("admin:accounts_apikey_change", args=[key.pk])).status_code == 200
    assert browser.get(reverse("admin:accounts_apikey_add")).status_code == 403
    browser.post(reverse("admin:accounts_apikey_changelist"), {"action": "revoke", "_selected_action": [str(key.pk)]})
    assert _status(secret) == 401
    assert AuditEntry.objects.filter(company=alices.company, action="api_key.revoked", actor=operator.email).exists()
