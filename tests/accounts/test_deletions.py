"""An account that is deleted: taken back in time, else gone to the last word, and nobody else's with it."""

from concurrent.futures import ThreadPoolExecutor
from datetime import datetime, timedelta
from typing import Any

import pytest
from allauth.account.models import EmailAddress
from allauth.mfa.models import Authenticator
from allauth.socialaccount.models import SocialAccount
from allauth.usersessions.models import UserSession
from django.core import mail
from django.core.files.base import ContentFile
from django.core.files.storage import default_storage
from django.db import connection
from django.test import Client
from django.utils import timezone
from pytest_django import Settings
from rest_framework.test import APIClient

from accounts import deletion_erasing, deletion_receipts, deletions, exports
from accounts.company_refusals import LastOwner
from accounts.deletion_erasing import erase_person
from accounts.deletion_receipts import tell_deleted
from accounts.export_making import make_export
from accounts.memberships import leave_company
from accounts.models import ApiKey, AuditEntry, Company, DataExport, DeletionReceipt, Invitation, Membership, User
from accounts.privacy_refusals import OperatorAccount, SoleOwner
from accounts.services import add_verified_person, record_audit
from accounts.sessions import sessions_of
from accounts.viewer import AccountEnding, Viewer, viewer_for
from billing.models import Hold, LedgerEntry, SalesEnquiry, StripeEvent, Wallet
from billing.services import grant_credits
from config.base import registry
from gallery.models import Asset
from generation import pipeline
from generation.models import Job, PromptUse
from tests.accounts.test_exports import no_mail_server
from tests.accounts.test_security import prove, set_up_app
from tests.factories.accounts import PASSWORD, PersonFactory
from tests.factories.billing import broken_of
from tests.factories.gallery import AssetFactory
from tests.factories.generation import submit
from tests.factories.teams import acting, make_team
from tests.generation.conftest import files_of, state_of
from tests.personas import browser_of, key_of, program_of, program_with

pytestmark = pytest.mark.usefixtures("committed_db")
ALONE, SHARED, NAME, AGENT = "the-duke-alone-fox", "the-duke-shared-fox", "Zyxwa Planted", "PlantedBrowser/1"


@pytest.fixture
def zyxwa() -> User:
    """Somebody whose name and address are found nowhere else."""
    return PersonFactory(email=f"zyxwa-{timezone.now().timestamp():.6f}@planted.example", full_name=NAME)


def mine(user: User) -> Viewer:
    found = viewer_for(user)
    assert found is not None
    return found


def ask(user: User) -> datetime:
    return deletions.request_account_deletion(user=User.objects.get(pk=user.pk))


def pass_grace(user: User) -> None:
    User.objects.filter(pk=user.pk).update(delete_after=timezone.now() - timedelta(seconds=1))


def erase(user: User) -> DeletionReceipt:
    """Ask, let the time pass, and have the clock and the worker do all."""
    ask(user)
    receipt = DeletionReceipt.objects.get(user=user)
    pass_grace(user)
    assert erase_person(user_id=user.pk)
    tell_deleted(receipt_id=receipt.pk)
    receipt.refresh_from_db()
    return receipt


def found_in_database(*words: str) -> list[str]:
    """Tables and columns of text or JSON, of any app and library, that hold one of the words."""
    hits = []
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT table_name, column_name FROM information_schema.columns WHERE table_schema = 'public' AND "
            "(data_type IN ('text', 'character varying', 'json', 'jsonb', 'ARRAY', 'inet', 'bytea', 'character'))"
        )
        for table, column in cursor.fetchall():
            cursor.execute(
                f'SELECT count(*) FROM "{table}" WHERE "{column}"::text ILIKE ANY(%s)',  # noqa: S608 - catalogue's names
                [[f"%{word}%" for word in words]],
            )
            if cursor.fetchone()[0]:
                hits.append(f"{table}.{column}")
    return hits


