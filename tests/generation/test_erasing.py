"""A company whose grace period is over: what is its people's own goes, the figures stay."""

from datetime import timedelta

import pytest
from django.db import connection, transaction
from django.db.utils import DatabaseError
from django.utils import timezone

from accounts import companies
from accounts.company_endings import erase_company
from accounts.models import ApiKey, Company, Invitation, Membership, User
from accounts.viewer import Viewer
from billing.models import Hold, LedgerEntry, Wallet
from billing.services import grant_credits
from gallery.models import Asset
from generation import pipeline
from generation.models import Job, PromptUse
from tests.factories.billing import broken_of
from tests.factories.generation import submit
from tests.factories.teams import acting, make_team
from tests.generation.conftest import files_of

pytestmark = pytest.mark.usefixtures("committed_db")
SECRET = "the duke's secret fox"


@pytest.fixture
def working(alice: User, bob: User) -> Viewer:
    """A team that has made a picture, waits for another, has a key and an invitation."""
    company = make_team(alice, bob)
    grant_credits(
        company=company, amount=50, kind=LedgerEntry.Kind.GRANT, key=f"t:{company.pk}", cause="x", actor=alice.email
    )
    viewer = acting(bob, company)
    pipeline.start(job_id=submit(viewer, seed=1, prompt=SECRET).pk)
    submit(viewer, seed=2, prompt=SECRET)
    ApiKey.objects.create(company=company, user=bob, name="k", prefix=company.pk.hex[:12], digest="x", scopes=["read"])
    Invitation.objects.create(
        company=company,
        email="guest@example.com",
        token_digest=company.pk.hex,
        invited_by=alice,
        expires_at=timezone.now() + timedelta(days=1),
    )
    return viewer


def due(company: Company) -> None:
    Company.objects.filter(pk=company.pk).update(delete_after=timezone.now() - timedelta(seconds=1))


def test_before_its_day_nothing_of_a_company_is_touched(alice: User, working: Viewer) -> None:
    companies.request_deletion(viewer=acting(alice, working.company))
    assert not erase_company(company_id=working.company.pk)
    assert Asset.objects.filter(company=working.company).count() == 1
    assert Membership.objects.filter(company=working.company).count() == 2
    assert Job.objects.filter(company=working.company, state=Job.State.QUEUED).count() == 1


def test_on_its_day_the_clock_deletes_all_but_the_figures(working: Viewer) -> None:
    company = working.company
    assert len(files_of(company)) > 3
    spent = LedgerEntry.objects.filter(wallet_id=company.pk, kind="settle").get().amount
    due(company)

    while not erase_company(company_id=company.pk):
        pass

    company.refresh_from_db()
    assert (company.name, company.domain, company.email) == ("Deleted company", None, "")
    assert company.deleted_at is not None
    assert not company.is_active
    assert files_of(company) == []
    for rows in (Asset, Membership, Invitation, ApiKey, PromptUse):
        assert not rows.objects.filter(company=company).exists(), rows  # type: ignore[attr-defined]
    jobs = Job.objects.filter(company=company)
    assert {job.state for job in jobs} == {Job.State.SUCCEEDED, Job.State.CANCELLED}
    told = [list(rows.values()) for rows in (jobs, Hold.objects.filter(wallet_id=company.pk))]
    told.append(list(LedgerEntry.objects.filter(wallet_id=company.pk).values()))
    assert "fox" not in str(told)
    assert "@" not in str(told)
    wallet = Wallet.objects.get(company=company)
    assert (wallet.balance, wallet.held) == (50 + spent, 0)
    assert broken_of(company) == []
    assert not erase_company(company_id=company.pk)


def refused(statement: str, company: Company) -> None:
    """The database itself says no."""
    with pytest.raises(DatabaseError, match="append-only"), transaction.atomic(), connection.cursor() as cursor:
        cursor.execute(statement, [company.pk])


def test_the_words_of_a_living_companys_ledger_cannot_be_changed(working: Viewer) -> None:
    refused("UPDATE billing_ledgerentry SET cause = '', actor = '' WHERE wallet_id = %s", working.company)
    refused("UPDATE billing_ledgerentry SET amount = amount + 1 WHERE wallet_id = %s", working.company)


def test_the_figures_of_a_deleted_companys_ledger_cannot_be_changed(working: Viewer) -> None:
    due(working.company)
    while not erase_company(company_id=working.company.pk):
        pass
    refused("UPDATE billing_ledgerentry SET cause = '', amount = amount + 1 WHERE wallet_id = %s", working.company)
    refused("DELETE FROM billing_ledgerentry WHERE wallet_id = %s", working.company)


def test_a_job_under_way_ends_before_anything_is_erased(working: Viewer) -> None:
    running = Job.objects.get(company=working.company, state=Job.State.QUEUED)
    Job.objects.filter(pk=running.pk).update(state=Job.State.RUNNING)
    due(working.company)
    assert not erase_company(company_id=working.company.pk)
    running.refresh_from_db()
    assert running.cancel_requested_at is not None
    assert running.prompt == SECRET
    assert Asset.objects.filter(company=working.company).count() == 1
    Company.objects.get(pk=working.company.pk, is_active=False, deleted_at=None)
    Job.objects.filter(pk=running.pk).update(state=Job.State.QUEUED, cancel_requested_at=None)
    assert erase_company(company_id=working.company.pk)


def test_no_job_of_a_company_that_is_switched_off_is_let_go_and_what_runs_is_settled(
    alice: User, working: Viewer
) -> None:
    waiting = Job.objects.get(company=working.company, state=Job.State.QUEUED)
    companies.deactivate_company(viewer=acting(alice, working.company))
    late = submit(working, seed=3)
    late.refresh_from_db()
    assert late.dispatched_at is None
    pipeline.start(job_id=waiting.pk)
    waiting.refresh_from_db()
    assert waiting.state == Job.State.SUCCEEDED
    assert Hold.objects.get(key=waiting.hold_key).state == Hold.State.SETTLED
