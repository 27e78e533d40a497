"""A subscription's life at Stripe, told as it happens: plans, credits and payments follow."""

from datetime import UTC, datetime, timedelta

import pytest
from django.conf import settings
from django.utils import timezone

from billing.models import BillingNotice, Payment, Plan
from billing.refusals import PaymentDue
from billing.stripe.changing import cancel_subscription, change_subscription, refund_at_stripe, resume_subscription
from billing.stripe.client import PaymentDeclined, asking
from billing.stripe.leaving import stop_paying
from billing.stripe.reconcile import reconcile
from tests.billing.stripe_life import Life
from tests.factories.billing import broken_of


def basic() -> Plan:
    return Plan.objects.get(slug="basic")


def pro() -> Plan:
    return Plan.objects.get(slug="pro")


def price_of(slug: str) -> str:
    return Plan.objects.get(slug=slug).stripe_monthly_price_id


def test_a_plan_is_paid_and_its_credits_come(life: Life) -> None:
    life.subscribe()
    life.catch_up()
    assert (life.plan, life.wallet.balance, life.subscription.interval) == ("basic", 300, "month")
    payment = Payment.objects.get(company=life.company)
    assert (payment.state, payment.amount_cents, payment.credits, payment.currency) == ("paid", 999, 300, "USD")
    assert payment.hosted_url
    assert payment.pdf_url
    assert payment.number
    assert broken_of(life.company) == []


def test_each_month_that_is_paid_grants_once_and_what_was_not_used_expires(life: Life) -> None:
    life.subscribe()
    life.catch_up()
    life.pass_time(days=32)
    life.catch_up()
    assert life.entries() == [("grant", 300), ("grant", 300)]
    assert life.wallet.lots.filter(expires_at__gt=timezone.now()).count() == 1
    assert Payment.objects.filter(company=life.company, state="paid").count() == 2


def test_a_year_is_paid_once_and_granted_month_by_month(life: Life) -> None:
    life.subscribe(interval="year")
    life.catch_up()
    for _month in range(3):
        life.pass_time(days=31)
        life.catch_up()
    assert life.entries() == [("grant", 300)] * 4
    assert life.payments() == [("subscription", "paid", 9990, 0, 0, 1200, 0)]


def test_a_trial_grants_what_the_plan_says_and_is_given_once(life: Life) -> None:
    Plan.objects.filter(slug="basic").update(trial_days=7, trial_credits=20)
    life.subscribe()
    life.catch_up()
    assert (life.plan, life.subscription.status, life.entries()) == ("basic", "trialing", [("grant", 20)])
    life.pass_time(days=8)
    life.catch_up()
    assert (life.subscription.status, life.entries()) == ("active", [("grant", 20), ("grant", 300)])
    cancel_subscription(company=life.company)
    life.pass_time(days=40)
    life.catch_up()
    assert life.plan == "free"
    life.subscribe()
    life.catch_up()
    assert life.subscription.status == "active"


def test_an_upgrade_is_paid_at_once_and_gives_the_share_of_what_is_more(life: Life) -> None:
    life.subscribe()
    life.catch_up()
    life.pass_time(days=15)
    change_subscription(company=life.company, plan=pro(), interval="month")
    # Seen at once; the events change nothing.
    assert life.plan == "pro"
    entries = life.entries()
    life.catch_up()
    assert life.entries() == entries
    assert [kind for kind, _amount in entries] == ["grant", "grant"]
    assert 330 <= entries[1][1] <= 370
    assert broken_of(life.company) == []


@pytest.mark.parametrize(("slug", "first", "later"), [("basic", 146, 300), ("pro", 846, 1000)])
def test_a_year_instead_of_the_month_gives_no_day_twice(life: Life, slug: str, first: int, later: int) -> None:
    life.subscribe()
    life.catch_up()
    life.pass_time(days=15)
    change_subscription(company=life.company, plan=Plan.objects.get(slug=slug), interval="year")
    # 16 of 31 days of the month are counted as money, and 154 of its 300 credits were given for them.
    assert life.entries() == [("grant", 300), ("grant", first)]
    life.catch_up()
    life.pass_time(days=31)
    assert life.entries() == [("grant", 300), ("grant", first), ("grant", later)]
    assert broken_of(life.company) == []


