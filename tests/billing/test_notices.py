"""Mails about money: written down with their cause, sent once, to those whom it concerns."""

import smtplib
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta
from threading import Barrier
from typing import Any
from uuid import uuid4

import pytest
from django.core import mail
from django.core.mail import EmailMultiAlternatives
from django.db import connection, transaction
from django.utils import timezone

from accounts.models import Company, User
from billing import notice_mail
from billing.actors import send_notice
from billing.letters import letter_of
from billing.models import BillingNotice, Interval, Payment, Plan, Subscription
from billing.notices import (
    NoticeKind,
    low_mark,
    notify,
    payment_failed,
    payment_received,
    payment_refunded,
    plan_ended,
)
from billing.reminders import remind
from billing.services import grant_credits, hold_credits, settle_hold
from config.base import realtime
from tests.factories.accounts import PersonFactory
from tests.factories.billing import AccountFactory
from tests.factories.teams import make_team

pytestmark = pytest.mark.usefixtures("committed_db")

NOW = datetime(2026, 11, 21, 12, tzinfo=UTC)


@pytest.fixture
def owner() -> User:
    return PersonFactory()


@pytest.fixture
def company(owner: User) -> Company:
    return make_team(owner)


def paid(company: Company, **more: Any) -> Payment:
    values = {
        "kind": "pack",
        "state": "paid",
        "key": f"test:{uuid4()}",
        "amount_cents": 1999,
        "currency": "usd",
        "credits": 500,
        "description": "500 credits",
        "number": "D-0007",
        "paid_at": NOW,
        **more,
    }
    return Payment.objects.create(company=company, **values)


def written(company: Company) -> list[BillingNotice]:
    return list(BillingNotice.objects.filter(company=company).order_by("id"))


def send_all(company: Company) -> list[EmailMultiAlternatives]:
    mail.outbox.clear()
    for notice in written(company):
        send_notice(str(notice.pk))
    return [message for message in mail.outbox if isinstance(message, EmailMultiAlternatives)]


def html_of(message: EmailMultiAlternatives) -> str:
    content = message.alternatives[0].content
    assert isinstance(content, str)
    return content


def spend(company: Company, amount: int) -> None:
    key = str(uuid4())
    hold_credits(company=company, amount=amount, key=key, cause="red fox")
    settle_hold(key=key, amount=amount)


def test_a_mail_is_written_once_however_often_its_cause_is_worked_through(company: Company) -> None:
    payment = paid(company)
    start = Barrier(10)

    def tell(_number: int) -> bool:
        start.wait()
        try:
            with transaction.atomic():
                return payment_received(payment)
        finally:
            connection.close()

    with ThreadPoolExecutor(10) as pool:
        assert sum(pool.map(tell, range(10))) == 1
    assert [notice.kind for notice in written(company)] == ["payment_received"]
    assert realtime.connection().llen("dramatiq:default") == 1


def test_what_is_rolled_back_tells_nobody(company: Company) -> None:
    with transaction.atomic():
        payment_received(paid(company))
        transaction.set_rollback(True)
    assert written(company) == []
    assert realtime.connection().llen("dramatiq:default") == 0


def test_of_many_workers_at_once_one_sends(company: Company) -> None:
    payment_received(paid(company))
    notice = written(company)[0]
    start = Barrier(8)

    def send(_number: int) -> bool:
        start.wait()
        try:
            return notice_mail.send_notice(notice_id=notice.pk)
        finally:
            connection.close()

    with ThreadPoolExecutor(8) as pool:
        assert sum(pool.map(send, range(8))) == 1
    assert len(mail.outbox) == 1


def test_a_worker_that_dies_while_it_sends_is_not_followed_by_a_second_mail(
    company: Company, monkeypatch: pytest.MonkeyPatch
) -> None:
    class Killed(BaseException):
        pass

    def die(_message: object) -> int:
        raise Killed

    payment_received(paid(company))
    notice = written(company)[0]
    with monkeypatch.context() as patch:
        patch.setattr(EmailMultiAlternatives, "send", die)
        with pytest.raises(Killed):
            notice_mail.send_notice(notice_id=notice.pk)
    BillingNotice.objects.filter(pk=notice.pk).update(created_at=timezone.now() - timedelta(hours=1))
    assert notice_mail.send_notice(notice_id=notice.pk) is False
    assert mail.outbox == []


