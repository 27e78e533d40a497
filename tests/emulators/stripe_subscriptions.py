"""Subscriptions of the double of Stripe: how they begin, pause, go on and are cancelled. Changes of their items are in
`stripe_changes`, what happens by itself in `stripe_life`."""

from typing import Any

from tests.emulators.stripe_catalogue import coupon_of, price_at_hand, start_discount
from tests.emulators.stripe_collection import UPDATED, collect, end, unpaid
from tests.emulators.stripe_invoices import build, finalize, keep_draft, new_line
from tests.emulators.stripe_people import ENDED, card_error, decline_code, default_method
from tests.emulators.stripe_periods import period_at
from tests.emulators.stripe_store import DAY, Refused, Store, Thing, missing
from tests.emulators.stripe_wire import SHOWN_ONLY_WHEN_ASKED, Asked, listed

PAYMENT_BEHAVIORS = ("allow_incomplete", "default_incomplete", "error_if_incomplete")
NOTICE = 3 * DAY
# How long a first payment may take before the subscription lapses.
LAPSES_AFTER = 23 * 3_600

SHOWN_ONLY_WHEN_ASKED[("subscription", "pending_update")] = lambda store, subscription: None


def items_of(subscription: Thing) -> list[Thing]:
    """The items of a subscription."""
    items: list[Thing] = subscription["items"]["data"]
    return items


def period_of(subscription: Thing) -> tuple[int, int]:
    """Begin and end of the current period."""
    item = items_of(subscription)[0]
    return item["current_period_start"], item["current_period_end"]


def set_items(store: Store, subscription: Thing, items: list[Thing]) -> None:
    """A subscription has these items from now on."""
    url = f"/v1/subscription_items?subscription={subscription['id']}"
    for item in items:
        store.put(item)
    subscription["items"] = listed(store, items, url, total_count=len(items))
    subscription |= {"plan": items[0]["plan"] if len(items) == 1 else None, "currency": items[0]["price"]["currency"]}
    subscription["quantity"] = items[0]["quantity"] if len(items) == 1 else None


def new_item(store: Store, price: Thing, quantity: int, period: tuple[int, int], subscription_id: str) -> Thing:
    """An item of a subscription, of a price."""
    item: Thing = {"id": store.new_id("subscription_item"), "object": "subscription_item", "billing_thresholds": None}
    item |= {"billed_until": None, "created": store.now, "current_period_start": period[0], "discounts": []}
    item |= {"current_period_end": period[1], "metadata": {}, "quantity": quantity, "subscription": subscription_id}
    return priced(item, price) | {"tax_rates": []}


def priced(item: Thing, price: Thing) -> Thing:
    """An item with another price."""
    plan: Thing = {name: price[name] for name in ("active", "billing_scheme", "created", "currency", "id", "livemode")}
    plan |= {name: price[name] for name in ("metadata", "nickname", "product", "tiers_mode")}
    plan |= {"amount": price["unit_amount"], "amount_decimal": price["unit_amount_decimal"], "object": "plan"}
    plan |= {name: price["recurring"][name] for name in ("interval", "interval_count", "meter", "usage_type")}
    return item | {"plan": plan | {"transform_usage": None, "trial_period_days": None}, "price": price}


# --- Beginning --------------------------------------------------------------------------------------------------------


def begin(
    store: Store, customer: Thing, wanted: list[tuple[Thing, int]], *, trial_end: int | None = None, **values: Any
) -> Thing:
    """A subscription to (price, quantity) that nobody has paid for yet: trialing or incomplete."""
    words = "application application_fee_percent billing_cycle_anchor_config billing_thresholds cancel_at canceled_at"
    words += (
        " customer_account days_until_due default_payment_method default_source description ended_at latest_invoice"
    )
    words += " next_pending_invoice_item_invoice on_behalf_of pause_collection pending_invoice_item_interval"
    words += " pending_setup_intent pending_update presentment_details schedule test_clock transfer_data trial_start"
    given: Thing = dict.fromkeys((*words.split(), "managed_payments"))
    given |= {"billing_cycle_anchor": trial_end or store.now, "billing_schedules": [], "cancel_at_period_end": False}
    given |= {"automatic_tax": {"disabled_reason": None, "enabled": False, "liability": None}, "default_tax_rates": []}
    given |= {"billing_mode": {"flexible": None, "type": "classic", "updated_at": None}, "discounts": []}
    given["cancellation_details"] = dict.fromkeys(("comment", "feedback", "feedback_option", "reason"))
    given |= {"collection_method": "charge_automatically", "customer": customer["id"], "metadata": {}}
    given["invoice_settings"] = {"account_tax_ids": None, "issuer": {"account": None, "type": "self"}}
    given["payment_settings"] = {"payment_method_options": None, "payment_method_types": None}
    given["payment_settings"] |= {"save_default_payment_method": "off"}
    given |= {"start_date": store.now, "status": "trialing" if trial_end else "incomplete", "trial_end": trial_end}
    given |= {"trial_settings": {"end_behavior": {"missing_payment_method": "create_invoice"}}}
    given |= {"trial_start": store.now if trial_end else None}
    subscription = store.make("subscription", **(given | values))
    period = (store.now, trial_end) if trial_end else period_at(store.now, wanted[0][0], store.now)
    set_items(
        store,
        subscription,
        [new_item(store, price, quantity, period, subscription["id"]) for price, quantity in wanted],
    )
    store.emit("customer.subscription.created", subscription)
    plan_ahead(store, subscription)
    if not trial_end:
        store.schedule(store.now + LAPSES_AFTER, "lapse", subscription["id"])
    return subscription