def found_in_storage(*words: str) -> list[str]:
    found: list[str] = []
    folders = [""]
    while folders:
        folder = folders.pop()
        inner, files = default_storage.listdir(folder)
        folders += [f"{folder}/{name}".strip("/") for name in inner]
        found += [f"{folder}/{name}" for name in files if any(word in f"{folder}/{name}" for word in words)]
    return found


def furnished(user: User, colleague: User) -> Company:
    """The person has everything that a person can have; returns the team that is shared with the colleague."""
    own = mine(user)
    browser = Client(headers={"User-Agent": AGENT})
    browser.force_login(user)
    browser.get("/profile")
    AssetFactory(user=user, prompt=ALONE)
    pipeline.start(job_id=submit(own, seed=1, prompt=ALONE).pk)
    submit(own, seed=2, prompt=ALONE)
    key_of(own)
    team = make_team(colleague, user)
    grant_credits(company=team, amount=50, kind=LedgerEntry.Kind.GRANT, key=f"t:{team.pk}", cause="x")
    there = acting(user, team)
    pipeline.start(job_id=submit(there, seed=3, prompt=SHARED).pk)
    key, _secret = key_of(there, "read", "generate", name=f"{NAME}'s laptop")
    submitted = submit(there, seed=4, prompt=SHARED)
    Job.objects.filter(pk=submitted.pk).update(api_key=key)
    Authenticator.objects.create(user=user, type=Authenticator.Type.WEBAUTHN, data={"name": NAME})
    SocialAccount.objects.create(user=user, provider="google", uid=user.email, extra_data={"name": NAME})
    old = f"old-{user.email}"
    record_audit(actor=old, action="password.changed", target=old)
    detail = {"from": old, "to": user.email}
    record_audit(actor=user.email, action="email.changed", target=user.email, detail=detail)
    record_audit(actor=colleague.email, action="member.cap", target=user.email, company=team, detail={"cap": 3})
    Invitation.objects.create(
        company=team,
        email=old,
        token_digest=user.pk.hex,
        invited_by=colleague,
        accepted_by=user,
        accepted_at=timezone.now(),
        expires_at=timezone.now(),
    )
    Company.objects.filter(pk=team.pk).update(email=user.email)
    SalesEnquiry.objects.create(company=team, name=NAME, email=user.email, message="Call me")
    body = {"data": {"object": {"customer_email": user.email}}}
    StripeEvent.objects.create(
        id=f"evt_{user.pk.hex}", type="x", object_type="x", object_id="x", body=body, happened_at=timezone.now()
    )
    for name in ("256", "96"):
        default_storage.save(f"people/{user.pk}/{own.company.pk}/{name}.webp", ContentFile(b"face"))
    User.objects.filter(pk=user.pk).update(avatar_key=f"people/{user.pk}/{own.company.pk}/256.webp")
    export = exports.request_export(user=user)
    make_export(export_id=export.pk)
    return team


