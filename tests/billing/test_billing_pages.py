"""Billing, the invoices and the table of credits: what each role sees, in each state, and what is asked."""

import csv
import io
from datetime import timedelta
from uuid import uuid4

import pytest
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.utils import timezone
from pytest_django import DjangoAssertNumQueries
from pytest_django.fixtures import Settings

from accounts.models import Company, User
from accounts.viewer import SESSION_KEY
from billing.models import CreditLot, Payment, Subscription, UsageCounter, Wallet
from billing.selectors import today
from billing.services import grant_credits, hold_credits, settle_hold
from tests.factories.teams import make_team
from tests.personas import browser_of

pytestmark = pytest.mark.django_db
PAGE = "/billing"


@pytest.fixture
def company(alice: User) -> Company:
    return Company.objects.get(memberships__user=alice)


def text_of(client: Client, path: str = PAGE, status: int = 200) -> str:
    answer = client.get(path)
    assert answer.status_code == status
    page: str = answer.content.decode()
    assert "style=" not in page, "the content policy forbids inline styles"
    return " ".join(page.split())


def browser_in(company: Company, person: User) -> Client:
    client = browser_of(person)
    session = client.session
    session[SESSION_KEY] = str(company.pk)
    session.save()
    return client


def subscribe(company: Company, **fields: object) -> None:
    """The company pays for Basic at Stripe, as the row says it."""
    start = timezone.now() - timedelta(days=3)
    values = {
        "plan": company_plan("basic"),
        "source": "stripe",
        "reference": f"sub_{company.pk.hex}",
        "customer": f"cus_{company.pk.hex}",
        "interval": "month",
        "status": "active",
        "period_start": start,
        "period_end": start + timedelta(days=30),
    }
    Subscription.objects.filter(company=company).update(**values | fields)


def company_plan(slug: str) -> object:
    return Subscription._meta.get_field("plan").related_model.objects.get(slug=slug)  # type: ignore[union-attr]


def pay(company: Company, count: int = 1, **fields: object) -> None:
    for number in range(count):
        values = {
            "company": company,
            "kind": "subscription",
            "key": f"invoice:in_{uuid4().hex}",
            "state": "paid",
            "amount_cents": 999,
            "currency": "USD",
            "description": "Basic",
            "number": f"DR-{number:04}",
            "hosted_url": "https://invoice.stripe.com/i/1",
            "pdf_url": "https://invoice.stripe.com/i/1/pdf",
        }
        Payment.objects.create(**values | fields)


def test_who_pays_nothing_sees_plan_credits_use_and_packs(alice_client: Client, company: Company) -> None:
    UsageCounter.objects.create(company=company, name="generations", period=today(), used=10)
    hold_credits(company=company, amount=4, key="billing:1", cause="red fox")
    page = text_of(alice_client)
    for words in ("Free", ">96<", "Costs nothing", "All used.", "Basic</strong> has more generations a day", "500"):
        assert words in page
    assert "Cancel plan" not in page
    assert "Nothing was paid yet." in page


def test_a_personal_company_is_told_of_no_seats(alice_client: Client) -> None:
    assert "Seats" not in text_of(alice_client)


def test_a_paid_plan_says_when_it_renews_and_for_how_much(alice_client: Client, company: Company) -> None:
    subscribe(company)
    page = text_of(alice_client)
    end = Subscription.objects.get(company=company).period_end
    assert end is not None
    assert f"Renews on {end:%-d %B %Y} for $9.99." in page
    assert "Cancel plan" in page


@pytest.mark.parametrize(
    ("fields", "words"),
    [
        ({"status": "past_due", "grace_until": timedelta(days=5)}, "Your last payment failed.</strong> Basic stays"),
        ({"status": "past_due", "grace_until": timedelta(days=-1)}, "and its time is over"),
        ({"status": "paused"}, "Payments are paused"),
        ({"status": "trialing"}, "The trial ends on"),
        ({"cancel_at": timedelta(days=9)}, "Basic is cancelled and ends on"),
    ],
    ids=["past due", "grace is over", "paused", "trial", "cancelled"],
)
def test_each_state_is_told_with_what_to_do(
    alice_client: Client, company: Company, fields: dict[str, object], words: str
) -> None:
    now = timezone.now()
    subscribe(company, **{name: now + at if isinstance(at, timedelta) else at for name, at in fields.items()})
    assert words in text_of(alice_client)


