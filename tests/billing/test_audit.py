"""`audit_ledger` is silent about what is right and names what is wrong."""

from collections.abc import Callable, Iterator
from io import StringIO

import pytest
from django.core.management import CommandError, call_command
from django.db import connection
from django.db.models import F

from accounts.models import Company
from billing.audit import broken_rows
from billing.models import CreditLot, Hold, Wallet
from billing.services import hold_credits, settle_hold
from config.base import registry
from tests.factories.billing import AccountFactory

pytestmark = pytest.mark.django_db
Found = Callable[[], list[str]]


@pytest.fixture
def found() -> Found:
    """What the audit says of this test's rows: other tests' committed ones may be anything."""
    before = set(broken_rows())
    return lambda: [sentence for sentence in broken_rows() if sentence not in before]


@pytest.fixture
def company(found: Found) -> Company:
    company = AccountFactory()
    hold_credits(company=company, amount=4, key="audit:settled", cause="red fox")
    settle_hold(key="audit:settled", amount=3)
    hold_credits(company=company, amount=5, key="audit:open", cause="red fox")
    return company


@pytest.fixture
def only_ours(found: Found) -> Iterator[None]:
    """The command hears of this app's checks alone, and of this test's rows."""
    checks = list(registry.audit_checks.listeners)
    registry.audit_checks.listeners[:] = [found]
    yield
    registry.audit_checks.listeners[:] = checks


def tamper(statement: str, company: Company) -> None:
    """Change the ledger as nothing in the product can; the test's transaction is rolled back."""
    with connection.cursor() as cursor:
        # What references wait to be checked would forbid the change of the table.
        cursor.execute("SET CONSTRAINTS ALL IMMEDIATE")
        cursor.execute("ALTER TABLE billing_ledgerentry DISABLE TRIGGER USER")
        cursor.execute(statement, [company.pk])
        cursor.execute("ALTER TABLE billing_ledgerentry ENABLE TRIGGER USER")


@pytest.mark.usefixtures("only_ours")
def test_a_right_ledger_passes_and_says_how_much_was_looked_at(company: Company, found: Found) -> None:
    assert found() == []
    out = StringIO()
    call_command("audit_ledger", stdout=out)
    assert "all is well" in out.getvalue()
    assert "holds" in out.getvalue()


def test_the_command_runs_what_apps_registered() -> None:
    assert broken_rows in registry.audit_checks.listeners


@pytest.mark.usefixtures("company", "only_ours")
def test_the_command_fails_and_names_each_broken_row() -> None:
    Hold.objects.filter(key="audit:open").update(amount=6)
    out = StringIO()
    with pytest.raises(CommandError, match="1 row is wrong"):
        call_command("audit_ledger", stdout=out)
    assert "held 5, open holds 6" in out.getvalue()


def test_a_balance_that_the_ledger_does_not_explain_is_found(company: Company, found: Found) -> None:
    Wallet.objects.filter(company=company).update(balance=F("balance") + 1)
    assert [str(company.pk) in sentence for sentence in found()] == [True]


def test_lots_that_do_not_add_up_are_found(company: Company, found: Found) -> None:
    CreditLot.objects.filter(wallet_id=company.pk).update(remaining=F("remaining") - 1)
    assert [str(company.pk) in sentence for sentence in found()] == [True]


def test_a_lost_hold_is_found(company: Company, found: Found) -> None:
    Hold.objects.filter(key="audit:open").delete()
    assert [str(company.pk) in sentence for sentence in found()] == [True]


def test_a_changed_balance_after_is_found(company: Company, found: Found) -> None:
    tamper("UPDATE billing_ledgerentry SET balance_after = 1 WHERE wallet_id = %s AND number = 2", company)
    assert any("number 2" in sentence for sentence in found())


def test_a_lost_entry_is_found(company: Company, found: Found) -> None:
    tamper("DELETE FROM billing_ledgerentry WHERE wallet_id = %s AND number = 2", company)
    said = "\n".join(found())
    assert "counts 2 entries, has 1" in said
    assert "audit:settled" in said


def test_a_settlement_of_another_amount_is_found(company: Company, found: Found) -> None:
    Hold.objects.filter(key="audit:settled").update(settled=4)
    assert found() == ["Hold audit:settled: settled 4, ledger -3."]


def test_a_settlement_without_a_hold_is_found(company: Company, found: Found) -> None:
    Hold.objects.filter(key="audit:settled").delete()
    assert found() == ["Hold settle:audit:settled: settled 0, ledger -3."]
