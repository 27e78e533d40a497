"""Changes of a subscription in the double of Stripe: its items with prorations by the second, its end, its pause."""

from dataclasses import dataclass

from tests.emulators.stripe_catalogue import price_at_hand
from tests.emulators.stripe_collection import UPDATED, collect
from tests.emulators.stripe_invoices import build, finalize, keep_draft, new_line
from tests.emulators.stripe_people import ENDED, card_error, decline_code, default_method
from tests.emulators.stripe_periods import period_at, same_interval, share
from tests.emulators.stripe_store import Refused, Store, Thing, copied
from tests.emulators.stripe_subscriptions import (
    credit_line,
    invoice_for,
    items_of,
    moment,
    new_item,
    period_of,
    plan_ahead,
    priced,
    reduce,
    set_items,
)
from tests.emulators.stripe_wire import Asked, listed

PRORATIONS = ("create_prorations", "none", "always_invoice")
BEHAVIORS = ("allow_incomplete", "default_incomplete", "error_if_incomplete")
PAUSES = ("keep_as_draft", "mark_uncollectible", "void")


@dataclass(frozen=True, slots=True)
class Change:
    """What becomes of a subscription's items, and what it costs; `at_once` where it is invoiced at once."""

    items: list[Thing]
    lines: list[Thing]
    anew: bool
    at_once: bool


def change_of(store: Store, subscription: Thing, asked: Asked, *, default: str = "create_prorations") -> Change:
    """What is asked for of the items of a subscription; nothing is changed. Raises `Refused`."""
    behavior = asked.one_of("proration_behavior", PRORATIONS, default)
    now = asked.whole("proration_date") or store.now
    begun, ends = period_of(subscription)
    if not begun <= now <= ends:
        message = "Cannot specify a proration date outside of the current period."
        raise Refused(message, param="proration_date")
    olds = {item["id"]: item for item in items_of(subscription)}
    news = _wanted_items(store, subscription, asked)
    trial = subscription["status"] == "trialing"
    first_old, first_new = next(iter(olds.values()))["price"], news[0]["price"]
    anew = not trial and (
        not same_interval(first_old, first_new)
        or asked.text("billing_cycle_anchor") == "now"
        or (not _cost(list(olds.values())) and _cost(news) > 0)
    )
    period = period_at(now, first_new, now) if anew else (begun, ends)
    news = [item | {"current_period_start": period[0], "current_period_end": period[1]} for item in news]
    lines: list[Thing] = []
    if not trial:
        lines = _lines(store, olds, news, (begun, ends, now), anew=anew, prorated=behavior != "none")
    return Change(news, lines, anew, bool(lines) and (anew or behavior == "always_invoice"))


def _cost(items: list[Thing]) -> int:
    return sum(item["price"]["unit_amount"] * (item["quantity"] or 1) for item in items)


def _wanted_items(store: Store, subscription: Thing, asked: Asked) -> list[Thing]:
    items = {item["id"]: copied(item) for item in items_of(subscription)}
    for row in asked.rows("items"):
        item_id = row.text("id")
        if item_id and item_id not in items:
            raise Refused(f"No such subscription_item: '{item_id}'", code="resource_missing", param=row.param("id"))
        if item_id and row.flag("deleted"):
            del items[item_id]
            continue
        named = "price" in row or "price_data" in row
        price = price_at_hand(store, row) if named or not item_id else items[item_id]["price"]
        if price["type"] != "recurring":
            raise Refused("The price specified is set to `type=one_time`.", param=row.param("price"))
        if not item_id:
            if any(item["price"]["id"] == price["id"] for item in items.values()):
                message = f"Cannot add multiple subscription items with the same plan: {price['id']}"
                raise Refused(message, param=row.param("price"))
            made = new_item(store, price, row.whole("quantity", 1) or 1, period_of(subscription), subscription["id"])
            items[made["id"]] = made
            continue
        changed = priced(items[item_id], price)
        quantity = row.whole("quantity", 1 if named else changed["quantity"])
        items[item_id] = changed | {"quantity": quantity, "metadata": row.metadata(changed["metadata"])}
    if not items:
        raise Refused("A subscription must have at least one active plan.", param="items")
    one = next(iter(items.values()))["price"]
    if any(
        not same_interval(one, item["price"]) or one["currency"] != item["price"]["currency"] for item in items.values()
    ):
        raise Refused("All prices of a subscription must have the same interval and currency.", param="items")
    return list(items.values())