def test_after_its_day_nothing_of_the_person_is_left_anywhere(zyxwa: User, bob: User) -> None:
    own = mine(zyxwa).company
    email, old_user = zyxwa.email, str(zyxwa.pk)
    team = furnished(zyxwa, bob)
    AssetFactory(user=PersonFactory(), prompt="somebody else's")
    spent = LedgerEntry.objects.filter(wallet_id=own.pk, kind="settle").get().amount
    files_of_team = files_of(team)
    planted = (email, ALONE, NAME, AGENT)
    assert len(found_in_database(*planted)) > 12, "the search finds what there is"
    assert len(found_in_storage(own.pk.hex, str(own.pk), old_user)) > 8

    receipt = erase(zyxwa)

    assert found_in_database(*planted) == []
    assert found_in_storage(str(own.pk), old_user) == []
    assert files_of(team) == files_of_team
    team_jobs = Job.objects.filter(company=team)
    assert {job.prompt for job in team_jobs} == {SHARED}
    assert {job.user.get_full_name() for job in team_jobs} == {"Deleted user"}
    assert not PromptUse.objects.filter(user=zyxwa).exists()
    wallet = Wallet.objects.get(company=own)
    assert wallet.balance == sum(LedgerEntry.objects.filter(wallet=wallet).values_list("amount", flat=True))
    assert LedgerEntry.objects.get(wallet=wallet, kind="settle").amount == spent
    assert broken_of(own) == broken_of(team) == []
    assert not Hold.objects.filter(wallet=wallet, state=Hold.State.OPEN).exists()
    zyxwa.refresh_from_db()
    assert (zyxwa.email, zyxwa.is_active, zyxwa.has_usable_password()) == ("", False, False)
    assert zyxwa.username == f"deleted-{zyxwa.pk.hex}"
    assert (receipt.user, receipt.mail_to) == (None, "")
    assert receipt.counts["companies"] == 1
    assert (receipt.counts["assets"], receipt.counts["memberships"]) == (2, 1)
    last = mail.outbox[-1]
    assert last.to == [email]
    assert receipt.reference in str(last.body)
    assert "2 pictures, videos and 3D models" in str(last.body)
    assert AuditEntry.objects.filter(action="account.deleted", target=receipt.reference).count() == 1
    assert AuditEntry.objects.filter(company=team, action="member.cap").get().target == f"deleted-{zyxwa.pk.hex}"


def test_the_pages_of_colleagues_show_a_deleted_user(alice: User, bob: User) -> None:
    team = make_team(bob, alice)
    grant_credits(company=team, amount=50, kind=LedgerEntry.Kind.GRANT, key=f"t:{team.pk}", cause="x")
    pipeline.start(job_id=submit(acting(alice, team), seed=1).pk)
    erase(alice)
    browser = browser_of(bob)
    browser.post("/company/switch", {"company": str(team.pk)})
    asset = Asset.objects.get(company=team)
    for path in ("/company", "/gallery", f"/gallery/{asset.pk}", "/credits"):
        assert browser.get(path).status_code in (200, 404), path
    assert Membership.objects.filter(company=team).count() == 1


def test_the_address_can_be_used_to_sign_up_again_and_is_a_stranger_then(alice: User) -> None:
    email = alice.email
    erase(alice)
    again = add_verified_person(email=email, password=PASSWORD)
    assert again.pk != alice.pk
    assert not Asset.objects.filter(user=again).exists()
    later = add_verified_person(email=f"x-{email}", password=PASSWORD)
    erase(later)
    assert User.objects.filter(email="").count() >= 2


def test_a_tick_that_dies_anywhere_is_gone_on_with_by_the_next(
    zyxwa: User, bob: User, monkeypatch: pytest.MonkeyPatch
) -> None:
    own = mine(zyxwa).company
    email = zyxwa.email
    furnished(zyxwa, bob)
    ask(zyxwa)
    pass_grace(zyxwa)
    steps = [
        (deletion_erasing.audit_erasing, "forget_company"),
        (deletion_erasing.company_endings, "erase_company"),
        (deletion_erasing.avatars, "remove_avatar"),
        (deletion_erasing, "_remove_folder"),
        (deletion_erasing, "_bury"),
        (deletion_erasing, "_close_doors"),
        (deletion_erasing.audit_erasing, "forget_person"),
        (deletion_erasing, "record_audit"),
    ]

    def dies(*_args: object, **_more: object) -> None:
        raise SystemExit

    for module, name in steps:
        with monkeypatch.context() as broken:
            broken.setattr(module, name, dies)
            with pytest.raises(SystemExit):
                erase_person(user_id=zyxwa.pk)
    counts = DeletionReceipt.objects.get(user=zyxwa).counts
    assert (counts["assets"], counts["companies"]) == (2, 1), "counted once, before anything went"

    assert erase_person(user_id=zyxwa.pk)
    assert not erase_person(user_id=zyxwa.pk)

    receipt = DeletionReceipt.objects.get(counts=counts, finished_at__isnull=False, told_at=None, language="en")
    assert found_in_database(email, ALONE, NAME, AGENT) == []
    assert found_in_storage(str(own.pk), str(zyxwa.pk)) == []
    tell_deleted(receipt_id=receipt.pk)
    tell_deleted(receipt_id=receipt.pk)
    assert [message.to for message in mail.outbox].count([email]) == 3, "a copy, the request, the end"