@pytest.mark.parametrize("error", [smtplib.SMTPServerDisconnected("gone"), TimeoutError("slow")], ids=["no", "nothing"])
def test_what_the_mail_server_does_not_take_the_clock_asks_for_again(
    company: Company, monkeypatch: pytest.MonkeyPatch, error: Exception
) -> None:
    def refuse(_message: object) -> int:
        raise error

    # What other tests committed waits as well.
    BillingNotice.objects.filter(sent_at=None).update(sent_at=timezone.now())
    payment_received(paid(company))
    notice = written(company)[0]
    with monkeypatch.context() as patch:
        patch.setattr(EmailMultiAlternatives, "send", refuse)
        send_notice(str(notice.pk))
    assert written(company)[0].sent_at is None
    realtime.connection().flushdb()
    assert notice_mail.send_waiting() == 0
    BillingNotice.objects.filter(pk=notice.pk).update(created_at=timezone.now() - timedelta(minutes=2))
    assert notice_mail.send_waiting() == 1
    # Not with each turn of the clock.
    assert notice_mail.send_waiting() == 0
    assert realtime.connection().llen("dramatiq:default") == 1
    send_notice(str(notice.pk))
    assert written(company)[0].sent_at is not None
    BillingNotice.objects.filter(pk=notice.pk).update(sent_at=None, created_at=timezone.now() - timedelta(days=4))
    realtime.connection().flushdb()
    assert notice_mail.send_waiting() == 0
    BillingNotice.objects.filter(pk=notice.pk).update(sent_at=timezone.now())


def test_owners_and_admins_hear_and_the_companys_own_address_each_once(owner: User) -> None:
    admin, member = PersonFactory(), PersonFactory()
    company = make_team(owner, member, admin=admin)
    Company.objects.filter(pk=company.pk).update(email=owner.email.upper())
    payment_received(paid(company))
    assert sorted(address.lower() for address in send_all(company)[0].to) == sorted([owner.email, admin.email])
    Company.objects.filter(pk=company.pk).update(email="money@example.com")
    payment_received(paid(company))
    assert "money@example.com" in send_all(company)[0].to


def test_a_deleted_company_gets_no_mail(company: Company) -> None:
    payment_received(paid(company))
    Company.objects.filter(pk=company.pk).update(deleted_at=timezone.now(), email="money@example.com", is_active=False)
    assert send_all(company) == []


def test_each_mail_says_what_happened_and_what_to_do(company: Company) -> None:
    until = NOW + timedelta(days=7)
    payment = paid(company, hosted_url="https://pay.example/invoice/7")
    refunded = paid(company, refunded_cents=1000)
    payment_received(payment)
    payment_failed(paid(company, state="failed"), until=until)
    payment_refunded(refunded, cents=1000, credits_taken=251)
    plan_ended(company=company, plan=Plan.objects.get(slug="pro"), is_unpaid=True, key=f"{company.pk}:1")
    receipt, failed, refund, ended = send_all(company)
    assert (receipt.subject, "https://pay.example/invoice/7" in receipt.body) == ("Receipt: $19.99", True)
    assert "Credits: 500" in receipt.body
    assert "D-0007" in html_of(receipt)
    assert "Your plan goes on until 28 November 2026" in failed.body
    assert "nothing is deleted" in html_of(failed)
    assert (refund.subject, "251 credits of this purchase" in refund.body) == ("Refund: $10.00", True)
    assert "did not go through in time" in ended.body
    assert company.name in ended.body
    for message in (receipt, failed, refund, ended):
        assert "{" not in message.body + html_of(message)


def test_what_failed_is_paid_at_its_invoice_and_a_pack_is_bought_anew(company: Company) -> None:
    address = "https://pay.example/8"
    payment_failed(paid(company, state="failed", kind="subscription", hosted_url=address), until=None)
    payment_failed(paid(company, state="failed", hosted_url=address), until=None)
    invoice, pack = send_all(company)
    assert (address in invoice.body, "Pay now" in html_of(invoice)) == (True, True)
    assert (address in pack.body, "See your payments" in html_of(pack)) == (False, True)


def test_what_a_company_is_called_is_text_in_the_mail(owner: User) -> None:
    company = make_team(owner, name=f"<b>Fox</b> {uuid4().hex[:6]}")
    payment_received(paid(company, description="<script>"))
    message = send_all(company)[0]
    assert "<script>" not in html_of(message)
    assert "&lt;b&gt;Fox" in html_of(message)
    assert "<b>Fox</b>" in message.body