def test_a_year_after_an_upgrade_gives_no_day_twice_either(life: Life) -> None:
    life.subscribe()
    life.catch_up()
    life.pass_time(days=15)
    change_subscription(company=life.company, plan=pro(), interval="month")
    change_subscription(company=life.company, plan=pro(), interval="year")
    # 16 of 31 days: of 700 more as Pro, then of all 1000.
    assert life.entries() == [("grant", 300), ("grant", 361), ("grant", 1000 - 516)]
    assert broken_of(life.company) == []


def test_an_upgrade_in_a_short_month_gives_the_share_of_its_days(life: Life) -> None:
    life.pass_time(days=16)
    life.subscribe()
    life.catch_up()
    assert f"{life.subscription.period_start:%d %B} {life.subscription.period_end:%d %B}" == "31 January 28 February"
    life.pass_time(days=14)
    change_subscription(company=life.company, plan=pro(), interval="month")
    # 14 of 28 days of 700 more; not 14 of 31.
    assert life.entries() == [("grant", 300), ("grant", 350)]
    assert broken_of(life.company) == []


def test_a_declined_upgrade_changes_nothing(life: Life) -> None:
    life.subscribe()
    life.catch_up()
    life.double.cards_fail(life.subscription.customer, True)
    before = life.outcome()
    with pytest.raises(PaymentDeclined):
        change_subscription(company=life.company, plan=pro(), interval="month")
    life.catch_up()
    assert life.outcome() == before


def test_a_downgrade_waits_for_the_renewal_and_can_be_taken_back(life: Life) -> None:
    life.subscribe("pro")
    life.catch_up()
    change_subscription(company=life.company, plan=basic(), interval="month")
    life.catch_up()
    assert (life.plan, life.subscription.next_plan) == ("pro", basic())
    change_subscription(company=life.company, plan=pro(), interval="month")
    assert (life.plan, life.subscription.next_plan) == ("pro", None)
    change_subscription(company=life.company, plan=basic(), interval="month")
    life.pass_time(days=32)
    life.catch_up()
    assert (life.plan, life.subscription.next_plan) == ("basic", None)
    assert life.entries() == [("grant", 1000), ("grant", 300)]


def test_when_a_subscription_ends_another_one_that_is_paid_takes_its_place(life: Life) -> None:
    life.subscribe()
    life.catch_up()
    first = life.subscription
    with asking() as client:
        card = life.double.find(first.reference)["default_payment_method"]
        wanted = [{"price": price_of("basic")}]
        about = client.v1.subscriptions.create(
            {"customer": first.customer, "items": wanted, "default_payment_method": card}
        )
        life.catch_up()
        # It gives no more, so the first one stays.
        assert life.subscription.reference == first.reference
        client.v1.subscriptions.cancel(first.reference)
    life.catch_up()
    assert (life.plan, life.subscription.reference) == ("basic", about.id)
    with asking() as client:
        client.v1.subscriptions.cancel(about.id)
    life.catch_up()
    assert (life.plan, life.subscription.reference) == ("free", "")
    assert broken_of(life.company) == []


def test_who_owes_a_payment_changes_no_plan_and_gets_no_money_for_what_was_not_paid(life: Life) -> None:
    life.subscribe("pro")
    life.catch_up()
    reference = life.subscription.reference
    life.double.cards_fail(life.subscription.customer, True)
    life.pass_time(days=32)
    # Nobody has told us yet.
    for _time in range(2):
        with pytest.raises(PaymentDue):
            change_subscription(company=life.company, plan=basic(), interval="month")
        life.catch_up()
        life.pass_time(days=8)
    # By now the free plan's limits hold; what is subscribed is Pro all the same.
    assert (life.plan, life.subscription.status) == ("free", "past_due")
    with pytest.raises(PaymentDue):
        change_subscription(company=life.company, plan=basic(), interval="month")
    assert life.double.find(reference)["items"]["data"][0]["price"]["id"] == price_of("pro")
    assert [invoice["total"] for invoice in life.double.all_of("invoice")] == [2999, 2999]


