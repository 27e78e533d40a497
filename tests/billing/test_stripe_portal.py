"""Stripe's portal, where people change plans without asking us: they get what they paid for, and no more."""

from http.client import HTTPConnection
from urllib.parse import urlencode, urlsplit

import pytest

from billing.models import Plan
from billing.stripe.changing import cancel_subscription, change_subscription
from billing.stripe.checkout import NotForSale
from billing.stripe.client import PaymentDeclined
from billing.stripe.portal import open_portal
from tests.billing.stripe_life import Life
from tests.factories.billing import broken_of


def plan(slug: str) -> Plan:
    return Plan.objects.get(slug=slug)


def press(life: Life, button: str, **form: str) -> None:
    """Press a button of the portal's page as a browser would."""
    address = urlsplit(open_portal(company=life.company))
    fields = {"do": button, "subscription": life.newest("subscription")["id"], **form}
    connection = HTTPConnection(address.netloc, timeout=5)
    connection.request("POST", address.path, urlencode(fields), {"Content-Type": "application/x-www-form-urlencoded"})
    # Back to where the portal was opened from.
    assert connection.getresponse().status == 303
    connection.close()


def switch(life: Life, slug: str) -> None:
    press(life, "switch", price=plan(slug).stripe_monthly_price_id)


def test_an_upgrade_in_the_portal_is_paid_and_granted_at_once(life: Life) -> None:
    life.subscribe()
    life.catch_up()
    switch(life, "pro")
    life.catch_up()
    assert (life.plan, life.wallet.balance) == ("pro", 1000)
    assert broken_of(life.company) == []


def test_switching_back_and_forth_in_the_portal_gains_nothing(life: Life) -> None:
    life.subscribe()
    life.catch_up()
    for _time in range(3):
        switch(life, "pro")
        life.catch_up()
        switch(life, "basic")
        life.catch_up()
    assert life.wallet.balance == 1000
    assert broken_of(life.company) == []


def test_a_downgrade_in_the_portal_waits_for_the_end_of_what_is_paid_for(life: Life) -> None:
    life.subscribe("pro")
    life.catch_up()
    switch(life, "basic")
    life.catch_up()
    assert (life.plan, life.subscription.next_plan) == ("pro", plan("basic"))
    life.pass_time(days=32)
    life.catch_up()
    assert (life.plan, life.subscription.next_plan) == ("basic", None)
    assert life.entries() == [("grant", 1000), ("grant", 300)]
    assert sorted(row[2] for row in life.payments()) == [999, 2999]


def test_going_back_up_while_a_downgrade_waits_costs_nothing_and_gives_nothing(life: Life) -> None:
    life.subscribe("pro")
    life.catch_up()
    switch(life, "basic")
    life.catch_up()
    change_subscription(company=life.company, plan=plan("pro"), interval="month")
    life.catch_up()
    life.pass_time(days=32)
    life.catch_up()
    assert (life.plan, life.subscription.next_plan) == ("pro", None)
    assert life.entries() == [("grant", 1000), ("grant", 1000)]
    assert [row[2] for row in life.payments()] == [2999, 2999]


def test_a_declined_upgrade_leaves_what_waits_waiting(life: Life) -> None:
    life.subscribe("pro")
    life.catch_up()
    change_subscription(company=life.company, plan=plan("basic"), interval="month")
    life.double.cards_fail(life.subscription.customer, True)
    with pytest.raises(PaymentDeclined):
        change_subscription(company=life.company, plan=plan("pro"), interval="year")
    life.catch_up()
    assert (life.plan, life.subscription.interval, life.subscription.next_plan) == ("pro", "month", plan("basic"))


def test_cancelling_takes_a_waiting_downgrade_away_and_choosing_a_plan_takes_the_end_away(life: Life) -> None:
    life.subscribe("pro")
    life.catch_up()
    change_subscription(company=life.company, plan=plan("basic"), interval="month")
    cancel_subscription(company=life.company)
    assert (life.subscription.next_plan, life.subscription.cancel_at) == (None, life.subscription.period_end)
    change_subscription(company=life.company, plan=plan("basic"), interval="month")
    assert (life.subscription.next_plan, life.subscription.cancel_at) == (plan("basic"), None)


def test_the_rest_of_a_paid_year_does_not_become_money_for_months(life: Life) -> None:
    life.subscribe(interval="year")
    life.catch_up()
    before = life.outcome()
    with pytest.raises(NotForSale):
        change_subscription(company=life.company, plan=plan("pro"), interval="month")
    life.catch_up()
    assert life.outcome() == before


def test_an_end_that_was_asked_for_in_the_portal_comes_and_can_be_taken_back(life: Life) -> None:
    life.subscribe()
    life.catch_up()
    press(life, "cancel")
    life.catch_up()
    assert life.subscription.cancel_at == life.subscription.period_end
    press(life, "resume")
    life.catch_up()
    assert life.subscription.cancel_at is None