def test_two_clocks_at_once_delete_once(alice: User) -> None:
    AssetFactory(user=alice)
    ask(alice)
    reference = DeletionReceipt.objects.get(user=alice).reference
    pass_grace(alice)

    def tick(_number: int) -> bool:
        try:
            return erase_person(user_id=alice.pk)
        finally:
            connection.close()

    with ThreadPoolExecutor(3) as threads:
        told = list(threads.map(tick, range(3)))
    if not any(told):
        assert erase_person(user_id=alice.pk)

    assert sum(told) <= 1
    assert AuditEntry.objects.filter(action="account.deleted", target=reference).count() == 1


def test_work_under_way_ends_before_anything_goes(alice: User) -> None:
    job = submit(mine(alice), seed=1)
    Job.objects.filter(pk=job.pk).update(state=Job.State.RUNNING)
    ask(alice)
    pass_grace(alice)
    assert not erase_person(user_id=alice.pk)
    job.refresh_from_db()
    assert job.cancel_requested_at is not None
    assert job.prompt
    assert DeletionReceipt.objects.get(user=alice).counts == {}
    Job.objects.filter(pk=job.pk).update(state=Job.State.QUEUED, cancel_requested_at=None)
    assert erase_person(user_id=alice.pk)


def test_before_its_day_nothing_is_touched_and_the_clock_takes_those_whose_day_it_is(alice: User, bob: User) -> None:
    AssetFactory(user=alice)
    before = state_of(mine(alice).company)
    own = mine(alice).company
    at = ask(alice)
    ask(bob)
    assert timedelta(days=13, hours=23) < at - timezone.now() <= timedelta(days=14)
    assert not erase_person(user_id=alice.pk)
    assert state_of(own) == before
    pass_grace(bob)
    assert deletion_erasing.delete_due_people() >= 1
    assert User.objects.get(pk=bob.pk).deleted_at
    assert User.objects.get(pk=alice.pk).deleted_at is None


def test_once_asked_nothing_is_open_any_more(alice: User, alice_client: Client, alice_api: APIClient) -> None:
    _key, secret = key_of(mine(alice))
    program = program_with(secret)
    assert program.get("/api/v1/jobs").status_code == alice_api.get("/api/v1/jobs").status_code == 200

    ask(alice)

    assert alice_client.get("/generate").headers["Location"].startswith("/login")
    assert alice_api.get("/api/v1/jobs").status_code == 401
    assert program.get("/api/v1/jobs").json()["code"] == "key_revoked"
    assert not UserSession.objects.filter(user=alice).exists()
    ApiKey.objects.filter(user=alice).update(revoked_at=None)
    assert program.get("/api/v1/jobs").status_code == 401, "a key that was made at this very moment"
    answer = APIClient().post("/api/v1/auth/login", {"email": alice.email, "password": PASSWORD})
    assert (answer.status_code, answer.json()["code"]) == (403, "account_ending")
    assert sessions_of(alice, current_key=None) == []
    with pytest.raises(AccountEnding):
        viewer_for(User.objects.get(pk=alice.pk))


@pytest.mark.parametrize("path", ["/", "/generate", "/profile", "/profile/security", "/company/new", "/admin/"])
def test_who_signs_in_meanwhile_sees_the_way_back_and_nothing_else(alice: User, path: str) -> None:
    ask(alice)
    client = Client()
    assert client.post("/login", {"login": alice.email, "password": PASSWORD}).headers["Location"] == "/generate"
    answer = client.get(path)
    assert answer.status_code == 403
    assert "Keep my account" in answer.content.decode()
    assert client.post("/company/new", {"name": "X"}).status_code == 403
    assert client.get("/api/v1/companies").json()["code"] == "account_ending"
    assert client.get("/company/brand.css").status_code == 403


