"""Mending what lost webhooks left, and what operators are shown of it."""

import logging
from io import StringIO

import pytest
from django.core.management import CommandError, call_command
from django.utils import timezone

from billing.actors import reconcile_when_due
from billing.models import CreditPack, Plan, StripeEvent, Subscription
from billing.stripe.client import asking
from billing.stripe.health import paying_twice, stripe_health
from billing.stripe.reconcile import is_due, last_reconciliation, reconcile
from tests.billing.stripe_life import Life
from tests.factories.billing import broken_of


def test_what_was_never_told_of_is_found_and_named(life: Life) -> None:
    life.subscribe()
    life.buy()
    life.told()
    assert (life.plan, life.wallet.balance) == ("free", 0)
    done = reconcile()
    assert (life.plan, life.wallet.balance) == ("basic", 800)
    assert done.failed == []
    assert life.newest("invoice")["id"] in done.mended or len(done.mended) >= 2
    assert reconcile().mended == []
    assert broken_of(life.company) == []


@pytest.mark.parametrize("what", ["refund", "dispute", "delete", "cancel", "pause", "renew"])
def test_whatever_was_missed_of_a_subscription_is_mended(life: Life, what: str) -> None:
    life.subscribe()
    life.catch_up()
    charge, customer, reference = life.newest("charge")["id"], life.subscription.customer, life.subscription.reference
    if what == "refund":
        life.double.refund(charge)
    elif what == "dispute":
        life.double.dispute(charge)
    elif what == "delete":
        life.double.delete_customer(customer)
    elif what == "cancel":
        with asking() as client:
            client.v1.subscriptions.cancel(reference)
    elif what == "pause":
        life.double.mark_pause(reference, True)
    else:
        life.pass_time(days=32)
    life.told()
    reconcile()
    left, plan = {
        "refund": (0, "basic"),
        "dispute": (0, "basic"),
        "delete": (300, "free"),
        "cancel": (300, "free"),
        "pause": (300, "free"),
        "renew": (600, "basic"),
    }[what]
    assert (life.wallet.balance, life.plan) == (left, plan)
    assert reconcile().mended == []


def test_a_subscription_that_is_older_than_the_window_is_looked_at_as_long_as_it_lives(life: Life) -> None:
    life.subscribe(interval="year")
    life.catch_up()
    life.pass_time(days=200)
    life.told()
    life.double.dashboard_change(life.subscription.reference, Plan.objects.get(slug="pro").stripe_yearly_price_id)
    life.told()
    reconcile(days=1)
    assert life.plan == "pro"


def test_one_thing_that_cannot_be_followed_does_not_stop_the_others(
    life: Life, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.CRITICAL)
    life.buy("pack-100")
    unknown = life.newest("checkout.session")["id"]
    CreditPack.objects.filter(slug="pack-100").update(stripe_product_id="", slug="was-100")
    life.buy("pack-500")
    life.told()
    done = reconcile()
    assert [sentence.partition(":")[0] for sentence in done.failed if sentence.startswith("cs_")] == [unknown]
    assert life.wallet.balance == 500
    with pytest.raises(CommandError, match=unknown):
        call_command("reconcile_stripe", stdout=StringIO())


def test_a_subscription_of_another_account_is_named(life: Life, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.CRITICAL)
    life.subscribe()
    life.catch_up()
    Subscription.objects.filter(company=life.company).update(reference="sub_of_another_account")
    assert "sub_of_another_account: Stripe knows no such subscription." in reconcile(days=0).failed


def test_the_command_says_what_it_did_and_that_stripe_is_away(life: Life, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.CRITICAL)
    life.buy()
    life.told()
    said = StringIO()
    call_command("reconcile_stripe", "--days", "2", stdout=said)
    assert "Mended: cs_test_" in said.getvalue()
    life.double.rates = {"503@look": 1.0}
    with pytest.raises(CommandError, match="cannot be reached"):
        call_command("reconcile_stripe", stdout=StringIO())


def test_however_many_clocks_ask_it_is_done_once_a_day(life: Life, settings: pytest.FixtureRequest) -> None:
    assert [is_due() for _clock in range(3)] == [True, False, False]
    reconcile_when_due()
    assert last_reconciliation() is None


def test_operators_see_how_the_way_to_stripe_is_doing(life: Life) -> None:
    life.subscribe()
    events = life.told()
    assert life.post(events[-1]) == 200
    health = stripe_health()
    assert health.mode == "test"
    assert health.newest is not None
    assert health.newest.pk == events[-1].id
    assert health.waiting >= 1
    assert any(address.endswith("/hooks/stripe") or "/stripe/webhook/" in address for address in health.addresses)
    life.deliver(events)
    reconcile()
    health = stripe_health()
    assert health.reconciled is not None
    assert StripeEvent.objects.filter(pk__in=[event.id for event in events], applied_at=None).count() == 0
    Plan.objects.filter(slug="pro").update(stripe_monthly_price_id="")
    assert stripe_health().unsold == ["Pro"]


def test_who_pays_for_two_subscriptions_is_shown_and_gets_both(life: Life) -> None:
    life.subscribe()
    life.catch_up()
    assert life.company not in paying_twice()
    with asking() as client:
        client.v1.subscriptions.create(
            {
                "customer": life.subscription.customer,
                "items": [{"price": Plan.objects.get(slug="pro").stripe_monthly_price_id}],
                "default_payment_method": life.double.all_of("payment_method")[-1]["id"],
            }
        )
    life.catch_up()
    assert (life.plan, life.wallet.balance) == ("pro", 1300)
    assert list(paying_twice().filter(pk=life.company.pk)) == [life.company]
    assert timezone.now() < life.subscription.period_end  # type: ignore[operator]
