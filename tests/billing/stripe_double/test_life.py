"""What becomes of a subscription at the double of Stripe, by its clock; and money that goes back."""

import time
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
import stripe

from tests.billing.stripe_double.shop import JANUARY, new_price, new_session, period, subscribed, types
from tests.emulators.stripe import StripeDouble

# --- A life -----------------------------------------------------------------------------------------------------------


def test_a_year_of_renewals_keeps_to_the_calendar(double: StripeDouble, api: Any, month: Any, customer: Any) -> None:
    subscription = subscribed(double, api, month, customer)
    began = time.perf_counter()
    double.advance(to=datetime(2028, 2, 1, tzinfo=UTC))
    assert time.perf_counter() - began < 1
    invoices = list(api.invoices.list({"customer": customer.id, "status": "paid"}).auto_paging_iter())
    assert [invoice.billing_reason for invoice in invoices] == ["subscription_cycle"] * 12 + ["subscription_create"]
    ends = [datetime.fromtimestamp(invoice.lines.data[0].period.end, UTC).day for invoice in reversed(invoices)]
    assert ends == [28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31, 31, 29]
    for earlier, later in zip(invoices[1:], invoices, strict=False):
        assert earlier.lines.data[0].period.end == later.lines.data[0].period.start
    assert period(api.subscriptions.retrieve(subscription.id))[1] == datetime(2028, 2, 29, 12, tzinfo=UTC)


def test_a_renewal_is_told_in_stripes_order(double: StripeDouble, api: Any, month: Any, customer: Any) -> None:
    subscribed(double, api, month, customer)
    before = len(double.happened())
    double.advance(days=29)
    told = [(event.type, event.object.get("status")) for event in double.happened()[before:]]
    assert told == [
        ("invoice.upcoming", "draft"),
        ("customer.subscription.updated", "active"),
        ("invoice.created", "draft"),
        ("invoice.finalized", "open"),
        ("payment_intent.created", "requires_payment_method"),
        ("charge.succeeded", "succeeded"),
        ("payment_intent.succeeded", "succeeded"),
        ("invoice_payment.paid", "paid"),
        ("invoice.updated", "paid"),
        ("invoice.paid", "paid"),
        ("invoice.payment_succeeded", "paid"),
    ]
    assert "id" not in double.happened("invoice.upcoming")[0].object
    assert "items" in double.happened("customer.subscription.updated")[-1].previous


def test_a_failing_card_is_tried_again_and_given_up(double: StripeDouble, api: Any, month: Any, customer: Any) -> None:
    subscription = subscribed(double, api, month, customer)
    double.cards_fail(customer.id, True)
    double.advance(days=29)
    assert api.subscriptions.retrieve(subscription.id).status == "past_due"
    invoice = api.invoices.list({"customer": customer.id, "status": "open"}).data[0]
    assert (invoice.attempt_count, invoice.amount_remaining) == (1, 3_000)
    with pytest.raises(stripe.CardError) as declined:
        api.invoices.pay(invoice.id)
    assert (declined.value.http_status, declined.value.code) == (402, "card_declined")
    double.advance(days=16)
    gone = api.subscriptions.retrieve(subscription.id)
    assert (gone.status, gone.cancellation_details.reason) == ("canceled", "payment_failed")
    assert len(double.happened("invoice.payment_failed")) == 4
    assert types(double)[-1] == "customer.subscription.deleted"


def test_a_mended_card_or_a_void_makes_it_active_again(double: StripeDouble, api: Any, month: Any) -> None:
    owners = [api.customers.create({"email": f"c{number}@example.com"}) for number in range(2)]
    subscriptions = [subscribed(double, api, month, owner) for owner in owners]
    for owner in owners:
        double.cards_fail(owner.id)
    double.advance(days=29)
    double.cards_fail(owners[0].id, False)
    double.advance(days=3)
    double.void(api.subscriptions.retrieve(subscriptions[1].id).latest_invoice)
    assert [api.subscriptions.retrieve(found.id).status for found in subscriptions] == ["active", "active"]
    assert len(double.happened("invoice.voided")) == 1


def test_a_trial_costs_nothing_then_something(double: StripeDouble, api: Any, month: Any, customer: Any) -> None:
    subscription = subscribed(double, api, month, customer, subscription_data={"trial_period_days": 14})
    assert subscription.status == "trialing"
    assert double.happened("checkout.session.completed")[0].object["payment_status"] == "no_payment_required"
    assert double.happened("invoice.paid")[0].object["total"] == 0
    double.advance(days=11)
    assert types(double)[-1] == "customer.subscription.trial_will_end"
    double.advance(days=4)
    assert api.subscriptions.retrieve(subscription.id).status == "active"
    assert [event.object["amount_paid"] for event in double.happened("invoice.paid")] == [0, 3_000]
    assert period(api.subscriptions.retrieve(subscription.id))[0] == JANUARY + timedelta(days=14)


