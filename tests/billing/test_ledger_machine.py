"""The ledger against a model in a few lines of Python, under every order of calls that hypothesis thinks of."""

from datetime import UTC, datetime, timedelta
from itertools import count

import pytest
from django.db import transaction
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import (
    RuleBasedStateMachine,
    initialize,
    invariant,
    precondition,
    rule,
    run_state_machine_as_test,
)

from accounts.models import Company
from billing.models import Hold, LedgerEntry, Wallet
from billing.services import (
    InsufficientCredits,
    expire_lots,
    grant_credits,
    hold_credits,
    release_hold,
    settle_hold,
)
from tests.factories.billing import AccountFactory, broken_of

EPOCH = datetime(2026, 1, 1, tzinfo=UTC)
_numbers = count()


class Ledger(RuleBasedStateMachine):
    """Grants, holds and their ends; every call may come twice. Days pass, and credits expire."""

    company: Company

    def __init__(self) -> None:
        super().__init__()
        # Each example begins with an empty database: what expires is looked for in all wallets.
        self.transaction = transaction.atomic()
        self.transaction.__enter__()

    @initialize()
    def open(self) -> None:
        self.day = 0
        self.lots: list[list[int]] = []  # day of expiry, what is left; in the order of spending once sorted
        self.open_holds: dict[str, int] = {}
        self.closed: list[str] = []
        self.granted: list[str] = []
        self.company = AccountFactory(balance=0)

    def teardown(self) -> None:
        try:
            assert not hasattr(self, "company") or broken_of(self.company) == []
        finally:
            transaction.set_rollback(True)
            self.transaction.__exit__(None, None, None)

    @property
    def balance(self) -> int:
        return sum(left for _day, left in self.lots)

    @property
    def held(self) -> int:
        return sum(self.open_holds.values())

    def spend(self, amount: int, *, expired_only: bool = False) -> None:
        for lot in sorted(self.lots, key=lambda lot: lot[0]):
            if expired_only and lot[0] > self.day:
                continue
            taken = min(lot[1], amount)
            lot[1] -= taken
            amount -= taken
        assert not amount

    @rule(amount=st.integers(1, 20), days=st.integers(1, 9))
    def grant(self, amount: int, days: int) -> None:
        key = f"machine:{next(_numbers)}"
        until = self.day + days
        expires_at = EPOCH + timedelta(days=until)
        grant_credits(company=self.company, amount=amount, kind="grant", key=key, cause="x", expires_at=expires_at)
        self.lots.append([until, amount])
        self.granted.append(key)

    @precondition(lambda self: self.granted)
    @rule(data=st.data())
    def grant_again(self, data: st.DataObject) -> None:
        key = data.draw(st.sampled_from(self.granted))
        assert grant_credits(company=self.company, amount=3, kind="grant", key=key, cause="x").key == key

    @rule(amount=st.integers(0, 25))
    def hold(self, amount: int) -> None:
        key = f"machine:{next(_numbers)}"
        if amount <= self.balance - self.held:
            assert hold_credits(company=self.company, amount=amount, key=key, cause="x").amount == amount
            self.open_holds[key] = amount
        else:
            with pytest.raises(InsufficientCredits):
                hold_credits(company=self.company, amount=amount, key=key, cause="x")
            assert not Hold.objects.filter(key=key).exists()

    @precondition(lambda self: self.open_holds)
    @rule(data=st.data(), twice=st.booleans())
    def settle(self, data: st.DataObject, *, twice: bool) -> None:
        key = data.draw(st.sampled_from(list(self.open_holds)))
        amount = data.draw(st.integers(0, self.open_holds[key]))
        if twice:
            held = self.open_holds[key]
            assert hold_credits(company=self.company, amount=held, key=key, cause="x").state == "open"
        assert settle_hold(key=key, amount=amount)
        del self.open_holds[key]
        self.closed.append(key)
        self.spend(amount)

    @precondition(lambda self: self.open_holds)
    @rule(data=st.data())
    def release(self, data: st.DataObject) -> None:
        key = data.draw(st.sampled_from(list(self.open_holds)))
        assert release_hold(key=key, reason="cancelled")
        del self.open_holds[key]
        self.closed.append(key)

    @precondition(lambda self: self.closed)
    @rule(data=st.data(), spends=st.booleans())
    def close_again(self, data: st.DataObject, *, spends: bool) -> None:
        key = data.draw(st.sampled_from(self.closed))
        assert not (settle_hold(key=key, amount=0) if spends else release_hold(key=key, reason="again"))

    @rule(days=st.integers(0, 4))
    def days_pass(self, days: int) -> None:
        self.day += days
        expired = sum(left for day, left in self.lots if day <= self.day)
        gone = min(expired, self.balance - self.held)
        assert expire_lots(now=EPOCH + timedelta(days=self.day)) == gone
        self.spend(gone, expired_only=True)

    @invariant()
    def wallet_and_model_agree(self) -> None:
        wallet = Wallet.objects.get(company=self.company)
        assert (wallet.balance, wallet.held) == (self.balance, self.held)
        lots = wallet.lots.filter(remaining__gt=0).order_by("expires_at", "id")
        expected = sorted((lot for lot in self.lots if lot[1]), key=lambda lot: lot[0])
        assert [[(lot.expires_at - EPOCH).days, lot.remaining] for lot in lots if lot.expires_at] == expected
        last = LedgerEntry.objects.filter(wallet=wallet).order_by("-number").first()
        assert (last.balance_after if last else 0) == self.balance


@pytest.mark.long
@pytest.mark.django_db
def test_the_ledger_agrees_with_its_model() -> None:
    run_state_machine_as_test(
        Ledger,
        settings=settings(max_examples=30, stateful_step_count=20, suppress_health_check=list(HealthCheck)),
    )