def _lines(
    store: Store, olds: dict[str, Thing], news: list[Thing], times: tuple[int, int, int], *, anew: bool, prorated: bool
) -> list[Thing]:
    begun, ends, now = times
    lines = []
    kept = {item["id"]: item for item in news}
    for item_id, old in olds.items():
        new = kept.get(item_id)
        if prorated and (anew or new is None or _differs(old, new)) and _cost([old]):
            lines.append(credit_line(store, old, begun, ends, now))
    for new in news:
        former = olds.get(new["id"])
        if anew:
            lines.append(new_line(store, new, new["current_period_start"], new["current_period_end"]))
        elif prorated and (former is None or _differs(former, new)):
            amount = share(_cost([new]), ends - now, ends - begun)
            name = store.find("product", new["price"]["product"])["name"]
            lines.append(new_line(store, new, now, ends, amount=amount, description=f"Remaining time on {name}"))
    return lines


def _differs(one: Thing, other: Thing) -> bool:
    return (one["price"]["id"], one["quantity"]) != (other["price"]["id"], other["quantity"])


# --- Applying ---------------------------------------------------------------------------------------------------------


def modify_subscription(store: Store, asked: Asked, subscription_id: str) -> Thing:
    """Change a subscription."""
    subscription = store.find("subscription", subscription_id)
    if subscription["status"] in ENDED:
        if asked.values.keys() - {"metadata", "cancellation_details", "expand"}:
            message = "A canceled subscription can only update its cancellation_details and metadata."
            raise Refused(message, param=next(iter(asked.values)))
        with store.changing(subscription, UPDATED):
            subscription["metadata"] = asked.metadata(subscription["metadata"])
        return subscription
    if asked.text("payment_behavior") == "pending_if_incomplete":
        raise Refused("The double does not keep pending updates.", param="payment_behavior")
    behavior = asked.one_of("payment_behavior", BEHAVIORS, "allow_incomplete")
    wanted = "items" in asked or asked.text("billing_cycle_anchor") == "now"
    change = change_of(store, subscription, asked) if wanted else None
    _check(store, subscription, asked)
    if change and change.at_once and behavior == "error_if_incomplete":
        _refuse_if_declined(store, subscription, change)
    invoice = None
    with store.changing(subscription, UPDATED):
        _set_words(store, subscription, asked)
        _set_ends(store, subscription, asked)
        if change:
            invoice = _apply(store, subscription, change)
    if invoice:
        finalize(store, keep_draft(store, invoice))
        collect(store, invoice)
    return subscription


def switch(store: Store, subscription: Thing, price: Thing, behavior: str = "create_prorations") -> Thing:
    """Let the first item of a subscription be of another price, as the dashboard and the portal do."""
    item = items_of(subscription)[0]
    row = {"id": item["id"], "price": price["id"], "quantity": str(item["quantity"] or 1)}
    return modify_subscription(store, Asked({"items": [row], "proration_behavior": behavior}), subscription["id"])


def _apply(store: Store, subscription: Thing, change: Change) -> Thing | None:
    begun = period_of(subscription)[0]
    set_items(store, subscription, change.items)
    if change.anew:
        subscription["billing_cycle_anchor"] = change.items[0]["current_period_start"]
        plan_ahead(store, subscription)
    if change.at_once:
        customer = store.find("customer", subscription["customer"])
        invoice = invoice_for(store, subscription, customer, change.lines, "subscription_update", (begun, store.now))
        store.private[invoice["id"]]["settles"] = True
        return invoice
    _keep_for_later(store, subscription, change.lines)
    return None


def _keep_for_later(store: Store, subscription: Thing, lines: list[Thing]) -> None:
    for line in lines:
        given = {
            name: line[name] for name in ("amount", "currency", "description", "discountable", "period", "pricing")
        }
        given |= {name: line[name] for name in ("discounts", "metadata", "quantity")}
        details = {"subscription": subscription["id"], "subscription_item": None}
        parent = {"subscription_details": details, "type": "subscription_details"}
        item = store.make(
            "invoiceitem",
            **given,
            customer=subscription["customer"],
            date=store.now,
            invoice=None,
            net_amount=line["amount"],
            parent=parent,
            proration=True,
            tax_rates=[],
            test_clock=None,
        )
        line["parent"]["subscription_item_details"]["invoice_item"] = item["id"]
        store.emit("invoiceitem.created", item)
    store.private[subscription["id"]].setdefault("pending", []).extend(lines)


def _refuse_if_declined(store: Store, subscription: Thing, change: Change) -> None:
    method = default_method(store, subscription["customer"], subscription)
    due = sum(line["amount"] for line in change.lines)
    code = decline_code(store, method, subscription["customer"]) if method else "generic_decline"
    if due > 0 and code:
        raise card_error(code)