def test_a_change_goes_by_what_is_subscribed_and_not_by_what_was_heard_of_it(life: Life) -> None:
    life.subscribe()
    life.catch_up()
    life.double.dashboard_change(life.subscription.reference, price_of("pro"), "always_invoice")
    assert [event.type for event in life.told()]
    assert life.plan == "basic"
    # For less than Pro: it waits, though nobody knew of Pro here.
    change_subscription(company=life.company, plan=basic(), interval="month")
    assert (life.plan, life.subscription.next_plan) == ("pro", basic())


def test_the_days_of_grace_are_counted_from_the_failure_and_not_from_when_it_was_heard_of(life: Life) -> None:
    life.subscribe()
    life.catch_up()
    life.double.cards_fail(life.subscription.customer, True)
    life.pass_time(days=35)
    life.told()
    reconcile(days=400)
    unpaid = life.newest("invoice")
    failed = datetime.fromtimestamp(unpaid["status_transitions"]["finalized_at"], UTC)
    assert (life.plan, life.subscription.status) == ("basic", "past_due")
    assert life.subscription.grace_until == failed + settings.PAST_DUE_GRACE
    notice = BillingNotice.objects.get(company=life.company, kind="payment_failed")
    assert datetime.fromisoformat(notice.context["until"]) == life.subscription.grace_until
    life.pass_time(days=4)
    assert life.plan == "free"


def test_a_grace_is_the_next_failures_own_where_the_payment_between_was_not_heard_of(life: Life) -> None:
    life.subscribe()
    life.catch_up()
    customer = life.subscription.customer
    life.double.cards_fail(customer, True)
    life.pass_time(days=32)
    life.catch_up()
    first = life.subscription.grace_until
    life.double.cards_fail(customer, False)
    life.pass_time(days=4)
    life.told()
    life.double.cards_fail(customer, True)
    life.pass_time(days=24)
    life.catch_up()
    assert (life.plan, life.subscription.status) == ("basic", "past_due")
    assert first is not None
    assert life.subscription.grace_until == first + timedelta(days=28)


def test_a_card_that_fails_leaves_days_of_grace_and_paying_brings_everything_back(life: Life) -> None:
    life.subscribe()
    life.catch_up()
    life.double.cards_fail(life.subscription.customer, True)
    life.pass_time(days=32)
    life.catch_up()
    assert (life.plan, life.subscription.status) == ("basic", "past_due")
    assert life.subscription.grace_until is not None
    life.pass_time(days=8)
    assert life.plan == "free"
    assert life.entries() == [("grant", 300)]
    life.double.cards_fail(life.subscription.customer, False)
    life.pass_time(days=7)
    life.catch_up()
    assert (life.plan, life.subscription.status, life.subscription.grace_until) == ("basic", "active", None)
    assert life.entries() == [("grant", 300), ("grant", 300)]


def test_a_card_that_fails_for_good_ends_on_the_free_plan(life: Life) -> None:
    life.subscribe()
    life.catch_up()
    life.double.cards_fail(life.subscription.customer, True)
    life.pass_time(days=60)
    life.catch_up()
    assert (life.plan, life.subscription.source, life.subscription.reference) == ("free", "free", "")


def test_cancelling_keeps_the_plan_until_its_end_and_resuming_keeps_it(life: Life) -> None:
    life.subscribe()
    life.catch_up()
    ends = cancel_subscription(company=life.company)
    assert ends == life.subscription.period_end
    resume_subscription(company=life.company)
    assert life.subscription.cancel_at is None
    cancel_subscription(company=life.company)
    life.pass_time(days=32)
    life.catch_up()
    assert (life.plan, life.entries()) == ("free", [("grant", 300)])


