"""What the page that explains money says."""

import pytest

from accounts.models import Company
from billing.models import Wallet
from billing.services import grant_credits, hold_credits, release_hold, settle_hold
from billing.statement import statement
from tests.factories.billing import AccountFactory

pytestmark = pytest.mark.django_db


@pytest.fixture
def company() -> Company:
    return AccountFactory()


def told(company: Company) -> list[tuple[str, str, str, int | None, int | None]]:
    return [(row.sentence, row.outcome, row.state, row.change, row.balance_after) for row in statement(company).rows]


def test_a_company_to_which_nothing_happened_has_nothing_to_read() -> None:
    assert told(AccountFactory(balance=0)) == []


def test_a_hold_is_told_with_what_became_of_it(company: Company) -> None:
    for key in ("open", "whole", "part", "none"):
        hold_credits(company=company, amount=4, key=f"told:{key}", cause=f"{key} fox")
    settle_hold(key="told:whole", amount=4)
    settle_hold(key="told:part", amount=3)
    release_hold(key="told:none", reason="cancelled")
    assert told(company) == [
        ("Held 4 for “none fox”", "returned 4: cancelled", "returned", 0, None),
        ("Held 4 for “part fox”", "spent 3, returned 1", "spent", -3, 93),
        ("Held 4 for “whole fox”", "spent 4", "spent", -4, 96),
        ("Held 4 for “open fox”", "under way", "open", None, None),
        ("Received 100", "Given by a test", "in", 100, 100),
    ]


def test_jobs_that_cost_nothing_are_told_as_such(company: Company) -> None:
    Wallet.objects.filter(company=company).update(unlimited=True)
    hold_credits(company=company, amount=4, key="told:free", cause="red fox")
    assert told(company)[0] == ("No credits needed for “red fox”", "under way", "open", None, None)
    settle_hold(key="told:free", amount=0)
    assert told(company)[0] == ("No credits needed for “red fox”", "done", "free", 0, None)


@pytest.mark.parametrize(
    ("kind", "sentence"),
    [("purchase", "Bought 5"), ("adjust", "An operator added 5"), ("grant", "Received 5")],
)
def test_each_way_in_has_its_word(company: Company, kind: str, sentence: str) -> None:
    grant_credits(company=company, amount=5, kind=kind, key="told:in", cause="because")
    assert told(company)[0] == (sentence, "because", "in", 5, 105)


def test_a_long_prompt_is_shortened(company: Company) -> None:
    hold_credits(company=company, amount=1, key="told:long", cause="fox " * 60)
    assert "…" in told(company)[0][0]
    assert len(told(company)[0][0]) < 110


def test_pages_follow_each_other_without_gaps_or_repetition_while_more_happens(company: Company) -> None:
    for number in range(6):
        hold_credits(company=company, amount=1, key=f"told:{number}", cause="x")
        settle_hold(key=f"told:{number}", amount=1)
        grant_credits(company=company, amount=1, kind="grant", key=f"told:in:{number}", cause="x")
    whole = [row.id for row in statement(company, size=50).rows]
    assert len(whole) == 13
    found, page = [], statement(company, size=5)
    while True:
        found += [row.id for row in page.rows]
        hold_credits(company=company, amount=1, key=f"told:meanwhile:{len(found)}", cause="x")
        if page.older is None:
            break
        page = statement(company, before=page.older, size=5)
    assert found == whole


def test_nothing_of_another_company_is_told(company: Company) -> None:
    other = AccountFactory()
    hold_credits(company=other, amount=4, key="told:other", cause="secret fox")
    assert all("secret" not in row[0] for row in told(company))
