"""Payments for operators: looked at, refunded with a reason, once; plans given by hand; rows that nobody edits."""

from datetime import timedelta
from typing import Any
from uuid import uuid4

import pytest
from dateutil.relativedelta import relativedelta
from django.contrib import admin
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.utils import timezone
from pytest_django import DjangoAssertNumQueries

from accounts.models import AuditEntry, Company, User
from billing.following import follow_payment, follow_subscription
from billing.models import (
    AdjustmentRequest,
    BillingNotice,
    BillingPeriod,
    CreditPack,
    Payment,
    Plan,
    SalesEnquiry,
    StripeEvent,
    Wallet,
)
from billing.notices import payment_received
from billing.periods import grant_due
from billing.selectors import credits_of, plan_of
from tests.factories.accounts import PersonFactory
from tests.factories.billing import AccountFactory, broken_of
from tests.factories.payments import invoice_of, period_of, subscription_of
from tests.personas import browser_of

pytestmark = pytest.mark.django_db

LISTS = [
    "creditpack",
    "payment",
    "billingperiod",
    "stripeevent",
    "billingnotice",
    "adjustmentrequest",
    "salesenquiry",
]


@pytest.fixture
def operator_client() -> Client:
    return browser_of(PersonFactory(is_operator=True))


@pytest.fixture
def company() -> Company:
    return AccountFactory(balance=0)


def bought(company: Company, **changes: Any) -> Payment:
    """A pack of 500 credits for 19.99, paid with test money."""
    pack = CreditPack.objects.get(slug="pack-500")
    fields = {
        "kind": "pack",
        "key": f"test:{uuid4()}",
        "plan": None,
        "pack": pack,
        "amount_cents": 1999,
        "description": "500 credits",
        **changes,
    }
    return follow_payment(invoice_of(company, **fields))


@pytest.fixture
def payment(company: Company) -> Payment:
    return bought(company)


def refund(client: Client, payment: Payment, amount: int, seen: int = 0, reason: str = "A mistake.") -> Any:
    form = {"amount": amount, "reason": reason, "seen": seen}
    return client.post(f"/admin/billing/payment/{payment.pk}/refund/", form)


@pytest.fixture
def rows(company: Company, payment: Payment) -> None:
    """One row of each list."""
    follow_payment(invoice_of(company, period_of(company)))
    StripeEvent.objects.create(id=f"evt_{uuid4().hex}", type="x", object_type="x", body={}, happened_at=timezone.now())
    payment_received(payment)
    AdjustmentRequest.objects.create(company=company, amount=5, reason="x", requested_by=PersonFactory())
    SalesEnquiry.objects.create(name="Zoe", email="zoe@example.com", message="Much.", plan=plan_of(company))


@pytest.mark.usefixtures("rows")
@pytest.mark.parametrize("name", LISTS)
def test_operators_see_every_kind_of_row_and_staff_without_rights_none(operator_client: Client, name: str) -> None:
    answer = operator_client.get(f"/admin/billing/{name}/")
    assert answer.status_code == 200
    row = answer.context["cl"].result_list[0]
    assert operator_client.get(f"/admin/billing/{name}/{row.pk}/change/").status_code == 200
    staff = PersonFactory()
    User.objects.filter(pk=staff.pk).update(is_staff=True)
    for address in (f"/admin/billing/{name}/", f"/admin/billing/{name}/{row.pk}/change/"):
        assert browser_of(staff).get(address).status_code == 403
        assert browser_of(PersonFactory()).get(address).status_code == 302


@pytest.mark.usefixtures("rows")
@pytest.mark.parametrize("name", [name for name in LISTS if name != "creditpack"])
def test_nobody_adds_changes_or_deletes_them(operator_client: Client, company: Company, name: str) -> None:
    row = operator_client.get(f"/admin/billing/{name}/").context["cl"].result_list[0]
    assert operator_client.get(f"/admin/billing/{name}/add/").status_code == 403
    assert operator_client.post(f"/admin/billing/{name}/{row.pk}/change/", {"state": "paid"}).status_code == 403
    assert operator_client.post(f"/admin/billing/{name}/{row.pk}/delete/", {"post": "yes"}).status_code == 403


def test_stripes_mirror_and_its_secrets_have_no_page() -> None:
    assert not [model for model in admin.site._registry if model._meta.app_label == "djstripe"]


