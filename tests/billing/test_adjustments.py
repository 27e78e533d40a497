"""Credits moved by operators, where the installation asks for two: one asks, another decides, once."""

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from threading import Barrier
from typing import Any
from uuid import UUID, uuid4

import pytest
from django.db import IntegrityError, connection, transaction
from django.db.models import Q
from django.test import Client
from pytest_django.fixtures import Settings

from accounts.models import AuditEntry, Company, User
from accounts.services import record_of_account
from billing.adjustments import NotYours, adjust_or_ask, approve, reject
from billing.models import AdjustmentRequest, LedgerEntry
from billing.selectors import credits_of
from billing.services import InsufficientCredits, hold_credits
from tests.factories.accounts import PersonFactory
from tests.factories.billing import AccountFactory, broken_of
from tests.personas import browser_of

pytestmark = pytest.mark.usefixtures("committed_db")


@pytest.fixture(autouse=True)
def _two_people(settings: Settings) -> None:
    settings.TWO_PERSON_CREDITS = 50


@pytest.fixture
def one() -> User:
    return PersonFactory(is_operator=True)


@pytest.fixture
def other() -> User:
    return PersonFactory(is_operator=True)


@pytest.fixture
def company() -> Company:
    return AccountFactory(balance=100)


@pytest.fixture
def ask(company: Company, one: User) -> Callable[..., AdjustmentRequest | bool]:
    """A function: the first operator adjusts by so much."""

    def adjust(amount: int, *, actor: User = one, key: UUID | None = None) -> AdjustmentRequest | bool:
        return adjust_or_ask(company=company, amount=amount, reason="outage", actor=actor, key=key or uuid4())

    return adjust


def actions(company: Company) -> list[str]:
    mine = Q(company=company) | Q(detail__company=str(company.pk))
    return list(AuditEntry.objects.filter(mine).order_by("id").values_list("action", flat=True))


def waiting(found: AdjustmentRequest | bool) -> AdjustmentRequest:
    assert isinstance(found, AdjustmentRequest)
    return found


def test_a_small_adjustment_is_done_at_once_and_a_large_one_waits(
    company: Company, ask: Callable[..., Any], one: User, other: User
) -> None:
    assert ask(50) is True
    asked = waiting(ask(51))
    assert (credits_of(company).balance, asked.state, asked.requested_by) == (150, "open", one)
    assert approve(asked=asked, actor=other)
    entry = LedgerEntry.objects.filter(wallet_id=company.pk).latest("number")
    assert (entry.amount, entry.actor, entry.cause, credits_of(company).balance) == (51, other.email, "outage", 201)
    assert actions(company) == [
        "credits.adjusted",
        "credits.adjustment_asked",
        "credits.adjusted",
        "credits.adjustment_approved",
    ]
    assert broken_of(company) == []


def test_what_is_split_into_small_ones_is_as_much(company: Company, ask: Callable[..., Any], other: User) -> None:
    assert ask(30) is True
    assert ask(-20) is True
    waiting(ask(1))
    # Of each operator by himself.
    assert ask(1, actor=other) is True
    assert credits_of(company).balance == 111


def test_what_was_moved_under_a_former_address_counts(company: Company, ask: Callable[..., Any], one: User) -> None:
    assert ask(50) is True
    before, one.email = one.email, f"another-{one.email}"
    one.save()
    record_of_account(user=one, action="email.changed", detail={"from": before, "to": one.email})
    waiting(ask(1))
    assert credits_of(company).balance == 150


def test_whoever_asked_does_not_decide(company: Company, ask: Callable[..., Any], one: User) -> None:
    asked = waiting(ask(60))
    for decide in (approve, reject):
        with pytest.raises(NotYours):
            decide(asked=asked, actor=one)
    with pytest.raises(IntegrityError), transaction.atomic():
        AdjustmentRequest.objects.filter(pk=asked.pk).update(decided_by=one)
    asked.refresh_from_db()
    assert (asked.state, credits_of(company).balance) == ("open", 100)


def test_of_many_decisions_at_once_one_counts(company: Company, ask: Callable[..., Any]) -> None:
    asked = waiting(ask(60))
    operators = [PersonFactory(is_operator=True) for _number in range(8)]
    start = Barrier(8)

    def decide(number: int) -> bool:
        start.wait()
        try:
            return (reject if number % 4 == 3 else approve)(asked=asked, actor=operators[number])
        finally:
            connection.close()

    with ThreadPoolExecutor(8) as pool:
        assert sum(pool.map(decide, range(8))) == 1
    asked.refresh_from_db()
    expected = 160 if asked.state == "approved" else 100
    assert credits_of(company).balance == expected
    assert broken_of(company) == []


def test_a_form_that_is_sent_twice_asks_once(company: Company, ask: Callable[..., Any]) -> None:
    key = uuid4()
    waiting(ask(60, key=key))
    assert ask(60, key=key) is False
    assert AdjustmentRequest.objects.filter(company=company).count() == 1


def test_what_is_rejected_changes_nothing_and_stays_so(company: Company, ask: Callable[..., Any], other: User) -> None:
    asked = waiting(ask(-60))
    assert reject(asked=asked, actor=other)
    assert not approve(asked=asked, actor=other)
    assert credits_of(company).balance == 100


def test_what_is_not_there_any_more_is_not_taken_and_still_waits(
    company: Company, ask: Callable[..., Any], other: User
) -> None:
    asked = waiting(ask(-90))
    hold_credits(company=company, amount=50, key=str(uuid4()), cause="x")
    with pytest.raises(InsufficientCredits):
        approve(asked=asked, actor=other)
    asked.refresh_from_db()
    assert (asked.state, asked.decided_by, credits_of(company).balance) == ("open", None, 100)


def test_the_admin_asks_and_another_approves(company: Company, one: User, other: User) -> None:
    address = f"/admin/billing/wallet/{company.pk}/adjust/"
    assert "wait for another operator" in browser_of(one).get(address).content.decode()
    form = {"key": str(uuid4()), "amount": 500, "reason": "goodwill"}
    assert browser_of(one).post(address, form).status_code == 302
    asked = AdjustmentRequest.objects.get(company=company)
    place = f"/admin/billing/adjustmentrequest/{asked.pk}"
    page = browser_of(other).get(f"{place}/approve/").content.decode()
    assert f"{one} asks for +500 credits" in page
    mine = browser_of(one).post(f"{place}/approve/", follow=True)
    assert "another operator decides on it" in mine.content.decode()
    assert credits_of(company).balance == 100
    for _again in range(2):
        assert browser_of(other).post(f"{place}/approve/").status_code == 302
    assert credits_of(company).balance == 600


def test_staff_without_the_right_and_strangers_decide_nothing(
    company: Company, ask: Callable[..., Any], alice_client: Client
) -> None:
    asked = waiting(ask(60))
    staff = PersonFactory()
    User.objects.filter(pk=staff.pk).update(is_staff=True)
    for what in ("approve", "reject"):
        address = f"/admin/billing/adjustmentrequest/{asked.pk}/{what}/"
        assert browser_of(staff).post(address).status_code == 403
        assert alice_client.post(address).status_code == 302
    asked.refresh_from_db()
    assert (asked.state, credits_of(company).balance) == ("open", 100)


def test_without_the_setting_one_operator_is_enough(
    company: Company, ask: Callable[..., Any], settings: Settings
) -> None:
    settings.TWO_PERSON_CREDITS = None
    assert ask(1_000_000) is True
    assert credits_of(company).balance == 1_000_100
