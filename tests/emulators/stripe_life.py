"""What happens by itself in the double of Stripe as its clock goes on: in order, each at its own moment."""

from collections.abc import Callable

from tests.emulators.stripe_collection import UPDATED, collect, end, give_up
from tests.emulators.stripe_invoices import build, finalize, keep_draft, new_line
from tests.emulators.stripe_people import default_method
from tests.emulators.stripe_periods import period_at
from tests.emulators.stripe_schedules import items_from
from tests.emulators.stripe_store import Store, Thing, copied
from tests.emulators.stripe_subscriptions import invoice_for, items_of, pause, period_of, plan_ahead, set_items

RUNNING = ("active", "past_due", "trialing")


def live(store: Store, until: int) -> None:
    """Let everything happen that is due up to a moment, and let that moment be now."""
    while (due := store.take_due(until)) is not None:
        at, what, thing_id = due
        thing = store.tables[_KINDS[what]].get(thing_id)
        store.now = max(store.now, at)
        if thing is not None:
            _ACTS[what](store, thing, at)
            store.let_events_go()
    store.now = max(store.now, until)
    store.let_events_go()


def _upcoming(store: Store, subscription: Thing, at: int) -> None:
    """Say what will be paid in three days."""
    begun, ends = period_of(subscription)
    ending = subscription["cancel_at"] is not None and subscription["cancel_at"] <= ends
    if subscription["status"] not in ("active", "trialing") or ending or not at <= ends <= at + 3 * 86_400:
        return
    if store.private[subscription["id"]].get("announced") == ends:
        return
    store.private[subscription["id"]]["announced"] = ends
    customer = store.find("customer", subscription["customer"])
    items = items_of(subscription)
    following = period_at(ends, items[0]["price"], ends)
    waiting = copied(store.private[subscription["id"]].get("pending", []))
    lines = [*waiting, *(new_line(store, item, *following) for item in items)]
    invoice = build(
        store,
        customer,
        lines,
        reason="upcoming",
        period=(begun, ends),
        subscription=subscription,
        discounts=subscription["discounts"],
        taxed=subscription["automatic_tax"]["enabled"],
    )
    invoice |= {"next_payment_attempt": ends + store.draft_seconds}
    # As Stripe tells of it: it does not exist yet.
    del invoice["id"]
    store.emit("invoice.upcoming", invoice)


def _trial_will_end(store: Store, subscription: Thing, at: int) -> None:
    known = store.private[subscription["id"]]
    ends = subscription["trial_end"]
    if subscription["status"] == "trialing" and ends <= at + 3 * 86_400 and known.get("trial_announced") != ends:
        known["trial_announced"] = ends
        store.emit("customer.subscription.trial_will_end", subscription)


def _roll(store: Store, subscription: Thing, at: int) -> None:
    """A period is over: another begins, or the subscription ends."""
    begun, ends = period_of(subscription)
    if subscription["status"] not in RUNNING or ends != at:
        return
    if subscription["cancel_at"] is not None and subscription["cancel_at"] <= at:
        end(store, subscription, "cancellation_requested")
        return
    customer = store.find("customer", subscription["customer"])
    trial = subscription["status"] == "trialing"
    if trial and default_method(store, customer["id"], subscription) is None:
        behavior = (subscription["trial_settings"] or {}).get("end_behavior", {}).get("missing_payment_method")
        if behavior == "cancel":
            end(store, subscription, "payment_failed")
            return
        if behavior == "pause":
            pause(store, subscription)
            return
    with store.changing(subscription, UPDATED):
        if trial:
            subscription |= {"status": "active", "billing_cycle_anchor": at}
        items = items_from(store, subscription, at)
        period = period_at(subscription["billing_cycle_anchor"], items[0]["price"], at)
        dates = {"current_period_start": period[0], "current_period_end": period[1]}
        set_items(store, subscription, [item | dates for item in items])
        lines = [new_line(store, item, *period) for item in items_of(subscription)]
        invoice = invoice_for(store, subscription, customer, lines, "subscription_cycle", (begun, at))
    invoice["automatically_finalizes_at"] = at + store.draft_seconds
    keep_draft(store, invoice)
    plan_ahead(store, subscription)
    _hold_or_schedule(store, subscription, invoice)


def _hold_or_schedule(store: Store, subscription: Thing, invoice: Thing) -> None:
    paused = subscription["pause_collection"]
    if paused is None:
        store.schedule(store.now + store.draft_seconds, "finalize", invoice["id"])
    elif paused["behavior"] == "keep_as_draft":
        invoice |= {"auto_advance": False, "automatically_finalizes_at": None}
    else:
        finalize(store, invoice)
        give_up(store, invoice, "void" if paused["behavior"] == "void" else "uncollectible")


def _finalize(store: Store, invoice: Thing, at: int) -> None:
    if invoice["status"] == "draft" and invoice["auto_advance"]:
        finalize(store, invoice)
        collect(store, invoice)


def _retry(store: Store, invoice: Thing, at: int) -> None:
    if invoice["status"] == "open" and invoice["next_payment_attempt"] == at:
        collect(store, invoice)


def _lapse(store: Store, subscription: Thing, at: int) -> None:
    """Nobody paid for the beginning."""
    if subscription["status"] == "incomplete":
        with store.changing(subscription, UPDATED):
            subscription |= {"status": "incomplete_expired", "ended_at": store.now}
        invoice = store.tables["invoice"].get(subscription["latest_invoice"] or "")
        if invoice and invoice["status"] == "open":
            give_up(store, invoice, "void")


def _cancel(store: Store, subscription: Thing, at: int) -> None:
    if subscription["status"] in (*RUNNING, "paused") and subscription["cancel_at"] == at:
        end(store, subscription, "cancellation_requested")


def _collect_again(store: Store, subscription: Thing, at: int) -> None:
    paused = subscription["pause_collection"]
    if subscription["status"] in RUNNING and paused and paused["resumes_at"] == at:
        with store.changing(subscription, UPDATED):
            subscription["pause_collection"] = None


def expire(store: Store, session: Thing, at: int = 0) -> None:
    """A Checkout session that nobody paid can be paid no longer."""
    if session["status"] == "open":
        session |= {"status": "expired", "url": None}
        store.emit("checkout.session.expired", session)


_ACTS: dict[str, Callable[[Store, Thing, int], None]] = {
    "cancel": _cancel,
    "collect_again": _collect_again,
    "expire": expire,
    "finalize": _finalize,
    "lapse": _lapse,
    "retry": _retry,
    "roll": _roll,
    "trial_will_end": _trial_will_end,
    "upcoming": _upcoming,
}
_KINDS = dict.fromkeys(_ACTS, "subscription") | {
    "expire": "checkout.session",
    "finalize": "invoice",
    "retry": "invoice",
}