def test_keeping_the_account_restores_everything_but_sessions_and_keys(alice: User, bob: User) -> None:
    AssetFactory(user=alice)
    own = mine(alice).company
    team = make_team(bob, alice)
    _key, secret = key_of(mine(alice))
    before = (state_of(own), User.objects.filter(pk=alice.pk).values("email", "password", "full_name").get())
    ask(alice)
    client = Client()
    client.post("/login", {"login": alice.email, "password": PASSWORD})

    assert client.post("/profile/keep").headers["Location"] == "/generate"

    assert client.get("/generate").status_code == 200
    assert (state_of(own), User.objects.filter(pk=alice.pk).values("email", "password", "full_name").get()) == before
    assert acting(User.objects.get(pk=alice.pk), team).role == Membership.Role.MEMBER
    assert program_with(secret).get("/api/v1/jobs").status_code == 401
    assert not DeletionReceipt.objects.filter(user=alice).exists()
    assert program_of(alice).get("/api/v1/jobs").status_code == 200
    assert "not deleted" in str(mail.outbox[-1].body)
    acts = set(AuditEntry.objects.filter(actor=alice.email).values_list("action", flat=True))
    assert {"account.deletion_requested", "account.kept"} <= acts
    assert client.post("/profile/keep").headers["Location"] == "/profile", "there is nothing to keep"


def test_after_its_day_it_is_too_late_to_keep_it(alice: User) -> None:
    ask(alice)
    client = browser_of(User.objects.get(pk=alice.pk))
    pass_grace(alice)
    client.post("/profile/keep")
    assert User.objects.get(pk=alice.pk).delete_after is not None


def test_a_copy_that_was_asked_for_before_can_be_fetched_meanwhile(alice: User) -> None:
    export = exports.request_export(user=alice)
    ask(alice)
    make_export(export_id=export.pk)
    client = browser_of(User.objects.get(pk=alice.pk))
    answer = client.get(exports.address_of(export))
    assert b"".join(answer.streaming_content).startswith(b"PK")  # type: ignore[arg-type]


def test_the_page_asks_who_it_is_and_for_the_address(alice: User, alice_client: Client) -> None:
    assert alice_client.get("/profile/delete").headers["Location"].startswith("/confirm?")
    assert alice_client.post("/profile/delete", {"email": alice.email}).headers["Location"].startswith("/confirm?")
    assert User.objects.get(pk=alice.pk).delete_after is None
    prove(alice_client)
    User.objects.filter(pk=alice.pk).update(delete_after=None)
    assert "deleted for good" in alice_client.get("/profile/delete").content.decode()
    wrong = alice_client.post("/profile/delete", {"email": "bob@example.com"})
    assert wrong.status_code == 422
    assert "not the address of your account" in wrong.content.decode()
    assert User.objects.get(pk=alice.pk).delete_after is None

    answer = alice_client.post("/profile/delete", {"email": alice.email.upper()})

    assert answer.status_code == 200
    assert "is deleted on" in answer.content.decode()
    assert "_auth_user_id" not in alice_client.session
    receipt = DeletionReceipt.objects.get(user=alice)
    told = mail.outbox[-1]
    assert told.to == [alice.email]
    assert "Keep my account" in str(told.body)
    assert receipt.reference in str(told.body)
    entry = AuditEntry.objects.get(actor=alice.email, action="account.deletion_requested")
    assert (entry.address, entry.detail["reference"]) == ("127.0.0.1", receipt.reference)


def test_two_requests_at_once_send_one_mail(alice: User) -> None:
    def work(_number: int) -> datetime:
        try:
            return ask(alice)
        finally:
            connection.close()

    with ThreadPoolExecutor(3) as threads:
        assert len(set(threads.map(work, range(3)))) == 1
    assert len(mail.outbox) == 1


