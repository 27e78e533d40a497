"""Real commits from many threads at once: credits are never made, lost or promised twice."""

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from random import Random
from threading import Barrier
from typing import TypeVar
from uuid import uuid4

import pytest
from django.db import connection
from django.db.models import Sum
from django.utils import timezone

from accounts.models import Company, User
from billing import hooks
from billing.models import Hold, LedgerEntry, UsageCounter, Wallet
from billing.selectors import credits_of
from billing.services import (
    InsufficientCredits,
    expire_lots,
    grant_credits,
    hold_credits,
    release_hold,
    settle_hold,
)
from billing.usage import give_back_usage, take_usage
from tests.factories.billing import AccountFactory, broken_of

pytestmark = pytest.mark.usefixtures("committed_db")

Result = TypeVar("Result")


def at_once(threads: int, work: Callable[[int], Result]) -> list[Result]:
    """Run `work(0)`, `work(1)`, … in threads that start together; each gives its connection back."""
    start = Barrier(threads)

    def run(number: int) -> Result:
        start.wait()
        try:
            return work(number)
        finally:
            connection.close()

    with ThreadPoolExecutor(threads) as pool:
        return list(pool.map(run, range(threads)))


def test_64_threads_on_one_wallet_never_overspend_and_every_credit_is_accounted_for() -> None:
    company = AccountFactory(balance=60)

    def work(number: int) -> tuple[int, int]:
        chance = Random(number)
        spent = granted = 0
        for step in range(6):
            key = f"race:{company.pk}:{number}:{step}"
            if chance.random() < 0.25:
                amount = chance.randint(1, 4)
                expires_at = timezone.now() if chance.random() < 0.3 else None
                grant_credits(
                    company=company, amount=amount, kind="grant", key=f"g:{key}", cause="x", expires_at=expires_at
                )
                granted += amount
            try:
                hold = hold_credits(company=company, amount=chance.randint(0, 9), key=key, cause="x")
            except InsufficientCredits:
                continue
            if chance.random() < 0.7:
                amount = chance.randint(0, hold.amount)
                assert settle_hold(key=key, amount=amount)
                spent += amount
            elif chance.random() < 0.8:
                assert release_hold(key=key, reason="cancelled")
            if chance.random() < 0.1:
                expire_lots(now=timezone.now())
        return spent, granted

    results = at_once(64, work)
    expired = LedgerEntry.objects.filter(wallet_id=company.pk, kind="expire").aggregate(n=Sum("amount", default=0))["n"]
    wallet = Wallet.objects.get(company=company)
    spent, granted = (sum(column) for column in zip(*results, strict=True))
    assert wallet.balance == 60 + granted - spent + expired
    assert wallet.held == wallet.holds.filter(state="open").aggregate(n=Sum("amount", default=0))["n"]
    assert broken_of(company) == []


def test_of_64_holds_at_once_only_as_many_succeed_as_there_are_credits_for() -> None:
    company = AccountFactory(balance=30)

    def work(number: int) -> bool:
        try:
            hold_credits(company=company, amount=3, key=f"crowd:{company.pk}:{number}", cause="x")
        except InsufficientCredits:
            return False
        return True

    assert sum(at_once(64, work)) == 10
    assert credits_of(company).available == 0
    assert Hold.objects.filter(wallet_id=company.pk).count() == 10
    assert broken_of(company) == []


def test_one_key_held_by_many_at_once_is_one_hold() -> None:
    company = AccountFactory(balance=30)
    key = f"same:{company.pk}"
    holds = at_once(16, lambda _number: hold_credits(company=company, amount=3, key=key, cause="x").pk)
    assert len(set(holds)) == 1
    assert credits_of(company).held == 3
    assert broken_of(company) == []


def test_one_key_granted_by_many_at_once_is_one_grant() -> None:
    company = AccountFactory(balance=0)
    key = f"same-grant:{company.pk}"
    entries = at_once(16, lambda _number: grant_credits(company=company, amount=3, kind="grant", key=key, cause="x").pk)
    assert len(set(entries)) == 1
    assert credits_of(company).balance == 3
    assert broken_of(company) == []


def test_of_settling_and_releasing_one_hold_at_once_one_wins() -> None:
    company = AccountFactory(balance=100)
    for attempt in range(10):
        key = f"both:{company.pk}:{attempt}"
        hold_credits(company=company, amount=4, key=key, cause="x")
        before = credits_of(company).balance

        def close(number: int, key: str = key) -> bool:
            return release_hold(key=key, reason="cancelled") if number % 2 else settle_hold(key=key, amount=4)

        assert sum(at_once(4, close)) == 1
        spent = before - credits_of(company).balance
        assert Hold.objects.get(key=key).settled == spent
        assert LedgerEntry.objects.filter(key=f"settle:{key}").count() == bool(spent)
    assert credits_of(company).held == 0
    assert broken_of(company) == []


def test_a_person_is_welcomed_once_however_often_it_is_told() -> None:
    company = AccountFactory(balance=0)
    person = User.objects.create(email=f"{uuid4().hex}@example.com", username=uuid4().hex)
    at_once(16, lambda _number: hooks.welcome(person.pk, company.pk))
    assert credits_of(company).balance == 100
    assert LedgerEntry.objects.filter(wallet_id=company.pk).count() == 1


def test_two_accounts_of_one_mailbox_proved_at_once_are_welcomed_once() -> None:
    name = uuid4().hex
    people = [User.objects.create(email=f"{name}+{n}@example.com", username=f"{name}{n}") for n in range(8)]
    companies = [AccountFactory(balance=0) for _person in people]
    at_once(8, lambda number: hooks.welcome(people[number].pk, companies[number].pk))
    assert sum(credits_of(company).balance for company in companies) == 100


def test_an_account_opened_by_many_at_once_is_one_account() -> None:
    company = Company.objects.create(name="New", slug=f"new-{uuid4().hex}")
    at_once(8, lambda _number: hooks.open_account_of(company.pk))
    assert Wallet.objects.filter(company=company).count() == 1
    assert company.subscription.plan.slug == "free"


def test_a_limit_is_never_passed_by_32_threads() -> None:
    company = AccountFactory(balance=0)

    def work(number: int) -> int:
        amount = 1 + number % 3
        return (
            amount if take_usage(company=company, name="pictures", amount=amount, period="2026-11-20", limit=20) else 0
        )

    taken = sum(at_once(32, work))
    counter = UsageCounter.objects.get(company=company, name="pictures")
    assert counter.used == taken
    assert 18 <= taken <= 20


def test_what_is_given_back_by_many_at_once_never_goes_below_nothing() -> None:
    company = AccountFactory(balance=0)
    take_usage(company=company, name="pictures", amount=5, period="", limit=None)
    at_once(16, lambda _number: give_back_usage(company=company, name="pictures", amount=1, period=""))
    assert UsageCounter.objects.get(company=company).used == 0