@pytest.mark.parametrize("name", ["payment", "billingperiod", "billingnotice"])
def test_lists_ask_the_same_number_of_queries_for_many(
    operator_client: Client, rows: None, name: str, django_assert_num_queries: DjangoAssertNumQueries
) -> None:
    address = f"/admin/billing/{name}/"
    operator_client.get(address)
    with CaptureQueriesContext(connection) as before:
        operator_client.get(address)
    for _number in range(20):
        other = AccountFactory()
        payment_received(bought(other))
        follow_payment(invoice_of(other, period_of(other)))
    with django_assert_num_queries(len(before.captured_queries)):
        operator_client.get(address)


# --- Refunds ----------------------------------------------------------------------------------------------------------


def test_a_refund_takes_its_credits_and_is_written_down(
    operator_client: Client, company: Company, payment: Payment
) -> None:
    page = operator_client.get(f"/admin/billing/payment/{payment.pk}/refund/").content.decode()
    assert "At most $19.99 can be given back" in page
    assert refund(operator_client, payment, 1000).status_code == 302
    payment.refresh_from_db()
    assert (payment.refunded_cents, payment.reversed_credits, credits_of(company).balance) == (1000, 251, 249)
    entry = AuditEntry.objects.get(company=company, action="payment.refunded")
    assert (entry.target, entry.detail["cents"], entry.detail["reason"]) == (payment.key, 1000, "A mistake.")
    assert broken_of(company) == []


def test_a_refund_that_is_sent_twice_counts_once(operator_client: Client, company: Company, payment: Payment) -> None:
    assert refund(operator_client, payment, 500).status_code == 302
    again = refund(operator_client, payment, 500)
    assert (again.status_code, "Meanwhile something was refunded" in again.content.decode()) == (200, True)
    payment.refresh_from_db()
    assert payment.refunded_cents == 500
    assert refund(operator_client, payment, 1499, seen=500).status_code == 302
    payment.refresh_from_db()
    assert (payment.refunded_cents, credits_of(company).balance) == (1999, 0)


@pytest.mark.parametrize(("amount", "reason"), [(2000, "x"), (0, "x"), (-5, "x"), (5, "")], ids=str)
def test_a_wrong_refund_is_explained_and_changes_nothing(
    operator_client: Client, company: Company, payment: Payment, amount: int, reason: str
) -> None:
    answer = refund(operator_client, payment, amount, reason=reason)
    assert (answer.status_code, 'role="alert"' in answer.content.decode()) == (200, True)
    payment.refresh_from_db()
    assert (payment.refunded_cents, credits_of(company).balance) == (0, 500)
    assert not AuditEntry.objects.filter(company=company, action="payment.refunded").exists()


def test_what_was_not_paid_or_is_disputed_is_not_given_back(operator_client: Client, company: Company) -> None:
    unpaid = bought(company, state="failed")
    assert "Nothing of this payment" in refund(operator_client, unpaid, 5).content.decode()
    disputed = bought(company, disputed_cents=1999)
    assert "Nothing of this payment" in refund(operator_client, disputed, 5).content.decode()
    assert Payment.objects.filter(company=company, refunded_cents__gt=0).count() == 0


def test_staff_without_the_right_refund_nothing(company: Company, payment: Payment) -> None:
    staff = PersonFactory()
    User.objects.filter(pk=staff.pk).update(is_staff=True)
    assert refund(browser_of(staff), payment, 5).status_code == 403
    assert refund(browser_of(PersonFactory()), payment, 5).status_code == 302
    payment.refresh_from_db()
    assert (payment.refunded_cents, credits_of(company).balance) == (0, 500)


# --- Plans by hand, enquiries, packs ----------------------------------------------------------------------------------


def give(client: Client, company: Company, plan: str, until: Any = None) -> Any:
    form = {"plan": str(Plan.objects.get(slug=plan).pk)}
    if until is not None:
        form |= {"until_0": f"{until:%Y-%m-%d}", "until_1": f"{until:%H:%M:%S}"}
    return client.post(f"/admin/billing/subscription/{company.subscription.pk}/change/", form)


def test_a_plan_is_given_until_a_day_with_its_credits(operator_client: Client, company: Company) -> None:
    until = timezone.now() + timedelta(days=90)
    assert give(operator_client, company, "basic", until).status_code == 302
    company.subscription.refresh_from_db()
    found = company.subscription
    assert (found.plan.slug, found.source, credits_of(company).balance) == ("basic", "manual", 300)
    assert found.period_end is not None
    assert abs(found.period_end - until) < timedelta(seconds=2)
    assert BillingPeriod.objects.get(company=company).end == found.period_end