def test_an_unknown_kind_is_a_mistake_and_every_kind_has_a_letter(company: Company) -> None:
    with pytest.raises(ValueError, match="thanks"):
        notify(company=company, kind="thanks", key=str(uuid4()), context={})
    everything = {
        "balance": 3,
        "amount_cents": 100,
        "currency": "USD",
        "description": "x",
        "number": "",
        "url": "",
        "credits": 1,
        "paid_at": NOW.isoformat(),
        "until": None,
        "plan": "Pro",
        "on": NOW.isoformat(),
        "goes_on": True,
        "is_unpaid": False,
        "refunded_cents": 5,
    }
    for kind in NoticeKind.values:
        assert letter_of(kind, everything).subject


# --- Few credits left -------------------------------------------------------------------------------------------------


def test_few_credits_are_told_once_until_they_were_filled_up() -> None:
    company = AccountFactory(balance=13)
    spend(company, 2)
    assert written(company) == []
    spend(company, 1)
    assert [notice.kind for notice in written(company)] == ["low_balance"]
    spend(company, 4)
    spend(company, 6)
    assert len(written(company)) == 1
    grant_credits(company=company, amount=5, kind="grant", key=str(uuid4()), cause="x")
    spend(company, 1)
    assert len(written(company)) == 1
    grant_credits(company=company, amount=20, kind="grant", key=str(uuid4()), cause="x")
    spend(company, 20)
    assert [notice.context for notice in written(company)] == [{"balance": 10}, {"balance": 4}]


def test_the_mark_is_a_tenth_of_a_months_credits_and_at_least_10() -> None:
    assert [low_mark(monthly) for monthly in (0, 99, 300, 1000, None)] == [10, 10, 30, 100, 10]
    company = AccountFactory(balance=100)
    Subscription.objects.filter(company=company).update(plan=Plan.objects.get(slug="basic"))
    spend(company, 70)
    assert [notice.context["balance"] for notice in written(company)] == [30]


def test_the_mail_about_few_credits_says_how_many(owner: User, company: Company) -> None:
    grant_credits(company=company, amount=101, kind="grant", key=str(uuid4()), cause="x")
    spend(company, 100)
    message = send_all(company)[0]
    assert (message.subject, message.to) == ("1 credit is left on Darkroom", [owner.email])


# --- Reminders --------------------------------------------------------------------------------------------------------


@pytest.fixture
def yearly(company: Company) -> Callable[..., None]:
    """A function that puts the company on a plan that is paid by the year."""

    def put(**more: Any) -> None:
        values = {
            "plan": Plan.objects.get(slug="pro"),
            "source": "test",
            "interval": Interval.YEAR,
            "status": "active",
            "period_end": NOW + timedelta(days=6),
            **more,
        }
        Subscription.objects.filter(company=company).update(**values)

    return put


def test_a_yearly_plan_is_announced_a_week_before_once_per_year(company: Company, yearly: Callable[..., None]) -> None:
    yearly(period_end=NOW + timedelta(days=8))
    remind(now=NOW)
    assert written(company) == []
    for day in (1, 1, 2, 5):
        remind(now=NOW + timedelta(days=day))
    assert [notice.kind for notice in written(company)] == ["renewal_soon"]
    assert "$299.90 will be taken" in send_all(company)[0].body
    yearly(period_end=NOW + timedelta(days=370))
    remind(now=NOW + timedelta(days=365))
    assert len(written(company)) == 2


@pytest.mark.parametrize(
    "more",
    [{"cancel_at": NOW}, {"interval": Interval.MONTH}, {"source": "manual"}, {"period_end": NOW}, {"status": "paused"}],
    ids=["cancelled", "monthly", "given", "over", "paused"],
)
def test_nothing_else_is_announced(company: Company, yearly: Callable[..., None], more: dict[str, Any]) -> None:
    yearly(**more)
    remind(now=NOW)
    assert written(company) == []


@pytest.mark.parametrize(
    ("cancel_at", "says"), [(None, "nothing is taken then"), (NOW, "on the free plan")], ids=["goes-on", "ends"]
)
def test_the_end_of_a_trial_is_announced_three_days_before(
    company: Company, yearly: Callable[..., None], cancel_at: datetime | None, says: str
) -> None:
    yearly(status="trialing", interval=Interval.MONTH, period_end=NOW + timedelta(days=2), cancel_at=cancel_at)
    remind(now=NOW)
    remind(now=NOW + timedelta(hours=1))
    assert [notice.kind for notice in written(company)] == ["trial_ending"]
    assert says in send_all(company)[0].body
