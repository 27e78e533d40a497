"""The day on which an account goes: to the last word, whatever dies meanwhile, and nobody else's with it."""

from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from typing import Any
from uuid import uuid4

import pytest
from allauth.account.models import EmailAddress
from django.core import mail
from django.db import DatabaseError, connection, transaction
from django.utils import timezone
from pytest_django import Settings

from accounts import deletion_erasing, deletion_receipts, exports
from accounts.deletion_erasing import erase_person
from accounts.deletion_receipts import tell_deleted
from accounts.export_making import make_export
from accounts.models import (
    AuditEntry,
    Company,
    DataExport,
    DeletionReceipt,
    Membership,
    SignInAs,
    User,
)
from accounts.services import add_verified_person, record_audit
from billing.models import Hold, LedgerEntry, Wallet
from billing.services import grant_credits
from config.base import registry
from gallery.models import Asset
from generation import pipeline
from generation.models import Job, PromptUse
from tests.accounts.leaving import (
    AGENT,
    ALONE,
    NAME,
    SHARED,
    ask,
    erase,
    found_in_database,
    found_in_storage,
    furnished,
    mine,
    no_mail_server,
    pass_grace,
)
from tests.factories.accounts import PASSWORD, PersonFactory
from tests.factories.billing import broken_of
from tests.factories.gallery import AssetFactory
from tests.factories.generation import submit
from tests.factories.teams import acting, make_team
from tests.generation.conftest import files_of
from tests.personas import browser_of

pytestmark = pytest.mark.usefixtures("committed_db")


@pytest.fixture
def zyxwa() -> User:
    """Somebody whose name and address are found nowhere else."""
    return PersonFactory(email=f"zyxwa-{timezone.now().timestamp():.6f}@planted.example", full_name=NAME)


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
    assert AuditEntry.objects.filter(company=team, action="member.cap").get().target == "deleted"


def test_the_pages_of_colleagues_show_a_deleted_user(alice: User, bob: User) -> None:
    team = make_team(bob, alice)
    grant_credits(company=team, amount=50, kind=LedgerEntry.Kind.GRANT, key=f"t:{team.pk}", cause="x")
    pipeline.start(job_id=submit(acting(alice, team), seed=1).pk)
    erase(alice)
    browser = browser_of(bob)
    browser.post("/company/switch", {"company": str(team.pk)})
    asset = Asset.objects.get(company=team)
    for path in ("/company", "/gallery", f"/a/{asset.pk}", "/billing"):
        assert browser.get(path).status_code == 200, path
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


def ask_anyway(user: User) -> None:
    """What an operator's hand may have done."""
    User.objects.filter(pk=user.pk).update(delete_after=timezone.now() - timedelta(seconds=1))


def test_a_team_that_would_have_no_owner_gets_its_oldest_hand(alice: User, bob: User) -> None:
    carol = PersonFactory()
    team = make_team(alice, carol, admin=bob)
    ask_anyway(alice)
    assert erase_person(user_id=alice.pk)
    assert Membership.objects.get(company=team, role=Membership.Role.OWNER).user == bob
    assert Company.objects.get(pk=team.pk).deleted_at is None


def test_a_team_that_nobody_else_is_left_in_goes_with_its_person(alice: User) -> None:
    team = make_team(alice)
    Company.objects.filter(pk=team.pk).update(delete_after=timezone.now() + timedelta(days=30))
    receipt = erase(alice)
    assert Company.objects.get(pk=team.pk).deleted_at is not None
    assert receipt.counts["companies"] == 2


def test_an_operator_who_gave_that_up_is_gone_from_the_audit_too(alice: User, bob: User) -> None:
    SignInAs.objects.create(operator=bob, person=alice, reason="A look", until=timezone.now(), ended_at=timezone.now())
    entry = AuditEntry.objects.create(actor=alice.email, operator=bob.email, action="asset.bin", person=alice)
    erase(bob)
    entry.refresh_from_db()
    assert (entry.operator, entry.actor) == ("deleted", alice.email)
    erase(alice)
    entry.refresh_from_db()
    assert (entry.operator, entry.actor, entry.person) == ("deleted", "deleted", None)
    assert not SignInAs.objects.exclude(reason="").filter(person=alice).exists()


def test_whose_hand_it_really_was_cannot_be_taken_out_of_the_audit(alice: User, bob: User) -> None:
    entry = AuditEntry.objects.create(actor=alice.email, operator=bob.email, action="asset.bin")
    for value in ("", alice.email):
        with pytest.raises(DatabaseError, match="append-only"), transaction.atomic():
            AuditEntry.objects.filter(pk=entry.pk).update(operator=value)


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


def registry_counts() -> list[str]:
    return [name for found in registry.company_counted(uuid4()) for name in found]


def test_every_count_has_its_words() -> None:
    counts = dict.fromkeys(
        ["companies", "memberships", "addresses", "sign_ins", "keys", "exports", "assets", "files", "jobs", "prompts"],
        1,
    )
    lines = deletion_receipts.lines_of(DeletionReceipt(counts=counts | {"keys": 0}))
    assert len(lines) == len(counts) - 1
    assert "1 company of your own" in lines
    assert set(registry_counts()) <= set(counts)


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


def test_addresses_of_allauth_go_too(alice: User) -> None:
    EmailAddress.objects.create(user=alice, email=f"second-{alice.email}", verified=False)
    erase(alice)
    assert found_in_database(alice.email) == []