def test_changes_of_plan_are_prorated_by_the_second(double: StripeDouble, api: Any, month: Any, customer: Any) -> None:
    subscription = subscribed(double, api, month, customer)
    item = subscription["items"].data[0].id
    big, year = new_price(api, 6_000, interval="month"), new_price(api, 30_000, interval="year")
    double.advance(days=7)
    wanted = {"items": [{"id": item, "price": big.id}], "proration_behavior": "always_invoice"}
    preview = api.invoices.create_preview({"subscription": subscription.id, "subscription_details": wanted})
    changed = api.subscriptions.update(subscription.id, wanted | {"expand": ["latest_invoice"]})
    lines = [
        (line.amount, line.parent.subscription_item_details.proration) for line in changed.latest_invoice.lines.data
    ]
    assert lines == [(-2_250, True), (4_500, True)]
    assert (preview.total, changed.latest_invoice.total, changed.latest_invoice.status) == (2_250, 2_250, "paid")
    assert period(changed) == period(subscription)
    double.advance(days=7)
    double.dashboard_change(subscription.id, month.id)
    assert sum(found.amount for found in api.invoice_items.list().data) == -1_500
    double.advance(days=15)
    renewed = api.invoices.retrieve(api.subscriptions.retrieve(subscription.id).latest_invoice)
    assert (renewed.total, len(renewed.lines.data)) == (1_500, 3)
    api.subscriptions.update(subscription.id, {"items": [{"id": item, "price": year.id}], "proration_behavior": "none"})
    yearly = api.subscriptions.retrieve(subscription.id, {"expand": ["latest_invoice"]})
    assert (yearly.latest_invoice.total, yearly.latest_invoice.billing_reason) == (30_000, "subscription_update")
    assert period(yearly)[1] - period(yearly)[0] == timedelta(days=366)


def test_a_declined_upgrade_that_must_not_be_incomplete_changes_nothing(
    double: StripeDouble, api: Any, month: Any, customer: Any
) -> None:
    subscription = subscribed(double, api, month, customer)
    big = new_price(api, 6_000, interval="month")
    double.cards_fail(customer.id)
    before = len(double.happened())
    wanted = {"items": [{"id": subscription["items"].data[0].id, "price": big.id}]}
    wanted |= {"proration_behavior": "always_invoice", "payment_behavior": "error_if_incomplete"}
    with pytest.raises(stripe.CardError):
        api.subscriptions.update(subscription.id, wanted)
    assert len(double.happened()) == before


def test_cancelling_pausing_and_going_on(double: StripeDouble, api: Any, month: Any, customer: Any) -> None:
    one, two = (subscribed(double, api, month, customer) for _each in range(2))
    leaving = api.subscriptions.update(one.id, {"cancel_at_period_end": True})
    assert (leaving.cancel_at_period_end, leaving.cancel_at) == (True, one["items"].data[0].current_period_end)
    assert api.subscriptions.update(one.id, {"cancel_at_period_end": False}).cancel_at is None
    api.subscriptions.update(one.id, {"cancel_at_period_end": True})
    assert double.mark_pause(two.id, True)["status"] == "paused"
    double.advance(days=40)
    assert api.subscriptions.retrieve(one.id).status == "canceled"
    assert len(double.all_of("invoice")) == 2
    assert double.mark_pause(two.id, False)["status"] == "active"
    assert len(double.happened("customer.subscription.resumed")) == 1
    assert (
        api.subscriptions.update(two.id, {"pause_collection": {"behavior": "void"}}).pause_collection.behavior == "void"
    )
    double.advance(days=32)
    assert api.invoices.list({"subscription": two.id}).data[0].status == "void"
    assert api.subscriptions.cancel(two.id).status == "canceled"
    assert [found.id for found in api.subscriptions.list({"status": "all"}).data] == [two.id, one.id]
    with pytest.raises(stripe.InvalidRequestError):
        api.subscriptions.update(two.id, {"cancel_at_period_end": True})


def test_a_deleted_customer_takes_the_subscription_along(
    double: StripeDouble, api: Any, month: Any, customer: Any
) -> None:
    subscription = subscribed(double, api, month, customer)
    double.delete_customer(customer.id)
    assert api.customers.retrieve(customer.id).deleted
    assert api.subscriptions.retrieve(subscription.id).status == "canceled"
    assert types(double)[-1] == "customer.deleted"
    double.advance(days=60)
    assert len(double.all_of("invoice")) == 1


# --- Money that goes back ---------------------------------------------------------------------------------------------


def test_refunds_in_parts_and_disputes(double: StripeDouble, api: Any) -> None:
    sessions = [double.pay(new_session(api, new_price(api, 1_000)).id) for _each in range(2)]
    one, two = (api.payment_intents.retrieve(session["payment_intent"]) for session in sessions)
    api.refunds.create({"payment_intent": one.id, "amount": 400})
    api.refunds.create({"charge": one.latest_charge})
    charge = api.charges.retrieve(one.latest_charge, {"expand": ["refunds"]})
    assert (charge.amount_refunded, charge.refunded, [found.amount for found in charge.refunds.data]) == (
        1_000,
        True,
        [600, 400],
    )
    with pytest.raises(stripe.InvalidRequestError) as twice:
        api.refunds.create({"charge": one.latest_charge})
    assert twice.value.code == "charge_already_refunded"
    made = double.dispute(two.latest_charge)
    assert [found.id for found in api.disputes.list({"charge": two.latest_charge}).data] == [made["id"]]
    answered = api.disputes.update(made["id"], {"evidence": {"uncategorized_text": "It was made."}})
    assert answered.status == "under_review"
    double.close_dispute(made["id"], won=True)
    assert [event.type for event in double.happened("charge.dispute.*")] == [
        "charge.dispute.created",
        "charge.dispute.funds_withdrawn",
        "charge.dispute.updated",
        "charge.dispute.funds_reinstated",
        "charge.dispute.closed",
    ]
    double.fail_refund(api.refunds.list({"charge": one.latest_charge, "limit": 1}).data[0].id)
    assert api.charges.retrieve(one.latest_charge).amount_refunded == 400