def test_what_is_changed_in_the_dashboard_is_followed(life: Life) -> None:
    life.subscribe()
    life.catch_up()
    life.double.dashboard_change(life.subscription.reference, pro().stripe_monthly_price_id)
    life.catch_up()
    assert life.plan == "pro"
    life.double.mark_pause(life.subscription.reference, True)
    life.catch_up()
    assert life.plan == "free"
    life.double.mark_pause(life.subscription.reference, False)
    life.catch_up()
    assert life.plan == "pro"


def test_a_customer_who_is_deleted_ends_on_the_free_plan_and_can_buy_again(life: Life) -> None:
    life.subscribe()
    life.catch_up()
    first = life.subscription.customer
    life.double.delete_customer(first)
    life.catch_up()
    assert (life.plan, life.subscription.customer) == ("free", "")
    life.subscribe()
    life.catch_up()
    assert life.plan == "basic"
    assert life.subscription.customer not in ("", first)


def test_a_pack_paid_by_a_bank_waits_for_the_bank(life: Life) -> None:
    life.buy(way="bank")
    life.catch_up()
    assert (life.wallet.balance, life.payments()[0][1]) == (0, "open")
    life.double.settle_later(life.newest("checkout.session")["id"], succeeded=True)
    life.catch_up()
    assert (life.wallet.balance, life.payments()[0][1]) == (500, "paid")


def test_a_bank_that_refuses_gives_nothing(life: Life) -> None:
    life.buy(way="bank")
    life.catch_up()
    life.double.settle_later(life.newest("checkout.session")["id"], succeeded=False)
    life.catch_up()
    assert (life.wallet.balance, life.payments()[0][1]) == (0, "failed")


def test_a_refund_in_the_dashboard_and_one_of_ours_take_credits_back(life: Life) -> None:
    life.buy(way="paypal")
    life.catch_up()
    payment = Payment.objects.get(company=life.company)
    life.double.refund(payment.charge, 1000)
    life.catch_up()
    assert life.wallet.balance == 249
    payment.refresh_from_db()
    for _time in range(2):
        refund_at_stripe(payment=payment, amount_cents=999, reason="they asked", key=f"refund:{payment.pk}")
    life.catch_up()
    assert life.wallet.balance == 0
    assert life.payments() == [("pack", "paid", 1999, 1999, 0, 500, 500)]
    assert broken_of(life.company) == []


def test_a_dispute_withholds_and_winning_gives_back(life: Life) -> None:
    life.buy()
    life.catch_up()
    dispute = life.double.dispute(Payment.objects.get(company=life.company).charge)
    life.catch_up()
    assert life.wallet.balance == 0
    life.double.close_dispute(dispute["id"], won=True)
    life.catch_up()
    assert life.wallet.balance == 500
    assert broken_of(life.company) == []


def test_a_lost_dispute_stays_taken(life: Life) -> None:
    life.buy()
    life.catch_up()
    dispute = life.double.dispute(Payment.objects.get(company=life.company).charge)
    life.double.close_dispute(dispute["id"], won=False)
    life.catch_up()
    assert (life.wallet.balance, life.wallet.debt) == (0, 0)


def test_a_company_that_is_deleted_pays_no_more_and_is_forgotten_at_stripe(life: Life) -> None:
    life.subscribe()
    life.catch_up()
    customer, reference = life.subscription.customer, life.subscription.reference
    life.double.fail_next("503", times=3)
    assert not stop_paying(life.company.pk)
    assert life.plan == "basic"
    for _time in range(2):
        assert stop_paying(life.company.pk)
    assert life.double.find(reference)["status"] == "canceled"
    assert life.double.find(customer)["deleted"]
    assert (life.plan, life.subscription.customer) == ("free", "")
    life.catch_up()
    assert life.plan == "free"