def test_a_smaller_plan_that_waits_is_told_and_can_be_taken_back(alice_client: Client, company: Company) -> None:
    subscribe(company, plan=company_plan("pro"), next_plan=company_plan("basic"))
    page = text_of(alice_client)
    assert "then Basic." in page
    assert "Stay on Pro" in page


def test_what_expires_next_and_what_is_owed_is_told(alice_client: Client, company: Company) -> None:
    CreditLot.objects.filter(wallet=company.pk).update(expires_at=timezone.now() + timedelta(days=5))
    Wallet.objects.filter(company=company).update(debt=7)
    page = text_of(alice_client)
    assert "Expire next" in page
    assert "Owed" in page
    assert "7 credits are owed" in page


def test_who_has_few_credits_left_is_told(alice_client: Client, company: Company) -> None:
    hold_credits(company=company, amount=95, key="billing:2", cause="x")
    assert "5 credits are left." in text_of(alice_client)


def test_members_see_plan_and_use_but_no_invoices_and_no_way_to_buy(alice: User, bob: User, settings: Settings) -> None:
    settings.DEBUG = True
    team = make_team(alice, bob)
    pay(team, description="Secret invoice")
    client = browser_in(team, bob)
    page = text_of(client)
    assert "Pro" in page
    assert "Secret invoice" not in page
    assert "Only owners and admins" in page
    assert "Secret invoice" not in text_of(client, "/billing/invoices", 403)
    for path, body in (
        ("/billing/plan", {"plan": "basic"}),
        ("/billing/pack", {"pack": "pack-100"}),
        ("/billing/cancel", {}),
        ("/billing/resume", {}),
        ("/billing/portal", {}),
        ("/billing/change", {"plan": "basic"}),
    ):
        answer = client.post(path, body)
        assert answer.status_code == 403, path
        assert b"Ask one of them." in answer.content
    assert text_of(browser_in(team, alice), "/billing/invoices").count("Secret invoice") >= 1


def test_a_stranger_sees_nothing_of_another_companys_money(bob_client: Client, company: Company) -> None:
    pay(company, description="Secret invoice")
    grant_credits(company=company, amount=5, kind="purchase", key="secret:1", cause="Secret pack")
    for path in (PAGE, "/billing/invoices", "/billing/ledger", "/billing/ledger.csv"):
        answer = bob_client.get(path)
        assert b"Secret" not in b"".join(answer)


def test_invoices_say_how_they_stand(alice_client: Client, company: Company) -> None:
    pay(company)
    pay(company, state="open")
    pay(company, state="failed")
    pay(company, refunded_cents=999)
    pay(company, refunded_cents=100)
    pay(company, disputed_cents=999)
    page = text_of(alice_client, "/billing/invoices")
    for words in (">paid<", ">open<", ">failed<", ">refunded<", ">$1.00 refunded<", ">disputed<", "in_1/pdf", "PDF"):
        assert words.replace("in_1", "i/1") in page


@pytest.mark.parametrize("path", [PAGE, "/billing/invoices", "/billing/ledger"])
def test_pages_ask_the_same_number_of_queries_for_one_and_for_fifty_payments(
    alice_client: Client, company: Company, path: str, django_assert_num_queries: DjangoAssertNumQueries
) -> None:
    def more(count: int) -> None:
        pay(company, count)
        for _number in range(count):
            key = str(uuid4())
            hold_credits(company=company, amount=1, key=key, cause="red fox")
            settle_hold(key=key, amount=1)
            grant_credits(company=company, amount=1, kind="purchase", key=f"p:{key}", cause="Pack")

    more(1)
    alice_client.get(path)
    with CaptureQueriesContext(connection) as at_one:
        alice_client.get(path)
    more(49)
    with django_assert_num_queries(len(at_one.captured_queries)):
        alice_client.get(path)


def test_the_table_has_every_change_and_no_formula_of_anybodys(alice_client: Client, company: Company) -> None:
    for number, cause in enumerate(["=HYPERLINK(1)", "+1", "@x", "-x", 'a, "b"\nc']):
        grant_credits(company=company, amount=1, kind="grant", key=f"csv:{company.pk}:{number}", cause=cause)
    answer = alice_client.get("/billing/ledger.csv")
    assert answer["Content-Type"] == "text/csv; charset=utf-8"
    assert "attachment" in answer["Content-Disposition"]
    rows = list(csv.reader(io.StringIO(b"".join(answer).decode("utf-8-sig"))))
    assert [row[0] for row in rows] == ["Number", "6", "5", "4", "3", "2", "1"]
    assert [row[5] for row in rows[1:6]] == ['a, "b"\nc', "'-x", "'@x", "'+1", "'=HYPERLINK(1)"]
    assert rows[1][4] == "105"