def test_the_only_owner_of_a_team_hands_it_over_first(alice: User, bob: User, alice_client: Client) -> None:
    team = make_team(alice, bob, name="Foxes & Co")
    prove(alice_client)
    assert "Foxes &amp; Co" in alice_client.get("/profile/delete").content.decode()
    answer = alice_client.post("/profile/delete", {"email": alice.email})
    assert answer.status_code == 409
    assert "only owner of Foxes &amp; Co" in answer.content.decode()
    assert User.objects.get(pk=alice.pk).delete_after is None
    assert not DeletionReceipt.objects.filter(user=alice).exists()

    Company.objects.filter(pk=team.pk).update(delete_after=timezone.now() + timedelta(days=30))
    assert companies_left(alice) == [], "one that is to be deleted goes its way"
    Company.objects.filter(pk=team.pk).update(delete_after=None)
    Membership.objects.filter(company=team, user=bob).update(role=Membership.Role.OWNER)
    ask(alice)
    with pytest.raises(LastOwner):
        leave_company(viewer=acting(bob, team))
    with pytest.raises(SoleOwner):
        ask(bob)


def companies_left(user: User) -> list[Company]:
    return deletions.companies_to_hand_over(user)


def test_of_two_owners_who_go_at_once_one_stays(alice: User, bob: User) -> None:
    team = make_team(alice, owner=bob)

    def work(user: User) -> bool:
        try:
            ask(user)
            return True
        except SoleOwner:
            return False
        finally:
            connection.close()

    with ThreadPoolExecutor(2) as threads:
        assert sorted(threads.map(work, [alice, bob])) == [False, True]
    assert Membership.objects.filter(company=team, user__delete_after=None).count() == 1


def test_a_team_that_would_have_no_owner_gets_its_oldest_hand(alice: User, bob: User) -> None:
    carol = PersonFactory()
    team = make_team(alice, carol, admin=bob)
    ask_anyway(alice)
    assert erase_person(user_id=alice.pk)
    assert Membership.objects.get(company=team, role=Membership.Role.OWNER).user == bob
    assert Company.objects.get(pk=team.pk).deleted_at is None


def ask_anyway(user: User) -> None:
    """What an operator's hand may have done."""
    User.objects.filter(pk=user.pk).update(delete_after=timezone.now() - timedelta(seconds=1))


def test_a_team_that_nobody_else_is_left_in_goes_with_its_person(alice: User) -> None:
    team = make_team(alice)
    Company.objects.filter(pk=team.pk).update(delete_after=timezone.now() + timedelta(days=30))
    receipt = erase(alice)
    assert Company.objects.get(pk=team.pk).deleted_at is not None
    assert receipt.counts["companies"] == 2


def test_an_operator_gives_that_up_first(alice: User) -> None:
    User.objects.filter(pk=alice.pk).update(is_staff=True)
    with pytest.raises(OperatorAccount):
        ask(alice)
    assert User.objects.get(pk=alice.pk).delete_after is None


def test_who_has_the_former_address_now_stays_in_the_audit(alice: User, bob: User) -> None:
    record_audit(actor=bob.email, action="password.changed", target=bob.email)
    record_audit(actor=alice.email, action="email.changed", detail={"from": bob.email, "to": alice.email})
    record_audit(actor=bob.email, action="password.reset", target=bob.email)
    record_audit(actor=f"x{alice.email}", action="password.reset", target=f"x{alice.email}")
    erase(alice)
    assert list(AuditEntry.objects.filter(actor=bob.email).values_list("action", flat=True)) == ["password.reset"]
    assert AuditEntry.objects.filter(actor=f"x{alice.email}", target=f"x{alice.email}").count() == 1


def test_a_last_mail_that_does_not_leave_is_tried_for_some_days(alice: User, settings: Settings) -> None:
    backend = settings.EMAIL_BACKEND
    no_mail_server(settings)
    receipt = erase(alice)
    assert receipt.told_at is None
    assert alice.email not in receipt.mail_to, "encrypted"
    settings.EMAIL_BACKEND = backend
    before = len(mail.outbox)
    tell_deleted(receipt_id=receipt.pk)
    assert len(mail.outbox) == before, "not at once"
    DeletionReceipt.objects.filter(pk=receipt.pk).update(sending_until=timezone.now())
    deletion_receipts.see_to_receipts()
    tell_deleted(receipt_id=receipt.pk)
    receipt.refresh_from_db()
    assert len(mail.outbox) == before + 1
    assert (receipt.mail_to, bool(receipt.told_at)) == ("", True)