def _check(store: Store, subscription: Thing, asked: Asked) -> None:
    """Refuse what cannot be, before anything is changed."""
    method = asked.text("default_payment_method")
    if (
        method
        and store.find("payment_method", method, param="default_payment_method")["customer"] != subscription["customer"]
    ):
        raise Refused("The payment method is not the customer's.", param="default_payment_method")
    if asked.values.get("pause_collection"):
        asked.group("pause_collection").needed("behavior")
        asked.group("pause_collection").one_of("behavior", PAUSES)
    if asked.text("trial_end") not in (None, "now"):
        moment(store, asked, "trial_end")
    if asked.text("cancel_at") and asked.flag("cancel_at_period_end"):
        raise Refused("You cannot set both `cancel_at` and `cancel_at_period_end`.", param="cancel_at")
    moment(store, asked, "cancel_at")
    if subscription["schedule"] and asked.values.keys() & {"cancel_at", "cancel_at_period_end"}:
        message = "The subscription is managed by the subscription schedule, and updating any cancelation behavior"
        raise Refused(f"{message} directly is not allowed. Please update the schedule instead.")


def _set_words(store: Store, subscription: Thing, asked: Asked) -> None:
    subscription["metadata"] = asked.metadata(subscription["metadata"])
    for word in ("default_payment_method", "description"):
        if word in asked:
            subscription[word] = asked.text(word)
    if "trial_settings" in asked:
        subscription["trial_settings"] = asked.plain("trial_settings")
    if "automatic_tax" in asked:
        enabled = asked.group("automatic_tax").flag("enabled")
        subscription["automatic_tax"] = subscription["automatic_tax"] | {"enabled": enabled}
    if "cancellation_details" in asked:
        details = asked.group("cancellation_details")
        found = {word: details.text(word) for word in ("comment", "feedback")}
        subscription["cancellation_details"] = subscription["cancellation_details"] | found
    if "pause_collection" in asked:
        paused = asked.group("pause_collection") if asked.values["pause_collection"] else None
        subscription["pause_collection"] = paused and {
            "behavior": paused.text("behavior"),
            "resumes_at": paused.whole("resumes_at"),
        }
        if paused and paused.whole("resumes_at"):
            store.schedule(paused.whole("resumes_at") or 0, "collect_again", subscription["id"])
    reduce(store, subscription, asked)


def _set_ends(store: Store, subscription: Thing, asked: Asked) -> None:
    if "cancel_at_period_end" in asked:
        cancel_at_period_end(store, subscription, wanted=asked.flag("cancel_at_period_end"))
    if "cancel_at" in asked:
        at = asked.whole("cancel_at")
        subscription |= {"cancel_at": at, "canceled_at": store.now if at else None, "cancel_at_period_end": False}
        _say_why(subscription, wanted=at is not None)
        if at:
            store.schedule(at, "cancel", subscription["id"])
    trial_end = asked.text("trial_end")
    if trial_end:
        ends = store.now if trial_end == "now" else int(trial_end)
        begun = subscription["trial_start"] or store.now
        items = [copied(item) | {"current_period_end": ends} for item in items_of(subscription)]
        set_items(store, subscription, items)
        subscription |= {"trial_end": ends, "trial_start": begun, "status": "trialing", "billing_cycle_anchor": ends}
        plan_ahead(store, subscription)


def cancel_at_period_end(store: Store, subscription: Thing, *, wanted: bool) -> None:
    """A subscription ends with its period, or goes on after all; the caller says so."""
    ends = period_of(subscription)[1] if wanted else None
    subscription |= {"cancel_at_period_end": wanted, "cancel_at": ends}
    subscription["canceled_at"] = (subscription["canceled_at"] or store.now) if wanted else None
    _say_why(subscription, wanted=wanted)


def _say_why(subscription: Thing, *, wanted: bool) -> None:
    reason = "cancellation_requested" if wanted else None
    subscription["cancellation_details"] = subscription["cancellation_details"] | {"reason": reason}


def preview_invoice(store: Store, asked: Asked) -> Thing:
    """What a change would cost, or else what comes next: an invoice that is not kept."""
    subscription = store.find("subscription", asked.needed("subscription"), param="subscription")
    customer = store.find("customer", subscription["customer"])
    details = asked.group("subscription_details")
    begun, ends = period_of(subscription)
    items, lines = items_of(subscription), list(store.private[subscription["id"]].get("pending", []))
    if "items" in details:
        change = change_of(store, subscription, details)
        items, lines = change.items, [*lines, *change.lines]
        if change.at_once:
            return _preview(store, subscription, customer, lines, (begun, store.now))
    following = period_at(ends, items[0]["price"], ends)
    lines += [new_line(store, item, *following) for item in items]
    return _preview(store, subscription, customer, lines, (begun, ends))


def _preview(store: Store, subscription: Thing, customer: Thing, lines: list[Thing], period: tuple[int, int]) -> Thing:
    taxed = subscription["automatic_tax"]["enabled"]
    shown = build(
        store,
        customer,
        copied(lines),
        reason="upcoming",
        period=period,
        subscription=subscription,
        discounts=subscription["discounts"],
        taxed=taxed,
    )
    shown["id"] = shown["id"].replace("in_", "upcoming_in_")
    shown["lines"] = listed(store, shown["lines"]["data"], "/v1/invoices/upcoming/lines")
    return shown
