"""The page that explains money, and the figures in the pill."""

from uuid import uuid4

import pytest
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext
from pytest_django import DjangoAssertNumQueries

from accounts.models import Company, User
from billing.models import Hold, Wallet
from billing.services import grant_credits, hold_credits, release_hold, settle_hold
from tests.factories.billing import AccountFactory


@pytest.fixture
def company(alice: User) -> Company:
    return Company.objects.get(memberships__user=alice)


def spend(company: Company, times: int) -> None:
    """So many settled holds, and as many grants."""
    for _number in range(times):
        key = str(uuid4())
        hold_credits(company=company, amount=1, key=key, cause="red fox")
        settle_hold(key=key, amount=1)
        grant_credits(company=company, amount=1, kind="grant", key=f"g:{key}", cause="x")


def test_a_visitor_is_asked_to_sign_in(client: Client, db: None) -> None:
    answer = client.get("/billing/ledger")
    assert answer.status_code == 302
    assert answer["Location"].endswith("?next=/billing/ledger")


def test_the_page_tells_what_there_is_and_what_happened(alice_client: Client, company: Company) -> None:
    hold_credits(company=company, amount=4, key="page:1", cause="red <b>fox</b>")
    release_hold(key="page:1", reason="The provider timed out.")
    hold_credits(company=company, amount=7, key="page:2", cause="blue fox")
    page = alice_client.get("/billing/ledger").content.decode()
    for words in (
        "Held 7 for “blue fox”",
        "returned 4: The provider timed out.",
        "Received 100",
    ):
        assert words in page
    assert "red &lt;b&gt;fox&lt;/b&gt;" in page
    assert "style=" not in page, "the content policy forbids inline styles"


def test_a_company_to_which_nothing_happened_is_told_what_to_do(alice_client: Client, company: Company) -> None:
    company.memberships.update(company=AccountFactory(balance=0))
    page = alice_client.get("/billing/ledger").content.decode()
    assert "Nothing happened yet" in page
    assert 'href="/generate"' in page


def test_the_statement_goes_on_by_key_to_its_end(alice_client: Client, company: Company) -> None:
    spend(company, 20)
    first = alice_client.get("/billing/ledger")
    assert 'rel="next"' in first.content.decode()
    older = first.context["page"].older
    second = alice_client.get("/billing/ledger", {"before": str(older)})
    assert len(first.context["page"].rows) + len(second.context["page"].rows) == 41
    assert "That is all." in second.content.decode()
    assert 'rel="next"' not in second.content.decode()


@pytest.mark.parametrize(("before", "status"), [("nonsense", 404), ("00000000-0000-7000-8000-000000000000", 200)])
@pytest.mark.usefixtures("company")
def test_a_place_that_is_none_shows_no_error(alice_client: Client, before: str, status: int) -> None:
    assert alice_client.get("/billing/ledger", {"before": before}).status_code == status


def test_a_stranger_sees_only_the_strangers_own(bob_client: Client, company: Company) -> None:
    hold = hold_credits(company=company, amount=4, key="page:3", cause="secret fox")
    for query in ({}, {"before": str(uuid4())}, {"before": str(hold.pk)}):
        answer = bob_client.get("/billing/ledger", query)
        assert "secret fox" not in answer.content.decode()
    assert Hold.objects.get(pk=hold.pk).state == "open"


def test_the_page_asks_the_same_number_of_queries_for_one_and_for_fifty_rows(
    alice_client: Client,
    company: Company,
    django_assert_num_queries: DjangoAssertNumQueries,
) -> None:
    spend(company, 1)
    alice_client.get("/billing/ledger")
    with CaptureQueriesContext(connection) as at_one:
        alice_client.get("/billing/ledger")
    spend(company, 25)
    with django_assert_num_queries(len(at_one.captured_queries)):
        answer = alice_client.get("/billing/ledger")
    assert len(answer.context["page"].rows) == 25


def test_the_pill_carries_the_figures(alice_client: Client, company: Company) -> None:
    hold_credits(company=company, amount=4, key="pill:1", cause="x")
    answer = alice_client.get("/credits/pill")
    page = answer.content.decode()
    assert 'data-balance="100" data-held="4" data-available="96"' in page
    assert "4 held" in page
    assert "<html" not in page
    assert "no-store" in answer["Cache-Control"]


def test_the_pill_of_an_unlimited_wallet_says_so(alice_client: Client, company: Company) -> None:
    Wallet.objects.filter(company=company).update(unlimited=True)
    assert "Unlimited" in alice_client.get("/credits/pill").content.decode()


def test_the_pill_is_nothing_for_a_visitor(client: Client, db: None) -> None:
    answer = client.get("/credits/pill")
    assert (answer.status_code, answer.content) == (204, b"")


def test_money_is_only_looked_at_by_get(alice_client: Client, company: Company) -> None:
    for path in ("/credits", "/credits/pill", "/billing", "/billing/ledger", "/billing/ledger.csv"):
        assert alice_client.post(path).status_code == 405
    assert Wallet.objects.get(company=company).balance == 100