def plan_ahead(store: Store, subscription: Thing) -> None:
    """Have the end of the current period looked at, and what is said before it."""
    ends = period_of(subscription)[1]
    store.schedule(ends, "roll", subscription["id"])
    store.schedule(max(store.now, ends - NOTICE), "upcoming", subscription["id"])
    if subscription["trial_end"] == ends:
        store.schedule(max(store.now, ends - NOTICE), "trial_will_end", subscription["id"])


def first_invoice(store: Store, subscription: Thing) -> Thing:
    """The invoice that a subscription begins with, final and open."""
    customer = store.find("customer", subscription["customer"])
    trial = subscription["status"] == "trialing"
    lines = [
        trial_line(store, item) if trial else new_line(store, item, *_span(item)) for item in items_of(subscription)
    ]
    invoice = invoice_for(store, subscription, customer, lines, "subscription_create", (store.now, store.now))
    return finalize(store, keep_draft(store, invoice))


def trial_line(store: Store, item: Thing) -> Thing:
    """What a trial costs: nothing."""
    line = new_line(store, item, *_span(item), amount=0, discountable=True)
    line["parent"]["subscription_item_details"] |= {"proration": False, "proration_details": None}
    name = store.find("product", item["price"]["product"])["name"]
    return line | {"description": f"Trial period for {name}"}


def _span(item: Thing) -> tuple[int, int]:
    return item["current_period_start"], item["current_period_end"]


def invoice_for(
    store: Store, subscription: Thing, customer: Thing, lines: list[Thing], reason: str, period: tuple[int, int]
) -> Thing:
    """A draft of a subscription's invoice with what waited for it; the subscription names it as its latest."""
    waiting = store.private[subscription["id"]].pop("pending", [])
    for line in waiting:
        store.forget(store.find("invoiceitem", line["parent"]["subscription_item_details"]["invoice_item"]))
    invoice = build(
        store,
        customer,
        [*waiting, *lines],
        reason=reason,
        period=period,
        subscription=subscription,
        discounts=subscription["discounts"],
        taxed=subscription["automatic_tax"]["enabled"],
    )
    subscription["latest_invoice"] = invoice["id"]
    return invoice


def create_subscription(store: Store, asked: Asked) -> Thing:
    """A subscription without a Checkout page."""
    customer = store.find("customer", asked.needed("customer"), param="customer")
    rows = [(price_at_hand(store, row), row.whole("quantity", 1) or 1) for row in asked.rows("items")]
    if not rows or any(price["type"] != "recurring" for price, _quantity in rows):
        raise Refused("A subscription needs items with recurring prices.", param="items")
    days = asked.whole("trial_period_days")
    trial_end = store.now + days * DAY if days else moment(store, asked, "trial_end")
    behavior = asked.one_of("payment_behavior", PAYMENT_BEHAVIORS, "allow_incomplete")
    chosen = asked.text("default_payment_method")
    method = store.find("payment_method", chosen, param="default_payment_method") if chosen else None
    method = method or default_method(store, customer["id"])
    free = bool(trial_end) or not any(price["unit_amount"] for price, _quantity in rows)
    if not free and behavior != "default_incomplete" and method is None:
        raise Refused(
            "This customer has no attached payment source or default payment method.", code="resource_missing"
        )
    code = decline_code(store, method, customer["id"])
    if code and behavior == "error_if_incomplete" and not free:
        raise card_error(code)
    taxed = asked.group("automatic_tax").flag("enabled")
    values: Thing = {"default_payment_method": chosen, "metadata": asked.metadata()}
    values["automatic_tax"] = {"disabled_reason": None, "enabled": taxed, "liability": None}
    if "trial_settings" in asked:
        values["trial_settings"] = asked.plain("trial_settings")
    subscription = begin(store, customer, rows, trial_end=trial_end, **values)
    reduce(store, subscription, asked)
    invoice = first_invoice(store, subscription)
    if behavior != "default_incomplete" or not invoice["amount_due"]:
        collect(store, invoice)
    return subscription


def reduce(store: Store, subscription: Thing, asked: Asked) -> None:
    """Let the reductions of `discounts` be those of a subscription."""
    if "discounts" in asked:
        found = [coupon_of(store, row) for row in asked.rows("discounts")]
        owner = {"customer": subscription["customer"], "subscription": subscription["id"]}
        subscription["discounts"] = [start_discount(store, *pair, **owner)["id"] for pair in found]


