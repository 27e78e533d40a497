"""What each movement of credits does, does once, and refuses."""

from datetime import timedelta
from typing import Any

import pytest
from django.db import DatabaseError, connection, transaction
from django.utils import timezone

from accounts.models import Company
from billing.models import CreditLot, Hold, LedgerEntry, Wallet
from billing.selectors import Credits, credits_of
from billing.services import (
    InsufficientCredits,
    KeyTaken,
    LedgerBroken,
    expire_lots,
    grant_credits,
    hold_credits,
    open_account,
    release_hold,
    settle_hold,
    spend_from_lots,
)
from tests.factories.billing import AccountFactory, broken_of

pytestmark = pytest.mark.django_db


@pytest.fixture
def company() -> Company:
    return AccountFactory()


def rows_of(company: Company) -> list[Any]:
    """All that billing knows of a company, to see that nothing changed."""
    return [
        list(Wallet.objects.filter(company=company).values_list()),
        list(CreditLot.objects.filter(wallet_id=company.pk).order_by("id").values_list()),
        list(Hold.objects.filter(wallet_id=company.pk).order_by("id").values_list()),
        list(LedgerEntry.objects.filter(wallet_id=company.pk).order_by("id").values_list()),
    ]


def figures(company: Company) -> tuple[int, int, int]:
    now = credits_of(company)
    return now.balance, now.held, now.available


def test_an_account_is_opened_once_on_the_free_plan() -> None:
    company = AccountFactory(balance=0)
    before = rows_of(company)
    assert open_account(company=company).balance == 0
    assert rows_of(company) == before
    assert company.subscription.plan.slug == "free"
    assert credits_of(company) == Credits(balance=0, held=0, available=0, unlimited=False)


def test_a_grant_adds_a_lot_and_an_entry_that_tells_the_balance(company: Company) -> None:
    entry = grant_credits(company=company, amount=7, kind="purchase", key="p:1", cause="Pack", actor="stripe")
    stored = LedgerEntry.objects.get(key="p:1")
    assert entry == stored
    assert (stored.number, stored.amount, stored.balance_after) == (2, 7, 107)
    assert (entry.number, entry.balance_after, entry.created_at) == (2, 107, stored.created_at)
    assert (stored.kind, stored.cause, stored.actor) == ("purchase", "Pack", "stripe")
    assert figures(company) == (107, 0, 107)


def test_a_grant_with_the_same_key_changes_nothing_and_returns_the_first(company: Company) -> None:
    first = grant_credits(company=company, amount=7, kind="grant", key="g:1", cause="x")
    before = rows_of(company)
    again = grant_credits(company=company, amount=9, kind="grant", key="g:1", cause="y")
    assert (again, again.amount) == (first, 7)
    assert rows_of(company) == before


def test_the_key_of_another_companys_grant_is_refused(company: Company) -> None:
    other = AccountFactory()
    grant_credits(company=other, amount=7, kind="grant", key="g:2", cause="x")
    before = rows_of(company), rows_of(other)
    with pytest.raises(KeyTaken):
        grant_credits(company=company, amount=7, kind="grant", key="g:2", cause="x")
    assert (rows_of(company), rows_of(other)) == before


def test_a_grant_of_nothing_is_refused(company: Company) -> None:
    before = rows_of(company)
    with pytest.raises(ValueError, match="at least one"):
        grant_credits(company=company, amount=0, kind="grant", key="g:3", cause="x")
    assert rows_of(company) == before


def test_a_company_without_an_account_is_granted_nothing() -> None:
    company = Company.objects.create(name="No account", slug="no-account")
    with pytest.raises(Wallet.DoesNotExist):
        grant_credits(company=company, amount=1, kind="grant", key="g:4", cause="x")
    assert rows_of(company) == [[], [], [], []]


def test_a_hold_moves_credits_from_available_to_held(company: Company) -> None:
    hold = hold_credits(company=company, amount=4, key="job:1", cause="red fox")
    assert hold == Hold.objects.get(key="job:1", amount=4, state="open", cause="red fox")
    assert figures(company) == (100, 4, 96)