def test_an_address_that_takes_no_mail_is_forgotten_after_some_days(alice: User, settings: Settings) -> None:
    no_mail_server(settings)
    receipt = erase(alice)
    assert receipt.mail_to
    DeletionReceipt.objects.filter(pk=receipt.pk).update(finished_at=timezone.now() - timedelta(days=4))
    deletion_receipts.see_to_receipts()
    receipt.refresh_from_db()
    assert receipt.mail_to == ""


def test_every_count_has_its_words() -> None:
    counts = dict.fromkeys(
        ["companies", "memberships", "addresses", "sign_ins", "keys", "exports", "assets", "files", "jobs", "prompts"],
        1,
    )
    lines = deletion_receipts.lines_of(DeletionReceipt(counts=counts | {"sessions": 0}))
    assert len(lines) == len(counts)
    assert "1 API key" in lines


def test_a_copy_that_is_being_made_leaves_nothing_behind(alice: User) -> None:
    own = list(registry.person_exported.listeners)
    export = exports.request_export(user=alice)

    def goes(_user_id: object) -> Any:
        DataExport.objects.filter(user=alice).delete()
        return ()

    registry.person_exported.listeners[:] = [*own, goes]
    try:
        make_export(export_id=export.pk)
    finally:
        registry.person_exported.listeners[:] = own
    assert found_in_storage(str(alice.pk)) == []


def test_programs_send_the_password_and_the_code(alice: User, alice_client: Client, alice_api: APIClient) -> None:
    path = "/api/v1/users/me"
    body = {"email": alice.email, "password": PASSWORD}
    assert alice_api.delete(path, {**body, "email": "bob@example.com"}).status_code == 422
    wrong = alice_api.delete(path, {**body, "password": "wrong"})
    assert (wrong.status_code, wrong.json()["code"]) == (403, "wrong_password")
    _secret, codes = set_up_app(alice_client)
    missing = alice_api.delete(path, body)
    assert (missing.status_code, missing.json()["code"]) == (403, "invalid_code")
    assert User.objects.get(pk=alice.pk).delete_after is None

    answer = alice_api.delete(path, {**body, "code": codes[0]})

    assert answer.status_code == 202, answer.content
    assert answer.json()["delete_after"][:10] == f"{User.objects.get(pk=alice.pk).delete_after:%Y-%m-%d}"
    assert alice_api.get(path).status_code == 401


def test_a_program_of_somebody_without_a_password_signed_in_just_now(alice: User, alice_api: APIClient) -> None:
    alice.set_unusable_password()
    alice.save()
    # The session's own proof of the password changes with it; tokens are looked up by the session alone.
    program = alice_api
    answer = program.delete("/api/v1/users/me", {"email": alice.email})
    assert answer.status_code in (202, 401), answer.content


def test_no_key_deletes_an_account_or_takes_a_copy(alice: User) -> None:
    program = program_with(key_of(mine(alice))[1])
    for method, path in (("delete", ""), ("post", "/export"), ("get", "/export"), ("get", "/export/file")):
        answer = getattr(program, method)(f"/api/v1/users/me{path}", {"email": alice.email, "password": PASSWORD})
        assert (answer.status_code, answer.json()["code"]) == (403, "insufficient_scope"), path
    assert User.objects.get(pk=alice.pk).delete_after is None
    assert not DataExport.objects.filter(user=alice).exists()


def test_addresses_of_allauth_go_too(alice: User) -> None:
    EmailAddress.objects.create(user=alice, email=f"second-{alice.email}", verified=False)
    erase(alice)
    assert found_in_database(alice.email) == []