def test_a_plan_that_is_given_again_and_again_gives_the_same_days_once(
    operator_client: Client, company: Company
) -> None:
    for slug in ("pro", "free", "pro", "free", "pro", "basic", "pro"):
        assert give(operator_client, company, slug).status_code == 302
    # The seconds between them are rounded to the company's side.
    assert 1000 <= credits_of(company).balance <= 1005
    assert broken_of(company) == []


def test_a_larger_plan_that_is_given_gives_what_it_has_more(operator_client: Client, company: Company) -> None:
    give(operator_client, company, "basic")
    give(operator_client, company, "pro")
    assert 1000 <= credits_of(company).balance <= 1002
    later = timezone.now() + relativedelta(months=1, seconds=5)
    grant_due(now=later)
    assert credits_of(company).balance >= 2000


def test_a_day_that_is_over_is_refused(operator_client: Client, company: Company) -> None:
    answer = give(operator_client, company, "basic", timezone.now() - timedelta(days=1))
    assert (answer.status_code, "still to come" in answer.content.decode()) == (200, True)
    assert plan_of(company).slug == "free"


def test_who_pays_for_a_plan_is_not_given_another(operator_client: Client, company: Company) -> None:
    follow_subscription(subscription_of(company))
    answer = give(operator_client, company, "pro")
    assert (answer.status_code, "pays for the plan" in answer.content.decode()) == (200, True)
    assert plan_of(company).slug == "basic"


def edit_plan(operator_client: Client, plan: Plan, **changes: str) -> Any:
    """Send the plan's form as it is, but for these fields."""
    address = f"/admin/billing/plan/{plan.pk}/change/"
    initial = operator_client.get(address).context["adminform"].form.initial
    given = {name: value for name, value in initial.items() if value is not None and value is not False}
    values = {name: "on" if value is True else value for name, value in given.items()}
    return operator_client.post(address, values | {"tiers": "basic"} | changes)


def test_a_plan_whose_credits_become_unlimited_is_so_for_everybody_on_it(
    operator_client: Client, company: Company
) -> None:
    plan = plan_of(company)
    assert edit_plan(operator_client, plan, monthly_credits="").status_code == 302
    assert Wallet.objects.get(company=company).unlimited
    assert AuditEntry.objects.filter(action="admin.changed", target=str(plan)).exists()


def test_a_plan_that_nobody_pays_for_promises_no_months(operator_client: Client, company: Company) -> None:
    plan = plan_of(company)
    refused = edit_plan(operator_client, plan, monthly_credits="50", name="Generous")
    assert "Give credits once instead" in refused.content.decode()
    plan.refresh_from_db()
    assert (plan.monthly_credits, plan.name) == (0, "Free")


def test_an_enquiry_is_marked_as_answered_once(operator_client: Client) -> None:
    row = SalesEnquiry.objects.create(name="Zoe", email="zoe@example.com", message="Much.")
    form = {"action": "mark_answered", "_selected_action": [str(row.pk)]}
    assert operator_client.post("/admin/billing/salesenquiry/", form).status_code == 302
    row.refresh_from_db()
    answered = row.answered_at
    assert answered is not None
    operator_client.post("/admin/billing/salesenquiry/", form)
    row.refresh_from_db()
    assert row.answered_at == answered


def test_a_pack_is_edited_and_never_deleted(operator_client: Client) -> None:
    pack = CreditPack.objects.get(slug="pack-500")
    form = {"slug": "pack-500", "position": 2, "credits": 500, "price_cents": 1899, "is_active": "on"}
    assert operator_client.post(f"/admin/billing/creditpack/{pack.pk}/change/", form).status_code == 302
    assert operator_client.post(f"/admin/billing/creditpack/{pack.pk}/delete/", {"post": "yes"}).status_code == 403
    pack.refresh_from_db()
    assert pack.price_cents == 1899
    assert "$18.99" in operator_client.get("/admin/billing/creditpack/").content.decode()


def test_mails_that_wait_can_be_told_from_those_that_were_sent(operator_client: Client, payment: Payment) -> None:
    payment_received(payment)
    answer = operator_client.get("/admin/billing/billingnotice/?sent_at__isempty=1")
    assert BillingNotice.objects.get(key=f"paid:{payment.pk}") in answer.context["cl"].result_list