def test_holding_again_with_the_same_key_returns_the_first_hold(company: Company) -> None:
    first = hold_credits(company=company, amount=100, key="job:2", cause="red fox")
    before = rows_of(company)
    assert hold_credits(company=company, amount=100, key="job:2", cause="red fox") == first
    assert rows_of(company) == before
    settle_hold(key="job:2", amount=100)
    assert hold_credits(company=company, amount=100, key="job:2", cause="red fox").state == "settled"


def test_a_key_that_holds_something_else_is_refused(company: Company) -> None:
    hold_credits(company=company, amount=4, key="job:3", cause="red fox")
    other = AccountFactory()
    before = rows_of(company), rows_of(other)
    for owner, amount in ((company, 5), (other, 4)):
        with pytest.raises(KeyTaken):
            hold_credits(company=owner, amount=amount, key="job:3", cause="red fox")
    assert (rows_of(company), rows_of(other)) == before


def test_more_than_is_available_is_refused_with_the_figures(company: Company) -> None:
    hold_credits(company=company, amount=60, key="job:4", cause="red fox")
    before = rows_of(company)
    with pytest.raises(InsufficientCredits) as refusal:
        hold_credits(company=company, amount=41, key="job:5", cause="blue fox")
    assert "41" in refusal.value.sentence
    assert "40" in refusal.value.sentence
    assert (refusal.value.status, refusal.value.problem_code) == (402, "insufficient_credits")
    assert rows_of(company) == before


def test_a_free_job_holds_nothing_even_without_credits() -> None:
    company = AccountFactory(balance=0)
    hold_credits(company=company, amount=0, key="job:6", cause="red fox")
    assert settle_hold(key="job:6", amount=0)
    assert not settle_hold(key="job:6", amount=0)
    assert Hold.objects.get(key="job:6").state == "settled"
    assert not LedgerEntry.objects.filter(wallet_id=company.pk).exists()


def test_less_than_nothing_is_neither_held_nor_spent(company: Company) -> None:
    hold_credits(company=company, amount=4, key="job:7", cause="red fox")
    before = rows_of(company)
    with pytest.raises(ValueError, match="no less than nothing"):
        hold_credits(company=company, amount=-1, key="job:8", cause="red fox")
    with pytest.raises(ValueError, match="backwards"):
        settle_hold(key="job:7", amount=-1)
    assert rows_of(company) == before


def test_an_unlimited_wallet_holds_nothing() -> None:
    company = AccountFactory(balance=0)
    Wallet.objects.filter(company=company).update(unlimited=True)
    hold = hold_credits(company=company, amount=500, key="job:9", cause="red fox")
    assert hold.amount == 0
    assert hold_credits(company=company, amount=500, key="job:9", cause="red fox") == hold
    assert figures(company) == (0, 0, 0)


def test_settling_spends_the_part_and_returns_the_rest(company: Company) -> None:
    hold_credits(company=company, amount=4, key="job:10", cause="red fox")
    assert settle_hold(key="job:10", amount=3)
    entry = LedgerEntry.objects.get(key="settle:job:10")
    assert (entry.amount, entry.balance_after, entry.kind, entry.cause) == (-3, 97, "settle", "red fox")
    assert figures(company) == (97, 0, 97)
    hold = Hold.objects.get(key="job:10")
    assert (hold.state, hold.settled) == ("settled", 3)


def test_a_closed_hold_does_not_move_again(company: Company) -> None:
    hold_credits(company=company, amount=4, key="job:11", cause="red fox")
    hold_credits(company=company, amount=4, key="job:12", cause="red fox")
    settle_hold(key="job:11", amount=4)
    release_hold(key="job:12", reason="cancelled")
    before = rows_of(company)
    for key in ("job:11", "job:12"):
        assert not settle_hold(key=key, amount=4)
        assert not settle_hold(key=key, amount=0)
        assert not release_hold(key=key, reason="again")
    assert rows_of(company) == before


def test_releasing_returns_everything_and_says_why(company: Company) -> None:
    hold_credits(company=company, amount=4, key="job:13", cause="red fox")
    assert release_hold(key="job:13", reason="The provider timed out.")
    assert figures(company) == (100, 0, 100)
    hold = Hold.objects.get(key="job:13")
    assert (hold.state, hold.settled, hold.reason) == ("released", 0, "The provider timed out.")
    assert LedgerEntry.objects.filter(wallet_id=company.pk).count() == 1