def test_filters_show_only_what_is_asked_for_and_the_table_follows(alice_client: Client, company: Company) -> None:
    grant_credits(company=company, amount=5, kind="purchase", key=f"f:{company.pk}", cause="A pack")
    hold_credits(company=company, amount=1, key=f"f:{company.pk}", cause="red fox")
    settle_hold(key=f"f:{company.pk}", amount=1)
    day, tomorrow = today(), (timezone.now() + timedelta(days=1)).date().isoformat()
    for query, there, away in (
        ({"sort": "bought"}, "A pack", "red fox"),
        ({"sort": "work"}, "red fox", "A pack"),
        ({"sort": "received"}, "Welcome to Darkroom", "A pack"),
        ({"since": day, "until": day}, "A pack", "Nothing like that"),
        ({"since": tomorrow}, "Nothing like that", "A pack"),
    ):
        page = alice_client.get("/billing/ledger", query).content.decode()
        assert there in page, query
        assert away not in page, query
    table = b"".join(alice_client.get("/billing/ledger.csv", {"sort": "bought"})).decode()
    assert "A pack" in table
    assert "red fox" not in table


@pytest.mark.parametrize(
    "query", [{"sort": "nonsense"}, {"since": "yesterday"}, {"since": "2026-02-01", "until": "2026-01-01"}]
)
def test_a_filter_that_makes_no_sense_is_told_beside_it(alice_client: Client, query: dict[str, str]) -> None:
    answer = alice_client.get("/billing/ledger", query)
    assert answer.status_code == 422
    assert b"field-error" in answer.content


def test_without_a_way_to_pay_the_pages_say_so_and_nothing_is_bought(alice_client: Client, company: Company) -> None:
    assert "Payments are not set up here yet" in text_of(alice_client)
    for path, body in (("/billing/pack", {"pack": "pack-100"}), ("/billing/plan", {"plan": "basic"})):
        answer = alice_client.post(path, body)
        assert answer.status_code == 503
        assert b"Nothing was charged" in answer.content
    assert not Payment.objects.filter(company=company).exists()
    assert Wallet.objects.get(company=company).balance == 100


def test_what_is_not_for_sale_is_refused_whatever_the_form_says(
    alice_client: Client, company: Company, settings: Settings
) -> None:
    settings.DEBUG = True
    for body, status in (
        ({"plan": "enterprise"}, 409),
        ({"plan": "free"}, 409),
        ({"plan": "no-such"}, 404),
        ({}, 404),
    ):
        assert alice_client.post("/billing/plan", body).status_code == status
    token = alice_client.post("/billing/plan", {"plan": "basic", "price": "1", "amount_cents": "1"})["Location"]
    assert b"$9.99" in alice_client.get(token).content
    alice_client.post(token, {"answer": "pay", "amount_cents": "1"})
    assert Payment.objects.get(company=company).amount_cents == 999


def test_a_test_payment_that_is_declined_changes_nothing(
    alice_client: Client, company: Company, settings: Settings
) -> None:
    settings.DEBUG = True
    page = alice_client.post("/billing/pack", {"pack": "pack-100"})["Location"]
    answer = alice_client.post(page, {"answer": "decline"})
    assert answer.status_code == 402
    assert b"Nothing was charged" in answer.content
    assert not Payment.objects.filter(company=company).exists()
    settings.DEBUG = False
    assert alice_client.get(page).status_code == 404
    assert alice_client.post(page, {"answer": "pay"}).status_code == 404


def test_thanks_shows_the_companys_own_purchase_only(
    alice_client: Client, bob_client: Client, company: Company, settings: Settings
) -> None:
    settings.DEBUG = True
    page = alice_client.post("/billing/pack", {"pack": "pack-500"})["Location"]
    thanks = alice_client.post(page, {"answer": "pay"})["Location"]
    assert "500 credits are yours." in text_of(alice_client, thanks)
    assert bob_client.get(thanks).status_code == 404
    for made_up in ("", "?session=", "?session=test_1", "?session=cs_test_1", "?session=../../x"):
        assert alice_client.get(f"/billing/thanks{made_up}").status_code == 404


def test_the_old_address_leads_to_billing_for_good(alice_client: Client) -> None:
    answer = alice_client.get("/credits")
    assert (answer.status_code, answer["Location"]) == (301, PAGE)