def moment(store: Store, asked: Asked, name: str) -> int | None:
    """A moment to come. Raises `Refused` for one that has been."""
    found = asked.whole(name)
    if found is not None and found <= store.now:
        raise Refused(f"Invalid timestamp: {name} must be in the future.", param=name)
    return found


# --- Ending, pausing, going on ----------------------------------------------------------------------------------------


def living(store: Store, subscription_id: str) -> Thing:
    """A subscription that has not ended. Raises `Refused`."""
    subscription = store.find("subscription", subscription_id)
    if subscription["status"] in ENDED:
        raise missing("subscription", subscription_id)
    return subscription


def cancel_subscription(store: Store, asked: Asked, subscription_id: str) -> Thing:
    """End a subscription at once; with `prorate` and `invoice_now` the rest of the period becomes a credit."""
    subscription = living(store, subscription_id)
    details = asked.group("cancellation_details")
    for word in ("comment", "feedback"):
        subscription["cancellation_details"][word] = details.text(word)
    begun, ends = period_of(subscription)
    if asked.flag("prorate") and asked.flag("invoice_now") and subscription["status"] == "active":
        lines = [credit_line(store, item, begun, ends, store.now) for item in items_of(subscription)]
        customer = store.find("customer", subscription["customer"])
        invoice = invoice_for(store, subscription, customer, lines, "subscription_update", (begun, store.now))
        collect(store, finalize(store, keep_draft(store, invoice)))
    return end(store, subscription, "cancellation_requested")


def credit_line(store: Store, item: Thing, begun: int, ends: int, now: int) -> Thing:
    """What is given back for the rest of a period."""
    whole = item["price"]["unit_amount"] * (item["quantity"] or 1)
    amount = -((2 * whole * (ends - now) + (ends - begun)) // (2 * (ends - begun)))
    name = store.find("product", item["price"]["product"])["name"]
    return new_line(store, item, now, ends, amount=amount, description=f"Unused time on {name}")


def pause(store: Store, subscription: Thing) -> Thing:
    """A subscription stands still: no invoices until it is resumed."""
    before = {"status": subscription["status"]}
    subscription["status"] = "paused"
    store.emit(UPDATED, subscription, before)
    store.emit("customer.subscription.paused", subscription)
    return subscription


def resume(store: Store, subscription: Thing, *, anew: bool) -> Thing:
    """A paused subscription goes on: with a period and an invoice of its own from now, or in the one it was in."""
    if subscription["status"] != "paused":
        raise Refused("Only a paused subscription can be resumed.")
    begun, ends = period_of(subscription)
    if not anew and ends > store.now:
        before = {"status": "paused"}
        subscription["status"] = "active"
        store.emit("customer.subscription.resumed", subscription, before)
        store.emit(UPDATED, subscription, before)
        plan_ahead(store, subscription)
        return subscription
    period = period_at(store.now, items_of(subscription)[0]["price"], store.now)
    with store.changing(subscription, UPDATED):
        items = [item | _dates(period) for item in items_of(subscription)]
        set_items(store, subscription, items)
        subscription |= {"billing_cycle_anchor": store.now, "status": "active"}
        customer = store.find("customer", subscription["customer"])
        lines = [new_line(store, item, *period) for item in items]
        invoice = invoice_for(store, subscription, customer, lines, "subscription_update", (begun, store.now))
        store.private[invoice["id"]]["settles"] = True
    store.emit("customer.subscription.resumed", subscription)
    plan_ahead(store, subscription)
    collect(store, finalize(store, keep_draft(store, invoice)))
    return subscription


def _dates(period: tuple[int, int]) -> Thing:
    return {"current_period_start": period[0], "current_period_end": period[1]}


def resume_subscription(store: Store, asked: Asked, subscription_id: str) -> Thing:
    """Let a paused subscription go on."""
    anchor = asked.one_of("billing_cycle_anchor", ("now", "unchanged"), "now")
    subscription = resume(store, living(store, subscription_id), anew=anchor == "now")
    latest = store.tables["invoice"].get(subscription["latest_invoice"] or "")
    if subscription["status"] == "past_due" and latest:
        raise unpaid(store, latest)
    return subscription


def find_subscriptions(store: Store, asked: Asked) -> list[Thing]:
    """Those that are asked for: without a status, all but the canceled."""
    status, price = asked.text("status"), asked.text("price")
    return [
        found
        for found in store.all_of("subscription", asked.text("customer"))
        if _has_status(found, status) and (not price or any(item["price"]["id"] == price for item in items_of(found)))
    ]


def _has_status(subscription: Thing, status: str | None) -> bool:
    if status == "all":
        return True
    if status == "ended":
        return subscription["status"] in ENDED
    return bool(subscription["status"] == status if status else subscription["status"] != "canceled")