def test_settling_nothing_releases(company: Company) -> None:
    hold_credits(company=company, amount=4, key="job:14", cause="red fox")
    assert settle_hold(key="job:14", amount=0)
    hold = Hold.objects.get(key="job:14")
    assert (hold.state, bool(hold.reason)) == ("released", True)
    assert figures(company) == (100, 0, 100)


def test_more_than_was_held_is_not_spent(company: Company) -> None:
    hold_credits(company=company, amount=4, key="job:15", cause="red fox")
    before = rows_of(company)
    with pytest.raises(ValueError, match="holds 4"), transaction.atomic():
        settle_hold(key="job:15", amount=5)
    assert rows_of(company) == before


def test_a_key_that_nobody_holds_is_a_mistake() -> None:
    with pytest.raises(Hold.DoesNotExist), transaction.atomic():
        settle_hold(key="nobody", amount=1)
    with pytest.raises(Hold.DoesNotExist), transaction.atomic():
        release_hold(key="nobody", reason="x")


def test_lots_that_expire_sooner_are_spent_first() -> None:
    company = AccountFactory(balance=5)
    now = timezone.now()
    for days, key in ((20, "later"), (10, "sooner")):
        grant_credits(
            company=company, amount=5, kind="grant", key=key, cause="x", expires_at=now + timedelta(days=days)
        )
    hold_credits(company=company, amount=7, key="job:16", cause="red fox")
    settle_hold(key="job:16", amount=7)
    lots = CreditLot.objects.filter(wallet_id=company.pk).order_by("expires_at")
    assert [lot.remaining for lot in lots] == [0, 3, 5]


def test_expired_credits_go_with_an_entry(company: Company) -> None:
    now = timezone.now()
    grant_credits(company=company, amount=5, kind="grant", key="old", cause="x", expires_at=now - timedelta(days=1))
    grant_credits(company=company, amount=6, kind="grant", key="new", cause="x", expires_at=now + timedelta(days=1))
    assert expire_lots(now=now) == 5
    entry = LedgerEntry.objects.get(wallet_id=company.pk, kind="expire")
    assert (entry.amount, entry.balance_after) == (-5, 106)
    before = rows_of(company)
    assert expire_lots(now=now) == 0
    assert rows_of(company) == before


def test_what_is_held_does_not_expire_until_it_comes_back() -> None:
    company = AccountFactory(balance=0)
    now = timezone.now()
    grant_credits(company=company, amount=10, kind="grant", key="old", cause="x", expires_at=now - timedelta(days=1))
    hold_credits(company=company, amount=4, key="job:17", cause="red fox")
    assert expire_lots(now=now) == 6
    assert figures(company) == (4, 4, 0)
    assert expire_lots(now=now) == 0
    release_hold(key="job:17", reason="cancelled")
    assert expire_lots(now=now) == 4
    assert figures(company) == (0, 0, 0)
    assert broken_of(company) == []


def test_lots_that_do_not_have_what_the_wallet_says_change_nothing(company: Company) -> None:
    CreditLot.objects.filter(wallet_id=company.pk).update(remaining=1)
    before = rows_of(company)
    with pytest.raises(LedgerBroken), transaction.atomic():
        spend_from_lots(wallet_id=company.pk, amount=2, held=0, kind="adjust", key="x", cause="x")
    assert rows_of(company) == before


@pytest.mark.parametrize(
    "statement",
    [
        "UPDATE billing_ledgerentry SET amount = 0",
        "DELETE FROM billing_ledgerentry",
        "TRUNCATE billing_ledgerentry",
    ],
)
def test_the_database_refuses_to_change_the_ledger(company: Company, statement: str) -> None:
    before = rows_of(company)
    with transaction.atomic(), connection.cursor() as cursor:
        # References that wait to be checked would refuse the TRUNCATE before the trigger does.
        cursor.execute("SET CONSTRAINTS ALL IMMEDIATE")
        with pytest.raises(DatabaseError, match="append-only"), transaction.atomic():
            cursor.execute(statement)
    assert rows_of(company) == before
